"""Predicted latency of design points: what `timing.prediction` says of each, worked out once for each layer that differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import blake2b
from math import log2
from typing import Any, NamedTuple

import numpy as np

from cnnprof.design_space.entries import entries
from cnnprof.footprint.formats import NumberFormat
from cnnprof.network.dims import Shape, Split, combinations, is_array
from cnnprof.network.layers import Layer
from cnnprof.network.results import Analysis
from cnnprof.record import record
from cnnprof.timing.calibrations import Calibration
from cnnprof.timing.limits import arithmetic_of
from cnnprof.timing.neighbours import ALIKE, BEYOND, NEIGHBOURS, RIDGE, SOFT
from cnnprof.timing.operations import key_of, operation_alone, work_of
from cnnprof.timing.prediction import FAR, UNKNOWN_SPREAD, Predictor, doubt
from cnnprof.timing.reuse import cold_shares, flow_of

PREDICTED = ("predicted_ms", "predicted_low_ms", "predicted_high_ms", "extrapolated")
"""The columns that are predicted of a point: milliseconds, their 90% interval, and the share that rests on nothing near."""

AT_ONCE = 2**18
"""Distances that are worked out at once: they stay in the processor's cache."""

RECENT = 128
"""Layers whose neighbours are kept for the next network of the space."""

SAME = 1e-9
"""Of the square of a distance in octaves: nearer is the very size, which a file holds to six digits."""


class Part(NamedTuple):
    """One layer's part of a prediction, for all points or an entry for each: as `LayerPrediction` has it."""

    kind: str
    seconds: Any
    spread: Any
    extrapolated: Any


class ArrayPredictor:
    """Predicts networks whose sizes are arrays of design points."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.unknown_kinds: dict[str, None] = {}
        self._sizes = {kind: np.array([timed.operation.sizes for timed, _ in known]) for kind, known in predictor.kinds.items()}
        self._found: dict[tuple[str, float, bytes], tuple[Any, Any]] = {}
        self._moved, self._bandwidths = map(np.array, predictor.calibration.ceilings.bandwidths)

    def predict(self, analysis: Analysis) -> dict[str, Any]:
        """The columns of `PREDICTED`."""
        alike: dict[Any, tuple[Layer, tuple[Shape, ...], Any, int]] = {}
        costs = [cost for cost in analysis.costs if not cost.node.aux]
        shares = cold_shares([flow_of(cost, self.predictor.element_bytes, _plain) for cost in costs], self.predictor.cache)
        for cost, share in zip(costs, shares, strict=True):
            cold = share if np.any(share) else 0.0
            key = _key((type(cost.node.layer), *vars(cost.node.layer).values(), *cost.inputs, cold))
            times = alike[key][-1] if key in alike else 0
            alike[key] = cost.node.layer, cost.inputs, cold, times + 1
        total: Any = 0.0
        far: Any = 0.0
        squares: Any = 0.0
        for layer, inputs, cold, times in alike.values():
            for part in self._layer(layer, inputs, cold):
                total = total + times * part.seconds
                far = far + times * part.extrapolated
                squares = squares + times * (part.spread * part.seconds) ** 2
        known = self.predictor.calibration
        whole = np.where(np.asarray(total) > 0, total, 1.0)
        half = np.sqrt(self.predictor.reach**2 + known.stretch**2 * squares / whole**2)
        middle = 1e3 * known.factor * np.asarray(total)
        return dict(zip(PREDICTED, (middle, middle * np.exp(-half), middle * np.exp(half), far / whole), strict=True))

    def _layer(self, layer: Layer, inputs: tuple[Shape, ...], cold: Any) -> list[Part]:
        """The layer's part; of points at which it is work of several kinds, one part a kind, with 0 at the others."""
        arrays = [*_arrays((*vars(layer).values(), *inputs, cold))]
        if not arrays:
            part = self._one(layer, inputs, cold)
            return [] if part is None else [part]
        columns, places = combinations(arrays)
        count = len(next(iter(columns.values())))
        found: dict[str, tuple[Any, Any, Any]] = {}
        waiting = [np.arange(count)]
        while waiting:
            rows = waiting.pop()
            some = {name: entries(column[rows]) for name, column in columns.items()}
            try:
                shares = columns[id(cold)][rows] if is_array(cold) else cold
                part = self._rows(*_with(layer, inputs, some), shares, len(rows))
            except Split as split:
                labels = np.broadcast_to(split.labels, rows.shape)
                waiting += [rows[labels == label] for label in np.unique(labels)]
                continue
            if part is not None:
                values = found.setdefault(part.kind, (np.zeros(count), np.zeros(count), np.zeros(count)))
                for value, of_part in zip(values, part[1:], strict=True):
                    value[rows] = of_part
        return [Part(kind, *(value[places] for value in values)) for kind, values in found.items()]

    def _one(self, layer: Layer, inputs: tuple[Shape, ...], cold: float) -> Part | None:
        operation = operation_alone(layer, inputs, self.predictor.element_bytes)
        known = self.predictor.layer(operation, cold) if operation else self.predictor.view(layer)
        if known is None:
            return None
        if known.basis == "unknown":
            self.unknown_kinds[known.kind] = None
        return Part(known.kind, known.seconds, known.spread, known.seconds * (known.basis in ("extrapolated", "unknown")))

    def _rows(self, layer: Layer, inputs: tuple[Shape, ...], cold: Any, count: int) -> Part | None:
        """The part of a layer whose sizes are one array each, or numbers where all are equal."""
        if not [*_arrays((*vars(layer).values(), *inputs, cold))]:
            return self._one(layer, inputs, cold)
        work = work_of(layer, inputs, self.predictor.element_bytes)
        if work is None:
            view = self.predictor.view(layer)
            return view and Part(view.kind, view.seconds, 0.0, 0.0)
        kind, sizes, macs, moved = work
        limit, call = np.broadcast_to(self._limit(kind, macs, moved), count), self.predictor.calibration.call
        if kind not in self._sizes:
            self.unknown_kinds[kind] = None
            return Part(kind, limit + call, UNKNOWN_SPREAD, limit + call)
        arrays = [np.broadcast_to(size, count) for size in sizes]
        distinct, places = combinations(arrays)  # Of points there are many, of sizes that a kernel sees few.
        place = np.stack([_octaves(distinct[id(array)]) for array in arrays], axis=1)
        squares, residual = (found[places] for found in self._nearest(place, kind))
        times = np.exp(residual)
        if np.any(cold):
            times += cold * (np.exp(self._nearest(place, kind, 1.0)[1][places]) - times)
        seconds = limit * times * self.predictor.calibration.between + call
        distance = np.sqrt(squares)
        spread = self.predictor.spread(kind) * np.maximum(1.0, distance)
        far = np.where(distance > FAR, seconds, 0.0)
        shares = np.broadcast_to(cold, count).tolist()
        for row in np.flatnonzero(squares < SAME).tolist():
            exact = self.predictor.measured(key_of(*_with(layer, inputs, row)), shares[row])
            if exact is not None:
                seconds[row], spread[row], far[row] = exact + call, 0.0, 0.0
        return Part(kind, seconds, spread, far)

    def _limit(self, kind: str, macs: Any, moved: Any) -> Any:
        """As `Predictor.limit` has it."""
        ceilings = self.predictor.calibration.ceilings
        macs, moved = np.asarray(macs, float), np.asarray(moved, float)
        compute = 2 * macs / ceilings.flops(arithmetic_of(kind))
        if self.predictor.calibration.data_sheet:
            place = np.searchsorted(self._moved, np.minimum(moved / 2, self._moved[-1]))
            return np.maximum(np.maximum(compute, moved / self._bandwidths[place]), ceilings.overhead)
        bandwidth = np.exp(np.interp(np.log(moved), np.log(self._moved), np.log(self._bandwidths)))
        parts = compute, moved / bandwidth, ceilings.overhead
        return np.sqrt(parts[0] * parts[0] + parts[1] * parts[1] + parts[2] * parts[2])

    def _nearest(self, place: Any, kind: str, cold: float = 0.0) -> tuple[Any, Any]:
        """For each place the square of the distance to the nearest measured operation, and the residual that those around say.

        As `neighbours.nearest` has it. Networks of one space that differ in depth have layers at the same places.
        """
        key = kind, cold, blake2b(place.tobytes(), digest_size=16).digest()
        if key not in self._found:
            if len(self._found) == RECENT:
                del self._found[next(iter(self._found))]
            self._found[key] = self._look_up(place, kind, cold)
        return self._found[key]

    def _look_up(self, place: Any, kind: str, cold: float) -> tuple[Any, Any]:
        sizes, residuals = self._sizes[kind], np.array([residual for _, residual in self.predictor.residuals(kind, cold)])
        middle, count = sizes.mean(axis=0), min(NEIGHBOURS, len(sizes)) - 1
        centred, axes = sizes - middle, range(sizes.shape[1])
        rows, columns = np.tril_indices(len(axes))
        products = centred[:, rows] * centred[:, columns]
        squares, found = np.empty(len(place)), np.empty(len(place))
        step = max(1, AT_ONCE // len(sizes))
        for start in range(0, len(place), step):
            here = slice(start, start + step)
            some = place[here] - middle
            distances = np.zeros((len(some), len(sizes)))
            for axis in axes:
                apart = some[:, axis, None] - centred[None, :, axis]
                distances += apart * apart
            limit = np.partition(distances, count, axis=1)[:, count, None] * ALIKE**2
            chosen = distances <= limit
            weights = np.where(chosen, 1 / (distances + SOFT), 0.0)
            weights /= weights.sum(axis=1, keepdims=True)
            mean, means = weights @ residuals, weights @ centred
            spread = np.empty((len(some), len(axes), len(axes)))
            spread[:, rows, columns] = spread[:, columns, rows] = weights @ products - means[:, rows] * means[:, columns]
            along = weights @ (centred * residuals[:, None]) - means * mean[:, None]
            slopes = np.linalg.solve(spread + RIDGE * np.eye(len(axes)), along[:, :, None])[:, :, 0]
            lowest, highest = np.where(chosen, residuals, np.inf).min(1), np.where(chosen, residuals, -np.inf).max(1)
            beyond = BEYOND * (highest - lowest)
            plane = mean + ((some - means) * slopes).sum(axis=1)
            squares[here] = distances.min(axis=1)
            found[here] = np.clip(plane, lowest - beyond, highest + beyond)
        return squares, found


@record(eq=False)
class Forecast:
    """Predictors by the number format that points have; of other formats nothing is predicted."""

    predictors: Mapping[str, ArrayPredictor]

    def __call__(self, analysis: Analysis, dtype: NumberFormat) -> dict[str, Any]:
        """The columns of `PREDICTED`, or none."""
        predictor = self.predictors.get(dtype)
        return predictor.predict(analysis) if predictor else {}

    @property
    def calibration(self) -> Calibration:
        """The calibration that the first of them rests on."""
        return next(iter(self.predictors.values())).predictor.calibration

    @property
    def unknown_kinds(self) -> list[str]:
        """Kinds of layers of which nothing was measured; the times are then lower bounds."""
        return [*dict.fromkeys(kind for predictor in self.predictors.values() for kind in predictor.unknown_kinds)]


def ranks(columns: Mapping[str, Any], calibration: Calibration) -> Any:
    """For each point one more than the number of points that are quicker beyond `doubt`, so that 95% of such pairs are.

    Args:
        columns: those of `PREDICTED`.
        calibration: what they rest on.
    """
    middle, high = columns["predicted_ms"], columns["predicted_high_ms"]
    of_layers = np.log(high / middle) ** 2 - Predictor(calibration).reach ** 2
    beyond = np.exp(doubt(np.sqrt(np.maximum(of_layers, 0.0)) / (calibration.stretch or 1.0)))
    return 1 + np.searchsorted(np.sort(middle * beyond), middle / beyond)


def _plain(value: Any) -> Any:
    return np.asarray(value, float) if is_array(value) else value


def _arrays(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for each in value:
            yield from _arrays(each)
    elif is_array(value):
        yield value


def _with(layer: Layer, inputs: tuple[Shape, ...], given: Mapping[int, Any] | int) -> tuple[Layer, tuple[Shape, ...]]:
    """The layer and its inputs with other numbers for their arrays, by id, or with the entry of each in one row."""
    changed = {name: _filled(value, given) for name, value in vars(layer).items() if [*_arrays(value)]}
    return replace(layer, **changed) if changed else layer, _filled(inputs, given)


def _filled(value: Any, given: Mapping[int, Any] | int) -> Any:
    if isinstance(value, tuple):
        return tuple([_filled(each, given) for each in value])
    if not is_array(value):
        return value
    return np.asarray(value)[given].item() if isinstance(given, int) else given[id(value)]


def _key(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple([_key(each) for each in value])
    return (value.shape, value.tobytes()) if is_array(value) else value


def _octaves(sizes: Any) -> Any:
    """Logarithms as a single layer's are taken: to the last bit."""
    values, places = np.unique(sizes, return_inverse=True)
    return np.array([log2(max(each, 1)) for each in values.tolist()])[places]
