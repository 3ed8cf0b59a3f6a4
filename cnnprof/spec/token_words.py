"""Layers in a row that one word of tokens stands for: `tokens`, `clstoken`, `posembed` and `attention`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from cnnprof.network.dims import Shape, prod
from cnnprof.network.graph import Node
from cnnprof.network.layers.arrangement import Expand, Flatten, Permute, Reshape, Select
from cnnprof.network.layers.linear import Linear, Parameter, ScaledDotProductAttention
from cnnprof.network.layers.merging import Add, Concat

LONGEST_RUN = 10
_LENGTHS = (2, 3, LONGEST_RUN)
"""Layers that make tokens or add their positions, of a class token and of attention."""


class Run(NamedTuple):
    """Layers that one word with its options says, and the tensor that they read; `several` says that each gives an output."""

    nodes: list[Node]
    word: str
    reads: str
    several: bool = False


def run_of_tokens(
    nodes: Sequence[Node],
    shapes: Mapping[str, Shape],
    sources: Callable[[Node], tuple[str, ...]],
    is_inside: Callable[[Sequence[Node]], bool],
) -> Run | None:
    """The run of layers at the front of `nodes` that one word says; None where there is none.

    Args:
        nodes: layers in their order.
        shapes: the shape of each tensor.
        sources: the tensors that a node reads.
        is_inside: whether what such nodes give, but for the last, is read by them alone, with weights of their own.
    """
    if not isinstance(nodes[0].layer, (Parameter, Linear, Reshape, Flatten)):
        return None
    for length in _LENGTHS:
        run = list(nodes[:length])
        if len(run) == length and is_inside(run) and (found := _word(run, shapes, sources)):
            return Run(run, *found)
    return None


def _word(run: list[Node], shapes: Mapping[str, Shape], sources: Callable[[Node], tuple[str, ...]]) -> tuple[str, str] | None:
    first, last = run[0], run[-1]
    if isinstance(first.layer, (Reshape, Flatten)):
        if len(run) != 2 or last.layer != Permute((0, 2, 1)) or sources(last) != (first.name,):
            return None
        (x,) = sources(first)
        return ("tokens", x) if len(shapes[x]) > 3 and shapes[first.name] == (*shapes[x][:2], prod(shapes[x][2:])) else None
    if len(run) == 2 and last.layer == Add() and sources(last)[1:] == (first.name,):
        x = sources(last)[0]
        return ("posembed", x) if first.layer == Parameter((1, *shapes[x][1:])) else None
    if len(run) == 3 and last.layer == Concat(1) and isinstance(run[1].layer, Expand) and len(sources(last)) == 2:
        token, x = sources(last)
        batch, *_, width = shapes[x]
        made = (
            first.layer == Parameter((1, 1, width)) and shapes[token] == (batch, 1, width) and sources(run[1]) == (first.name,)
        )
        return ("clstoken", x) if made and token == run[1].name else None
    if len(run) == LONGEST_RUN and isinstance(run[6].layer, ScaledDotProductAttention):
        return _attention(run, shapes, sources)
    return None


def _attention(
    run: list[Node], shapes: Mapping[str, Shape], sources: Callable[[Node], tuple[str, ...]]
) -> tuple[str, str] | None:
    qkv, split = run[0].layer, run[1].layer
    if not isinstance(qkv, Linear) or not isinstance(split, Reshape) or len(split.size) != 5:
        return None
    (x,) = sources(run[0])
    if len(shapes[x]) != 3:
        return None
    batch, length, width = shapes[x]
    heads = split.size[3]
    wanted = [
        Linear(3 * width, qkv.bias),
        Reshape((batch, length, 3, heads, width // heads)),
        Permute((2, 0, 3, 1, 4)),
        *(Select(0, index) for index in range(3)),
        ScaledDotProductAttention(),
        Permute((0, 2, 1, 3)),
        Reshape((batch, length, width)),
        Linear(width),
    ]
    names = [node.name for node in run]
    reads = [(x,), *((name,) for name in names[:2]), *((names[2],),) * 3, tuple(names[3:6]), *((name,) for name in names[6:9])]
    if [node.layer for node in run] != wanted or [sources(node) for node in run] != reads:
        return None
    return f"attention {heads}{'' if qkv.bias else ' nobias'}", x
