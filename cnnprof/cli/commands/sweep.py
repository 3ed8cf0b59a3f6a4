"""`cnnprof sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnnprof.cli.forecast import Forecast
from cnnprof.cli.groups import takes
from cnnprof.cli.measured import RunOptions, measured
from cnnprof.cli.options import JsonFlag, Name, format_option, parse_settings
from cnnprof.cli.sweeping import Overrides, Points, emit, make, swept, target_of
from cnnprof.errors import UsageError

PANEL = "Comparisons"


@measured("device", "threads", "layout", "quick")
@takes(Forecast)
@swept
def command(
    name: Name,
    axes: Annotated[
        list[str],
        typer.Argument(
            metavar="AXIS=VALUES...", help="What varies: width=0.25:1.5:0.25, input=96:288:32, depth=1,2,3, batch=, dtype=."
        ),
    ],
    set: Overrides = None,  # noqa: A002 - the option's name
    format: Annotated[  # noqa: A002 - the option's name
        str | None,
        format_option(
            "csv, jsonl, parquet, a report (table, json, markdown, html) or its chart: svg, png, pdf, braille.", "table"
        ),
    ] = None,
    json: JsonFlag = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Write to this file; its suffix picks the format."),
    ] = None,
    bench: Annotated[int | None, typer.Option(help="Measure the first so many of the points, in turns.", min=1)] = None,
    *,
    points: Points,
    forecast: Forecast,
    run: RunOptions,
) -> None:
    """A whole design space: the figures of a network for every combination of settings, inputs, batches and formats.

    Examples:

      cnnprof sweep mobilenet_v2 width=0.25:1.5:0.25 input=96:224:32

      cnnprof sweep mobilenet_v1 width=0.25:1:0.25 res=96:224:8 --within 'macs < 150M and peak < 8MB' --largest macs

      cnnprof sweep efficientnet_b0 width=1:2:0.1 depth=1:3.1:0.1 input=224:600:8 --sample 10000 -o points.csv

      cnnprof sweep mobilenet_v2 width=0.25:1.5:0.05 input=96:288:32 --pareto peak,+macs

      cnnprof sweep mobilenet_v2 width=0.25:1.5:0.05 input=96:288:32 --where 'macs < 100M' --sort=-params --bench 3 --quick

      cnnprof sweep mobilenet_v2 width=0.25:1.5:0.05 input=96:288:32 --predict --within 'predicted < 5ms' --largest macs
    """
    target, order, how = target_of(format, json, output), points.order(), None
    forecast.check()
    if bench is None:
        run.refuse("--bench", "quick")
        if not forecast.predict:
            run.refuse("--bench or --predict", "device", "threads", "layout")
    elif target.format not in ("table", "wide"):
        raise UsageError("--bench shows its measurements in the terminal", hint="leave out -o and --format")
    else:
        how = run.options()
    emit(make(name, axes, parse_settings(set), points, forecast, run), target, order, bench, how)
