"""A network while it is built: nodes and their shapes so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from cnnprof.errors import Place, SpecError
from cnnprof.network.dims import Dim, Shape, known
from cnnprof.network.graph import Node
from cnnprof.network.layers import Layer
from cnnprof.network.layers.base import describe
from cnnprof.network.layers.normalization import BatchNorm, GroupNorm
from cnnprof.network.shapes import output_shape
from cnnprof.spec.naming import Namer
from cnnprof.spec.scope import RUNAWAY, Here
from cnnprof.spec.values import MAX_INT, Tensor
from cnnprof.spec.words.base import Layers

MAX_LAYERS = 60_000
MAX_CALLS = 64
MAX_NAME = 500
MOST_KEPT = 4096
"""Steps of loops and blocks whose layers are kept for when they run again on the same."""

SUBTRACTS_A_MEAN = (BatchNorm, GroupNorm)
"""Normalizations that take a bias before them away again; a layer has none before one of these unless it says so."""


class GraphBuilder:
    """Tensors in the order in which they are made: the inputs first, then a node's output each.

    Args:
        inputs: the shape of each input by name.
        leaves_heads_out: a training-only head that the input does not fit is left out, as inference does not need it.
        inplace: whether activations on lines of their own work in place where nothing else reads their input.
    """

    def __init__(self, inputs: Mapping[str, Shape], leaves_heads_out: bool = False, inplace: bool = False) -> None:
        self.leaves_heads_out = leaves_heads_out
        self.inplace = inplace
        self.left_out: list[str] = []
        self.nodes: list[Node] = []
        self.first = len(inputs)
        self.shapes: list[Shape] = [*inputs.values()]
        self.names: list[str] = [*inputs]
        self.inputs: list[tuple[int, ...]] = [()] * self.first
        self.lies: dict[int, tuple[Dim, ...]] = {}
        self.namer = Namer()
        for name in inputs:
            self.namer.use(name)
        self.loops = 0
        self.calls: list[tuple[str, str]] = []
        self.branches: list[tuple[Here, list[Tensor]]] = []
        self.aux = False
        self.absorbed: set[int] = set()
        self.shared: dict[tuple[str, str], dict[str, int]] = {}
        self.unsaid_bias: list[tuple[int, ...]] = []
        self.plain_activations: list[int] = []
        self.opaque: list[int] = []
        self.lone_joins: dict[str, str] = {}
        self.heads: set[int] = set()
        self._built: dict[tuple[object, ...], tuple[Layers, list[Shape]]] = {}

    @property
    def entries(self) -> tuple[Tensor, ...]:
        """The network's inputs."""
        return tuple(Tensor(index, self.shapes[index]) for index in range(self.first))

    @property
    def repeats(self) -> bool:
        """Whether steps may run again: inside of a loop, or of a block."""
        return bool(self.loops or self.calls)

    def recall(self, key: tuple[object, ...] | None) -> tuple[Layers, list[Shape]] | None:
        """The layers of a step that has run like this before, with the shapes of their outputs; None where none has."""
        try:
            return self._built.get(key) if key else None
        except TypeError:  # a shape with design points
            return None

    def keep(self, key: tuple[object, ...], layers: Layers, first: int) -> None:
        """Keep the layers of a step, whose outputs stand from `first` on, for the next time that it runs like this."""
        if len(self._built) < MOST_KEPT:
            with suppress(TypeError):
                self._built[key] = layers, self.shapes[first:]

    def add(
        self,
        kind: str,
        layer: Layer,
        inputs: tuple[int, ...],
        place: Place,
        shape: Shape | None = None,
        copies_as_said: bool = False,
    ) -> Tensor:
        """Append a layer, whose output has the `shape` if that is known; it copies where torch has to, or as it says itself.

        Raises CnnprofError if its inputs do not fit it, or if the network has too many layers.
        """
        if len(self.nodes) >= MAX_LAYERS:
            raise SpecError(f"the network has more than {MAX_LAYERS:,} layers", place, RUNAWAY)
        if self.heads and not self.aux and not self.heads.isdisjoint(inputs):
            raise SpecError("this continues from a training-only head", place, "only layers under 'aux' can")
        name = self.namer.prefix + self.namer.count(kind)
        if len(name) > MAX_NAME:
            raise SpecError(f"the path of this layer has more than {MAX_NAME} characters", place, "shorten the names of blocks")
        node = Node(name, layer, tuple([self.names[index] for index in inputs]), place, self.aux)
        if shape is None:
            shape = output_shape(node, tuple([self.shapes[index] for index in inputs]))
            for size in shape:
                if known(size) and size > MAX_INT:
                    raise SpecError(f"{name} ({layer.type}): its output of {describe(shape)} is too large", place)
        index = len(self.names)
        if layer.reorders or not self.lies.keys().isdisjoint(inputs):
            from cnnprof.network.strides import settle  # most networks need none of it

            given = [self.shapes[each] for each in inputs]
            settled, lies = settle(layer, given, shape, [self.lies.get(each) for each in inputs])
            if copies_as_said:
                lies = None if layer.writes else lies
            elif settled is not layer:
                node = replace(node, layer=settled)
            if lies is not None:
                self.lies[index] = lies
        self.nodes.append(node)
        self.shapes.append(shape)
        self.names.append(name)
        self.inputs.append(inputs)
        if self.aux:
            self.heads.add(index)
        return Tensor(index, shape)

    def rename_last(self, name: str) -> None:
        """Give the last node another name; nothing refers to it yet."""
        self.nodes[-1] = replace(self.nodes[-1], name=name)
        self.names[-1] = name

    def state(self) -> tuple[int, int, int, int]:
        """How far the network is, for `forget`: its tensors, and the loops, calls and joins that it is inside of."""
        return len(self.names), self.loops, len(self.calls), len(self.branches)

    def forget(self, since: tuple[int, int, int, int], reason: str) -> None:
        """Take back what came since that state: a head that does not fit."""
        end, self.loops, calls, branches = since
        del self.calls[calls:], self.branches[branches:]
        gone = range(end, len(self.names))
        for index in gone:
            self.lies.pop(index, None)
        del self.nodes[end - self.first :], self.shapes[end:], self.names[end:], self.inputs[end:]
        # Heads are left out one after the other: what there is of each kind is as little as what came since.
        while self.unsaid_bias and self.unsaid_bias[-1][-1] >= end:
            self.unsaid_bias.pop()
        while self.plain_activations and self.plain_activations[-1] >= end:
            self.plain_activations.pop()
        self.heads.difference_update(gone)
        self.absorbed.difference_update(gone)
        self.shared = {name: made for name, made in self.shared.items() if all(index < end for index in made.values())}
        self.left_out.append(reason)

    def layer_at(self, index: int) -> Layer | None:
        """The layer that writes a tensor; None for an input."""
        return self.nodes[index - self.first].layer if index >= self.first else None

    def node_at(self, index: int) -> Node:
        """The node that writes a tensor, which is no input."""
        return self.nodes[index - self.first]

    def change(self, index: int, change: Callable[[Node], Node]) -> None:
        """Put another node in the place of one, under its name."""
        self.nodes[index - self.first] = change(self.nodes[index - self.first])

    def finished(self, outputs: Sequence[Tensor]) -> tuple[Node, ...]:
        """The nodes, without those joins that went into a larger one and that nothing else reads.

        What depends on who reads an output is settled here: biases before normalizations, activations in place.
        """
        readers: dict[int, list[int]] = {}
        if self.unsaid_bias or self.plain_activations:
            for index, inputs in enumerate(self.inputs):
                for each in inputs:
                    readers.setdefault(each, []).append(index)
        self._drop_biases(readers, {output.index for output in outputs})
        self._work_in_place(readers, {output.index for output in outputs})
        if not self.absorbed:
            return tuple(self.nodes)
        read = {name for node in self.nodes for name in node.inputs}
        kept = {output.index for output in outputs}
        gone = {self.names[index] for index in self.absorbed if index not in kept} - read
        return tuple(node for node in self.nodes if node.name not in gone)

    def _drop_biases(self, readers: Mapping[int, list[int]], outputs: set[int]) -> None:
        """A step that says nothing of a bias has none where all that reads it takes its mean away; shared weights agree."""
        dropped: dict[int, bool] = {}
        owners = {node.name: index for index, node in enumerate(self.nodes, self.first)}
        for made in self.unsaid_bias:
            read_by = readers.get(made[-1], ())
            drops = made[-1] not in outputs and bool(read_by)
            drops = drops and all(isinstance(self.layer_at(index), SUBTRACTS_A_MEAN) for index in read_by)
            for index in made:
                owner = owners.get(self.node_at(index).shared, index)
                dropped[owner] = dropped.get(owner, True) and drops
        for made in self.unsaid_bias:
            for index in made:
                node = self.node_at(index)
                if dropped[owners.get(node.shared, index)] and getattr(node.layer, "bias", False):
                    self.change(index, lambda node: replace(node, layer=replace(node.layer, bias=False)))  # type: ignore[call-arg]

    def _work_in_place(self, readers: Mapping[int, list[int]], outputs: set[int]) -> None:
        for index in self.plain_activations:
            (source,) = self.inputs[index]
            before = self.layer_at(source)
            if before is not None and before.writes and len(readers[source]) == 1 and source not in outputs:
                self.change(index, lambda node: replace(node, layer=replace(node.layer, inplace=True)))  # type: ignore[call-arg]
