"""The figures of design points: one elaboration for each structure, arrays within it, and the reason where none is built."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from cnnprof.design_space.blocks import APART, PointBlock
from cnnprof.errors import CnnprofError
from cnnprof.footprint.execution import ELEMENT_BYTES, USUAL
from cnnprof.footprint.formats import NumberFormat, int8_inference, int8_weight_bytes
from cnnprof.footprint.liveness import inference, worst
from cnnprof.footprint.training import training
from cnnprof.network.analysis import analyze
from cnnprof.network.dims import Split
from cnnprof.network.graph import Graph
from cnnprof.network.results import Analysis, Totals, sum_up
from cnnprof.notify import quiet
from cnnprof.record import record

FIGURES = ("params", "macs", "activations", "param_bytes", "peak_inference_bytes", "peak_training_bytes")
"""The figures of a design point, under the names that the JSON reports have."""

TOGETHER = 2**18
"""Points that are looked through for their structures at once."""

AT_ONCE = 10**7
"""Points times layers whose figures are computed at once: of a grid's points, arrays of some hundred megabytes at the most."""

DTYPES = (*ELEMENT_BYTES, "int8")
"""Number formats; nothing is trained in int8."""

Build = Callable[[dict[str, Any]], Graph]
"""Makes the graph for what the axes have, numbers or arrays. Raises CnnprofError where there is no such network."""


@record
class Failure:
    """Points at which there is no network, with the reason of the first."""

    points: tuple[int, ...]
    error: CnnprofError


@record(eq=False)
class Figures:
    """The figures of some points, by name, in the order of `points`, and the points without any."""

    points: Any
    columns: dict[str, Any]
    failures: tuple[Failure, ...]


Predict = Callable[[Analysis, NumberFormat], Mapping[str, Any]]
"""Further figures of a network in a number format, by name."""


def evaluate(
    block: PointBlock,
    build: Build,
    wanted: Collection[str] = FIGURES,
    notify: Callable[[int], None] = quiet,
    predict: Predict | None = None,
) -> Figures:
    """The wanted figures of every point of a block.

    Args:
        notify: is told how many of the points are done.
        predict: works out the wanted figures that are none of `FIGURES`.
    """
    some = []
    done = 0
    with np.errstate(all="ignore"):
        for part, found in _parts(block, build, wanted, predict):
            done += part.size
            notify(done)
            if isinstance(found, CnnprofError):
                failure = Failure(tuple(part.points.ravel().tolist()), found)
                some.append(Figures(np.zeros(0, int), {name: np.zeros(0, int) for name in wanted}, (failure,)))
                continue
            columns = {name: np.broadcast_to(np.asarray(found[name]), part.points.shape).ravel() for name in wanted}
            some.append(Figures(part.points.ravel(), columns, ()))
    return joined(some, wanted)


def joined(some: Sequence[Figures], wanted: Collection[str]) -> Figures:
    """The figures of all points, in the order of the points."""
    points = np.concatenate([each.points for each in some])
    order = np.argsort(points, kind="stable")
    # Without a point there is no telling of which kind a figure is.
    columns = {name: np.concatenate([each.columns[name] for each in some if len(each.points)] or [points]) for name in wanted}
    failures = tuple(failure for each in some for failure in each.failures)
    return Figures(points[order], {name: column[order] for name, column in columns.items()}, failures)


def _parts(
    block: PointBlock, build: Build, wanted: Collection[str], predict: Predict | None
) -> Iterator[tuple[PointBlock, dict[str, Any] | CnnprofError]]:
    """The parts of a block that are built in one go, with their figures, or the reason why there are none."""
    waiting = [block]
    while waiting:
        part = waiting.pop()
        try:
            values = part.values()
            graph = build(values)
            most = max(1, AT_ONCE // len(graph.nodes) // (1 if part.is_grid else APART))
            if part.size > most:
                waiting += reversed([*part.chunks(most)])
                continue
            yield part, _figures(graph, values.get("dtype", "fp32"), wanted, predict)
        except Split as split:
            waiting += reversed([*part.divide(split.labels)])
        except CnnprofError as error:
            reason = _reason(part, build, wanted, error)
            if reason is None:
                waiting += reversed(_halves(part))
            else:
                yield part, reason
        except (ArithmeticError, AttributeError, IndexError, TypeError, ValueError):
            # Something in it takes no arrays: the points are built one by one.
            if part.size == 1:
                raise
            waiting += reversed(_halves(part))


def _reason(part: PointBlock, build: Build, wanted: Collection[str], error: CnnprofError) -> CnnprofError | None:
    """Why none of the points is a network, as the first of them says it; None where some may be one."""
    if part.size == 1:
        return error
    point = part.point(0)
    try:
        values = point.values()
        _figures(build(values), values.get("dtype", "fp32"), wanted, None)
    except CnnprofError as single:
        # The same complaint at the same place was made of all of them, for a condition that tells some apart splits them.
        return single if (single.message, single.place) == (error.message, error.place) else None
    return None


def _halves(part: PointBlock) -> list[PointBlock]:
    block = part.as_list()
    return [*block.chunks((block.size + 1) // 2)]


def _figures(graph: Graph, dtype: NumberFormat, wanted: Collection[str], predict: Predict | None) -> dict[str, Any]:
    analysis = analyze(graph, see_input=False)
    compute: dict[str, Callable[[Any], Any]] = {
        "param_bytes": partial(_weights, analysis, dtype),
        "peak_inference_bytes": partial(_peak, inference, analysis, dtype),
        "peak_training_bytes": partial(_peak, training, analysis, dtype),
    }
    totals = sum_up(graph, analysis.costs)
    own = [name for name in wanted if name in FIGURES]
    more = predict(analysis, dtype) if predict and len(own) < len(wanted) else {}
    found = {name: compute[name](totals) if name in compute else getattr(totals, name) for name in own}
    return found | {name: more.get(name, np.nan) for name in wanted if name not in FIGURES}


def _weights(analysis: Analysis, dtype: NumberFormat, totals: Totals) -> Any:
    if dtype == "int8":
        return int8_weight_bytes(analysis)
    return totals.param_bytes if dtype == USUAL.dtype else totals.params * ELEMENT_BYTES[dtype]


def _peak(footprint: Any, analysis: Analysis, dtype: NumberFormat, _: Any) -> Any:
    if dtype == "int8":
        return int8_inference(analysis).peak_bytes if footprint is inference else np.nan
    return footprint(analysis.graph, analysis.costs, replace(USUAL, dtype=dtype), keep=worst).peak_bytes
