"""A benchmark as commands run it: progress on stderr, and what was measured is kept when it is interrupted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from time import monotonic
from typing import Any

from cnnprof.cli.progress import plain
from cnnprof.errors import INTERRUPTED, MeasurementError
from cnnprof.measure.bench import Interrupted, Job, Options, Progress, run
from cnnprof.measure.devices import check_device
from cnnprof.measure.journal import Journal
from cnnprof.record import record
from cnnprof.timing.measurements import Measurement

QUICK = {"processes": 3, "rounds": 5}


@record
class Measured:
    """The measurements of a benchmark, and its exit code: 130 if it was interrupted, 5 if one of them failed."""

    measurements: tuple[Measurement, ...]
    exit_code: int

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped it."""
        return self.exit_code == INTERRUPTED


def options(quick: bool = False, **given: Any) -> Options:
    """The options of a run on a device that is there; `quick` makes it short, unless a value is given."""
    short = QUICK if quick else {}
    chosen = Options(**{**short, **{name: value for name, value in given.items() if value is not None}})
    check_device(chosen.device, chosen.threads)
    return chosen


def measure(jobs: Sequence[Job], chosen: Options, journal: Journal | None = None) -> Measured:
    """Time the networks and show how far it is."""
    with Bar() as bar:
        try:
            measurements = tuple(run(jobs, chosen, bar.update, journal))
        except Interrupted as stopped:
            print("interrupted; what was measured until then:", file=sys.stderr)
            return Measured(tuple(stopped.measurements), INTERRUPTED)
    failed = any(measurement.status == "failed" for measurement in measurements)
    return Measured(measurements, MeasurementError.exit_code if failed else 0)


class Bar:
    """One line on stderr that says what is being done; on a terminal only."""

    def __enter__(self) -> Bar:
        self._status: Any = None
        self._began = monotonic()
        if sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status("starting")
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def update(self, progress: Progress) -> None:
        """Say where the run stands."""
        if self._status is not None:
            job = f" {progress.job}" + (f", batch {progress.batch}" if progress.batch else "") if progress.job else ""
            turn = f", round {progress.round} of at least {progress.rounds}" if progress.round else ""
            left = time_left(monotonic() - self._began, progress.process - 1, progress.processes)
            left = left if progress.left is None else seconds_left(progress.left)
            self._status.update(plain(f"process {progress.process} of {progress.processes}: {progress.step}{job}{turn}{left}"))


def time_left(elapsed: float, done: int, processes: int) -> str:
    """`, about 2 min left`, as the processes that are done took so long; nothing before the first is."""
    if done < 1 or processes <= done:
        return ""
    return seconds_left(elapsed / done * (processes - done))


def seconds_left(seconds: float) -> str:
    """`, about 2 min left`."""
    return f", about {seconds / 60:.0f} min left" if seconds >= 90 else f", about {max(1, round(seconds))} s left"
