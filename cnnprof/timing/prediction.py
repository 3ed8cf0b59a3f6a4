"""How long a network takes, predicted from single operations that were measured on the machine, without running it.

A layer takes its limits (arithmetic at the machine's highest rate, bytes, the overhead of a call) over an efficiency, which is
taken from the measured operations of the same kind around it, in octaves of channels, pixels and window; the very
configuration, where it was measured, wins (as in nn-Meter's and ANNETTE's tables: Zhang et al. 2021, Wess et al. 2021).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from math import exp, inf, log, sqrt
from typing import Any, Literal, NamedTuple

from cnnprof.errors import UnavailableError
from cnnprof.network.layers import Layer
from cnnprof.network.results import Analysis, Cost
from cnnprof.record import record
from cnnprof.timing.calibrations import WIDTH, Calibration
from cnnprof.timing.intervals import Interval
from cnnprof.timing.limits import limit_of
from cnnprof.timing.neighbours import nearest
from cnnprof.timing.operations import Operation, Timed, operation_of
from cnnprof.timing.reuse import cold_shares, flow_of

FAR = 1.5
"""Octaves to the nearest measured operation beyond which a layer is extrapolated."""

LEAST_SPREAD = 0.03
"""Of a network's logarithm of time, whatever its layers say: two runs of one differ by as much."""

OWN_SPREAD = 0.015
"""Of one setting's logarithm of time among others of the same network, all of whose layers were measured."""

SPREAD = 0.3
"""Of a kind of which too little was measured to know."""

UNKNOWN_SPREAD = log(2)
"""Of a kind of which nothing was measured."""

VIEW = "view"
"""The kind of all layers that move nothing: they reshape, take a slice, or do nothing in inference."""

Basis = Literal["measured", "interpolated", "extrapolated", "unknown"]
BASES: tuple[Basis, ...] = ("measured", "interpolated", "extrapolated", "unknown")
"""The bases of a layer's predicted time: its own measurement, near ones of its kind, far ones, or none of its kind."""


class LayerPrediction(NamedTuple):
    """One layer's part of a prediction: its seconds, what they rest on, and the spread of their logarithm.

    `cold` is the share of its inputs' bytes that are read from main memory.
    """

    name: str
    kind: str
    seconds: float
    basis: Basis
    spread: float
    limit: str
    efficiency: float
    cold: float = 0.0


@record
class Prediction:
    """A network's predicted time.

    Args:
        model: its name.
        input_shape: with the batch.
        layers: those that run something, in order.
        factor: what a run takes over the sum of its layers.
        reach: the interval's half width, as a logarithm, where all layers were measured.
        stretch: how many of the layers' own spreads it is wide.
    """

    model: str
    input_shape: tuple[int, ...]
    layers: tuple[LayerPrediction, ...]
    factor: float
    reach: float
    stretch: float

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
        """90% of such networks lie within it."""
        half = sqrt(self.reach**2 + (self.stretch * self.spread) ** 2)
        return self.seconds * exp(-half), self.seconds * exp(half)

    @property
    def spread(self) -> float:
        """The standard deviation of the logarithm of the total, if layers that were not measured are wrong independently."""
        total = sum(layer.seconds for layer in self.layers) or 1.0
        return sqrt(sum((layer.spread * layer.seconds / total) ** 2 for layer in self.layers))

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


def told_apart(a: Prediction, b: Prediction) -> bool:
    """Whether 95% of such pairs are in the right order, of two settings of one network."""
    reach: float = doubt(a.spread) + doubt(b.spread)
    return abs(log(a.seconds / b.seconds)) > reach


def doubt(spread: Any) -> Any:
    """How far, as a logarithm, a setting's time reaches towards others of the same network; a number or an array.

    What all settings have in common, the machine's drift and the family's errors, does not change their order: the layers' own
    spread does.
    """
    return WIDTH * ((spread**2 + OWN_SPREAD**2) / 2) ** 0.5


class Predictor:
    """Predicts networks from one calibration."""

    def __init__(self, calibration: Calibration, element_bytes: int = 4) -> None:
        self.calibration = calibration
        self.element_bytes = element_bytes
        self._of_kind: dict[str, list[Timed]] = {}
        for timed in calibration.operations.values():
            self._of_kind.setdefault(timed.operation.kind, []).append(timed)
        self._known: dict[tuple[str, float], list[tuple[Timed, float]]] = {}
        self._seen: dict[tuple[str, float], LayerPrediction] = {}

    @property
    def kinds(self) -> dict[str, list[tuple[Timed, float]]]:
        """For each kind the timed operations, with the logarithm of their seconds over their limit."""
        return {kind: self.residuals(kind) for kind in self._of_kind}

    def residuals(self, kind: str, cold: float = 0.0) -> list[tuple[Timed, float]]:
        """Of one kind, with such a share of inputs that are cold; worked out once it is asked for: networks have few kinds."""
        if (kind, cold) not in self._known:
            some = self._of_kind.get(kind, ())
            known = [(timed, log(self._mixed(timed, cold) / self.limit(timed.operation)[1])) for timed in some]
            self._known[kind, cold] = known
        return self._known[kind, cold]

    def predict(self, analysis: Analysis) -> Prediction:
        """The time of one inference."""
        costs = [cost for cost in analysis.costs if not cost.node.aux]
        flows = [flow_of(cost, self.element_bytes) for cost in costs]
        shares = cold_shares(flows, self.cache)
        parts = [(cost, self._part(cost, cold)) for cost, cold in zip(costs, shares, strict=True)]
        layers = [part._replace(name=cost.node.name) for cost, part in parts if part is not None]
        graph, known = analysis.graph, self.calibration
        shape = tuple(int(size) for size in graph.input_shape)
        return Prediction(graph.name, shape, tuple(layers), known.factor, self.reach, known.stretch)

    @property
    def cache(self) -> float:
        """Bytes from which on tensors are read from main memory; all are in a cache where limits alone are known."""
        return inf if self.calibration.data_sheet else self.calibration.ceilings.cache

    @property
    def reach(self) -> float:
        """Half of the 90% interval of a network whose layers were all measured, as a logarithm."""
        known = self.calibration
        return WIDTH * max(known.spread, LEAST_SPREAD) if known.reach is None else known.reach

    def missing(self, analysis: Analysis) -> dict[str, Cost]:
        """The layers whose very configuration was not measured, each once, by key."""
        known = self.calibration.operations
        return {operation.key: cost for cost, operation in self._operations(analysis) if operation.key not in known}

    def _part(self, cost: Cost, cold: float) -> LayerPrediction | None:
        """A layer's part without its name; None for one that no call is made for."""
        operation = operation_of(cost, self.element_bytes)
        return self.layer(operation, cold) if operation else self.view(cost.node.layer)

    def view(self, layer: Layer) -> LayerPrediction | None:
        """The part of a layer that moves nothing: its call. None for a stored tensor, and where limits alone are known."""
        if layer.arity == 0 or self.calibration.data_sheet:
            return None
        overhead = self.calibration.ceilings.overhead
        seconds = overhead + self.calibration.call
        return LayerPrediction("", VIEW, seconds, "measured", 0.0, "overhead", overhead / seconds)

    def _operations(self, analysis: Analysis) -> Iterator[tuple[Cost, Operation]]:
        for cost in analysis.costs:
            operation = None if cost.node.aux else operation_of(cost, self.element_bytes)
            if operation is not None:
                yield cost, operation

    def layer(self, operation: Operation, cold: float = 0.0) -> LayerPrediction:
        """The part of a prediction that one layer has, of whose inputs such a share is cold; without its name."""
        key = operation.key, cold
        if key not in self._seen:
            self._seen[key] = self._layer(operation, cold)
        return self._seen[key]

    def _layer(self, operation: Operation, cold: float) -> LayerPrediction:
        limit, call = self.limit(operation), self.calibration.call
        alone = self.measured(operation.key, cold)
        if alone is not None:
            seconds = alone + call
            return LayerPrediction("", operation.kind, seconds, "measured", 0.0, limit[0], limit[1] / seconds, cold)
        known = self.residuals(operation.kind)
        if not known:
            return LayerPrediction("", operation.kind, limit[1] + call, "unknown", UNKNOWN_SPREAD, limit[0], 1.0, cold)
        if len(known[0][0].operation.sizes) != len(operation.sizes):
            raise UnavailableError(f"the calibration is damaged: what it has of {operation.kind} is something else")
        distance, residual = nearest(operation.sizes, known)
        times = exp(residual)
        if cold:
            times += cold * (exp(nearest(operation.sizes, self.residuals(operation.kind, 1.0))[1]) - times)
        seconds = limit[1] * times * self.calibration.between + call
        basis: Basis = "extrapolated" if distance > FAR else "interpolated"
        spread = self.spread(operation.kind) * max(1.0, distance)
        return LayerPrediction("", operation.kind, seconds, basis, spread, limit[0], limit[1] / seconds, cold)

    def measured(self, key: str, cold: float = 0.0) -> float | None:
        """The seconds of the very operation alone, with such a share of cold inputs; None where it was not measured."""
        exact = self.calibration.operations.get(key)
        return None if exact is None else self._mixed(exact, cold)

    def spread(self, kind: str) -> float:
        """The spread of the logarithm of what neighbours of a kind say."""
        return self.calibration.spreads.get(kind, SPREAD)

    def _mixed(self, timed: Timed, cold: float) -> float:
        hot = (1 - self.calibration.cold) * (1 - cold)
        return hot * timed.hot + (1 - hot) * timed.cold

    def limit(self, operation: Operation) -> tuple[str, float]:
        """The name of what holds the operation (compute, bytes or overhead), and the seconds it takes at the least."""
        return limit_of(operation, self.calibration.ceilings, softly=not self.calibration.data_sheet)
