"""How long a network takes, predicted from single operations that were measured on the machine, without running it.

A layer takes its limits (arithmetic at the machine's highest rate, bytes, the overhead of a call) over an efficiency, which is
looked up among the nearest measured operations of the same kind, in octaves of channels, pixels and window; the very
configuration, where it was measured, wins (as in nn-Meter's and ANNETTE's tables: Zhang et al. 2021, Wess et al. 2021).
"""

from __future__ import annotations

import time
from calendar import timegm
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace
from functools import cached_property
from heapq import nsmallest
from math import exp, log, sqrt
from typing import Any, Literal, NamedTuple

from cnnprof.network.results import Analysis, Cost
from cnnprof.record import record
from cnnprof.timing.intervals import Interval
from cnnprof.timing.operations import Operation, Timed, operation_of
from cnnprof.timing.roofline import CONVOLUTION, DEPTHWISE, MATMUL, Ceilings

NEIGHBOURS = 6
"""Measured operations that an efficiency is the mean of, the nearer the more."""

COLD_STEPS = 20

FAR = 1.5
"""Octaves to the nearest measured operation beyond which a layer is extrapolated."""

WIDTH = 1.645
"""Standard deviations on each side that hold 90% of a normal distribution."""

OLD_DAYS = 30
"""After which a machine's libraries, firmware and neighbours are likely to have changed."""

LEAST_SPREAD = 0.03
"""Of a network's logarithm of time, whatever its layers say: two runs of one differ by as much."""

SPREAD = 0.3
"""Of a kind of which too little was measured to know."""

Basis = Literal["measured", "interpolated", "extrapolated", "unknown"]
BASES: tuple[Basis, ...] = ("measured", "interpolated", "extrapolated", "unknown")
"""The bases of a layer's predicted time: its own measurement, near ones of its kind, far ones, or none of its kind."""


class LayerPrediction(NamedTuple):
    """One layer's part of a prediction: its seconds, what they rest on, and the spread of their logarithm."""

    name: str
    kind: str
    seconds: float
    basis: Basis
    spread: float
    limit: str
    efficiency: float


@record
class Prediction:
    """A network's predicted time.

    Args:
        model: its name.
        input_shape: with the batch.
        layers: those that run something, in order.
        factor: what a run takes over the sum of its layers.
        spread: of the logarithm of the total, from networks that were measured whole.
    """

    model: str
    input_shape: tuple[int, ...]
    layers: tuple[LayerPrediction, ...]
    factor: float
    spread: float

    @property
    def batch(self) -> int:
        """Images in one run."""
        return self.input_shape[0]

    @cached_property
    def seconds(self) -> float:
        """Of one run."""
        return self.factor * sum(layer.seconds for layer in self.layers)

    @property
    def interval90(self) -> Interval:
        """90% of such networks lie within it.

        Layers of one kind are wrong in the same direction, those of several kinds independently.
        """
        total = sum(layer.seconds for layer in self.layers) or 1.0
        kinds: dict[str, float] = {}
        for layer in self.layers:
            kinds[layer.kind] = kinds.get(layer.kind, 0.0) + layer.spread * layer.seconds / total
        spread = sqrt(max(self.spread, LEAST_SPREAD) ** 2 + sum(part**2 for part in kinds.values()))
        return self.seconds * exp(-WIDTH * spread), self.seconds * exp(WIDTH * spread)

    @property
    def milliseconds(self) -> float:
        """Of one run."""
        return self.seconds * 1e3

    @property
    def interval90_ms(self) -> Interval:
        """`interval90` in milliseconds."""
        low, high = self.interval90
        return low * 1e3, high * 1e3

    @property
    def coverage(self) -> dict[Basis, float]:
        """The share of the time that rests on each of `BASES`."""
        shares = dict.fromkeys(BASES, 0.0)
        for layer in self.layers:
            shares[layer.basis] += layer.seconds * self.factor / self.seconds
        return shares

    @property
    def unknown_kinds(self) -> tuple[str, ...]:
        """Kinds of layers of which nothing was measured; the total is then a lower bound."""
        return tuple(dict.fromkeys(layer.kind for layer in self.layers if layer.basis == "unknown"))


TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
"""Of the conditions' `time`."""


@record
class Calibration:
    """The times of a machine's operations.

    Args:
        ceilings: its highest rates, with the machine's fingerprint and the way it was run.
        operations: the timed ones, by key.
        cold: the part of a layer's time that is as after other data, fitted to networks that were measured whole.
        factor: what a run takes over the sum of its layers.
        networks: measured over predicted time of those networks, by name.
        spreads: for each kind, how far operations are from what their neighbours say; the logarithm's standard deviation.
        conditions: when and under what it was measured; `busy` says what disturbed it.
    """

    ceilings: Ceilings
    operations: Mapping[str, Timed]
    cold: float = 0.2
    factor: float = 1.0
    networks: Mapping[str, float] = field(default_factory=dict)
    spreads: Mapping[str, float] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON types; `from_dict` is the inverse."""
        return {
            "ceilings": self.ceilings.to_dict(),
            "operations": [timed.to_list() for timed in self.operations.values()],
            "cold": self.cold,
            "factor": self.factor,
            "networks": dict(self.networks),
            "spreads": dict(self.spreads),
            "conditions": dict(self.conditions),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Calibration:
        """The calibration that `to_dict` wrote. Raises KeyError, TypeError or ValueError on anything else."""
        operations = [Timed.from_list(entry) for entry in data["operations"]]
        cold, factor = float(data["cold"]), float(data["factor"])
        if not 0 <= cold <= 1 or not 0.1 < factor < 10:
            raise ValueError("no such calibration")
        networks, spreads = ({str(name): float(x) for name, x in data[part].items()} for part in ("networks", "spreads"))
        ceilings, table = Ceilings.from_dict(data["ceilings"]), {each.operation.key: each for each in operations}
        return cls(ceilings, table, cold, factor, networks, spreads, dict(data["conditions"]))

    @property
    def data_sheet(self) -> bool:
        """Whether the machine is known by its data sheet alone, without a measurement; times are then lower bounds."""
        return not self.operations

    @property
    def busy(self) -> str:
        """The disturbance of the measurement in words, "" if there was none."""
        return str(self.conditions.get("busy", ""))

    def doubts(self, now: float | None = None) -> list[str]:
        """Reasons not to rely on it, each the words that follow "the calibration"; `now` is in seconds since 1970."""
        found = [f"was taken on a busy machine: {self.busy}"] if self.busy else []
        with suppress(KeyError, TypeError, ValueError):
            taken = timegm(time.strptime(self.conditions["time"], TIME_FORMAT))
            days = ((time.time() if now is None else now) - taken) / 86400
            if days > OLD_DAYS:
                found.append(f"is {days:.0f} days old")
        return found

    @property
    def spread(self) -> float:
        """The standard deviation of the logarithm of measured over predicted time of whole networks."""
        logs = [log(ratio) for ratio in self.networks.values()]
        if len(logs) < 2:
            return 0.1
        middle = sum(logs) / len(logs)
        return sqrt(sum((each - middle) ** 2 for each in logs) / (len(logs) - 1))


def fit(calibration: Calibration, measured: Sequence[tuple[Analysis, float]], element_bytes: int = 4) -> Calibration:
    """The calibration with what whole networks say: how cold layers run, and what a run takes beyond them.

    `cold` is the part at which the networks agree best, `factor` the mean that is then left, on the scale of logarithms.

    Args:
        measured: networks with the seconds of one run.
    """
    best: tuple[float, Calibration] | None = None
    for step in range(COLD_STEPS + 1):
        tried = replace(calibration, cold=step / COLD_STEPS, factor=1.0)
        predictor = Predictor(tried, element_bytes)
        logs = [log(seconds / predictor.predict(analysis).seconds) for analysis, seconds in measured]
        middle = sum(logs) / len(logs)
        off = sum((each - middle) ** 2 for each in logs)
        if best is None or off < best[0]:
            names = [f"{analysis.graph.name} {_text(analysis.graph.input_shape)}" for analysis, _ in measured]
            ratios = {name: exp(each - middle) for name, each in zip(names, logs, strict=True)}
            best = off, replace(tried, factor=exp(middle), networks=ratios)
    if best is None:
        return calibration
    return replace(best[1], spreads=Predictor(best[1], element_bytes).spreads())


def _text(shape: Sequence[object]) -> str:
    return "x".join(map(str, shape))


class Predictor:
    """Predicts networks from one calibration."""

    def __init__(self, calibration: Calibration, element_bytes: int = 4) -> None:
        self.calibration = calibration
        self._element_bytes = element_bytes
        self._kinds: dict[str, list[tuple[Timed, float]]] = {}
        for timed in calibration.operations.values():
            entry = (timed, log(self._mixed(timed) / self._limit(timed.operation)[1]))
            self._kinds.setdefault(timed.operation.kind, []).append(entry)

    def predict(self, analysis: Analysis) -> Prediction:
        """The time of one inference."""
        layers = [self._layer(cost.node.name, operation) for cost, operation in self._operations(analysis)]
        graph = analysis.graph
        shape = tuple(int(size) for size in graph.input_shape)
        return Prediction(graph.name, shape, tuple(layers), self.calibration.factor, self.calibration.spread)

    def missing(self, analysis: Analysis) -> dict[str, Cost]:
        """The layers whose very configuration was not measured, each once, by key."""
        known = self.calibration.operations
        return {operation.key: cost for cost, operation in self._operations(analysis) if operation.key not in known}

    def _operations(self, analysis: Analysis) -> Iterator[tuple[Cost, Operation]]:
        for cost in analysis.costs:
            operation = None if cost.node.aux else operation_of(cost, self._element_bytes)
            if operation is not None:
                yield cost, operation

    def _layer(self, name: str, operation: Operation) -> LayerPrediction:
        limit = self._limit(operation)
        exact = self.calibration.operations.get(operation.key)
        if exact is not None:
            seconds = self._mixed(exact)
            return LayerPrediction(name, operation.kind, seconds, "measured", 0.0, limit[0], limit[1] / seconds)
        known = self._kinds.get(operation.kind)
        if not known:
            return LayerPrediction(name, operation.kind, limit[1], "unknown", log(2), limit[0], 1.0)
        distance, residual = _nearest(operation.sizes, known)
        seconds = limit[1] * exp(residual)
        basis: Basis = "extrapolated" if distance > FAR else "interpolated"
        spread = self.calibration.spreads.get(operation.kind, SPREAD) * max(1.0, distance)
        return LayerPrediction(name, operation.kind, seconds, basis, spread, limit[0], exp(-residual))

    def _mixed(self, timed: Timed) -> float:
        cold = self.calibration.cold
        return (1 - cold) * timed.hot + cold * timed.cold

    def _limit(self, operation: Operation) -> tuple[str, float]:
        """The name of what holds the operation (compute, bytes or overhead), and the seconds it takes at the least.

        Beside measured operations, the limits are added up softly: a layer near two of them takes longer than either says.
        """
        ceilings = self.calibration.ceilings
        compute = 2 * operation.macs / ceilings.flops(_arithmetic_of(operation.kind)) if operation.macs else 0.0
        size = operation.bytes
        moved = size / ceilings.bandwidth(size)
        parts = {"compute": compute, ceilings.level(size): moved, "overhead": ceilings.overhead}
        held_by = max(parts, key=lambda name: parts[name])
        if self.calibration.data_sheet:
            return held_by, parts[held_by]
        return held_by, sqrt(sum(part**2 for part in parts.values()))

    def spreads(self) -> dict[str, float]:
        """For each kind, how far its operations are from what their neighbours say, one after the other left out."""
        found = {}
        for kind, known in self._kinds.items():
            errors = [
                _nearest(timed.operation.sizes, known[:i] + known[i + 1 :])[1] - residual
                for i, (timed, residual) in enumerate(known)
                if len(known) > 1
            ]
            found[kind] = sqrt(sum(error**2 for error in errors) / len(errors)) if errors else SPREAD
        return found


def _arithmetic_of(kind: str) -> str:
    """Which of the machine's arithmetic rates holds operations of a kind."""
    if "convolution" not in kind:
        return MATMUL
    return DEPTHWISE if "depthwise" in kind else CONVOLUTION


def _nearest(sizes: Sequence[float], known: Sequence[tuple[Timed, float]]) -> tuple[float, float]:
    """The distance to the nearest measured operation, in octaves, and the residual of the nearest ones, the nearer the more."""
    near = nsmallest(
        NEIGHBOURS,
        [(sum([(a - b) ** 2 for a, b in zip(sizes, timed.operation.sizes)]), residual) for timed, residual in known],  # noqa: B905
    )
    weights = [1 / (squared + 0.05) for squared, _ in near]
    mean = sum(weight * residual for weight, (_, residual) in zip(weights, near, strict=True)) / sum(weights)
    return sqrt(near[0][0]), mean
