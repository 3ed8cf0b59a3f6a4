"""`cnnprof plot sweep`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import typer

from cnnprof.cli.forecast import Forecast
from cnnprof.cli.groups import takes
from cnnprof.cli.measured import RunOptions, measured
from cnnprof.cli.options import Name, drawn, parse_settings
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting
from cnnprof.cli.sweeping import Overrides, Points, make, swept


@drawn()
@measured("device", "threads", "layout")
@takes(Forecast)
@swept
def command(
    name: Name,
    axes: Annotated[
        list[str], typer.Argument(metavar="AXIS=VALUES...", help="What varies, as for `sweep`; the first lies below.")
    ],
    y: Annotated[
        str, typer.Option("--y", help="What lies along the left edge: macs, params, activations, peak, training or predicted.")
    ] = "macs",
    kind: Annotated[
        Literal["lines", "heat"] | None,
        typer.Option(help="A line for each value of the second axis, or a cell for each pair.", show_default="as fits"),
    ] = None,
    set: Overrides = None,  # noqa: A002 - the option's name
    *,
    points: Points,
    forecast: Forecast,
    run: RunOptions,
    out: Destination,
) -> None:
    """One figure over a design space: a line for each value of the second axis, or a heat map; --within draws its limit.

    Examples:

      cnnprof plot sweep mobilenet_v2 width=0.25:1.5:0.05 input=96:224:32 -o space.svg

      cnnprof plot sweep mobilenet_v1 width=0.25:1:0.05 res=128,160,192,224 --y peak --within 'peak < 20MB' --format braille

      cnnprof plot sweep mobilenet_v2 width=0.25:1.5:0.05 input=96:288:8 --within 'macs < 150M' --kind heat -o heat.svg
    """
    forecast.check()
    if not forecast.predict:
        run.refuse("--predict", "device", "threads", "layout")
    with waiting(f"working out {name}"):
        found = make(name, axes, parse_settings(set), points, forecast, run)
        report = replace(found.report(points.order()), chart=found.chart(y, kind))
    out.emit(report)
