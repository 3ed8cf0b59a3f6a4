"""`cnnprof plot bench`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from cnnprof.cli.options import drawn
from cnnprof.cli.output import Destination


@drawn()
def command(
    file: Annotated[Path, typer.Argument(help="What `cnnprof bench NAMES -o FILE.json` wrote.", show_default=False)],
    *,
    out: Destination,
) -> None:
    """Every run that was timed, process by process, with the medians and their interval.

    Examples:

      cnnprof bench resnet18 mobilenet_v2 -o run.json; cnnprof plot bench run.json -o run.svg

      cnnprof bench resnet18 mobilenet_v2 --quick -o run.png
    """
    from cnnprof.measure.earlier import read_measurements
    from cnnprof.views.benchmark import chart_runs, show_measurements

    measurements = read_measurements(file)
    out.emit(replace(show_measurements(measurements), chart=chart_runs(measurements)))
