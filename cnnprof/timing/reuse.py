"""The inputs of layers that are no longer in the processor's cache when they are read.

What lies between two uses of a tensor decides that: the bytes that came into the cache since (the reuse distance: Mattson et
al. 1970, with an LRU cache as large as the largest working set that is moved faster than from main memory).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from cnnprof.network.dims import Dim, Split
from cnnprof.network.layers import elements
from cnnprof.network.results import Cost
from cnnprof.timing.layer_times import traffic


class Flow(NamedTuple):
    """A layer's tensors.

    Args:
        name: of its output.
        inputs: the names of those that it reads.
        sizes: their bytes; numbers, or arrays of design points.
        brought: the bytes that it brings into the cache: its weights, and its output unless that is written over an input.
        view: it touches none of its tensors.
    """

    name: str
    inputs: tuple[str, ...]
    sizes: tuple[Dim, ...]
    brought: Dim
    view: bool = False


def cold_shares(flows: Iterable[Flow], cache: float) -> Iterator[Dim]:
    """For each layer, in order, the share of its inputs' bytes that a cache of so many bytes no longer holds.

    An input that was just written is hot, whatever its size: so inputs are when a layer is timed alone.
    """
    brought: Dim = 0
    used: dict[str, Dim] = {}
    for flow in flows:
        total = sum(flow.sizes)
        cold: Dim = 0
        for name, size in zip(flow.inputs, flow.sizes, strict=True):
            since = brought - used.get(name, 0)
            cold = cold + size * ((since > 0) & (since + size > cache))
        yield cold / (total + (total == 0))
        brought = brought + flow.brought
        if flow.view:  # It is as old as what it shows.
            used[flow.name] = used.get(flow.inputs[0], 0) if flow.inputs else brought
            continue
        used |= dict.fromkeys((*flow.inputs, flow.name), brought)


def flow_of(cost: Cost, element_bytes: int, plain: Callable[[Dim], Dim] = lambda size: size) -> Flow:
    """A layer's tensors.

    Args:
        plain: makes a plain array of sizes that are one of design points; those of a layer that is a view at some of them, and
            at others not, are taken for tensors of its own.
    """
    sizes = tuple([plain(elements(shape)) * element_bytes for shape in cost.inputs])
    layer = cost.node.layer
    weights, output = plain(layer.params(*cost.inputs)), plain(elements(cost.output))
    try:
        view, writes = _moves_nothing(traffic(cost, element_bytes)), layer.writes
    except Split:
        view, writes = False, True
    return Flow(cost.node.name, cost.node.inputs, sizes, (weights + output * writes) * element_bytes, view)


def _moves_nothing(moved: Dim) -> bool:
    return isinstance(moved, int) and moved == 0
