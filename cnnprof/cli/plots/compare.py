"""`cnnprof plot compare`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from cnnprof.cli.forecast import Forecast
from cnnprof.cli.groups import takes
from cnnprof.cli.measured import AutocastDtype, RunOptions, measured
from cnnprof.cli.options import Names, NetworkOptions, drawn, of_network
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting

AXIS = "macs, params, activations, peak, training, latency, predicted, throughput, top1, top5 or year."


@drawn()
@measured("device", "dtype", "threads", "quick", dtype=AutocastDtype)
@takes(Forecast)
@of_network()
def command(
    names: Names,
    x: Annotated[str, typer.Option("--x", help=f"What lies along the lower edge: {AXIS}")] = "macs",
    y: Annotated[str, typer.Option("--y", help="What lies along the left edge: the same words.")] = "top1",
    size: Annotated[str, typer.Option("--size", help="What a bubble's area stands for.")] = "params",
    colour: Annotated[
        str, typer.Option("--colour", help="What shares a colour: family, dataset, recipe or source.")
    ] = "family",
    bench: Annotated[bool, typer.Option("--bench", help="Measure latency and throughput for the picture.")] = False,
    *,
    run: RunOptions,
    forecast: Forecast,
    network: NetworkOptions,
    out: Destination,
) -> None:
    """Networks as bubbles on two axes, and the front of those that no other beats in both.

    Examples:

      cnnprof plot compare 'resnet*' 'vgg*' 'mobilenet*' -o front.svg

      cnnprof plot compare resnet18 mobilenet_v2 shufflenet_v2_x1_0 --x latency --bench --quick -o latency.png

      cnnprof plot compare 'densenet*' 'resnet*' --x params --y top1 --size macs --theme slides -o slide.pdf
    """
    from cnnprof.api.compare import compare
    from cnnprof.views.bubbles import find_quantity

    for word, option in ((x, "--x"), (y, "--y"), (size, "--size")):
        find_quantity(word, option)
    forecast.check()
    if not (bench or forecast.predict):
        run.refuse("--bench", "device", "dtype", "threads", "quick")
    how = run.options() if bench else None
    with waiting("reading the networks") as say:
        comparison = compare(network.models(names), None, network.input_shape, network.batch, notify=say)
    comparison, code = forecast.complete(comparison, run, how, network.batch)
    out.emit(replace(comparison.report(), chart=comparison.chart(x, y, size, colour)))
    raise typer.Exit(code)
