"""A graph as a spec in the flat form: its layers one after the other, and a name for every output that is read elsewhere.

Read back, the text is a network with the same shapes, parameters, operations and activations.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from textwrap import fill

from cnnprof.errors import CnnprofError
from cnnprof.network.dims import Shape
from cnnprof.network.graph import Figure, Graph, Node
from cnnprof.network.layers.activation import Activation
from cnnprof.network.layers.arrangement import Identity, Pad
from cnnprof.network.layers.base import Layer
from cnnprof.network.layers.convolution import Conv, ConvTranspose, PartialConv
from cnnprof.network.layers.elementwise import Arithmetic
from cnnprof.network.layers.linear import Linear
from cnnprof.network.layers.merging import Concat
from cnnprof.network.layers.normalization import BatchNorm
from cnnprof.network.layers.pooling import MaxPool
from cnnprof.network.recognition import recognize
from cnnprof.network.shapes import shapes_of
from cnnprof.spec.functions import FUNCTIONS
from cnnprof.spec.network import SUBTRACTS_A_MEAN
from cnnprof.spec.scope import AXES
from cnnprof.spec.tokens import NAME
from cnnprof.spec.words import JOINS, WORDS, UnsayableError, write_layer
from cnnprof.spec.words.windows import same_padding

WIDTH = 120
_LEAST = float("-inf")


def _kind(layer: Layer) -> object:
    """The key by which layers of joins are told apart."""
    return layer.op if isinstance(layer, Arithmetic) else type(layer)


_JOIN_WORDS = {_kind(row.layer()): word for word, row in JOINS.items() if not row.each}
_PLAIN = re.compile(r"[A-Za-z][\w./()-]*( [\w./()-]+)*", re.ASCII)
"""Texts that YAML takes without quotes anywhere."""
_RESERVED = {*WORDS, *FUNCTIONS, *AXES, "none", "let", "use", "true", "false", "first", "last", "row", "i"}


def write_spec(graph: Graph, compact: bool = False) -> str:
    """The text of a spec that describes the graph, layer by layer; its facts head the text.

    Args:
        compact: put normalization and activation behind their layer where one line may say all.

    Raises CnnprofError with a list of all that the language cannot say.
    """
    plain = recognize(graph)
    lines = _Lines(plain, shapes_of(plain), compact)
    text = lines.write()
    if lines.unsayable or graph.uncounted or graph.aux_params or lines.odd_outputs():
        raise CnnprofError(
            _complaint(graph, lines.unsayable, lines.odd_outputs()), hint="cnnprof summary shows the network as it is"
        )
    return "\n".join([*_head(graph, lines.names), *lines.tables(), "layers:", *text, *lines.ends()]) + "\n"


@dataclass
class _Lines:
    """Writes the steps in the graph's order; `here` is the output that the next step continues from."""

    graph: Graph
    shapes: Mapping[str, Shape]
    compact: bool
    unsayable: dict[str, list[str]] = field(default_factory=dict)
    connections: list[PartialConv] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.same_as: dict[str, str] = {}
        self.readers: dict[str, int] = {}
        for node in self.graph:
            for name in node.inputs:
                self.readers[name] = self.readers.get(name, 0) + 1
        self.names: dict[str, str] = {}
        self.taken: set[str] = set()
        # Of several inputs none is where the first step stands: each is read by its name.
        self.entry = "" if self.graph.further_inputs else self.graph.input_name
        self.is_named = len(self.graph.outputs) != 1 or bool(self.graph.output_names)

    def write(self) -> list[str]:
        """All steps as lines of YAML."""
        steps = self._steps()
        for name in self.graph.further_inputs and self.graph.inputs:
            self._name(name, name)
        for label, output in zip(self.graph.output_names, self.graph.outputs, strict=False):
            self._name(self._source(output), label)
        for reference in self._references(steps):
            self._name(reference, reference)
        lines: list[str] = []
        here, before_head = self.entry, None
        block: tuple[str, ...] = ()
        if self.entry in self.names:
            lines.append(f"  - -> {self.names[self.entry]}")
        for step in steps:
            first, last = step[0], step[-1]
            if first.aux and before_head is None:
                before_head = here
                lines.append("  - aux:")
            elif not first.aux and before_head is not None:
                here, before_head = before_head, None
            indent = "      " if first.aux else "  "
            if (path := first.path[:-1][:2]) != block and path:
                lines.append(f"{indent}# {'.'.join(path)}")
            block = path
            lines.append(indent + self._line(step, here))
            here = last.name
        output = self._source(self.graph.outputs[0])
        here = here if before_head is None else before_head
        return lines if self.is_named or output == here else [*lines, f"  - {self.names[output]}"]

    def ends(self) -> list[str]:
        """The line of the outputs, where there are several or they have names."""
        if not self.is_named:
            return []
        names = [self.names[self._source(output)] for output in self.graph.outputs]
        labels = [label if _can_name(label) else name for label, name in zip(self.graph.output_names, names, strict=False)]
        if labels in ([], names):
            return [f"outputs: [{', '.join(names)}]"]
        return [f"outputs: {{{', '.join(f'{label}: {name}' for label, name in zip(labels, names, strict=True))}}}"]

    def odd_outputs(self) -> list[str]:
        """The outputs that no line can say, in words."""
        outputs = [self._source(output) for output in self.graph.outputs]
        twice = ["two of its outputs are one tensor"] if len({*outputs}) < len(outputs) else []
        return twice + (["it returns an input as it is"] if not self.graph.inputs.keys().isdisjoint(outputs) else [])

    def tables(self) -> list[str]:
        """The connection tables that convolutions name."""
        lines = ["tables:"] if self.connections else []
        for number, layer in enumerate(self.connections, 1):
            rows = (" ".join("X" if cell else "." for cell in row) for row in layer.connections)
            lines += [f"  connections{number}: |", *(f"    {row}" for row in rows)]
        return lines

    def _steps(self) -> list[list[Node]]:
        """The nodes that share a line; what only hands its input on has none."""
        steps: list[list[Node]] = []
        for node in self.graph:
            if isinstance(node.layer, Identity):
                self.same_as[node.name] = self._source(node.inputs[0])
            elif steps and (self._is_same_pool(steps[-1], node) or (self.compact and self._goes_behind(node, steps[-1]))):
                steps[-1].append(node)
            else:
                steps.append([node])
        return steps

    def _is_same_pool(self, step: list[Node], node: Node) -> bool:
        """Whether the two are what `maxpool same` makes, a padding with less than every number and the pool."""
        pad, pool = step[0].layer, node.layer
        if not (isinstance(pad, Pad) and isinstance(pool, MaxPool) and node.inputs == (step[0].name,)):
            return False
        sides = tuple(map(same_padding, self.shapes[step[0].inputs[0]][2:], pool.reach, pool.stride))
        if all(before == after for before, after in sides):
            # The word `same` would make it a padding of the pool's own, without a tensor between.
            return False
        read_once = self.readers[step[0].name] == 1 and step[0].name not in self.graph.outputs
        lone = read_once and pool.padding == (0, 0) and not pool.ceil_mode
        return lone and pad == Pad(sides, value=_LEAST)

    def _goes_behind(self, node: Node, step: list[Node]) -> bool:
        """Whether the node may stand on the line of the step, and means the same there."""
        last = step[-1]
        if (
            node.inputs != (last.name,)
            or self.readers[last.name] > 1
            or last.name in self.graph.outputs
            or node.aux != last.aux
        ):
            return False
        if not isinstance(step[0].layer, (Conv, ConvTranspose, Linear)):
            return False
        if isinstance(node.layer, BatchNorm):
            return len(step) == 1 and node.layer == BatchNorm() and not isinstance(last.layer, Linear)
        plain = isinstance(node.layer, Activation) and node.layer == type(node.layer)(inplace=True)
        return plain and not isinstance(last.layer, Activation)

    def _references(self, steps: list[list[Node]]) -> Iterable[str]:
        """The outputs that a step reads although it does not follow them."""
        here, before_head = self.entry, None
        for step in steps:
            first = step[0]
            if first.aux and before_head is None:
                before_head = here
            elif not first.aux and before_head is not None:
                here, before_head = before_head, None
            yield from (source for source in map(self._source, first.inputs) if source != here)
            here = step[-1].name
        for output in map(self._source, self.graph.outputs):
            if self.is_named or output != (here if before_head is None else before_head):
                yield output

    def _source(self, name: str) -> str:
        return self.same_as.get(name, name)

    def _name(self, reference: str, wanted: str) -> None:
        if reference in self.names:
            return
        word = re.sub(r"\W+", "_", wanted, flags=re.ASCII)[-50:].lstrip("_")
        if not word or word[0].isdigit() or word in _RESERVED or iskeyword(word):
            word = f"x_{word}"
        name, number = word, 1
        while name in self.taken:
            number += 1
            name = f"{word}_{number}"
        self.taken.add(name)
        self.names[reference] = name

    def _line(self, step: list[Node], here: str) -> str:
        first = step[0]
        sources = [self._source(name) for name in first.inputs]
        name = self.names.get(step[-1].name)
        for node in step:
            if not node.owns_params:
                self._refuse(node, "its weights are shared, computed, or not all that the word stands for")
            if not node.trainable:
                self._refuse(node, "its weights are frozen")
        if _is_join(first):
            return self._join(first, sources, here, name)
        if isinstance(first.layer, Pad) and len(step) > 1:
            words = [f"{self._words(step[1])} same"]
        else:
            words = [self._words(node) for node in step]
        if len(step) > 1 and isinstance(step[1].layer, BatchNorm):
            words[0] = words[0].removesuffix(" nobias") if words[0].endswith(" nobias") else f"{words[0]} bias"
        elif getattr(first.layer, "bias", False) and len(step) == 1 and self._is_normalized(first):
            words[0] += " bias"
        if len(step) > 1:
            words = [words[0], *(word.removesuffix(" inplace") for word in words[1:])]
        come_back = "" if sources[:1] in ([], [here]) else f"{self.names[sources[0]]} | "
        return f"- {come_back}{' '.join(words)}" + (f" -> {name}" if name else "")

    def _is_normalized(self, node: Node) -> bool:
        """Whether a reader of the text would leave out the layer's bias."""
        readers = [reader.layer for reader in self.graph if node.name in reader.inputs]
        return bool(readers) and all(isinstance(layer, SUBTRACTS_A_MEAN) for layer in readers)

    def _join(self, node: Node, sources: list[str], here: str, name: str | None) -> str:
        branches = ["identity" if source == here else self.names[source] for source in sources]
        if isinstance(node.layer, Concat) and node.layer.dim % len(self.shapes[node.inputs[0]]) != 1:
            self._refuse(node, "it does not concatenate channels")
        parts = [f"{_JOIN_WORDS[_kind(node.layer)]}: [{', '.join(branches)}]"]
        parts += ["inplace: true"] if getattr(node.layer, "inplace", False) else []
        parts += [f"name: {name}"] if name else []
        indent = " " * (10 if node.aux else 6)
        return fill(
            f"- {{{', '.join(parts)}}}", WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )

    def _words(self, node: Node) -> str:
        layer = node.layer
        try:
            if isinstance(layer, PartialConv):
                self.connections.append(layer)
                dense = Conv(len(layer.connections[0]), layer.kernel_size, layer.stride, layer.padding, bias=layer.bias)
                return f"{write_layer(dense, self.shapes[node.inputs[0]])} connect=connections{len(self.connections)}"
            return write_layer(layer, self.shapes[node.inputs[0]] if node.inputs else ())
        except UnsayableError as error:
            self._refuse(node, str(error))
            return "identity"

    def _refuse(self, node: Node, reason: str) -> None:
        self.unsayable.setdefault(f"{node.layer.type}: {reason}", []).append(node.name)


def _is_join(node: Node) -> bool:
    layer = node.layer
    if isinstance(layer, Arithmetic):
        return len(node.inputs) == 2 and layer in (row.layer() for row in JOINS.values())
    return _kind(layer) in _JOIN_WORDS


def _can_name(label: str) -> bool:
    return bool(NAME.match(label)) and not iskeyword(label) and label not in {*AXES, "true", "false", "none"}


def _head(graph: Graph, names: Mapping[str, str]) -> list[str]:
    facts = graph.facts
    texts = {"name": facts.family or graph.name, "year": facts.year, "paper": facts.paper, "about": facts.about}
    texts |= {"dataset": facts.accuracy.dataset} if facts.accuracy else {}
    lines = [f"{key}: {text if isinstance(text, int) else _quoted(text)}" for key, text in texts.items() if text]
    sizes = {name: "x".join(map(str, shape[1:])) for name, shape in graph.inputs.items()}
    if graph.further_inputs:
        lines.append(f"inputs: {{{', '.join(f'{names[name]}: {size}' for name, size in sizes.items())}}}")
    else:
        lines.append(f"input: {sizes[graph.input_name]}")
    figures = dict(facts.published)
    if facts.accuracy:
        accuracy = {"top1": facts.accuracy.top1, "top5": facts.accuracy.top5}
        figures |= {key: Figure(value, where=facts.accuracy.source) for key, value in accuracy.items() if value is not None}
    if figures:
        lines += ["published:", *(f"  {key}: {_figure(figure)}" for key, figure in figures.items())]
    return lines


def _figure(figure: Figure) -> str:
    parts = [f"value: {_number(figure.value)}"]
    parts += [f"tolerance: {_number(figure.tolerance)}"] if figure.tolerance else []
    parts += [f"{key}: {_quoted(text)}" for key, text in (("why", figure.why), ("where", figure.where)) if text]
    return f"{{{', '.join(parts)}}}"


def _number(value: float) -> str:
    return f"{int(value):_}" if value == int(value) else repr(value)


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _complaint(graph: Graph, unsayable: Mapping[str, list[str]], odd_outputs: list[str]) -> str:
    """All that the language cannot say, one kind a line."""
    kinds = dict(unsayable)
    for entry in graph.uncounted:
        name, _, operation = entry.rpartition(": ")
        kinds.setdefault(f"{operation}: it is not counted", []).append(name)
    lines = [f"{what} ({names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''})" for what, names in kinds.items()]
    lines += [f"a head that cannot be run: {name}, {count:,} params" for name, count in graph.aux_params.items()]
    lines += odd_outputs
    return f"{graph.name} uses what the spec language cannot say:" + "".join(f"\n  - {line}" for line in lines)
