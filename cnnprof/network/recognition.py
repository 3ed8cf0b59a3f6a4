"""Arrangements that captured models spell out, as the single layers that they amount to.

Shapes, parameters, operations and activations stay what they are; only views and copies that do nothing else go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cnnprof.network.dims import Shape
from cnnprof.network.graph import Graph, Node
from cnnprof.network.layers import Layer
from cnnprof.network.layers.activation import Activation
from cnnprof.network.layers.arrangement import ChannelShuffle, Copy, Flatten, Identity, Permute, Reshape
from cnnprof.network.layers.convolution import Conv
from cnnprof.network.layers.elementwise import Reduce
from cnnprof.network.layers.linear import Linear
from cnnprof.network.layers.normalization import LayerNorm
from cnnprof.network.layers.pooling import AdaptiveAvgPool
from cnnprof.network.layers.regularization import Dropout
from cnnprof.network.shapes import shapes_of

_TO_LAST, _TO_FIRST = Permute((0, 2, 3, 1)), Permute((0, 3, 1, 2))


def recognize(graph: Graph) -> Graph:
    """The graph with channels in front, shuffles and flattening as such, and a mean over the image as global pooling."""
    graph = _with_channels_first(graph)
    shapes = shapes_of(graph)
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


def _with_channels_first(graph: Graph) -> Graph:
    """Layers that work on (N, H, W, C) between two permutations as those that do the same on (N, C, H, W).

    A linear layer there is a 1x1 convolution, as ConvNeXt's authors say. The graph itself, if another kind of layer is among
    them.
    """
    same_as: dict[str, str] = {}
    last: set[str] = set()
    nodes = []
    for node in graph:
        inputs = tuple(same_as.get(name, name) for name in node.inputs)
        behind = any(name in last for name in node.inputs)
        if node.layer == (_TO_FIRST if behind else _TO_LAST):
            same_as[node.name] = inputs[0]
            last.update(() if behind else (node.name,))
            continue
        layer = _channels_first(node.layer) if behind else node.layer
        if layer is None or (behind and len(inputs) > 1):
            return graph
        last.update((node.name,) if behind else ())
        nodes.append(replace(node, layer=layer, inputs=inputs))
    if last.intersection(graph.outputs):
        return graph
    held = _held_by_views(graph, same_as)
    kept = tuple(replace(node, until=held.get(node.name, "")) for node in nodes)
    return replace(graph, nodes=kept, outputs=tuple(same_as.get(name, name) for name in graph.outputs))


def _held_by_views(graph: Graph, same_as: Mapping[str, str]) -> dict[str, str]:
    """Until when each tensor is held, by itself or by the views of it that go, in terms of the nodes that stay."""
    steps = {node.name: step for step, node in enumerate(graph)}
    staying: list[str] = []
    for node in graph:
        staying.append(staying[-1] if node.name in same_as and staying else node.name)
    held: dict[str, int] = {}
    for node in graph:
        if node.until:
            name = same_as.get(node.name, node.name)
            held[name] = max(held.get(name, 0), steps[node.until])
    return {name: staying[step] for name, step in held.items() if step > steps.get(name, step)}


def _channels_first(layer: Layer) -> Layer | None:
    """The layer on (N, C, H, W) that does what this one does on (N, H, W, C); None if there is none."""
    if isinstance(layer, Linear):
        return Conv(layer.out_features, (1, 1), bias=layer.bias)
    if isinstance(layer, LayerNorm) and layer.axes == 1 and not layer.channels_first:
        return replace(layer, channels_first=True)
    return layer if isinstance(layer, (Activation, Dropout, Identity)) else None


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
    merged = run[2] == Reshape(x, copy=True) or (isinstance(run[2], Copy) and run[3:] == [Reshape(x)])
    return ChannelShuffle(split.size[1]) if merged and len(split.size) == 5 and split.size[3:] == x[2:] else None


def _plainer(node: Node, x: Shape) -> list[Node]:
    layer = node.layer
    if isinstance(layer, Reduce) and layer.op == "mean" and len(x) == 4 and {dim % 4 for dim in layer.dims} == {2, 3}:
        if layer.keepdim:
            return [replace(node, layer=AdaptiveAvgPool((1, 1)))]
        pool = replace(node, name=f"{node.name}.pool", layer=AdaptiveAvgPool((1, 1)))
        return [pool, replace(node, layer=Flatten(), inputs=(pool.name,))]
    if isinstance(layer, Reshape) and Flatten().shape(x) == layer.size:
        return [replace(node, layer=Flatten(copy=layer.copy))]
    return [node]
