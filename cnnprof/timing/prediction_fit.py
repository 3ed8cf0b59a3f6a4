"""Predictions held against whole networks: how cold layers run, what a call and a run take beyond, and how wide an interval is.

An interval is conformal (Vovk et al. 2005; Lei et al. 2018): each network is predicted from a fit to the others, and of n such
errors the one of rank ceil(0.9 (n + 1)) bounds the next network's with a probability of 90%.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from math import ceil, exp, log, sqrt
from typing import NamedTuple

from cnnprof.network.results import Analysis
from cnnprof.timing.calibrations import WIDTH, Calibration
from cnnprof.timing.intervals import median
from cnnprof.timing.neighbours import nearest
from cnnprof.timing.prediction import LEAST_SPREAD, SPREAD, Predictor

COLD_STEPS = 20

CALL_STEPS = 32
CALLS = 8.0
"""A layer in a network takes at most so many of the smallest operation's times over the same alone."""

INSIDE = 0.9
"""The share of networks within their interval."""

FEWEST = 5
"""Networks that an interval can be taken from."""


class _Sums(NamedTuple):
    """A network's measured seconds, the sum of its layers' for each step of `cold`, and their number."""

    name: str
    measured: float
    alone: tuple[float, ...]
    layers: int

    def off(self, at: _Place) -> float:
        """The logarithm of what is measured over what is predicted."""
        return log(self.measured / (self.alone[at.step] + self.layers * at.call))


class _Place(NamedTuple):
    """A step of `cold`, and the seconds of `call`."""

    step: int
    call: float


def fit(
    calibration: Calibration,
    measured: Sequence[tuple[Analysis, float]],
    element_bytes: int = 4,
    designed: Collection[str] | None = None,
) -> Calibration:
    """The calibration with what whole networks say of it.

    `cold` and `call` are those at which the networks agree best, `factor` the mean that is then left; errors are logarithms.

    Args:
        measured: networks with the seconds of one run.
        designed: the keys of those operations that were not measured for these networks' sake; all if left out.
    """
    if not measured:
        return calibration
    plain = replace(calibration, factor=1.0, between=1.0, call=0.0)
    table = _over_steps(plain, measured, element_bytes)
    unit = CALLS * calibration.ceilings.overhead / CALL_STEPS
    at, factor = _agreement(table, unit)
    left = [each.off(at) - factor for each in table]
    fitted = replace(
        plain,
        cold=at.step / COLD_STEPS,
        call=at.call,
        factor=exp(factor),
        networks={each.name: exp(off) for each, off in zip(table, left, strict=True)},
    )
    grid = fitted
    if designed is not None:
        wanted = {*designed}
        grid = replace(fitted, operations={key: each for key, each in fitted.operations.items() if key in wanted})
    fitted = replace(fitted, spreads=spreads_of(Predictor(grid, element_bytes)))
    if len(measured) < FEWEST:
        return fitted
    reach = max(_rank([_left_out(table, number, unit) for number in range(len(table))]), WIDTH * LEAST_SPREAD)
    grid = replace(grid, spreads=fitted.spreads, factor=1.0)
    predictions = [Predictor(grid, element_bytes).predict(analysis) for analysis, _ in measured]
    totals = [log(seconds / each.seconds) for each, (_, seconds) in zip(predictions, measured, strict=True)]
    # The median: a network that lies beyond the grid says nothing of one within.
    between = median(totals) - factor
    off = [abs(each - median(totals[:i] + totals[i + 1 :])) for i, each in enumerate(totals)]
    stretches = [
        sqrt(max(0.0, error**2 - reach**2)) / each.spread
        for error, each in zip(off, predictions, strict=True)
        if each.spread > 0
    ]
    return replace(fitted, between=exp(between), reach=reach, stretch=max(_rank(stretches), 1.0) if stretches else WIDTH)


def spreads_of(predictor: Predictor) -> dict[str, float]:
    """For each kind, how far its operations are from what their neighbours say, one after the other left out."""
    found = {}
    for kind, known in predictor.kinds.items():
        errors = [
            nearest(timed.operation.sizes, known[:i] + known[i + 1 :])[1] - residual
            for i, (timed, residual) in enumerate(known)
            if len(known) > 1
        ]
        found[kind] = sqrt(sum(error**2 for error in errors) / len(errors)) if errors else SPREAD
    return found


def _over_steps(calibration: Calibration, measured: Sequence[tuple[Analysis, float]], element_bytes: int) -> list[_Sums]:
    tried = [Predictor(replace(calibration, cold=step / COLD_STEPS), element_bytes) for step in range(COLD_STEPS + 1)]
    return [
        _Sums(
            f"{analysis.graph.name} {'x'.join(map(str, analysis.graph.input_shape))}",
            seconds,
            tuple(predictor.predict(analysis).seconds for predictor in tried),
            len(tried[0].predict(analysis).layers),
        )
        for analysis, seconds in measured
    ]


def _agreement(sums: Sequence[_Sums], unit: float) -> tuple[_Place, float]:
    """The place at which the networks agree best, with `call` in steps of a unit, and their mean there."""
    places = [_Place(step, call * unit) for step in range(COLD_STEPS + 1) for call in range(CALL_STEPS + 1)]
    best = min(places, key=lambda at: _scatter([each.off(at) for each in sums]))
    return best, _mean([each.off(best) for each in sums])


def _left_out(sums: Sequence[_Sums], number: int, unit: float) -> float:
    """The error of one network, as a logarithm, when the others are fitted to."""
    at, mean = _agreement([*sums[:number], *sums[number + 1 :]], unit)
    return abs(sums[number].off(at) - mean)


def _scatter(values: Sequence[float]) -> float:
    mean = _mean(values)
    return sum((value - mean) ** 2 for value in values)


def _rank(errors: Sequence[float]) -> float:
    """The error that bounds the next one with a probability of `INSIDE`; of few the largest, which bounds n of n + 1."""
    rank = ceil(INSIDE * (len(errors) + 1))
    return sorted(errors)[min(rank, len(errors)) - 1]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
