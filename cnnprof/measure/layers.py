"""Times of every layer of networks, in fresh worker processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from cnnprof.errors import MeasurementError, UsageError
from cnnprof.measure.devices import check_device
from cnnprof.measure.options import SECONDS_A_JOB, Job, Options
from cnnprof.measure.supervisor import start_worker
from cnnprof.measure.turn import Progress
from cnnprof.timing.intervals import median
from cnnprof.timing.layer_times import LayerTimes


@dataclass
class _Found:
    """What one process timed of one network."""

    names: list[str] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    stepped: list[float] = field(default_factory=list)
    layers: list[list[float]] = field(default_factory=list)


def time_layers(
    jobs: Sequence[Job], options: Options, on_progress: Callable[[Progress], None] = lambda _: None
) -> tuple[list[LayerTimes], bool]:
    """Time every layer of the jobs' networks, in inference; one result each, in their order, and whether it is complete.

    Ctrl-C ends it, and what finished processes found out is kept; before the first has finished it is raised.

    Raises UsageError for training and UnavailableError before anything starts, and MeasurementError if a process fails.
    """
    check_device(options.device, options.threads)
    if options.mode != "infer":
        raise UsageError("layers are timed in inference only", hint="leave --mode train out")
    deadline = time.monotonic() + (options.budget_seconds or SECONDS_A_JOB * len(jobs))
    found: list[list[_Found]] = [[] for _ in jobs]
    environment: dict[str, Any] = {}
    try:
        for process in range(options.processes):
            on_progress(Progress(process + 1, options.processes, "timing layers"))
            share = max(0.0, deadline - time.monotonic()) / (options.processes - process)
            for some, one in zip(found, _work(jobs, options, process, share, environment), strict=True):
                some.append(one)
    except KeyboardInterrupt:
        if not found[0]:
            raise
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
    return timed, len(found[0]) == options.processes


def _work(jobs: Sequence[Job], options: Options, process: int, seconds: float, environment: dict[str, Any]) -> list[_Found]:
    """Follow one process to its end."""
    found = [_Found() for _ in jobs]
    plan = {
        "rounds": options.rounds,
        "warmup_runs": options.warmup_runs,
        "warmup_seconds": options.warmup_seconds,
        "seed": options.seed + process,
    }
    request = {
        "task": "layers",
        "until": time.time() + seconds,
        "options": asdict(options),
        "plan": plan,
        "jobs": [{"batch": job.batch, "graph": job.graph.to_dict()} for job in jobs],
    }
    with start_worker(request, options.threads) as worker:
        try:
            for event in worker.events(options.timeout):
                if event["event"] == "done":
                    return found
                _note(event, found, environment)
            failure = worker.failure()
        except TimeoutError:
            failure = f"no answer within {options.timeout:g} s"
    raise MeasurementError(f"the layers cannot be timed: {failure}")


def _note(event: Mapping[str, Any], found: Sequence[_Found], environment: dict[str, Any]) -> None:
    match event["event"]:
        case "fatal":
            raise MeasurementError(event["error"])
        case "environment":
            environment.update(event["environment"])
        case "warm-up":
            found[event["job"]].names = event["names"]
        case "plain":
            found[event["job"]].plain.append(event["seconds"])
        case "stepped":
            found[event["job"]].stepped.append(event["seconds"])
            found[event["job"]].layers.append(event["layers"])
