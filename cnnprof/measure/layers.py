"""Times of every layer of networks, in fresh worker processes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cnnprof.errors import MeasurementError, UsageError
from cnnprof.measure.devices import Device, check_device
from cnnprof.measure.options import SECONDS_A_JOB, Job, Options
from cnnprof.measure.task import GRACE_SECONDS, OUT_OF_TIME, Event, Reporter, follow, seconds_left
from cnnprof.measure.worker_run import Progress, Tell
from cnnprof.notify import quiet
from cnnprof.timing.doubts import disturbance
from cnnprof.timing.intervals import median
from cnnprof.timing.layer_times import LayerTimes


@dataclass
class _Found:
    """The times of one network's layers in one process."""

    names: list[str] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    stepped: list[float] = field(default_factory=list)
    layers: list[list[float]] = field(default_factory=list)


def time_layers(jobs: Sequence[Job], options: Options, on_progress: Tell = quiet) -> tuple[list[LayerTimes], bool]:
    """Time every layer of the jobs' networks, in inference; one result each, in their order, and whether it is complete.

    Ctrl-C ends it, and what finished processes found out is kept; before the first has finished it is raised.

    Raises UsageError for training and UnavailableError before anything starts, and MeasurementError if a process fails.
    """
    check_device(options.device, options.threads)
    if options.mode != "infer":
        raise UsageError("layers are timed in inference only", hint="leave --mode train out")
    deadline = time.monotonic() + (options.budget_seconds or SECONDS_A_JOB * len(jobs))
    until = deadline if options.budget_seconds is not None else None
    interrupted = False
    found: list[list[_Found]] = [[] for _ in jobs]
    environment: dict[str, Any] = {}
    try:
        for process in range(options.processes):
            on_progress(Progress(process + 1, options.processes, "timing layers"))
            share = max(0.0, deadline - time.monotonic()) / (options.processes - process)
            work = _work(jobs, options, process, share, until, environment)
            for some, one in zip(found, work, strict=True):
                some.append(one)
    except (KeyboardInterrupt, _OutOfTimeError) as stopped:
        if not found[0]:
            raise
        interrupted = isinstance(stopped, KeyboardInterrupt)
    timed = [
        LayerTimes(
            model=job.name,
            dtype=options.dtype,
            batch=job.batch,
            names=tuple(some[0].names),
            layers=tuple(tuple(map(median, zip(*one.layers, strict=True))) for one in some),
            outside=tuple(
                median([whole - sum(layers) for whole, layers in zip(one.stepped, one.layers, strict=True)]) for one in some
            ),
            stepped=tuple(median(one.stepped) for one in some),
            plain=tuple(median(one.plain) for one in some),
            environment=environment,
        )
        for job, some in zip(jobs, found, strict=True)
    ]
    return timed, not interrupted


class _OutOfTimeError(MeasurementError):
    """The budget was spent before every network was timed."""


def _work(
    jobs: Sequence[Job], options: Options, process: int, seconds: float, until: float | None, environment: dict[str, Any]
) -> list[_Found]:
    """Follow one process to its end."""
    found = [_Found() for _ in jobs]

    def hear(event: Event) -> None:
        match event["event"]:
            case "environment":
                environment.update(event["environment"])
            case "watched":
                if said := disturbance(**event["found"]):
                    environment["busy"] = said
            case "warm-up":
                found[event["job"]].names = event["names"]
            case "plain":
                found[event["job"]].plain.append(event["seconds"])
            case "stepped":
                found[event["job"]].stepped.append(event["seconds"])
                found[event["job"]].layers.append(event["layers"])

    own = time.monotonic() + seconds
    if until is not None:
        own = min(own, until - GRACE_SECONDS)
    failure = follow(TimeLayers(options, tuple(jobs), options.seed + process, own), hear, until)
    if failure == OUT_OF_TIME and all(one.plain and one.stepped for one in found):
        return found
    if failure == OUT_OF_TIME:
        raise _OutOfTimeError(f"the layers cannot be timed: {failure}", hint="give it more with --budget")
    if failure:
        raise MeasurementError(f"the layers cannot be timed: {failure}")
    return found


@dataclass(frozen=True)
class TimeLayers:
    """The task: time networks whole and layer by layer until a time by time.monotonic()."""

    options: Options
    jobs: tuple[Job, ...]
    seed: int
    until: float

    def work(self, device: Device, report: Reporter) -> None:
        """Events: `warm-up` with a network's layers, `plain` and `stepped` runs in turns, and what was `watched` meanwhile."""
        from cnnprof.measure.in_place import LayerSession, prepare_layers
        from cnnprof.measure.system_info import Watch

        options, watch = self.options, Watch()
        LayerSession(
            works=[prepare_layers(job.graph, job.batch, device, options.dtype, options.layout) for job in self.jobs],
            device=device,
            report=report,
            rounds=options.rounds,
            warmup_runs=options.warmup_runs,
            warmup_seconds=options.warmup_seconds,
            seconds=seconds_left(self.until),
            seed=self.seed,
        ).run()
        if device.name == "cpu":
            report({"event": "watched", "found": watch.found()})
