"""The words for layers of a graph: which layers share a line, and what the line says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cnnprof.network.dims import Shape
from cnnprof.network.graph import Graph, Node
from cnnprof.network.layers.activation import Activation, Softmax
from cnnprof.network.layers.arrangement import Identity, Pad, Permute, Reshape, Select, Slice
from cnnprof.network.layers.base import Layer
from cnnprof.network.layers.convolution import Conv, ConvTranspose, PartialConv
from cnnprof.network.layers.linear import Linear, MatMul
from cnnprof.network.layers.merging import Concat
from cnnprof.network.layers.normalization import BatchNorm
from cnnprof.network.layers.pooling import MaxPool
from cnnprof.network.shapes import shapes_of
from cnnprof.network.strides import copying_otherwise
from cnnprof.spec.batches import Batches, PerBatch, holds_the_batch
from cnnprof.spec.builder import SUBTRACTS_A_MEAN
from cnnprof.spec.operations import is_elementwise
from cnnprof.spec.sayable import (
    flattens,
    is_of_last_axis,
    is_one_token,
    is_sayable_of_tokens,
    is_scalar,
    join_word,
    keeps_channels,
    told,
    words_of_tokens,
)
from cnnprof.spec.splits import split_at
from cnnprof.spec.token_words import LONGEST_RUN, Run, run_of_tokens
from cnnprof.spec.words import UnsayableError, write_layer
from cnnprof.spec.words.windows import fits, same_padding

_LEAST = float("-inf")

_MOST_PARTS = 64
"""Parts of an axis that one word names."""


class Wording:
    """The text of each line; what the language cannot say is gathered in `unsayable`, the nodes by reason.

    `names_outputs` says that the network has several outputs, or names for them.

    Args:
        graph: the network.
        compact: put normalization and activation behind their layer where one line may say all.
        folded: and with normalization its options; an axis that `fc` flattens by itself takes no word. Then
            layers without a word are in `wordless`, and those that share weights in `shared`.
        batches: what layers say in terms of the batch.
        tokens: where `folded`, layers of the last axis are said by words, of `tokens`.
    """

    def __init__(
        self, graph: Graph, compact: bool, folded: bool = False, batches: Batches | None = None, tokens: bool = True
    ) -> None:
        self.graph = graph
        self.by_batch = batches.fields if batches else {}
        self.compact = compact
        self.folded = folded
        self.shapes = shapes_of(graph)
        self.copies_as_said = copying_otherwise(graph)
        self.unsayable: dict[str, list[str]] = {}
        self.connections: list[PartialConv] = []
        self._same_as: dict[str, str] = {}
        self.readers: dict[str, list[Node]] = {}
        for node in graph:
            if isinstance(node.layer, Identity):
                self._same_as[node.name] = self.source(node.inputs[0])
                continue
            for name in node.inputs:
                self.readers.setdefault(self.source(name), []).append(node)
        self.outputs = tuple(map(self.source, graph.outputs))
        self.names_outputs = len(self.outputs) != 1 or bool(graph.output_names)
        owners = {node.shared for node in graph if node.shared} if folded else set()
        self.shared = owners | {node.name for node in graph if node.shared in owners}
        self.tokens: set[str] = set()
        self.wordless: set[str] = set()
        self.runs: dict[str, Run] = {}
        if folded:
            self._find_words(tokens)

    def _find_words(self, tokens: bool) -> None:
        """Which layers have no word, which tensors are tokens, if any are to be, and which layers one word of these says."""
        nodes = [node for node in self.graph if not isinstance(node.layer, Identity)]
        within: set[str] = set()
        for at, node in enumerate(nodes):
            if node.name in within:
                continue
            run = run_of_tokens(nodes[at : at + LONGEST_RUN], self.shapes, self.sources, self._is_inside) if tokens else None
            if (split := self._split_at(nodes, at)) is not None:
                self.runs[node.name] = split
                within.update(each.name for each in split.nodes)
                if not split.word.startswith("unbind") and self._is_of_tokens(node):
                    self.tokens.update(each.name for each in split.nodes)
            elif run is not None and self._may_be_said(run):
                self.runs[node.name] = run
                within.update(each.name for each in run.nodes)
                self.tokens.add(run.nodes[-1].name)
            elif self._is_wordless(node):
                self.wordless.add(node.name)
                if (self._is_of_tokens(node) and is_elementwise(node.layer)) or (
                    tokens and len(self.shapes[node.name]) >= len("NLC") and self._is_read_as_tokens(node)
                ):
                    self.tokens.add(node.name)
            elif self._gives_tokens(node, tokens):
                self.tokens.add(node.name)

    def _split_at(self, nodes: Sequence[Node], at: int) -> Run | None:
        if not nodes[at].inputs:
            return None
        channels = len(self.shapes[nodes[at].inputs[0]]) - 1 if self._is_of_tokens(nodes[at]) else 1
        run = split_at(nodes[at : at + _MOST_PARTS], self.shapes, self.sources, channels)
        return run if run is None or self.by_batch.keys().isdisjoint(each.name for each in run.nodes) else None

    def _may_be_said(self, run: Run) -> bool:
        if run.word == "tokens":
            end = run.nodes[-1]
            return (
                run.reads not in self.tokens
                and self._gives_tokens(end, True)
                and self.copies_as_said.isdisjoint(node.name for node in run.nodes)
            )
        return run.reads in self.tokens and len(self.shapes[run.reads]) == len("NLC")

    def _is_inside(self, run: Sequence[Node]) -> bool:
        """Whether what the nodes give, but for the last, is read by them alone, with weights of their own."""
        names = {node.name for node in run}
        own = all(node.owns_params and node.trainable and not node.aux and node.name not in self.shared for node in run)
        inner = all(node.name not in self.outputs for node in run[:-1])
        return own and inner and all(each.name in names for node in run[:-1] for each in self.readers.get(node.name, ()))

    def steps(self) -> list[list[Node]]:
        """The nodes that share a line, in order; what only hands its input on has none."""
        steps: list[list[Node]] = []
        within = {node.name for run in self.runs.values() for node in run.nodes}
        for node in self.graph:
            if node.name in self.runs:
                steps.append(self.runs[node.name].nodes)
            if isinstance(node.layer, Identity) or node.name in within:
                continue
            if steps and (self._is_same_pool(steps[-1], node) or (self.compact and self._goes_behind(node, steps[-1]))):
                steps[-1].append(node)
            else:
                steps.append([node])
        if self.folded:
            # A padding that is not part of the word `same` has none.
            self.wordless |= {step[0].name for step in steps if len(step) == 1 and self._is_least_pad(step[0].layer)}
        return steps

    def source(self, name: str) -> str:
        """The node or input whose output this is, behind layers that only hand it on."""
        return self._same_as.get(name, name)

    def sources(self, node: Node) -> tuple[str, ...]:
        """The tensors that the node reads, behind layers that only hand it on."""
        return tuple(map(self.source, node.inputs))

    def read_by(self, step: list[Node]) -> tuple[str, ...]:
        """The tensors that a line reads."""
        run = self.runs.get(step[0].name)
        return (run.reads,) if run else self.sources(step[0])

    def words(self, step: list[Node]) -> list[str]:
        """The text of each layer of a line that joins nothing; behind the first stand norm and activation."""
        first = step[0]
        if first.name in self.runs:
            return [self.runs[first.name].word]
        for node in step:
            self.check(node)
        if flattens(first.layer) and len(step) > 1:
            return self.words(step[1:])
        if isinstance(first.layer, Pad) and len(step) > 1:
            return [f"{self._words(step[1])} same"]
        words = [self._words(node) for node in step]
        if len(step) > 1 and isinstance(step[1].layer, BatchNorm):
            words[0] = words[0].removesuffix(" nobias") if words[0].endswith(" nobias") else f"{words[0]} bias"
        elif getattr(first.layer, "bias", False) and len(step) == 1 and self._is_normalized(first):
            words[0] += " bias"
        return [words[0], *(word.removesuffix(" inplace") for word in words[1:])] if len(step) > 1 else words

    def told(self, node: Node) -> tuple[tuple[str, tuple[Any, ...]], ...]:
        """The keys behind `op` or `opaque`: the fields of the layer, and weights that are not its own or not trained."""
        fields = told(node, self.by_batch.get(node.name, {}), node.name in self.copies_as_said)
        implied = self._is_of_tokens(node) and is_elementwise(node.layer) and len(node.inputs) == 1
        return (*fields, ("tokens", (True,))) if node.name in self.tokens and not implied else fields

    def _holds_the_batch(self, node: Node) -> bool:
        """Whether the node depends on the batch otherwise than words do, whose first axis it is or a multiple of it."""
        said = self.by_batch.get(node.name)
        if said is None or not isinstance(node.layer, Reshape) or not isinstance(size := said.get("size"), tuple):
            return said is not None
        follows = isinstance(size[0], PerBatch) and not size[0].plus
        return len(said) > 1 or not follows or not 2 <= len(size) <= 7 or holds_the_batch(size[1:])

    def check(self, node: Node) -> None:
        """Note what no word can say of a node's weights."""
        if not node.owns_params and node.name not in self.shared:
            self.refuse(node, "its weights are shared, computed, or not all that the word stands for")
        if not node.trainable:
            self.refuse(node, "its weights are frozen")

    def refuse(self, node: Node, reason: str) -> None:
        """Note that no word says the node."""
        self.unsayable.setdefault(f"{node.layer.type}: {reason}", []).append(node.name)

    def _is_same_pool(self, step: list[Node], node: Node) -> bool:
        """Whether the two are what `maxpool same` makes, a padding with less than every number and the pool."""
        pad, pool = step[0].layer, node.layer
        if not (isinstance(pad, Pad) and isinstance(pool, MaxPool) and self.sources(node) == (step[0].name,)):
            return False
        sides = tuple(map(same_padding, self.shapes[step[0].inputs[0]][2:], pool.reach, pool.stride))
        if all(before == after for before, after in sides) and fits(sides, [k // 2 for k in pool.kernel_size]):
            # The word `same` would make it a padding of the pool's own, without a tensor between.
            return False
        read_once = len(self.readers[step[0].name]) == 1 and step[0].name not in self.outputs
        lone = read_once and pool.padding == (0, 0) and not pool.ceil_mode
        return lone and pad == Pad(sides, value=_LEAST)

    def _goes_behind(self, node: Node, step: list[Node]) -> bool:
        """Whether the node may stand on the line of the step, and means the same there."""
        last = step[-1]
        if step[0].name in self.runs:
            return False
        if not (self.wordless | self.shared).isdisjoint((node.name, last.name)):
            return False
        if (
            self.sources(node) != (last.name,)
            or len(self.readers[last.name]) > 1
            or last.name in self.outputs
            or node.aux != last.aux
        ):
            return False
        if self.folded and flattens(step[0].layer) and isinstance(node.layer, Linear):
            return len(step) == 1 and len(self.shapes[step[0].inputs[0]]) > 2
        first = step[1 if self.folded and flattens(step[0].layer) and len(step) > 1 else 0]
        if not isinstance(first.layer, (Conv, ConvTranspose, Linear)):
            return False
        if isinstance(node.layer, BatchNorm):
            usual = BatchNorm(eps=node.layer.eps, axes=node.layer.axes) if self.folded else BatchNorm()
            return last is first and node.layer == usual and not isinstance(last.layer, Linear)
        plain = isinstance(node.layer, Activation) and node.layer == type(node.layer)(inplace=True)
        return plain and not isinstance(last.layer, Activation)

    def _is_normalized(self, node: Node) -> bool:
        """Whether a reader of the text would leave out the layer's bias."""
        readers = [reader.layer for reader in self.readers.get(node.name, ())]
        return bool(readers) and all(isinstance(layer, SUBTRACTS_A_MEAN) for layer in readers)

    def _is_of_tokens(self, node: Node) -> bool:
        return not self.tokens.isdisjoint(self.sources(node))

    def _gives_tokens(self, node: Node, begins: bool) -> bool:
        """Whether a reader of the text takes what the node gives for tokens; some may be said to be, if that `begins`."""
        if isinstance(node.layer, (Permute, Reshape)):
            return begins and len(self.shapes[node.name]) >= len("NLC") and self._is_read_as_tokens(node)
        return self._is_of_tokens(node) and not isinstance(node.layer, Select) and len(self.shapes[node.name]) > 2

    def _is_read_as_tokens(self, node: Node) -> bool:
        """Whether layers of the last axis read what the node gives, at once or behind layers that work on all elements."""
        behind, known = [node], {node.name}
        while behind:
            for reader in self.readers.get(behind.pop().name, ()):
                if is_of_last_axis(reader.layer):
                    return True
                if reader.name not in known and (join_word(reader) or keeps_channels(reader.layer, self.shapes[reader.name])):
                    known.add(reader.name)
                    behind.append(reader)
        return False

    def _is_wordless(self, node: Node) -> bool:
        layer = node.layer
        if not ((node.owns_params or node.shared) and node.trainable) or self._holds_the_batch(node):
            return True
        if node.name in self.copies_as_said:
            return True
        x = self.shapes[node.inputs[0]] if node.inputs else ()
        of_tokens = self._is_of_tokens(node) and not join_word(node)
        if of_tokens and not isinstance(layer, (Identity, Permute, Reshape)) and not is_sayable_of_tokens(layer, x):
            return True
        if join_word(node):
            if isinstance(layer, Concat):
                return layer.dim % len(x) != (len(x) - 1 if self._is_of_tokens(node) else 1)
            return isinstance(layer, MatMul) and layer != MatMul()
        if isinstance(layer, (Identity, PartialConv)):
            return False
        try:
            self._written(node, x)
        except UnsayableError:
            return not self._is_least_pad(layer)
        return len(node.inputs) > 1 or (isinstance(layer, Reshape) and not 2 <= len(layer.size) <= 7) or is_scalar(layer)

    def _written(self, node: Node, x: Shape) -> str:
        """The step of the node alone. Raises UnsayableError if there is none."""
        layer = node.layer
        if self.folded and isinstance(layer, (Softmax, Slice)) and layer.dim < 0:
            layer = replace(layer, dim=layer.dim % len(x))
        if isinstance(layer, Reshape) and node.name in self.by_batch and layer.size[0] != x[0]:
            said = self.by_batch[node.name]["size"]
            return f"reshape ({','.join(map(str, said[1:]))}) batch={said[0]}"
        if not self._is_of_tokens(node):
            return write_layer(layer, x)
        if isinstance(layer, Select) and is_one_token(layer, x):
            return f"token {layer.index}" if layer.index else "token"
        return (
            write_layer(layer, (x[0], x[-1])) if is_of_last_axis(layer) else words_of_tokens(layer, x) or write_layer(layer, x)
        )

    def _is_least_pad(self, layer: Layer) -> bool:
        return isinstance(layer, Pad) and layer.value == _LEAST

    def _words(self, node: Node) -> str:
        layer = node.layer
        if self._holds_the_batch(node):
            self.refuse(node, "a size of it depends on the batch")
        if node.name in self.copies_as_said:
            self.refuse(node, "it moves its elements" if layer.writes else "it does not move its elements, as torch would")
        try:
            if isinstance(layer, PartialConv):
                self.connections.append(layer)
                dense = Conv(len(layer.connections[0]), layer.kernel_size, layer.stride, layer.padding, bias=layer.bias)
                return f"{write_layer(dense, self.shapes[node.inputs[0]])} connect=connections{len(self.connections)}"
            x = self.shapes[node.inputs[0]] if node.inputs else ()
            return self._written(node, x) + " tokens" * (node.name in self.tokens and isinstance(layer, (Permute, Reshape)))
        except UnsayableError as error:
            self.refuse(node, str(error))
            return "identity"
