"""`cnnprof report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnnprof.cli.forecast import Forecast
from cnnprof.cli.groups import takes
from cnnprof.cli.measured import AutocastDtype, RunOptions, measured
from cnnprof.cli.options import Names, NetworkOptions, of_network
from cnnprof.cli.output import Destination, choose_format
from cnnprof.cli.progress import waiting

PANEL = "Comparisons"

CHAPTERS = 40
"""Of more networks a page has no chapters, unless they are asked for."""


@measured("device", "dtype", "threads", "quick", dtype=AutocastDtype)
@takes(Forecast)
@of_network()
def command(
    names: Names,
    output: Annotated[Path, typer.Option("-o", "--output", help="The page, or .json for `render` to make it of.")],
    baseline: Annotated[
        str | None, typer.Option(help="The network that ratios are relative to.", show_default="the first")
    ] = None,
    bench: Annotated[bool, typer.Option("--bench", help="Measure latency, throughput and peak memory as well.")] = False,
    chapters: Annotated[
        bool | None,
        typer.Option("--chapters/--no-chapters", help="A chapter on each network.", show_default=f"up to {CHAPTERS} networks"),
    ] = None,
    *,
    run: RunOptions,
    forecast: Forecast,
    network: NetworkOptions,
) -> None:
    """One HTML file on several networks, to share and to hand in: tables, charts to look into, conditions; it works offline.

    Examples:

      cnnprof report resnet18 resnet50 mobilenet_v2 -o report.html

      cnnprof report 'resnet*' 'vgg*' --no-chapters -o survey.html

      cnnprof report resnet18 mobilenet_v2 --bench --quick -o measured.html
    """
    import matplotlib  # noqa: F401 - what lacks is to be said before the work
    import vl_convert  # noqa: F401

    from cnnprof.api.compare import compare

    forecast.check()
    if not bench:
        shared = () if forecast.predict else ("device", "dtype", "threads")
        run.refuse("--bench", *shared, "quick")
    out = Destination(choose_format(None, False, output, ("html", "json")), output)
    how = run.options() if bench else None
    with waiting("reading the networks") as say:
        comparison = compare(network.models(names), baseline, network.input_shape, network.batch, notify=say)
    comparison, code = forecast.complete(comparison, run, how, network.batch)
    with waiting("writing the page"):
        page = comparison.page(len(comparison.entries) <= CHAPTERS if chapters is None else chapters)
    out.emit(page)
    raise typer.Exit(code)
