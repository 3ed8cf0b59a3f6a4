"""Measured latency and memory of networks, by the method that makes them comparable.

Several fresh worker processes, one after the other. In each, all networks (as many as memory has room for) are built, warmed up
and then timed in turns, in random order, round by round. Every raw time is kept. A process that dies costs the network it was
at, and no other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cnnprof.core.errors import INTERRUPTED, CnnprofError, MeasurementError, UsageError
from cnnprof.core.graph import Graph
from cnnprof.core.measurements import Measurement
from cnnprof.measure import journal
from cnnprof.measure.devices import check_device
from cnnprof.measure.fitting import estimate, free_memory, group
from cnnprof.measure.supervisor import start_worker
from cnnprof.measure.surroundings import find_disturbances

CHOICES = {"dtype": ("fp32", "fp16", "bf16", "amp"), "mode": ("infer", "train"), "layout": ("nchw", "channels_last")}

SECONDS_A_JOB = 20.0
"""The time budget where none is given."""


@dataclass(frozen=True)
class Options:
    """How to measure.

    Args:
        device: `cpu`, `cuda`, `cuda:1`, `mps`.
        dtype: `fp32`, `fp16`, `bf16`, or `amp` (torch.autocast with the dtype it has for the device).
        threads: processor threads an operation may use.
        mode: `infer`, or `train`: forward, cross-entropy, backward, SGD's step.
        layout: `nchw` or `channels_last`.
        processes: fresh worker processes; statistics are across them.
        rounds: in each process, every network is timed at least this often...
        budget_seconds: ... unless the whole run's time is up; then at least once. None for 20 seconds a job.
        warmup_runs: runs before the first that counts, at least.
        warmup_seconds: seconds of them, at least.
        timeout: seconds for one step of one network (building it, one warm-up, one run) before its process is ended.
        mallopt: let glibc keep freed memory between runs.
        seed: of the order within rounds; process k uses `seed + k`.
    """

    device: str = "cpu"
    dtype: str = "fp32"
    threads: int = 1
    mode: str = "infer"
    layout: str = "nchw"
    processes: int = 5
    rounds: int = 20
    warmup_runs: int = 3
    warmup_seconds: float = 0.3
    budget_seconds: float | None = None
    timeout: float = 300.0
    mallopt: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise UsageError(f"unknown {name} '{getattr(self, name)}'", hint=f"one of {', '.join(choices)}")
        for name in ("threads", "processes", "rounds", "warmup_runs"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("budget_seconds", "timeout"):
            if getattr(self, name) is not None and getattr(self, name) <= 0:
                raise UsageError(f"{name} must be above 0, not {getattr(self, name)}")


@dataclass(frozen=True)
class Job:
    """A network to measure; `batch` takes the place of the graph's."""

    name: str
    graph: Graph
    batch: int


@dataclass(frozen=True)
class Progress:
    """Where a run stands: worker process `process` of `processes` is at `step` of the network `job`.

    Steps are `start`, `build`, `warm-up`, `memory` and `time`. In `time` all networks take turns: `job` is empty, `round`
    counts from 1, and `rounds` is the least number of them.
    """

    process: int
    processes: int
    step: str
    job: str = ""
    batch: int = 0
    round: int = 0
    rounds: int = 0


class Interrupted(CnnprofError):  # noqa: N818 (as KeyboardInterrupt)
    """The user stopped the run; `measurements` holds what was timed by then."""

    exit_code = INTERRUPTED

    def __init__(self, measurements: Sequence[Measurement]) -> None:
        super().__init__("interrupted")
        self.measurements = [*measurements]


@dataclass
class Series:
    """What one worker process found out about one network; `spent` sums processor seconds, page faults and switches."""

    process: int
    environment: dict[str, Any] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)
    walls: list[float] = field(default_factory=list)
    spent: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    peak: int | None = None
    error: str | None = None


def run(
    jobs: Sequence[Job],
    options: Options,
    on_progress: Callable[[Progress], None],
    journal_path: Path | None = None,
) -> list[Measurement]:
    """Measure the jobs; one measurement each, in their order. With a `journal_path`, each process's results are added there.

    Raises UsageError or UnavailableError before anything starts, MeasurementError if no worker process can work at all, and
    Interrupted, which carries the measurements so far, on Ctrl-C.
    """
    check_device(options.device)
    if journal_path:
        journal.append(journal_path, ())
    sizes = [estimate(job.graph, job.batch, options.mode == "train") for job in jobs]
    groups = group(sizes, free_memory(options.device))
    series: list[list[Series]] = [[] for _ in jobs]
    deadline = time.monotonic() + (options.budget_seconds or SECONDS_A_JOB * len(jobs))
    started = 0
    try:
        turns = [(together, turn) for together in groups for turn in range(options.processes)]
        for done, (together, turn) in enumerate(turns):
            pending = [index for index in together if not any(one.error for one in series[index])]
            # A process that dies leaves the networks behind the one it died of to a fresh one.
            while pending:
                label = {"group": groups.index(together)} if len(groups) > 1 else {}
                share = max(0.0, deadline - time.monotonic()) / (len(turns) - done)
                worker = _Turn(jobs, options, on_progress, turn, done, len(turns), [Series(started, dict(label)) for _ in jobs])
                started += 1
                try:
                    pending = worker.work(pending, share)
                finally:
                    fresh = [(index, one) for index, one in enumerate(worker.found) if one.times or one.error]
                    for index, one in fresh:
                        series[index].append(one)
                    if journal_path:
                        journal.append(journal_path, [_measurement(jobs[i], options, [one], "partial") for i, one in fresh])
    except KeyboardInterrupt:
        some = [(job, found) for job, found in zip(jobs, series, strict=True) if found]
        raise Interrupted([_measurement(job, options, found, "partial") for job, found in some]) from None
    return [_measurement(job, options, found, "ok") for job, found in zip(jobs, series, strict=True)]


@dataclass
class _Turn:
    """One worker process, the `turn`-th of its group and after `before` of `processes` in all, and what it found out."""

    jobs: Sequence[Job]
    options: Options
    tell: Callable[[Progress], None]
    turn: int
    before: int
    processes: int
    found: list[Series]
    told: Progress | None = None

    def work(self, pending: Sequence[int], seconds: float) -> list[int]:
        """Follow the process to its end; returns the jobs that it leaves undone because it died of another one."""
        options = self.options
        plan = {
            "rounds": options.rounds,
            "warmup_runs": options.warmup_runs,
            "warmup_seconds": options.warmup_seconds,
            "seconds": seconds,
            "seed": options.seed + self.turn,
            "memory": self.turn == 0,
        }
        jobs = [
            {"index": index, "batch": self.jobs[index].batch, "graph": self.jobs[index].graph.to_dict()} for index in pending
        ]
        self._progress("start", None, pending)
        at: int | None = None
        with start_worker({"options": asdict(options), "plan": plan, "jobs": jobs}, options.threads) as worker:
            try:
                for event in worker.events(options.timeout):
                    if event["event"] == "done":
                        return []
                    at = event.get("job", at)
                    self._note(event, pending)
                failure = worker.failure()
            except TimeoutError:
                failure = f"no answer within {options.timeout:g} s"
        if at is None:
            raise MeasurementError(f"the worker process cannot work: {failure}")
        self.found[at].error = self.found[at].error or failure
        return [index for index in pending if not self.found[index].error]

    def _note(self, event: Mapping[str, Any], pending: Sequence[int]) -> None:
        match event["event"]:
            case "fatal":
                raise MeasurementError(event["error"])
            case "environment":
                for index in pending:
                    self.found[index].environment.update(event["environment"])
            case "stolen":
                for index in pending:
                    self.found[index].environment["stolen"] = event["share"]
            case "warm":
                self.found[event["job"]].environment["warmup_runs"] = event["runs"]
            case "peak":
                self.found[event["job"]].peak = event["bytes"]
            case "failed":
                self.found[event["job"]].error = event["error"]
            case "run":
                series = self.found[event["job"]]
                series.times.append(event["seconds"])
                series.walls.append(event["wall"])
                series.spent = [sum(pair) for pair in zip(series.spent, event["usage"], strict=True)]
            case step:
                self._progress(step, event["job"], pending)

    def _progress(self, step: str, job: int | None, pending: Sequence[int]) -> None:
        timed = [len(self.found[index].times) for index in pending if not self.found[index].error]
        progress = Progress(
            process=self.before + 1,
            processes=self.processes,
            step=step,
            job=self.jobs[job].name if job is not None and step != "time" else "",
            batch=self.jobs[job].batch if job is not None and step != "time" else 0,
            round=min(timed, default=0) + 1 if step == "time" else 0,
            rounds=self.options.rounds,
        )
        if progress != self.told:
            self.told = progress
            self.tell(progress)


def _measurement(job: Job, options: Options, found: Sequence[Series], status: str) -> Measurement:
    """All processes' series of one network as one measurement."""
    errors = [one.error for one in found if one.error]
    timed = [one for one in found if one.times]
    environment = {
        **(found[0].environment if found else {}),
        "seed": options.seed,
        "stolen": max((one.environment.get("stolen", 0.0) for one in found), default=0.0),
    }
    times = tuple(tuple(one.times) for one in timed)
    walls = tuple(tuple(one.walls) for one in timed)
    warnings = find_disturbances(times, [one.spent for one in timed], environment)
    fewest = min(map(len, times), default=options.rounds)
    if fewest < options.rounds and status == "ok" and not errors:
        warnings += (f"the time budget was spent after {fewest} of {options.rounds} rounds",)
    return Measurement(
        model=job.name,
        device=environment.get("device", options.device),
        dtype=options.dtype,
        batch=job.batch,
        mode=options.mode,
        times=times,
        processes=tuple(one.process for one in timed),
        wall_times=walls if walls != times else (),
        peak_bytes=max((one.peak for one in found if one.peak is not None), default=None),
        environment=environment,
        status="failed" if errors else status,
        error=errors[0] if errors else None,
        warnings=warnings,
    )
