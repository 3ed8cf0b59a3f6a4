"""`cnnprof calibrate`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from cnnprof.cli.measured import RunOptions, measured
from cnnprof.cli.options import reported
from cnnprof.cli.output import Destination

PANEL = "Measurements"


@reported()
@measured("device", "dtype", "threads", "layout")
def command(*, run: RunOptions, out: Destination) -> None:
    """Measure what this machine can do at the most, and keep it for `cnnprof why`: less than 90 seconds.

    Matrix products, convolutions of many shapes, memory at several working sets, and the time of the smallest operation. Leave
    the machine alone meanwhile.

    Examples:

      cnnprof calibrate

      cnnprof calibrate --threads 4 --layout channels_last
    """
    from cnnprof.cli.measuring import Bar
    from cnnprof.measure.calibration import calibrate, keep
    from cnnprof.views.ceilings import show_ceilings

    how = run.options()
    with Bar() as bar:
        ceilings = calibrate(how, bar.update)
    kept = keep(ceilings, how)
    out.emit(show_ceilings(ceilings, _short(kept) if kept else None))


def _short(path: Path) -> str:
    """The path from the home folder, if it lies there."""
    with suppress(ValueError, RuntimeError):
        return f"~/{path.relative_to(Path.home())}"
    return str(path)
