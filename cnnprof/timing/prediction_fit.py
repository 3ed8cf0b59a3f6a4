"""Predictions held against whole networks: how cold layers run, what a call and a run take beyond, and how wide an interval is.

An interval is conformal (Vovk et al. 2005; Lei et al. 2018): each network, as it ran in one process, is predicted from what the
others took in the other processes, and of n networks' errors the one of rank ceil(0.9 (n + 1)) bounds the next network's with a
probability of 90%. One process runs faster than another as a whole: what a machine's speed drifts by is in the errors.
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
from cnnprof.timing.prediction import LEAST_SPREAD, SPREAD, Prediction, Predictor

COLD_STEPS = 20

CALL_STEPS = 32
CALLS = 8.0
"""A layer in a network takes at most so many of the smallest operation's times over the same alone."""

INSIDE = 0.9
"""The share of networks within their interval."""

FEWEST = 5
"""Networks that an interval can be taken from."""

Measured = tuple[Analysis, Sequence[float]]
"""A network, and the seconds of one run in each process."""


class _Network(NamedTuple):
    """The logarithms of a network's seconds in each process, and of the sum of its layers' at each of `_PLACES`."""

    name: str
    seconds: tuple[float, ...]
    alone: tuple[float, ...]

    def middle(self, without: int | None = None) -> float:
        """The median of its processes; of the others where one is left out."""
        return median([each for process, each in enumerate(self.seconds) if process != without])


_PLACES = [(step, calls) for step in range(COLD_STEPS + 1) for calls in range(CALL_STEPS + 1)]
"""Steps of `cold` and of `call`."""


def fit(
    calibration: Calibration,
    measured: Sequence[Measured],
    element_bytes: int = 4,
    designed: Collection[str] | None = None,
) -> Calibration:
    """The calibration with what whole networks say of it.

    `cold` and `call` are those at which the networks agree best, `factor` the median that is then left; errors are logarithms.

    Args:
        measured: networks, each timed in the same processes.
        designed: the keys of those operations that were not measured for these networks' sake; all if left out.
    """
    if not measured:
        return calibration
    plain = replace(calibration, factor=1.0, between=1.0, call=0.0)
    unit = CALLS * calibration.ceilings.overhead / CALL_STEPS
    networks = _networks(plain, measured, unit, element_bytes)
    middles = [each.middle() for each in networks]
    at, factor = _agreement(networks, middles)
    step, calls = _PLACES[at]
    fitted = replace(
        plain,
        cold=step / COLD_STEPS,
        call=calls * unit,
        factor=exp(factor),
        networks={each.name: exp(seconds - each.alone[at] - factor) for each, seconds in zip(networks, middles, strict=True)},
        drift=_drift(networks),
    )
    grid = fitted
    if designed is not None:
        wanted = {*designed}
        grid = replace(fitted, operations={key: each for key, each in fitted.operations.items() if key in wanted})
    grid = replace(grid, spreads=spreads_of(Predictor(grid, element_bytes)))
    fitted = replace(fitted, spreads=grid.spreads)
    if len(measured) < FEWEST:
        return fitted
    errors = _left_out(networks)
    reach = max(_rank([abs(error) for own in errors for error in own], len(errors)), WIDTH * LEAST_SPREAD)
    alone, exact = (Predictor(each, element_bytes) for each in (grid, fitted))
    between, stretch = _of_grid(alone, exact, [analysis for analysis, _ in measured], errors, reach)
    return replace(fitted, between=between, reach=reach, stretch=stretch)


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


def _networks(calibration: Calibration, measured: Sequence[Measured], unit: float, element_bytes: int) -> list[_Network]:
    """The networks, with steps of `call` of so many seconds."""
    tried = [Predictor(replace(calibration, cold=step / COLD_STEPS), element_bytes) for step in range(COLD_STEPS + 1)]
    found = []
    for analysis, seconds in measured:
        predictions = [predictor.predict(analysis) for predictor in tried]
        name = f"{analysis.graph.name} {'x'.join(map(str, analysis.graph.input_shape))}"
        count = len(predictions[0].layers)
        alone = tuple(log(predictions[step].seconds + count * calls * unit) for step, calls in _PLACES)
        found.append(_Network(name, tuple(map(log, seconds)), alone))
    return found


def _agreement(networks: Sequence[_Network], seconds: Sequence[float]) -> tuple[int, float]:
    """The number of the place at which the networks agree best, given the logarithms of their seconds, and their median there.

    By the least absolute deviations: one network that is unlike the others does not decide where that is.
    """

    def off(at: int) -> list[float]:
        return [middle - each.alone[at] for each, middle in zip(networks, seconds, strict=True)]

    def scatter(at: int) -> float:
        """The sum of distances to the median: that of the upper half less that of the lower."""
        errors, half = sorted(off(at)), len(networks) // 2
        return sum(errors[len(errors) - half :]) - sum(errors[:half])

    best = min(range(len(_PLACES)), key=scatter)
    return best, median(off(best))


def _left_out(networks: Sequence[_Network]) -> list[list[float]]:
    """For each network its error in each process, as a logarithm, when the others in the other processes are fitted to."""
    processes = range(len(networks[0].seconds))
    errors: list[list[float]] = [[] for _ in networks]
    for process in processes:
        middles = [each.middle(process if len(processes) > 1 else None) for each in networks]
        for number, each in enumerate(networks):
            at, factor = _agreement(*([*some[:number], *some[number + 1 :]] for some in (networks, middles)))
            errors[number].append(each.seconds[process] - each.alone[at] - factor)
    return errors


def _drift(networks: Sequence[_Network]) -> float | None:
    """The standard deviation of the logarithm of the machine's speed from process to process; None of one process."""
    processes = range(len(networks[0].seconds))
    if len(processes) < 2:
        return None
    speeds = [median([each.seconds[process] - each.middle() for each in networks]) for process in processes]
    mean = sum(speeds) / len(speeds)
    return sqrt(sum((speed - mean) ** 2 for speed in speeds) / (len(speeds) - 1))


def _of_grid(
    grid: Predictor, table: Predictor, analyses: Sequence[Analysis], errors: Sequence[Sequence[float]], reach: float
) -> tuple[float, float]:
    """`between` and `stretch`, by what the grid says of the networks without their own layers.

    Intervals that are wider with `stretch` hold one another: the score of an error is the least one that holds it.
    """
    exact = [table.predict(analysis).seconds for analysis in analyses]

    def predicted(between: float) -> list[Prediction]:
        predictor = Predictor(replace(grid.calibration, between=between), grid.element_bytes)
        return [predictor.predict(analysis) for analysis in analyses]

    # The median: a network that lies beyond the grid says nothing of one within.
    between = exp(median([log(seconds / each.seconds) for seconds, each in zip(exact, predicted(1.0), strict=True)]))
    scores = [
        [sqrt(max(0.0, (error + log(seconds / each.seconds)) ** 2 - reach**2)) / each.spread for error in own]
        for seconds, each, own in zip(exact, predicted(between), errors, strict=True)
        if each.spread > 0
    ]
    return between, max(_rank([score for own in scores for score in own], len(scores)), 1.0) if scores else WIDTH


def _rank(errors: Sequence[float], networks: int) -> float:
    """The error that bounds the next network's with a probability of `INSIDE`; of few the largest, which bounds n of n + 1.

    Args:
        errors: as many of each network.
    """
    rank = ceil(INSIDE * (networks + 1))
    return sorted(errors)[min(rank, networks) * len(errors) // networks - 1]
