"""`cnnprof calibrate`."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from cnnprof.cli.measured import AutocastDtype, RunOptions, measured
from cnnprof.cli.options import reported
from cnnprof.cli.output import Destination

PANEL = "Measurements"

CEILINGS_SECONDS, GRID_SECONDS, FULL_SECONDS = 90.0, 180.0, 720.0
"""As the help says, if nothing else has the core."""


@reported()
@measured("device", "dtype", "threads", "layout", dtype=AutocastDtype)
def command(
    grid: Annotated[bool, typer.Option("--grid", help="Also time single layers, for `predict`: less than 3 minutes.")] = False,
    full: Annotated[bool, typer.Option("--full", help="A denser grid, and a batch of 8: less than 12 minutes.")] = False,
    *,
    run: RunOptions,
    out: Destination,
) -> None:
    """Measure what this machine can do at the most, and keep it for `cnnprof why`: less than 90 seconds.

    Matrix products, convolutions of many shapes, memory at several working sets, and the time of the smallest operation. With
    --grid also single layers of all kinds and a few whole networks, for `cnnprof predict`. Leave the machine alone meanwhile.

    Examples:

      cnnprof calibrate

      cnnprof calibrate --grid

      cnnprof calibrate --grid -o edge.json, and elsewhere: cnnprof predict resnet50 --machine edge.json

      cnnprof calibrate --threads 4 --layout channels_last
    """
    from cnnprof.cli.measuring import Bar
    from cnnprof.measure.calibration import calibrate
    from cnnprof.measure.calibration_files import keep, keep_operations, unfinished_path
    from cnnprof.views.ceilings import show_calibration, show_ceilings

    how = run.options()
    if grid or full:
        from cnnprof.api.predict import calibrate as calibrate_operations

        try:
            with Bar(FULL_SECONDS if full else GRID_SECONDS) as bar:
                calibration = calibrate_operations(how, full, bar.update)
        except KeyboardInterrupt:
            if unfinished_path(how).exists():  # There is none before the first layer was timed.
                print("what was measured is kept: the same command goes on from there within a day", file=sys.stderr)
            raise
        keep(calibration.ceilings, how)
        kept = keep_operations(calibration, how)
        out.emit(show_calibration(calibration, _short(kept) if kept else None))
        return
    with Bar(CEILINGS_SECONDS) as bar:
        ceilings = calibrate(how, bar.update)
    kept = keep(ceilings, how)
    out.emit(show_ceilings(ceilings, _short(kept) if kept else None))


def _short(path: Path) -> str:
    """The path from the home folder, if it lies there."""
    with suppress(ValueError, RuntimeError):
        return f"~/{path.relative_to(Path.home())}"
    return str(path)
