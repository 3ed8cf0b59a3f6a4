"""Arrangements that captured models spell out, as the single layers that the language has words for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cnnprof.core.arith import Shape
from cnnprof.core.graph import Graph, Node
from cnnprof.core.layers import Layer
from cnnprof.core.layers.arrangement import ChannelShuffle, Copy, Flatten, Permute, Reshape
from cnnprof.core.layers.elementwise import Reduce
from cnnprof.core.layers.pooling import AdaptiveAvgPool


def recognize(graph: Graph, shapes: Mapping[str, Shape]) -> Graph:
    """The graph with a mean over the image as global pooling, a view to one axis as flattening, and channel shuffles as such.

    `shapes` are the outputs' of every node, and of the input.
    """
    readers: dict[str, list[Node]] = {}
    for node in graph:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    nodes: list[Node] = []
    gone: set[str] = set()
    for node in graph:
        if node.name in gone:
            continue
        x = shapes[node.inputs[0]] if node.inputs else ()
        run = _run(node, readers, graph.outputs)
        if shuffle := _shuffle([each.layer for each in run], x):
            run = run[: 4 if isinstance(run[2].layer, Copy) else 3]
            gone.update(each.name for each in run)
            nodes.append(replace(run[-1], layer=shuffle, inputs=node.inputs))
        else:
            nodes.extend(_plainer(node, x))
    return replace(graph, nodes=tuple(nodes))


def _run(first: Node, readers: Mapping[str, list[Node]], outputs: tuple[str, ...]) -> list[Node]:
    """Up to four nodes from the first on, each of which only the next one reads."""
    run = [first]
    while len(run) < 4 and len(readers.get(run[-1].name, ())) == 1 and run[-1].name not in outputs:
        run.append(readers[run[-1].name][0])
    return run


def _shuffle(run: list[Layer], x: Shape) -> Layer | None:
    """(N, C, H, W) seen as (N, g, C/g, H, W), the two axes exchanged, copied and seen as (N, C, H, W) again."""
    if len(run) < 3 or not isinstance(split := run[0], Reshape) or run[1] != Permute((0, 2, 1, 3, 4)):
        return None
    merged = run[2] == Reshape(x, copy=True) or run[2:] == [Copy(), Reshape(x)]
    return ChannelShuffle(split.size[1]) if merged and len(split.size) == 5 and split.size[3:] == x[2:] else None


def _plainer(node: Node, x: Shape) -> list[Node]:
    layer = node.layer
    if isinstance(layer, Reduce) and layer.op == "mean" and len(x) == 4 and {dim % 4 for dim in layer.dims} == {2, 3}:
        if layer.keepdim:
            return [replace(node, layer=AdaptiveAvgPool((1, 1)))]
        pool = replace(node, name=f"{node.name}.pool", layer=AdaptiveAvgPool((1, 1)))
        return [pool, replace(node, layer=Flatten(), inputs=(pool.name,))]
    if isinstance(layer, Reshape) and not layer.copy and Flatten().shape(x) == layer.size:
        return [replace(node, layer=Flatten())]
    return [node]
