"""A benchmark as commands run it: progress on stderr, and what was measured is kept when it is interrupted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from cnnprof.api.bench import time_jobs
from cnnprof.cli.progress import ProgressLine
from cnnprof.errors import INTERRUPTED, MeasurementError
from cnnprof.measure.bench import Job, Options, Progress
from cnnprof.measure.devices import check_device
from cnnprof.measure.journal import Journal
from cnnprof.measure.options import SECONDS_A_JOB
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
    with Bar(usual_seconds(len(jobs), chosen)) as bar:
        measurements, interrupted = time_jobs(jobs, chosen, bar.update, journal)
    if interrupted:
        print("interrupted; what was measured until then:", file=sys.stderr)
        return Measured(measurements, INTERRUPTED)
    failed = any(measurement.status == "failed" for measurement in measurements)
    return Measured(measurements, MeasurementError.exit_code if failed else 0)


class Bar:
    """One line on stderr that says what is being done, and what time is left; on a terminal only.

    `expected` is how many seconds all of it takes at the most.
    """

    def __init__(self, expected: float | None = None) -> None:
        self._expected = expected
        self._status: Any = None

    def __enter__(self) -> Bar:
        self._line = ProgressLine("starting", self._expected)
        if sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status(self._line)
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def update(self, progress: Progress) -> None:
        """Say where the run stands."""
        job = f" {progress.job}" + (f", batch {progress.batch}" if progress.batch else "") if progress.job else ""
        turn = f", round {progress.round} of at least {progress.rounds}" if progress.round else ""
        words = f"process {progress.process} of {progress.processes}: {progress.step}{job}{turn}"
        self._line.say(words, share_of(progress), progress.left)
        if self._status is not None:
            self._status.update(self._line)


def share_of(progress: Progress) -> float:
    """The part of a run that is done: processes are alike, and so are the rounds of one."""
    rounds = min(1.0, (progress.round - 1) / progress.rounds) if progress.round and progress.rounds else 0.0
    return (progress.process - 1 + rounds) / max(progress.process, progress.processes)


def usual_seconds(jobs: int, chosen: Options) -> float:
    """Seconds that a run of so many networks takes at the most, as far as that is up to it."""
    return chosen.budget_seconds or SECONDS_A_JOB * jobs
