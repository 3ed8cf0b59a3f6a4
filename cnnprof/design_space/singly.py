"""Design points of networks that take no arrays: each is loaded apart, in several processes where that is asked for."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from typing import Any

from cnnprof.design_space.blocks import Block
from cnnprof.design_space.evaluation import Figures, Predict, evaluate, joined
from cnnprof.design_space.networks import Swept, load
from cnnprof.errors import CnnprofError
from cnnprof.sources import Model


def evaluate_singly(block: Block, swept: Swept, wanted: Collection[str], jobs: int, predict: Predict | None = None) -> Figures:
    """As `evaluate`, one point after the other; with several `jobs`, processes load them into the cache before that."""
    points = [block.point(number) for number in range(block.size)]
    if jobs > 1:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            list(pool.map(_keep, [(swept.model, point.values()) for point in points]))
    return joined([evaluate(point, swept.build, wanted, predict=predict) for point in points], wanted)


def _keep(task: tuple[Model, dict[str, Any]]) -> None:
    """Load a point's network, which leaves it in the cache; what is wrong with it is said when it is loaded again."""
    with suppress(CnnprofError):
        load(*task)
