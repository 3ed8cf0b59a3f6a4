"""A network with narrower layers, as structured pruning leaves it: every inner width by one share, to multiples of 8.

Widths of equal size stay equal, so that sums still fit; the input and what the network returns keep their channels. A depthwise
convolution follows its input, and a grouped one keeps its groups. A slice takes the same share of its input as before, and what
fills channels up (ResNet's shortcut without weights) fills them up to the narrower width; a layer scale has an entry a channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import lcm

from cnnprof.errors import CnnprofError, UsageError
from cnnprof.network.dims import Shape
from cnnprof.network.graph import Graph, Node
from cnnprof.network.layers import Layer
from cnnprof.network.layers.arrangement import Pad, Slice
from cnnprof.network.layers.convolution import Conv, ConvTranspose
from cnnprof.network.layers.linear import Linear, Parameter
from cnnprof.network.shapes import output_shape, shapes_of, walk

MULTIPLE = 8
"""Widths that processors and graphics cards like."""


def prune(graph: Graph, share: float) -> Graph:
    """The network without that share of its inner widths: 0.5 halves them.

    Raises UsageError for a share that is not between 0 and 1, CnnprofError for a network whose layers do not fit together then,
    as where the code has fixed a number of channels.
    """
    check_share(share)
    kept, multiples = _writers(graph), _multiples(graph)
    before = shapes_of(graph)
    after: dict[str, Shape] = dict(graph.inputs)
    nodes = []
    for node in graph.nodes:
        old, new = ([shapes[name] for name in node.inputs] for shapes in (before, after))
        layer = (
            node.layer
            if node.name in kept and not _is_depthwise(node.layer, old)
            else _narrowed(node.layer, old, new, share, multiples[node.name])
        )
        narrow = replace(node, layer=layer)
        try:
            after[node.name] = output_shape(narrow, tuple(new))
        except CnnprofError as error:
            raise CnnprofError(
                f"{graph.name} cannot be pruned: {error.message}", node.place, "its widths do not follow from each other"
            ) from None
        nodes.append(narrow)
    if any(before[name] != after[name] for name in graph.outputs):
        raise CnnprofError(f"{graph.name} cannot be pruned: what it returns would change its shape")
    # What a package or a file has is the network as it was; this one is built from its layers.
    facts = replace(graph.facts, published={}, accuracy=None)
    return replace(graph, nodes=tuple(nodes), facts=facts, origin=None)


def check_share(share: float) -> None:
    """Raises UsageError unless the share is between 0 and 1."""
    if not 0 < share < 1:
        raise UsageError(f"a share to prune is between 0 and 1, and not {share:g}", hint="--prune 0.5 halves every width")


def _writers(graph: Graph) -> set[str]:
    """The layers with weights whose channels the network returns: going back from the outputs over layers without any."""
    by_name = {node.name: node for node in graph.nodes}
    kept, waiting = set[str](), list(graph.outputs)
    while waiting:
        name = waiting.pop()
        node = by_name.get(name)
        if node is None or name in kept:
            continue
        kept.add(name)
        if not isinstance(node.layer, (Conv, ConvTranspose, Linear)) or _follows(node):
            waiting += node.inputs
    return kept


def _multiples(graph: Graph) -> dict[str, int]:
    """By layer, the number that its channels have to be a multiple of: of 8, and of the groups of all that share them.

    Layers without weights hand channels on, and sums join those of several layers, which so stay equal.
    """
    same = {name: name for name in graph.inputs}
    multiples: dict[str, int] = {}

    def first(name: str) -> str:
        while same[name] != name:
            name = same[name]
        return name

    def need(name: str, number: int) -> None:
        multiples[first(name)] = lcm(multiples.get(first(name), MULTIPLE), number)

    for node, given, output in walk(graph.nodes, graph.inputs):
        same[node.name] = node.name
        depthwise = _is_depthwise(node.layer, given)
        has_own = isinstance(node.layer, (Conv, ConvTranspose, Linear)) and not depthwise
        groups = 1 if depthwise else int(getattr(node.layer, "groups", 1))
        need(node.name, groups)
        for name, shape in zip(node.inputs, given, strict=True):
            need(name, groups)
            if not has_own and len(shape) > 1 and shape[1] == output[1]:
                number = multiples[first(name)]
                same[first(name)] = first(node.name)
                need(node.name, number)
    return {name: multiples[first(name)] for name in same}


def _follows(node: Node) -> bool:
    """Whether a convolution's channels may be those of its input: a grouped one."""
    return isinstance(node.layer, Conv) and node.layer.groups != 1 and node.layer.groups == node.layer.out_channels


def _narrowed(layer: Layer, old: list[Shape], new: list[Shape], share: float, multiple: int) -> Layer:
    if isinstance(layer, Linear):
        return replace(layer, out_features=_narrow(int(layer.out_features), share, MULTIPLE))
    if isinstance(layer, Parameter) and layer.size[1:] == (1, 1):
        return replace(layer, size=(_narrow(int(layer.size[0]), share, multiple), 1, 1))
    if isinstance(layer, Slice) and layer.dim == 1 and layer.step == 1:
        first, end = (place * new[0][1] // old[0][1] for place in (layer.start, layer.start + layer.length))
        return replace(layer, start=first, length=end - first)
    if isinstance(layer, Pad) and len(layer.amounts) == len(old[0]) - 1:
        (before, after), *around = layer.amounts
        missing = _narrow(int(before + old[0][1] + after), share, multiple) - int(new[0][1])
        front = missing * before // (before + after) if before + after else 0
        return replace(layer, amounts=((front, missing - front), *around))
    if not isinstance(layer, (Conv, ConvTranspose)):
        return layer
    groups, channels = int(layer.groups), int(layer.out_channels)
    if _is_depthwise(layer, old):
        width = int(new[0][1])
        return replace(layer, groups=width, out_channels=channels // groups * width)
    return replace(layer, out_channels=_narrow(channels, share, multiple))


def _is_depthwise(layer: Layer, inputs: Sequence[Shape]) -> bool:
    return isinstance(layer, (Conv, ConvTranspose)) and layer.is_depthwise(inputs[0])


def _narrow(width: int, share: float, multiple: int) -> int:
    """The width without that share, to the nearest multiple, at least one; one that is smaller already stays."""
    if width <= multiple:
        return width
    return max(multiple, int((1 - share) * width / multiple + 0.5) * multiple)
