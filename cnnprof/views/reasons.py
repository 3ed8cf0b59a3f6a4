"""`cnnprof why`: which layers make one network slower than another, and what holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cnnprof.footprint.execution import ELEMENT_BYTES
from cnnprof.network.results import Analysis, Cost
from cnnprof.record import record
from cnnprof.report import Column, Report, Table, plural
from cnnprof.timing.calibrations import Calibration
from cnnprof.timing.doubts import age_in_days, doubts
from cnnprof.timing.intervals import Interval, geometric_interval, geometric_mean
from cnnprof.timing.layer_times import LayerTimes, traffic
from cnnprof.timing.prediction import Predictor
from cnnprof.timing.ratios import verdict
from cnnprof.timing.roofline import BOUNDS, FAR, KERNEL, OVERHEAD, Bound, Ceilings, bound_of, held_by, kind_of
from cnnprof.views import columns as col

DISTURBED = 1.05
"""A layer beyond this part of its ceiling was timed on a machine that has changed since its calibration."""


@record
class TimedLayer:
    """A layer with its time, and the limit that holds it."""

    cost: Cost
    seconds: float
    bound: Bound
    bytes: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return int(self.cost.macs)

    @property
    def efficiency(self) -> float:
        """The attained share of the attainable rate."""
        return self.bound.seconds / self.seconds

    def beyond(self, pace: float) -> float:
        """Seconds that it takes beyond a pace, which is in seconds a multiply-accumulate."""
        return self.seconds - pace * self.macs


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
        return sum(layer.macs for layer in self.layers)


@record
class KindOfLayer:
    """The layers of one kind in two networks; bound and efficiency are those of the first that has it, as most time goes."""

    kind: str
    first: tuple[TimedLayer, ...]
    second: tuple[TimedLayer, ...]

    @property
    def saved(self) -> float:
        """Seconds that the first network's take more than the second's."""
        return _seconds(self.first) - _seconds(self.second)

    @property
    def shown(self) -> tuple[TimedLayer, ...]:
        """Those of the first network that has any."""
        return self.first or self.second


def _seconds(layers: Sequence[TimedLayer]) -> float:
    return sum(layer.seconds for layer in layers)


def _held(layers: Sequence[TimedLayer], bound: str) -> float:
    """Seconds of the layers that this one of `BOUNDS` holds."""
    return _seconds([layer for layer in layers if layer.bound.name == bound])


def _milliseconds(layers: Sequence[TimedLayer]) -> float | None:
    return _seconds(layers) * 1e3 if layers else None


def _rate(layers: Sequence[TimedLayer]) -> float | None:
    macs = sum(layer.macs for layer in layers)
    return 2 * macs / _seconds(layers) / 1e9 if macs else None


def _efficiency(layers: Sequence[TimedLayer]) -> float:
    return sum(layer.bound.seconds for layer in layers) / _seconds(layers)


def _share(bound: str) -> Column:
    weight = int(bound in (OVERHEAD, KERNEL))
    return Column(f"{bound}_share", f"{bound} %", "share", weight, lambda each: _held(each.layers, bound) / each.times.total)


NETWORK = (
    replace(col.MODEL, of=lambda each: each.name),
    col.MACS,
    replace(col.LATENCY_MS, of=lambda each: each.times.total * 1e3),
    Column("roof_ms", "at its roof ms", "ms", 1, lambda each: each.roof * 1e3),
    replace(col.GFLOPS, of=lambda each: 2 * each.macs / each.times.total / 1e9),
    *map(_share, BOUNDS),
    replace(col.EFFICIENCY, of=lambda each: sum(layer.bound.seconds for layer in each.layers) / each.times.total),
)
"""A network as a whole, with the share of its time that each of `BOUNDS` holds."""

HELD_BY = Column("held_by", "held by")

KIND = (
    col.KIND,
    Column("first_ms", "1st, ms", "ms", of=lambda kind: _milliseconds(kind.first)),
    Column("second_ms", "2nd, ms", "ms", of=lambda kind: _milliseconds(kind.second)),
    Column("difference_ms", "1st - 2nd", "ms", of=lambda kind: kind.saved * 1e3),
    Column("first_gflops", "GFLOP/s", "rate", 1, lambda kind: _rate(kind.first)),
    Column("second_gflops", "2nd", "rate", 2, lambda kind: _rate(kind.second)),
    replace(HELD_BY, of=lambda kind: max(BOUNDS, key=lambda bound: _held(kind.shown, bound))),
    replace(col.EFFICIENCY, of=lambda kind: _efficiency(kind.shown)),
)


def _layer_columns(pace: float) -> tuple[Column, ...]:
    """A layer, and its time beyond this pace, in seconds a multiply-accumulate."""
    return (
        replace(col.NAME, of=lambda layer: layer.cost.node.name),
        replace(col.KIND, of=lambda layer: kind_of(layer.cost)),
        replace(col.LAYER_MS, of=lambda layer: layer.seconds * 1e3),
        Column("beyond_ms", "beyond", "ms", of=lambda layer: layer.beyond(pace) * 1e3),
        col.MACS,
        replace(col.GFLOPS, of=lambda layer: _rate([layer])),
        replace(col.GBS, of=lambda layer: layer.bytes / layer.seconds / 1e9),
        replace(HELD_BY, of=lambda layer: layer.bound.name),
        col.EFFICIENCY,
    )


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
    beyond = sorted(a.layers, key=lambda layer: -layer.beyond(pace))
    networks = Table.of(NETWORK, (a, b))
    kinds = Table.of(KIND, _kinds(a, b), f"By kind of layer: {a.name}, {b.name}")
    layers = Table.of(_layer_columns(pace), beyond, f"Layers of {a.name} that take most beyond the pace of {b.name}")
    sections = (networks, kinds, replace(layers, rows=layers.rows[:top]))
    ratio, interval, said = whole = _whole_ratio(a, b)
    data: dict[str, Any] = {
        "networks": list(networks.rows),
        "kinds": list(kinds.rows),
        "layers": list(layers.rows),
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


def _kinds(a: TimedNetwork, b: TimedNetwork) -> list[KindOfLayer]:
    """Both networks' layers by kind; where the first takes most beyond the second, first."""
    kinds = [
        KindOfLayer(kind, *(tuple(layer for layer in each.layers if kind_of(layer.cost) == kind) for each in (a, b)))
        for kind in dict.fromkeys(kind_of(layer.cost) for each in (a, b) for layer in each.layers)
    ]
    return sorted(kinds, key=lambda kind: -kind.saved)
