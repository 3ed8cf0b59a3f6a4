"""`cnnprof why`: which layers make one network slower than another, and what holds them."""

from __future__ import annotations

from typing import Any

from cnnprof.footprint.execution import ELEMENT_BYTES
from cnnprof.network.results import Analysis, Cost
from cnnprof.record import record
from cnnprof.report import Column, Report, Table, plural
from cnnprof.timing.doubts import age_in_days, doubts
from cnnprof.timing.intervals import Interval, geometric_interval, geometric_mean
from cnnprof.timing.layer_times import LayerTimes, traffic
from cnnprof.timing.prediction import Calibration, Predictor
from cnnprof.timing.ratios import verdict
from cnnprof.timing.roofline import BOUNDS, FAR, KERNEL, Bound, Ceilings, bound_of, held_by, kind_of
from cnnprof.views import columns as col

COMPUTE_SHARE = Column("compute_share", "compute %", "share")
CACHE_SHARE = Column("cache_share", "cache %", "share")
MEMORY_SHARE = Column("memory_share", "memory %", "share")
OVERHEAD_SHARE = Column("overhead_share", "overhead %", "share", 1)
KERNEL_SHARE = Column("kernel_share", "kernel %", "share", 1)
FIRST_MS = Column("first_ms", "1st, ms", "ms")
SECOND_MS = Column("second_ms", "2nd, ms", "ms")
DIFFERENCE_MS = Column("difference_ms", "1st - 2nd", "ms")
FIRST_GFLOPS = Column("first_gflops", "GFLOP/s", "rate", 1)
SECOND_GFLOPS = Column("second_gflops", "2nd", "rate", 2)
ROOF_MS = Column("roof_ms", "at its roof ms", "ms", 1)
BEYOND_MS = Column("beyond_ms", "beyond", "ms")
HELD_BY = Column("held_by", "held by")

DISTURBED = 1.05
"""A layer beyond this part of its ceiling was timed on a machine that has changed since its calibration."""

SHARES = (COMPUTE_SHARE, CACHE_SHARE, MEMORY_SHARE, OVERHEAD_SHARE, KERNEL_SHARE)
"""The share of the whole time that each of `BOUNDS` holds."""


@record
class TimedLayer:
    """A layer with its time, and the limit that holds it."""

    cost: Cost
    seconds: float
    bound: Bound
    bytes: int

    @property
    def efficiency(self) -> float:
        """The attained share of the attainable rate."""
        return self.bound.seconds / self.seconds


@record
class TimedNetwork:
    """A network with all its layers timed."""

    profile: Analysis
    times: LayerTimes
    layers: tuple[TimedLayer, ...]
    roof: float = 0.0
    """Seconds that it would take if every layer reached its limit, as a prediction by the ceilings alone has it."""

    @property
    def name(self) -> str:
        """The name that the user gave."""
        return self.times.model

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all layers."""
        return sum(int(layer.cost.macs) for layer in self.layers)


def look_into(profile: Analysis, times: LayerTimes, ceilings: Ceilings) -> TimedNetwork:
    """The network's layers beside the machine's ceilings; `profile` is for the batch that was timed."""
    seconds, width = times.seconds, ELEMENT_BYTES[times.dtype]
    layers = [
        TimedLayer(cost, taken, held_by(bound_of(cost, ceilings, width), taken), int(traffic(cost, width)))
        for cost in profile.costs
        if (taken := seconds.get(cost.node.name)) is not None
    ]
    roof = Predictor(Calibration(ceilings, {}), width).predict(profile).seconds
    return TimedNetwork(profile, times, tuple(layer for layer in layers if layer.bytes), roof)


def show_reasons(a: TimedNetwork, b: TimedNetwork, top: int = 10, ceilings: Ceilings | None = None) -> Report:
    """The report on two networks: the two as wholes, kind by kind, and the `top` layers of `a` beyond the pace of `b`.

    The pace of `b` is its time for a multiply-accumulate. What layers take beyond it adds up, with the unattributed rest, to
    what `a` takes beyond it. `ceilings` are those that the layers are held against.
    """
    pace = b.times.total / b.macs if b.macs else 0.0
    beyond = sorted(a.layers, key=lambda layer: pace * int(layer.cost.macs) - layer.seconds)
    wholes, kinds = (_whole(a), _whole(b)), tuple(_kinds(a, b))
    layers = tuple(_layer(layer, layer.seconds - pace * int(layer.cost.macs)) for layer in beyond)
    sections = (
        Table(
            (col.MODEL, col.MACS, col.LATENCY_MS, ROOF_MS, col.GFLOPS, *SHARES, col.EFFICIENCY),
            wholes,
        ),
        Table(
            (
                col.KIND,
                FIRST_MS,
                SECOND_MS,
                DIFFERENCE_MS,
                FIRST_GFLOPS,
                SECOND_GFLOPS,
                HELD_BY,
                col.EFFICIENCY,
            ),
            kinds,
            f"By kind of layer: {a.name}, {b.name}",
        ),
        Table(
            (col.NAME, col.KIND, col.LAYER_MS, BEYOND_MS, col.MACS, col.GFLOPS, col.GBS, HELD_BY, col.EFFICIENCY),
            layers[:top],
            f"Layers of {a.name} that take most beyond the pace of {b.name}",
        ),
    )
    ratio, interval, said = whole = _whole_ratio(a, b)
    data: dict[str, Any] = {
        "networks": list(wholes),
        "kinds": list(kinds),
        "layers": list(layers),
        "ratio": {"ratio": ratio, "ci95": list(interval) if interval else None, "verdict": said},
        "inflation": {each.name: each.times.inflation for each in (a, b)},
        "coverage": {each.name: each.times.coverage for each in (a, b)},
        "steadiness": {each.name: each.times.steadiness for each in (a, b)},
    }
    notes = [*_notes(a, b, pace, said), *(ceilings_notes(ceilings) if ceilings else [])]
    if ceilings:
        data["calibration"] = {"options": dict(ceilings.options), **ceilings.conditions}
    return Report("why", _say(a, b, whole), sections, tuple(notes), data)


def _whole_ratio(a: TimedNetwork, b: TimedNetwork) -> tuple[float, Interval | None, str]:
    """How many times as long `a` takes, its interval across the processes that timed both, and the verdict."""
    ratios = [ours / theirs for ours, theirs in zip(a.times.plain, b.times.plain, strict=False)]
    ratio, interval = geometric_mean(ratios), geometric_interval(ratios)
    return ratio, interval, verdict(ratio, interval)


def _say(a: TimedNetwork, b: TimedNetwork, whole: tuple[float, Interval | None, str]) -> str:
    ratio, interval, said = whole
    macs = f" for {_times(a.macs / b.macs)} the multiply-accumulates" if b.macs else ""
    known = f" ({interval[0]:.3g} - {interval[1]:.3g}, {said})" if interval else f" ({said})"
    return f"{a.name} takes {_times(ratio)} as long as {b.name}{known}{macs}"


def _times(ratio: float) -> str:
    return f"{ratio:.2f} times" if ratio >= 0.1 else f"{ratio:.2g} times"


def _notes(a: TimedNetwork, b: TimedNetwork, pace: float, said: str) -> list[str]:
    notes = [
        f"at the pace of {b.name} ({pace * 1e12:.3g} ps a multiply-accumulate) {a.name} would take "
        f"{pace * a.macs * 1e3:.3g} ms, and takes {a.times.total * 1e3:.3g} ms",
        "held by compute, cache, memory or overhead: the machine's limit that a layer cannot be faster than; "
        "efficiency: what it would take at that limit, of what it takes",
        "held by cache or memory: too little arithmetic for the bytes moved, so that more FLOPs would cost nothing",
    ]
    if any(layer.bound.name == KERNEL for each in (a, b) for layer in each.layers):
        notes.append(
            f"held by kernel: none of the machine's limits explains it, for it attains less than {FAR:.0%} of the nearest one; "
            "the library's code for such a layer is slow here (not vectorized, not threaded), or its data lie cold in memory"
        )
    if said not in ("faster", "slower"):
        notes.append("the two cannot be told apart in this run: more --budget narrows the interval")
    for each in (a, b):
        over = [layer for layer in each.layers if layer.efficiency > DISTURBED]
        if over:
            worst = max(over, key=lambda layer: layer.efficiency)
            notes.append(
                f"{each.name}: {plural(len(over), 'layer')} beyond the ceiling, {worst.cost.node.name} at "
                f"{worst.efficiency:.0%}: calibrate again on a quiet machine"
            )
        if busy := each.times.environment.get("busy"):
            notes.append(f"{each.name}: timed on a busy machine: {busy}")
        if each.times.disturbed:
            notes.append(f"{each.name}: other programs had the core meanwhile; parts of the whole hold, milliseconds do not")
    return notes


def ceilings_notes(ceilings: Ceilings) -> list[str]:
    """Under what the ceilings were taken and how long ago, and what there is to doubt of them."""
    machine, options, conditions = ceilings.machine, ceilings.options, ceilings.conditions
    days = age_in_days(conditions)
    age = "" if days is None else f", taken {conditions['time']} ({_ago(days)})"
    where = ", ".join(str(machine[key]) for key in ("processor", "gpu") if machine.get(key))
    way = f"torch {machine.get('torch')}, {plural(int(options.get('threads', 1)), 'thread')}, {options.get('dtype')}"
    taken = f"ceilings of {where}, {way}, {options.get('layout')}{age}"
    again = "; cnnprof calibrate takes them anew"
    return [taken, *(f"the calibration {doubt}{again}" for doubt in doubts(conditions))]


def _ago(days: float) -> str:
    hours = days * 24
    return f"{days:.0f} days ago" if days >= 2 else f"{hours:.0f} hours ago" if hours >= 2 else "within two hours"


def _whole(each: TimedNetwork) -> dict[str, Any]:
    total = each.times.total
    attainable = sum(layer.bound.seconds for layer in each.layers)
    return {
        "model": each.name,
        "macs": each.macs,
        "latency_ms": total * 1e3,
        "roof_ms": each.roof * 1e3,
        "gflops": 2 * each.macs / total / 1e9,
        **{f"{name}_share": sum(layer.seconds for layer in each.layers if layer.bound.name == name) / total for name in BOUNDS},
        "efficiency": attainable / total,
    }


def _layer(layer: TimedLayer, beyond: float) -> dict[str, Any]:
    macs = int(layer.cost.macs)
    return {
        "name": layer.cost.node.name,
        "kind": kind_of(layer.cost),
        "layer_ms": layer.seconds * 1e3,
        "beyond_ms": beyond * 1e3,
        "macs": macs,
        "gflops": 2 * macs / layer.seconds / 1e9 if macs else None,
        "gbs": layer.bytes / layer.seconds / 1e9,
        "held_by": layer.bound.name,
        "efficiency": layer.efficiency,
    }


def _kinds(a: TimedNetwork, b: TimedNetwork) -> list[dict[str, Any]]:
    """Both networks' layers by kind; bound and efficiency are those of the first that has it, as most of its time goes."""
    rows = []
    for kind in dict.fromkeys(kind_of(layer.cost) for each in (a, b) for layer in each.layers):
        both = [[layer for layer in each.layers if kind_of(layer.cost) == kind] for each in (a, b)]
        first, second = (sum(layer.seconds for layer in some) for some in both)
        shown = both[0] or both[1]
        spent = {name: sum(layer.seconds for layer in shown if layer.bound.name == name) for name in BOUNDS}
        rows.append(
            {
                "kind": kind,
                "first_ms": first * 1e3 if both[0] else None,
                "second_ms": second * 1e3 if both[1] else None,
                "difference_ms": (first - second) * 1e3,
                "first_gflops": _rate(both[0]),
                "second_gflops": _rate(both[1]),
                "held_by": max(BOUNDS, key=lambda name: spent[name]),
                "efficiency": sum(layer.bound.seconds for layer in shown) / sum(layer.seconds for layer in shown),
            }
        )
    return sorted(rows, key=lambda row: -row["difference_ms"])


def _rate(layers: list[TimedLayer]) -> float | None:
    macs = sum(int(layer.cost.macs) for layer in layers)
    return 2 * macs / sum(layer.seconds for layer in layers) / 1e9 if macs else None
