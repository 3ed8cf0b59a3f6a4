"""Layers in a row that are the parts of an axis: `split`, `chunk` and `unbind`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from cnnprof.network.dims import Shape
from cnnprof.network.graph import Node
from cnnprof.network.layers.arrangement import Select, Slice
from cnnprof.spec.token_words import Run

_MOST_SIZES = 6
"""Sizes that a list of a word may have."""


def split_at(
    nodes: Sequence[Node], shapes: Mapping[str, Shape], sources: Callable[[Node], tuple[str, ...]], channels: int
) -> Run | None:
    """The layers at the front of `nodes` that are all parts of one axis of a tensor, in order; None where they are none.

    Args:
        nodes: layers in their order.
        shapes: the shape of each tensor.
        sources: the tensors that a node reads.
        channels: the axis of the channels of what they read.
    """
    first = nodes[0]
    if not isinstance(first.layer, (Select, Slice)):
        return None
    reads = sources(first)
    axes = len(shapes[reads[0]])
    axis = first.layer.dim % axes
    whole = shapes[reads[0]][axis]
    run, end = [], 0
    for node, part in _parts(nodes, type(first.layer)):
        if sources(node) != reads or part.dim % axes != axis or node.aux != first.aux:
            break
        start, length = (part.index, 1) if isinstance(part, Select) else (part.start, part.length)
        if start != end:
            break
        run.append(node)
        end += length
    if len(run) < 2 or end != whole:
        return None
    if isinstance(first.layer, Select):
        return Run(run, f"unbind{f' axis={axis}' if axis != 1 else ''}", reads[0], True)
    dim = "" if axis == channels else f" axis={axis}"
    sizes = [shapes[node.name][axis] for node in run]
    if len({*sizes}) == 1:
        return Run(run, f"chunk {len(sizes)}{dim}", reads[0], True)
    return Run(run, f"split ({','.join(map(str, sizes))}){dim}", reads[0], True) if len(sizes) <= _MOST_SIZES else None


def _parts(nodes: Sequence[Node], kind: type[Select | Slice]) -> Iterator[tuple[Node, Select | Slice]]:
    for node in nodes:
        if not isinstance(node.layer, kind) or getattr(node.layer, "step", 1) != 1:
            return
        yield node, node.layer
