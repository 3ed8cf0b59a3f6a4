"""One worker process of a benchmark, as its parent follows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from cnnprof.errors import MeasurementError
from cnnprof.measure.options import Job, Options
from cnnprof.measure.supervisor import start_worker
from cnnprof.record import record

MOST_ROUNDS = 50
"""Times the least number: a median that wavers after that many rounds is not to be had in one process."""


class StartError(MeasurementError):
    """A worker process that ended before it came to a network."""


@record
class Progress:
    """Where a run stands: worker process `process` of `processes` is at `step` of the network `job`.

    Steps are `start`, `build`, `warm-up`, `memory` and `time`; `timing layers` and `calibrating` are whole processes. In `time`
    all networks take turns: `job` is empty, `round` counts from 1, and `rounds` is the least number of them.
    """

    process: int
    processes: int
    step: str
    job: str = ""
    batch: int = 0
    round: int = 0
    rounds: int = 0


@dataclass
class Series:
    """What one worker process found out about one network; `spent` sums processor seconds, page faults and switches.

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
class Turn:
    """One worker process: the `turn`-th of its group, with `before` of `processes` in all before it, and what it found out.

    `first_round` is how many seconds after its start every network had been timed once.
    """

    jobs: Sequence[Job]
    options: Options
    tell: Callable[[Progress], None]
    turn: int
    before: int
    processes: int
    memory: bool
    found: list[Series]
    told: Progress | None = None
    first_round: float = 0.0

    def work(self, pending: Sequence[int], seconds: float) -> list[int]:
        """Follow the process to its end; returns the jobs that it leaves undone because it died of another one.

        Raises StartError where it came to none of them.
        """
        options = self.options
        plan = {
            "rounds": options.rounds,
            # One process is one sample: where a precision is asked for, time goes into more of them. As much for rounds as a
            # start takes gives the narrowest intervals.
            "most_rounds": (2 if options.precision else MOST_ROUNDS) * options.rounds,
            "warmup_runs": options.warmup_runs,
            "warmup_seconds": options.warmup_seconds,
            "seed": options.seed + self.turn,
            "memory": self.memory,
        }
        jobs = [
            {
                "index": index,
                "batch": self.jobs[index].batch,
                "way": self.jobs[index].way,
                "graph": self.jobs[index].graph.to_dict(),
            }
            for index in pending
        ]
        self._progress("start", None, pending)
        at: int | None = None
        begin = time.monotonic()
        request = {"task": "time", "options": asdict(options), "plan": plan, "jobs": jobs, "until": time.time() + seconds}
        with start_worker(request, options.threads) as worker:
            try:
                for event in worker.events(options.timeout):
                    if event["event"] == "done":
                        return []
                    at = event.get("job", at)
                    self._note(event, pending)
                    if not self.first_round and all(self.found[index].times or self.found[index].error for index in pending):
                        self.first_round = time.monotonic() - begin
                failure = worker.failure()
            except TimeoutError:
                failure = f"no answer within {options.timeout:g} s"
        if at is None:
            raise StartError(f"the worker process cannot work: {failure}")
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
