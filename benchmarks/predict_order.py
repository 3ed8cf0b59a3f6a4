"""Whether a sweep's best rows are in the order that was predicted: `predict_quality.py --sweep` measures them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

import cnnprof
from cnnprof.api.predict import predictor_of
from cnnprof.measure.operation_calibration import measure_missing_operations
from cnnprof.measure.options import Job, Options
from cnnprof.network.analysis import analyze
from cnnprof.timing.calibrations import Calibration
from cnnprof.timing.prediction import Prediction, told_apart
from cnnprof.views.sweep import Order

SPACES = (
    (
        "mobilenet_v2",
        {"width": [0.35, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4], "input": [*range(96, 257, 16)]},
        "macs > 150M",
    ),
    (
        "resnet50",
        {
            "depths": [[1, 1, 1, 1], [1, 2, 3, 1], [2, 2, 2, 2], [2, 3, 4, 2], [3, 4, 6, 3]],
            "base": [32, 40, 48, 56, 64],
            "input": [*range(96, 225, 32)],
        },
        "macs > 500M",
    ),
)
"""Design spaces that are swept, each with the condition under which the quickest points are looked for."""

ROWS = 12
"""So many of the quickest points, and of those on the front of most arithmetic in the least time, are measured."""

APART = 1.05
"""Times a network's time from which on the order of two matters to a choice between them."""


def judge_sweep(
    name: str,
    axes: Mapping[str, Sequence[Any]],
    condition: str,
    calibration: Calibration,
    time: Callable[[Sequence[Job]], dict[str, float]],
) -> dict[str, Any]:
    """Sweep a space with predicted latency, measure the points that it is swept for, and print how well they are ranked.

    Args:
        time: gives the seconds that each job takes, by name.

    Returns the seconds that each point took, and their layers' own times.
    """
    every = cnnprof.sweep(name, axes, predict=True, calibration=calibration)
    some = cnnprof.sweep(name, axes, predict=True, calibration=calibration, where=condition)
    front = every.bench_jobs(Order(sort="predicted_ms", pareto=("+macs", "predicted_ms")), every.space.size)
    chosen = {
        f"the quickest with {condition}": some.bench_jobs(Order(sort="predicted_ms"), ROWS),
        "on the front of most MACs in the least time": [front[i] for i in _spread(len(front), ROWS)],
    }
    analyses = {job.name: analyze(job.graph) for rows in chosen.values() for job in rows}
    grid = predictor_of(calibration, Options())
    missing = {key: cost for each in analyses.values() for key, cost in grid.missing(each).items()}
    table = measure_missing_operations(calibration, missing, Options())
    seconds = time([*{job.name: job for rows in chosen.values() for job in rows}.values()])
    print(
        f"\n{name}: {every.space.size} points over {', '.join(axes)}; {len(missing)} layers of those chosen are not in the grid"
    )
    for mode, predictor in (("grid", grid), ("table", predictor_of(table, Options()))):
        predicted = {called: predictor.predict(analysis) for called, analysis in analyses.items()}
        for which, rows in chosen.items():
            _judge_order(f"{mode}, {which}", {job.name: predicted[job.name] for job in rows if job.name in seconds}, seconds)
    own = [each.to_list() for key, each in table.operations.items() if key in missing]
    return {"space": name, "seconds": seconds, "operations": own}


def _judge_order(which: str, predicted: Mapping[str, Prediction], seconds: Mapping[str, float]) -> None:
    """Print how many of all pairs are in the measured order, and of those that are more than `APART` from one another."""
    pairs = [*combinations(predicted, 2)]
    kinds = {
        f"that are more than {APART - 1:.0%} apart": [
            (a, b) for a, b in pairs if abs(math.log(seconds[a] / seconds[b])) > math.log(APART)
        ],
        "that are told apart": [(a, b) for a, b in pairs if told_apart(predicted[a], predicted[b])],
    }
    for each, prediction in predicted.items():
        print(line(f"{each:60}", prediction, seconds[each]))
    rank = spearman([each.seconds for each in predicted.values()], [seconds[each] for each in predicted])
    right = {
        kind: sum((predicted[a].seconds < predicted[b].seconds) == (seconds[a] < seconds[b]) for a, b in some)
        for kind, some in {"": pairs, **kinds}.items()
    }
    print(
        f"  {which}: Spearman {rank:.3f}, pairs in order {right['']} of {len(pairs)}, "
        + ", ".join(f"{right[kind]} of the {len(some)} {kind}" for kind, some in kinds.items())
    )


def _spread(count: int, most: int) -> list[int]:
    """At the most so many of the numbers below `count`, evenly, with both ends."""
    return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)}) if count else []


def spearman(a: Sequence[float], b: Sequence[float]) -> float:
    """Spearman's coefficient of rank correlation, of values without ties; NaN of fewer than three."""
    ranks = [np.argsort(np.argsort(values)) for values in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1]) if len(a) > 2 else math.nan


def inside(predicted: Prediction, seconds: float) -> bool:
    """Whether the measured time is within the stated interval."""
    low, high = predicted.interval90
    return low <= seconds <= high


def line(network: str, predicted: Prediction, seconds: float) -> str:
    """A network's measured and predicted time, in words."""
    times = f"{seconds * 1e3:8.2f} ms, predicted {predicted.seconds * 1e3:8.2f} ({predicted.seconds / seconds - 1:+.1%})"
    return f"  {network:36} {times}{'' if inside(predicted, seconds) else '  outside its interval'}"
