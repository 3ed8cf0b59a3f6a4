"""Measured latency and memory of networks, by the method that makes them comparable.

Several fresh worker processes, one after the other. In each, all networks (as many as memory has room for) are built, warmed up
and then timed in turns, in random order, round by round. Every raw time is kept. A process that dies costs the network it was
at, and no other.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from cnnprof.errors import INTERRUPTED, CnnprofError
from cnnprof.measure.devices import check_device
from cnnprof.measure.fitting import estimate, free_memory, group
from cnnprof.measure.journal import Journal
from cnnprof.measure.options import SECONDS_A_JOB
from cnnprof.measure.options import Job as Job
from cnnprof.measure.options import Options as Options
from cnnprof.measure.supervisor import StartError
from cnnprof.measure.system_info import find_disturbances
from cnnprof.measure.worker_run import Progress as Progress
from cnnprof.measure.worker_run import Series, Tell, WorkerRun
from cnnprof.timing.intervals import relative_half_width
from cnnprof.timing.measurements import Measurement, Status
from cnnprof.timing.ratios import compare

MOST_PROCESSES = 50
"""That a precision may ask for."""

MOST_DEATHS = 3
"""Of processes that end before they come to a network: then no other one is started in their place."""


class Interrupted(CnnprofError):  # noqa: N818 (as KeyboardInterrupt)
    """The user stopped the run; `measurements` holds what was timed by then."""

    exit_code = INTERRUPTED

    def __init__(self, measurements: Sequence[Measurement]) -> None:
        super().__init__("interrupted")
        self.measurements = [*measurements]


def run(jobs: Sequence[Job], options: Options, on_progress: Tell, journal: Journal | None = None) -> list[Measurement]:
    """Measure the jobs; one measurement each, in their order.

    With a `journal`, what it holds counts as done, and each process's results are added to it.

    Raises UsageError or UnavailableError before anything starts, MeasurementError if no worker process can work at all, and
    Interrupted, which carries the measurements so far, on Ctrl-C.
    """
    check_device(options.device, options.threads)
    bench = _Run(jobs, options, on_progress, journal)
    try:
        bench.measure()
    except KeyboardInterrupt:
        raise Interrupted(bench.measurements("partial")) from None
    return bench.measurements("ok")


@dataclass
class _Run:
    """A run: its series by network, the number of worker processes that were started, and of whole turns that were made.

    `shortest` is what a turn with one round takes, in seconds; `until` is the time at which a budget that was given is spent.
    """

    jobs: Sequence[Job]
    options: Options
    tell: Tell
    journal: Journal | None
    series: list[list[Series]] = field(default_factory=list)
    started: int = 0
    turns: int = 0
    died: int = 0
    shortest: float = 0.0
    until: float | None = None

    def measure(self) -> None:
        options = self.options
        sizes = [estimate(job.graph, job.batch, options.mode == "train", options.device) for job in self.jobs]
        groups = group(sizes, free_memory(options.device))
        self._take_up()
        budget = options.budget_seconds or SECONDS_A_JOB * len(self.jobs)
        deadline = time.monotonic() + budget
        self.until = deadline if options.budget_seconds is not None else None
        shortest = 0.0
        while self.turns < options.processes or self._is_wanting():
            strict = options.budget_seconds is not None or self.turns >= options.processes
            if strict and deadline - time.monotonic() < shortest:
                return
            ahead = max(1, options.processes - self.turns)
            needed = 0.0
            for number, together in enumerate(groups):
                share = max(0.0, deadline - time.monotonic()) / ((ahead - 1) * len(groups) + len(groups) - number)
                needed += self._time(together, share, {"group": number} if len(groups) > 1 else {}, len(groups))
            self.turns += 1
            self.shortest = shortest = max(shortest, needed)

    def measurements(self, status: Status) -> list[Measurement]:
        """Of every network, or if only `partial`, of those that were timed."""
        pairs = zip(self.jobs, self.series, strict=True)
        found = [_measurement(job, self.options, some, status) for job, some in pairs if some or status == "ok"]
        lacking = self.options.processes - self.turns
        notes = []
        if lacking > 0 and status == "ok":
            notes = [f"the time budget had room for {self.turns} of {self.options.processes} processes{self._budget_hint()}"]
        if self.died and status == "ok":
            notes.append(f"{self.died} of the processes ended while they started, and others took their place")
        if self.options.precision and status == "ok":
            notes += self._shortfall(found)
        return [each if each.error else replace(each, warnings=(*each.warnings, *notes)) for each in found]

    def _budget_hint(self) -> str:
        """A hint at a budget that has room for all processes, where the given one has not."""
        if self.options.budget_seconds is None or not self.shortest:
            return ""
        return f"; --budget {math.ceil(1.1 * self.shortest * self.options.processes)}s has room for all"

    def _take_up(self) -> None:
        """Take up the journal's results as if they had been measured now."""
        self.series = [[] for _ in self.jobs]
        processes = set()
        for index, one in self.journal.kept if self.journal else ():
            self.series[index].append(one)
            processes.add(one.process)
        self.turns = max(map(len, self.series))
        self.started = max(processes, default=-1) + 1

    def _time(self, together: Sequence[int], seconds: float, label: dict[str, int], groups: int) -> float:
        """One turn of one group; returns the seconds that one round needed, start-up included, or 0 if a process died."""
        pending = [index for index in together if not any(one.error for one in self.series[index])]
        needed = 0.0
        # A process that dies leaves the networks behind the one it died of to a fresh one.
        while pending:
            worker = WorkerRun(
                jobs=self.jobs,
                options=self.options,
                tell=self.tell,
                turn=self.turns,
                before=self.turns * groups + label.get("group", 0),
                processes=max(self.options.processes, self.turns + 1) * groups,
                memory=not any(one.peak for index in pending for one in self.series[index]),
                found=[Series(self.started, dict(label)) for _ in self.jobs],
                until=self.until,
            )
            self.started += 1
            try:
                pending = worker.work(pending, seconds)
                needed = 0.0 if pending else worker.first_round
            except StartError as error:
                self.died += 1
                if self.died >= MOST_DEATHS:
                    if not any(self.series):
                        raise
                    for index in pending:
                        worker.found[index].error = error.message
                    pending = []
            finally:
                fresh = [(index, one) for index, one in enumerate(worker.found) if one.times or one.error]
                for index, one in fresh:
                    self.series[index].append(one)
                if self.journal:
                    rows = [(i, one, _measurement(self.jobs[i], self.options, [one], "partial")) for i, one in fresh]
                    self.journal.append(rows)
        return needed

    def _is_wanting(self) -> bool:
        """Whether a precision is asked for and not reached."""
        if not self.options.precision or self.turns >= MOST_PROCESSES:
            return False
        return bool(self._shortfall(self.measurements("partial")))

    def _shortfall(self, found: Sequence[Measurement]) -> list[str]:
        """The figures that are not known to the precision: ratios to the first network where there are any, else latencies."""
        assert self.options.precision is not None
        timed = [each for each in found if each.status != "failed"]
        ratios = [ratio for each in timed[1:] if each.batch == timed[0].batch and (ratio := compare(each, timed[0]))]
        intervals = [ratio.ci95 for ratio in ratios] or [latency.ci95 for each in timed if (latency := each.latency())]
        widths = [relative_half_width(interval) for interval in intervals if interval]
        if timed and len(widths) == len(intervals) and max(widths) <= self.options.precision:
            return []
        known = f"to {max(widths):.1%}" if widths else "not at all"
        what = "ratios are" if ratios else "latencies are"
        return [f"{what} known {known}, not to the {100 * self.options.precision:g}% asked for"] if timed else []


def _measurement(job: Job, options: Options, found: Sequence[Series], status: Status) -> Measurement:
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
        input_shape=tuple(job.graph.input_shape[1:]),
        times=times,
        processes=tuple(one.process for one in timed),
        wall_times=walls if walls != times else (),
        phases={name: tuple(tuple(one.phases[name]) for one in timed) for name in (timed[0].phases if timed else ())},
        peak_bytes=max((one.peak for one in found if one.peak is not None), default=None),
        environment=environment,
        status="failed" if errors else status,
        error=errors[0] if errors else None,
        warnings=warnings,
        twin=job.twin,
    )
