"""The inputs of layers that are no longer in the processor's cache when they are read.

What lies between two uses of a tensor decides that: the bytes moved since (the reuse distance: Mattson et al. 1970, with an
LRU cache as large as the largest working set that is moved faster than from main memory).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cnnprof.network.dims import Dim
from cnnprof.network.layers import elements
from cnnprof.network.results import Cost
from cnnprof.timing.layer_times import traffic


class Flow(NamedTuple):
    """A layer's tensors.

    Args:
        name: of its output.
        inputs: the names of those that it reads.
        sizes: their bytes; numbers, or arrays of design points.
        moved: the bytes of all that it reads and writes, weights included; 0 for a view.
    """

    name: str
    inputs: tuple[str, ...]
    sizes: tuple[Dim, ...]
    moved: Dim


def cold_shares(flows: Iterable[Flow], cache: float) -> Iterator[Dim]:
    """For each layer, in order, the share of its inputs' bytes that a cache of so many bytes no longer holds.

    An input that was just written is hot, whatever its size: so inputs are when a layer is timed alone.
    """
    moved: Dim = 0
    used: dict[str, Dim] = {}
    for flow in flows:
        total = sum(flow.sizes)
        cold: Dim = 0
        for name, size in zip(flow.inputs, flow.sizes, strict=True):
            since = moved - used.get(name, 0)
            cold = cold + size * ((since > 0) & (since + size > cache))
        yield cold / (total + (total == 0))
        moved = moved + flow.moved
        if isinstance(flow.moved, int) and flow.moved == 0:  # A view is as old as what it shows.
            used[flow.name] = used.get(flow.inputs[0], 0) if flow.inputs else moved
            continue
        used |= dict.fromkeys((*flow.inputs, flow.name), moved)


def flow_of(cost: Cost, element_bytes: int) -> Flow:
    """A layer's tensors, of a network without arrays."""
    sizes = tuple([elements(shape) * element_bytes for shape in cost.inputs])
    return Flow(cost.node.name, cost.node.inputs, sizes, traffic(cost, element_bytes))
