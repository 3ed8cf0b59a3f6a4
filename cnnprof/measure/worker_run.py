"""One worker process of a benchmark, as its parent follows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cnnprof.measure.devices import Device
from cnnprof.measure.options import SECONDS_A_JOB, Job, Options
from cnnprof.measure.session import Plan
from cnnprof.measure.supervisor import StartError
from cnnprof.measure.task import GRACE_SECONDS, OUT_OF_TIME, Event, Reporter, follow, seconds_left
from cnnprof.record import record

MOST_ROUNDS = 50
"""Times the least number: a median that wavers after that many rounds is not to be had in one process."""


@record
class Progress:
    """Where a run stands: worker process `process` of `processes` is at `step` of the network `job`.

    Steps are `start`, `build`, `warm-up`, `memory` and `time`; `timing layers` and `calibrating` are whole processes. In `time`
    all networks take turns: `job` is empty, `round` counts from 1, and `rounds` is the least number of them. `left` are the
    seconds until the end where they are known.
    """

    process: int
    processes: int
    step: str
    job: str = ""
    batch: int = 0
    round: int = 0
    rounds: int = 0
    left: float | None = None


Tell = Callable[[Progress], None]
"""Told where a run stands."""


@dataclass
class Series:
    """The times of one network in one worker process; `spent` sums processor seconds, page faults and switches.

    `phases` has the seconds of each part of the runs, where they have parts.
    """

    process: int
    environment: dict[str, Any] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)
    walls: list[float] = field(default_factory=list)
    spent: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    phases: dict[str, list[float]] = field(default_factory=dict)
    peak: int | None = None
    error: str | None = None


@dataclass
class WorkerRun:
    """One worker process: the `turn`-th of its group, with `before` of `processes` in all before it, and what it found out.

    `first_round` is how many seconds after its start every network had been timed once; `until`, a time by time.monotonic(), is
    when it is ended, done or not.
    """

    jobs: Sequence[Job]
    options: Options
    tell: Tell
    turn: int
    before: int
    processes: int
    memory: bool
    found: list[Series]
    until: float | None = None
    told: Progress | None = None
    first_round: float = 0.0

    def work(self, pending: Sequence[int], seconds: float) -> list[int]:
        """Follow the process to its end; returns the jobs that it leaves undone because it died of another one.

        Raises StartError where it came to none of them.
        """
        options = self.options
        self._progress("start", None, pending)
        at: list[int] = []
        begin = time.monotonic()

        def hear(event: Event) -> None:
            at[:] = [event["job"]] if "job" in event else at
            self._note(event, pending)
            if not self.first_round and all(self.found[index].times or self.found[index].error for index in pending):
                self.first_round = time.monotonic() - begin

        plan = Plan(
            rounds=options.rounds,
            # One process is one sample: where a precision is asked for, time goes into more of them. As much for rounds as a
            # start takes gives the narrowest intervals.
            most_rounds=(2 if options.precision else MOST_ROUNDS) * options.rounds,
            warmup_runs=options.warmup_runs,
            warmup_seconds=options.warmup_seconds,
            seconds=seconds,
            seed=options.seed + self.turn,
            memory=self.memory,
        )
        own = begin + seconds if self.until is None else min(begin + seconds, self.until - GRACE_SECONDS)
        task = TimeNetworks(options, {index: self.jobs[index] for index in pending}, plan, own)
        failure = follow(task, hear, self.until)
        if failure is None:
            return []
        if failure == OUT_OF_TIME:
            untimed = f"{OUT_OF_TIME} before it was timed; {SECONDS_A_JOB:g} s a network is the usual --budget"
            for index in pending:
                if not self.found[index].times:
                    self.found[index].error = self.found[index].error or untimed
            return []
        if not at:
            raise StartError(f"the worker process cannot work: {failure}")
        self.found[at[0]].error = self.found[at[0]].error or failure
        return [index for index in pending if not self.found[index].error]

    def _note(self, event: Event, pending: Sequence[int]) -> None:
        match event["event"]:
            case "environment":
                for index in pending:
                    self.found[index].environment.update(event["environment"])
            case "stolen":
                for index in pending:
                    self.found[index].environment["stolen"] = event["share"]
            case "warm":
                self.found[event["job"]].environment["warmup_runs"] = event["runs"]
            case "runtime":
                self.found[event["job"]].environment["runtime"] = event["runtime"]
            case "compiled":
                self.found[event["job"]].environment["compile_seconds"] = event["seconds"]
            case "peak":
                self.found[event["job"]].peak = event["bytes"]
            case "failed":
                self.found[event["job"]].error = event["error"]
            case "run":
                series = self.found[event["job"]]
                series.times.append(event["seconds"])
                series.walls.append(event["wall"])
                for phase, seconds in event["phases"].items():
                    series.phases.setdefault(phase, []).append(seconds)
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


@record
class TimeNetworks:
    """The task: networks in turns, by number, until a time by time.monotonic()."""

    options: Options
    jobs: Mapping[int, Job]
    plan: Plan
    until: float

    def work(self, device: Device, report: Reporter) -> None:
        """Events are those of `session.Session`, and the share of the processor that was `stolen`."""
        from cnnprof.measure import system_info
        from cnnprof.measure.session import Session, Workload
        from cnnprof.measure.workload import prepare

        def ready(index: int) -> Workload:
            job = self.jobs[index]
            return prepare(job.graph, job.batch, device.name, self.options, job.way)

        plan = replace(self.plan, seconds=seconds_left(self.until))
        stolen = system_info.Stolen()
        Session(ready, device, plan, system_info.usage, report).run([*self.jobs])
        report({"event": "stolen", "share": stolen.share()})
