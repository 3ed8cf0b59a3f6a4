"""Two latencies as one ratio with an interval, and what it lets one say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

from cnnprof.record import pick, record
from cnnprof.timing import intervals as statistics
from cnnprof.timing.intervals import Interval
from cnnprof.timing.measurements import Measurement

SpeedVerdict = Literal["faster", "slower", "same", "undecided"]
VERDICTS: tuple[SpeedVerdict, ...] = get_args(SpeedVerdict)

NOISE: Literal["noise"] = "noise"
"""In place of a verdict on two copies of one network."""

NOW = " now"
"""Behind the name of a network that is held against an earlier run of its own."""


@record
class Ratio:
    """Two networks compared: latency of `a` over that of `b`, its 95% interval, and faster, slower, same or undecided.

    The interval is None, and nothing decided, where fewer than two worker processes timed both.
    """

    a: str
    b: str
    ratio: float
    ci95: Interval | None
    verdict: SpeedVerdict | Literal["noise"]
    batch: int = 1

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON types."""
        return pick(self, "a", "b", "batch", "ratio", "ci95", "verdict")


def compare(a: Measurement, b: Measurement, noise: float = 0.0) -> Ratio | None:
    """The latency of `a` over that of `b`, from the median ratio of two runs of one round in each process that timed both.

    A machine that changes its pace from one moment to the next does so to both runs of a round: on a busy one these ratios
    spread by 1% from process to process, the ratios of medians by 2% to 10%.

    Both must come from the same run, whose `noise` is as `noise_of` found it. None if no process timed both.
    """
    ours, theirs = ({k: t for k, t in zip(m.processes, m.times, strict=True) if t} for m in (a, b))
    # A process whose time is up in the middle of a round has timed one of the two once more than the other.
    rounds = [zip(ours[k], theirs[k], strict=False) for k in ours if k in theirs]
    ratios = [statistics.median([first / second for first, second in each]) for each in rounds]
    if not ratios:
        return None
    ratio, interval = statistics.geometric_mean(ratios), statistics.geometric_interval(ratios)
    return Ratio(a.model, b.model, ratio, interval, verdict(ratio, interval, noise), a.batch)


def compare_runs(now: Measurement, before: Measurement) -> Ratio | None:
    """The latency of a network now over its latency in an earlier run, from the medians of each one's worker processes.

    None if one of them has no times.
    """
    ours, theirs = ([statistics.median(times) for times in m.times if times] for m in (now, before))
    if not (ours and theirs):
        return None
    ratio = statistics.geometric_mean(ours) / statistics.geometric_mean(theirs)
    interval = statistics.unpaired_interval(ours, theirs)
    return Ratio(f"{now.model}{NOW}", "before", ratio, interval, verdict(ratio, interval), now.batch)


def relate(measurements: Sequence[Measurement]) -> list[Ratio]:
    """Every measurement of a run against the first one of its batch, where one process timed both; of a twin it is noise."""
    noise = noise_of(measurements)
    ratios = []
    first: dict[int, Measurement] = {}
    for measurement in measurements:
        base = first.setdefault(measurement.batch, measurement)
        if base is not measurement:
            ratio = compare(measurement, base, noise)
            ratios += [replace(ratio, verdict=NOISE) if measurement.twin else ratio] if ratio else []
    return ratios


def noise_of(measurements: Sequence[Measurement]) -> float:
    """How far the logarithm of a ratio goes in this run for two copies of one network, at the 95% level.

    The outer end of the twin's interval; 0 without a twin.
    """
    twin = next((each for each in measurements if each.twin), None)
    if twin is None:
        return 0.0
    original = next((each for each in measurements if (each.model, each.batch) == (twin.model, twin.batch)), twin)
    ratio = compare(twin, original)
    return max(abs(math.log(end)) for end in ratio.ci95) if ratio and ratio.ci95 else 0.0


SAME = 0.02
"""Two latencies whose ratio lies within 2% of 1 are called the same."""


def verdict(ratio: float, interval: Interval | None, noise: float = 0.0) -> SpeedVerdict:
    """The verdict on the latency of a by the ratio a / b: faster, slower, same or undecided.

    Faster and slower need an interval without 1, and a ratio that two copies of one network would not show. The second
    condition keeps the intervals honest that came out narrow by chance: with five processes one in twenty misses.
    """
    if interval is None:
        return "undecided"
    low, high = interval
    if abs(math.log(ratio)) > noise and (high < 1 or low > 1):
        return "faster" if high < 1 else "slower"
    return "same" if low >= 1 - SAME and high <= 1 + SAME else "undecided"
