"""A network with narrower layers, as structured pruning leaves it: every inner width by one share, to multiples of 8.

Channels that a sum, a slice or a concatenation makes the same keep one width; the input and what the network returns stay as
they are. A depthwise convolution follows its input, and a grouped one keeps its groups. Attention keeps its heads, which get
narrower, and tokens have a width that is a multiple of them. What fills channels up (ResNet's shortcut without weights) fills
them up to the narrower width.
"""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch

from cnnprof.errors import CnnprofError, UsageError
from cnnprof.network.channels import Axes, Fixed, follow
from cnnprof.network.dims import Shape
from cnnprof.network.graph import Graph, Node
from cnnprof.network.layers import Layer
from cnnprof.network.layers.arrangement import Expand, Pad, Rearrange, Reshape, Slice
from cnnprof.network.layers.convolution import Conv, ConvTranspose
from cnnprof.network.layers.linear import Linear, Parameter
from cnnprof.network.layers.normalization import GroupNorm
from cnnprof.network.shapes import output_shape, walk
from cnnprof.network.widths import Axis, count, cut, join, keep, narrowed, need, runs


def prune(graph: Graph, share: float) -> Graph:
    """The network without that share of its inner widths: 0.5 halves them.

    Raises UsageError for a share that is not between 0 and 1, CnnprofError for a network whose layers do not fit together then,
    as where an operation has a number of channels written into it.
    """
    check_share(share)
    axes = _axes(graph)
    after = {name: tuple(narrowed(axis, share) for axis in given) for name, given in axes.items()}
    nodes = []
    for node in graph.nodes:
        inputs = [axes[name] for name in node.inputs]
        narrow = replace(node, layer=_resized(node.layer, inputs, after[node.name], share))
        try:
            fits = output_shape(narrow, tuple(after[name] for name in node.inputs)) == after[node.name]
        except CnnprofError as error:
            raise _refused(graph, node, error.message) from None
        if not fits:
            raise _refused(graph, node, f"{node.name} ({node.layer.type}) does not follow the widths around it")
        nodes.append(narrow)
    # What a package or a file has is the network as it was; this one is built from its layers.
    facts = replace(graph.facts, published={}, accuracy=None)
    return replace(graph, nodes=tuple(nodes), facts=facts, origin=None)


def check_share(share: float) -> None:
    """Raises UsageError unless the share is between 0 and 1."""
    if not 0 < share < 1:
        raise UsageError(f"a share to prune is between 0 and 1, and not {share:g}", hint="--prune 0.5 halves every width")


def _axes(graph: Graph) -> dict[str, Axes]:
    """The axes of every input and every layer's output, by name."""
    axes: dict[str, Axes] = {name: tuple(shape) for name, shape in graph.inputs.items()}
    fixed: list[tuple[Node, list[Axes]]] = []
    layers = {node.name: node for node in graph.nodes}
    for node, _, output in walk(graph.nodes, graph.inputs):
        inputs = [axes[name] for name in node.inputs]
        try:
            axes[node.name] = follow(node.layer, inputs, output)
        except Fixed:
            fixed.append((node, inputs))
            axes[node.name] = output
        if node.shared in axes:
            first = layers[node.shared]
            pairs = [(node.name, first.name), *zip(node.inputs, first.inputs, strict=False)]
            place = -1 if isinstance(node.layer, Linear) else 1
            for one, other in pairs:
                if len(axes[one]) > 1 < len(axes[other]):
                    join(axes[one][place], axes[other][place])
    _let_stay(graph, axes)
    for node in graph.nodes:
        if isinstance(node.layer, Linear):
            _let_heads_fit(axes[node.inputs[0]][-1], axes[node.name][-1])
    for node, inputs in fixed:
        if any(run.narrows and not run.stays for given in inputs for axis in given for run, _ in runs(axis)):
            raise _refused(graph, node, f"{node.name} ({node.layer.type}) has its sizes written into it")
    return axes


def _let_stay(graph: Graph, axes: dict[str, Axes]) -> None:
    """Keep what the network returns, and what its heads for training alone do."""
    read = {name for node in graph.nodes for name in node.inputs}
    for name in {*graph.outputs, *(node.name for node in graph.nodes if node.name not in read)}:
        for axis in axes[name]:
            keep(axis)


def _let_heads_fit(given: Axis, made: Axis) -> None:
    """Let queries, keys and values, so many times as wide as the tokens they are made of, have the tokens' width in heads."""
    tokens, parts = runs(given), runs(made)
    if len(tokens) == len(parts) == 1 and count(made) % count(given) == 0:
        heads, rest = divmod(parts[0][1], count(made) // count(given))
        if heads > 1 and not rest and tokens[0][1] == 1:
            need(given, heads)


def _refused(graph: Graph, node: Node, why: str) -> CnnprofError:
    hint = "its widths do not follow from each other"
    return CnnprofError(f"{graph.name} cannot be pruned: {why}", node.place, hint)


@singledispatch
def _resized(layer: Layer, inputs: list[Axes], output: Shape, share: float) -> Layer:
    """The layer with the sizes that make the narrower output of the narrower inputs."""
    return layer


@_resized.register(Conv)
@_resized.register(ConvTranspose)
def _(layer: Conv | ConvTranspose, inputs: list[Axes], output: Shape, share: float) -> Layer:
    (x,) = inputs
    groups = narrowed(x[1], share) if layer.is_depthwise(tuple(map(count, x))) else layer.groups
    return replace(layer, out_channels=output[1], groups=groups)


@_resized.register(Linear)
def _(layer: Linear, inputs: list[Axes], output: Shape, share: float) -> Layer:
    return replace(layer, out_features=output[-1])


@_resized.register(Parameter)
@_resized.register(Reshape)
@_resized.register(Expand)
@_resized.register(Rearrange)
def _(layer: Parameter | Reshape | Expand | Rearrange, inputs: list[Axes], output: Shape, share: float) -> Layer:
    return replace(layer, size=output)


@_resized.register(GroupNorm)
def _(layer: GroupNorm, inputs: list[Axes], output: Shape, share: float) -> Layer:
    return replace(layer, groups=output[1]) if layer.groups == count(inputs[0][1]) else layer


@_resized.register(Slice)
def _(layer: Slice, inputs: list[Axes], output: Shape, share: float) -> Layer:
    before, _ = cut(inputs[0][layer.dim], layer.start)
    return replace(layer, start=narrowed(before, share), length=output[layer.dim])


@_resized.register(Pad)
def _(layer: Pad, inputs: list[Axes], output: Shape, share: float) -> Layer:
    first = len(output) - len(layer.amounts)
    amounts = []
    for axis, size, (before, behind) in zip(inputs[0][first:], output[first:], layer.amounts, strict=True):
        missing, was = size - narrowed(axis, share), before + behind
        front = missing * before // was if was else before
        amounts.append((before, behind) if missing == was else (front, missing - front))
    return replace(layer, amounts=tuple(amounts))
