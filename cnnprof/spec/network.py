"""A network while it is built: nodes and their shapes so far."""

from __future__ import annotations

from dataclasses import replace

from cnnprof.errors import Place, SpecError
from cnnprof.network.analysis import output_shape
from cnnprof.network.dims import Shape
from cnnprof.network.graph import INPUT, Node
from cnnprof.network.layers import Layer
from cnnprof.network.layers.base import describe
from cnnprof.spec.naming import Namer
from cnnprof.spec.scope import RUNAWAY
from cnnprof.spec.values import MAX_INT, Tensor

MAX_LAYERS = 100_000
MAX_CALLS = 64
MAX_NAME = 500


class Network:
    """Nodes in execution order. Index 0 is the input, index i the i-th node.

    Args:
        leaves_heads_out: a training-only head that the input does not fit is left out, as inference does not need it.
    """

    def __init__(self, input_shape: Shape, leaves_heads_out: bool = False) -> None:
        self.leaves_heads_out = leaves_heads_out
        self.left_out: list[str] = []
        self.nodes: list[Node] = []
        self.shapes: list[Shape] = [input_shape]
        self.names: list[str] = [INPUT]
        self.inputs: list[tuple[int, ...]] = [()]
        self.namer = Namer()
        self.namer.use(INPUT)
        self.loops = 0
        self.calls: list[str] = []
        self.aux = False
        self.absorbed: set[int] = set()
        self._aux: set[int] = set()

    def add(self, kind: str, layer: Layer, inputs: tuple[int, ...], place: Place) -> Tensor:
        """Append a layer. Raises CnnprofError if its inputs do not fit it, or if the network has too many layers."""
        if len(self.nodes) >= MAX_LAYERS:
            raise SpecError(f"the network has more than {MAX_LAYERS:,} layers", place, RUNAWAY)
        if self._aux and not self.aux and not self._aux.isdisjoint(inputs):
            raise SpecError("this continues from a training-only head", place, "only layers under 'aux' can")
        name = self.namer.prefix + self.namer.count(kind)
        if len(name) > MAX_NAME:
            raise SpecError(f"the path of this layer has more than {MAX_NAME} characters", place, "shorten the names of blocks")
        node = Node(name, layer, tuple([self.names[index] for index in inputs]), place, self.aux)
        shape = output_shape(node, tuple([self.shapes[index] for index in inputs]))
        for size in shape:
            if isinstance(size, int) and size > MAX_INT:
                raise SpecError(f"{name} ({layer.type}): its output of {describe(shape)} is too large", place)
        self.nodes.append(node)
        self.shapes.append(shape)
        self.names.append(name)
        self.inputs.append(inputs)
        if self.aux:
            self._aux.add(len(self.nodes))
        return Tensor(len(self.nodes), shape)

    def rename_last(self, name: str) -> None:
        """Give the last node another name; nothing refers to it yet."""
        self.nodes[-1] = replace(self.nodes[-1], name=name)
        self.names[-1] = name

    def state(self) -> tuple[int, int, int]:
        """How far the network is, for `forget`: its layers, and the loops and calls that it is inside of."""
        return len(self.nodes), self.loops, len(self.calls)

    def forget(self, since: tuple[int, int, int], reason: str) -> None:
        """Take back what came since that state: a head that does not fit."""
        first, self.loops, calls = since
        del self.calls[calls:]
        del self.nodes[first:], self.shapes[first + 1 :], self.names[first + 1 :], self.inputs[first + 1 :]
        self._aux = {index for index in self._aux if index <= first}
        self.absorbed = {index for index in self.absorbed if index <= first}
        self.left_out.append(reason)

    def layer_at(self, index: int) -> Layer | None:
        """The layer that writes a tensor; None for the input."""
        return self.nodes[index - 1].layer if index else None

    def finished(self, output: Tensor) -> tuple[Node, ...]:
        """The nodes, without those joins that went into a larger one and that nothing else reads."""
        if not self.absorbed:
            return tuple(self.nodes)
        read = {name for node in self.nodes for name in node.inputs}
        gone = {self.names[index] for index in self.absorbed if index != output.index} - read
        return tuple(node for node in self.nodes if node.name not in gone)
