"""The work of one process: build every network, warm each up, read its memory, then time all of them in turns.

Interleaving is what makes latencies comparable: a machine that slows down for a second then slows every network alike. Here is
the order of things only; devices and networks come in as parameters.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

from cnnprof.errors import CnnprofError
from cnnprof.measure.devices import Device
from cnnprof.measure.task import Reporter
from cnnprof.record import record
from cnnprof.timing.intervals import median_interval, relative_half_width

STEADY = 0.05
SETTLED = 0.01
LONGEST_WARM_UP = 10

T = TypeVar("T")
Usage = Callable[[], tuple[float, ...]]
"""Counters of the process: seconds of processor time, page faults, involuntary context switches."""


@record
class Workload:
    """A network on its device.

    Args:
        run: one inference or one training step.
        own_bytes: what weights and input take.
        compile_seconds: what torch.compile took, the first run included; None for a network that is run as it is.
        phases: names of the parts of a run, which then takes a function to call at its beginning and after each.
        runtime: what runs it.
        keeps_memory: whether what a run needs is held between runs, so that watching one would not show it.
    """

    run: Callable[..., object]
    own_bytes: int
    compile_seconds: float | None = None
    phases: tuple[str, ...] = ()
    keeps_memory: bool = False
    runtime: str = "torch"


@record
class Plan:
    """How long to go on.

    Rounds end when every median is settled, at `most_rounds`, or when the `seconds` for everything are spent; whatever these
    are, every network is warmed up and timed once. `memory` asks for one more run each that reads the peak.
    """

    rounds: int
    most_rounds: int
    warmup_runs: int
    warmup_seconds: float
    seconds: float
    seed: int
    memory: bool


@dataclass
class Session:
    """The networks of one process.

    `report` hears of every step before it begins, so that a process that dies names the network it was at, and of every result.
    An exception in one network is reported as that job's failure, and the others go on.
    """

    prepare: Callable[[int], Workload]
    device: Device
    plan: Plan
    usage: Usage
    report: Reporter
    ready: dict[int, Workload] = field(default_factory=dict)

    def run(self, jobs: Sequence[int]) -> None:
        """Prepare and time the jobs."""
        deadline = self.device.clock() + self.plan.seconds
        order = random.Random(self.plan.seed)
        # Where a network's memory lies depends on what was built before it, and can be worth 1% of its time.
        for job in order.sample([*jobs], len(jobs)):
            self._make_ready(job, deadline)
        self._time_in_turns(deadline, order)

    def _make_ready(self, job: int, deadline: float) -> None:
        workload = self._attempt("build", job, partial(self.prepare, job))
        if workload is None:
            return
        self.ready[job] = workload
        if workload.runtime != "torch":
            self.report({"event": "runtime", "job": job, "runtime": workload.runtime})
        if workload.compile_seconds is not None:
            self.report({"event": "compiled", "job": job, "seconds": workload.compile_seconds})
        runs = self._attempt("warm-up", job, partial(warm_up, workload.run, self.device, self.plan, deadline))
        if runs is None:
            return
        self.report({"event": "warm", "job": job, "runs": runs})
        if self.plan.memory and not workload.keeps_memory:
            growth = self._attempt("memory", job, partial(self.device.peak_growth, workload.run))
            if growth is not None:
                self.report({"event": "peak", "job": job, "bytes": workload.own_bytes + growth})

    def _time_in_turns(self, deadline: float, order: random.Random) -> None:
        times: dict[int, list[float]] = {job: [] for job in self.ready}
        rounds = 0
        while self.ready and rounds < self.plan.most_rounds:
            if rounds >= self.plan.rounds and all(is_settled(times[job]) for job in self.ready):
                return
            for job in order.sample(sorted(self.ready), len(self.ready)):
                if self.device.clock() >= deadline and all(times[job] for job in self.ready):
                    return
                self._time_once(job, times[job])
            rounds += 1

    def _time_once(self, job: int, times: list[float]) -> None:
        before = self.usage()
        workload = self.ready[job]
        marks: list[Any] = []
        run = partial(workload.run, lambda: marks.append(self.device.mark())) if workload.phases else workload.run
        timing = self._attempt("time", job, partial(self.device.time, run))
        if timing is None:
            return
        spent = [now - then for now, then in zip(self.usage(), before, strict=True)]
        times.append(timing.seconds)
        parts = self.device.seconds_between([*pairwise(marks)]) if marks else []
        self.report(
            {
                "event": "run",
                "job": job,
                "seconds": timing.seconds,
                "wall": timing.wall,
                "usage": spent,
                "phases": dict(zip(workload.phases, parts, strict=True)),
            }
        )

    def _attempt(self, step: str, job: int, action: Callable[[], T]) -> T | None:
        self.report({"event": step, "job": job})
        try:
            return action()
        except Exception as error:
            self.report({"event": "failed", "job": job, "error": describe_failure(error)})
        # Out of the handler, where the traceback no longer holds the network's tensors.
        self.ready.pop(job, None)
        self.device.release()
        return None


def warm_up(run: Callable[[], object], device: Device, plan: Plan, deadline: float) -> int:
    """Run until neither runs nor seconds are short of the least and the newest run is not the fastest by far.

    Ends at ten times the least, steady or not, and at the deadline. Returns the number of runs.
    """
    least_seconds = max(plan.warmup_seconds, device.warmup_seconds)
    begin = now = device.clock()
    walls: list[float] = []
    while not walls or now < deadline:
        walls.append(device.time(run).wall)
        now = device.clock()
        # How often the least has been done, in runs and in seconds: whichever is further behind.
        done = min(len(walls) / plan.warmup_runs, (now - begin) / least_seconds if least_seconds else LONGEST_WARM_UP)
        steady = walls[-1] >= (1 - STEADY) * min(walls[:-1], default=0.0)
        if done >= LONGEST_WARM_UP or (done >= 1 and steady):
            break
    return len(walls)


def is_settled(times: Sequence[float]) -> bool:
    """Whether the median is known to 1%, as far as runs of one process can tell; true of runs too few to tell."""
    interval = median_interval(times)
    return interval is None or relative_half_width(interval) <= SETTLED


def describe_failure(error: BaseException) -> str:
    """An exception in one line: its type where the message alone would not do, and without torch's paragraphs of advice."""
    text = str(error).strip().split("\n")[0]
    asked = re.search(r"can't allocate memory: you tried to allocate (\d+) bytes", text)
    if asked:
        return f"out of memory: {int(asked[1]) / 1e6:,.1f} MB more were asked for"
    if "out of memory" in text:
        return ". ".join(text.split(". ")[:2]).rstrip(".")
    if isinstance(error, MemoryError):
        return f"out of memory: {text}" if text else "out of memory"
    return text if text and isinstance(error, (RuntimeError, CnnprofError)) else f"{type(error).__name__}: {text}".rstrip(": ")
