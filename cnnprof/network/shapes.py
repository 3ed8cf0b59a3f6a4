"""Shapes: the one place where layers are asked what they make of their inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cnnprof.errors import CnnprofError
from cnnprof.network.dims import Shape
from cnnprof.network.graph import Graph, Node
from cnnprof.network.layers import ShapeError


def walk(nodes: Iterable[Node], given: Mapping[str, Shape]) -> Iterator[tuple[Node, tuple[Shape, ...], Shape]]:
    """Each node with the shapes of its inputs and of its output, in the nodes' order.

    Args:
        nodes: a graph, or those of its nodes that are looked at, each behind what it reads.
        given: the shapes of the network's inputs by name, batch first.

    Raises:
        CnnprofError: an input does not fit its layer.
    """
    shapes = dict(given)
    for node in nodes:
        inputs = tuple([shapes[name] for name in node.inputs])
        output = shapes[node.name] = output_shape(node, inputs)
        yield node, inputs, output


def shapes_of(graph: Graph) -> dict[str, Shape]:
    """The shapes of the network's inputs and of every node's output, by name. Raises CnnprofError as `walk` does."""
    return graph.inputs | {node.name: output for node, _, output in walk(graph.nodes, graph.inputs)}


def output_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    """The shape that the node's layer makes of its inputs. Raises CnnprofError with the node's name and place if none."""
    layer = node.layer
    if layer.arity is not None and len(inputs) != layer.arity:
        raise CnnprofError(f"{node.name} ({layer.type}) takes {layer.arity} inputs, not {len(inputs)}", node.place)
    try:
        return layer.shape(*inputs)
    except ShapeError as error:
        raise CnnprofError(f"{node.name} ({layer.type}): {error.message}", node.place, error.hint) from None
