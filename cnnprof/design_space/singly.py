"""Design points of networks that take no arrays: each is loaded apart, in several processes where that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from typing import Any

from cnnprof.design_space.blocks import PointBlock
from cnnprof.design_space.evaluation import Figures, Predict, evaluate, joined
from cnnprof.design_space.networks import Swept, load
from cnnprof.errors import CnnprofError
from cnnprof.notify import quiet
from cnnprof.sources import Model


def evaluate_singly(
    block: PointBlock,
    swept: Swept,
    wanted: Collection[str],
    jobs: int,
    notify: Callable[[int], None] = quiet,
    predict: Predict | None = None,
) -> Figures:
    """As `evaluate`, one point after the other; with several `jobs`, processes load them into the cache before that."""
    points = [block.point(number) for number in range(block.size)]
    found = []
    for point in points if jobs == 1 else _kept(points, swept.model, jobs):
        found.append(evaluate(point, swept.build, wanted, predict=predict))
        notify(len(found))
    return joined(found, wanted)


def _kept(points: Iterable[PointBlock], model: Model, jobs: int) -> Iterator[PointBlock]:
    """The points in order, each as soon as its network is in the cache.

    joblib keeps its processes from one block to the next, ends them with this one, and takes others' machines where a user
    says so (`joblib.parallel_config`).
    """
    from joblib import Parallel, delayed

    every = list(points)
    done = Parallel(n_jobs=jobs, return_as="generator")(delayed(_keep)(model, point.values()) for point in every)
    for point, _ in zip(every, done, strict=True):
        yield point


def _keep(model: Model, values: dict[str, Any]) -> None:
    """Load a point's network, which leaves it in the cache; what is wrong with it is said when it is loaded again."""
    with suppress(CnnprofError):
        load(model, values)
