"""A graph as a spec in the flat form: its layers one after the other, and a name for every output that is read elsewhere.

Read back, the text is a network with the same shapes, parameters, operations and activations.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from textwrap import fill

from cnnprof.errors import CnnprofError
from cnnprof.network.graph import Figure, Graph, Node
from cnnprof.network.layers.merging import Concat
from cnnprof.network.recognition import recognize
from cnnprof.spec.batches import EVERY, Batches
from cnnprof.spec.folding.fold import fold
from cnnprof.spec.folding.text import write_outline
from cnnprof.spec.functions import FUNCTIONS
from cnnprof.spec.inputs import input_text
from cnnprof.spec.naming import take_name
from cnnprof.spec.sayable import join_word
from cnnprof.spec.scope import AXES
from cnnprof.spec.tokens import NAME
from cnnprof.spec.wording import Wording
from cnnprof.spec.words import WORDS

WIDTH = 120
_PLAIN = re.compile(r"[A-Za-z][\w./()-]*( [\w./()-]+)*", re.ASCII)
"""Texts that YAML takes without quotes anywhere."""
_RESERVED = {*WORDS, *FUNCTIONS, *AXES, "none", "let", "use", "true", "false", "first", "last", "row", "i"}


def write_spec(graph: Graph, compact: bool = False, batches: Batches = EVERY) -> str:
    """The text of a spec that describes the graph, layer by layer; its facts head the text.

    Args:
        compact: put normalization and activation behind their layer where one line may say all.
        batches: what its layers say in terms of the batch.

    Raises CnnprofError with a list of all that the language cannot say.
    """
    plain = recognize(graph)
    lines = _Lines(plain, Wording(plain, compact, batches=batches))
    text = lines.write()
    _check(graph, lines.wording)
    return _joined(graph, lines.names, batches, lines.tables(), ["layers:", *text], lines.ends())


def write_folded(
    graph: Graph,
    partial: bool,
    blocks: bool = True,
    compact: bool = True,
    batches: Batches = EVERY,
    conditions: bool = True,
    tokens: bool = True,
) -> str:
    """The text of a spec that describes the graph by blocks and loops, as far as its layers come again.

    Args:
        partial: operations that are not counted stand as `opaque`, and heads that cannot be run in a comment.
        blocks: fold; without it the steps stand one after the other, those that have no words, too.
        compact: put several layers on a line; without it, and without `blocks`, each is one step.
        batches: what its layers say in terms of the batch.
        conditions: blocks may have steps that only some of their calls run.
        tokens: among blocks, layers of the last axis are said by words, of `tokens`.

    Raises CnnprofError as `write_spec`.
    """
    plain = recognize(graph)
    wording = Wording(plain, compact, folded=True, batches=batches, tokens=blocks and tokens)
    outline = fold(plain, wording, blocks, compact, conditions)
    _check(graph, wording, partial)
    names = {tensor: outline.name(tensor) for tensor in (*graph.inputs, *wording.outputs)}
    ends = _ends(plain, [names[output] for output in wording.outputs]) if wording.names_outputs else []
    heads = [f"# not written, as it cannot be run: {name}, {count:,} params" for name, count in graph.aux_params.items()]
    return _joined(graph, names, batches, write_outline(outline, not compact), ends, heads)


def _joined(graph: Graph, names: Mapping[str, str], batches: Batches, *parts: list[str]) -> str:
    return "\n".join([*_head(graph, names), *batches.head, *(line for part in parts for line in part)]) + "\n"


def _check(graph: Graph, wording: Wording, partial: bool = False) -> None:
    """Raise CnnprofError with all that the language cannot say of the network, or not even leave open if `partial`."""
    outputs = wording.outputs
    odd = ["two of its outputs are one tensor"] if len({*outputs}) < len(outputs) else []
    odd += ["it returns an input as it is"] if not graph.inputs.keys().isdisjoint(outputs) else []
    if wording.unsayable or odd or (not partial and (graph.uncounted or graph.aux_params)):
        hint = "cnnprof summary shows the network as it is"
        if wording.unsayable and not (wording.folded or odd or graph.uncounted or graph.aux_params):
            hint = "cnnprof import, without --flat, writes it by blocks, and by layer types where there is no word"
        open_ends = not (wording.unsayable or odd)
        hint += "; with --partial, cnnprof import writes all else" if open_ends else ""
        raise CnnprofError(_complaint(graph, wording.unsayable, odd), hint=hint)


def _ends(graph: Graph, names: list[str]) -> list[str]:
    """The line of the outputs, of which there are several, or which have names."""
    labels = [label if _can_name(label) else name for label, name in zip(graph.output_names, names, strict=False)]
    if labels in ([], names):
        return [f"outputs: [{', '.join(names)}]"]
    return [f"outputs: {{{', '.join(f'{label}: {name}' for label, name in zip(labels, names, strict=True))}}}"]


@dataclass
class _Lines:
    """Writes the steps in the graph's order; `here` is the output that the next step continues from."""

    graph: Graph
    wording: Wording

    def __post_init__(self) -> None:
        self.names: dict[str, str] = {}
        self.taken: set[str] = set()
        # Of several inputs none is where the first step stands: each is read by its name.
        self.entry = "" if self.graph.further_inputs else self.graph.input_name

    def write(self) -> list[str]:
        """All steps as lines of YAML."""
        steps = self.wording.steps()
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
        return lines if self.wording.names_outputs or output == here else [*lines, f"  - {self.names[output]}"]

    def ends(self) -> list[str]:
        """The line of the outputs, where there are several or they have names."""
        return _ends(self.graph, [self.names[output] for output in self.wording.outputs]) if self.wording.names_outputs else []

    def tables(self) -> list[str]:
        """The connection tables that convolutions name."""
        lines = ["tables:"] if self.wording.connections else []
        for number, layer in enumerate(self.wording.connections, 1):
            rows = (" ".join("X" if cell else "." for cell in row) for row in layer.connections)
            lines += [f"  connections{number}: |", *(f"    {row}" for row in rows)]
        return lines

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
            if self.wording.names_outputs or output != (here if before_head is None else before_head):
                yield output

    def _source(self, name: str) -> str:
        return self.wording.source(name)

    def _name(self, reference: str, wanted: str) -> None:
        if reference in self.names:
            return
        self.names[reference] = take_name(wanted, _RESERVED, self.taken)

    def _line(self, step: list[Node], here: str) -> str:
        first = step[0]
        sources = [self._source(name) for name in first.inputs]
        name = self.names.get(step[-1].name)
        if join_word(first):
            self.wording.check(first)
            return self._join(first, sources, here, name)
        words = self.wording.words(step)
        come_back = "" if sources[:1] in ([], [here]) else f"{self.names[sources[0]]} | "
        return f"- {come_back}{' '.join(words)}" + (f" -> {name}" if name else "")

    def _join(self, node: Node, sources: list[str], here: str, name: str | None) -> str:
        branches = ["identity" if source == here else self.names[source] for source in sources]
        if isinstance(node.layer, Concat) and node.layer.dim % len(self.wording.shapes[node.inputs[0]]) != 1:
            self.wording.refuse(node, "it does not concatenate channels")
        parts = [f"{join_word(node)}: [{', '.join(branches)}]"]
        parts += ["inplace: true"] if getattr(node.layer, "inplace", False) else []
        parts += [f"name: {name}"] if name else []
        indent = " " * (10 if node.aux else 6)
        return fill(
            f"- {{{', '.join(parts)}}}", WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )


def _can_name(label: str) -> bool:
    return bool(NAME.match(label)) and not iskeyword(label) and label not in {*AXES, "true", "false", "none"}


def _head(graph: Graph, names: Mapping[str, str]) -> list[str]:
    facts = graph.facts
    texts = {"name": facts.family or graph.name, "year": facts.year, "paper": facts.paper, "about": facts.about}
    texts["dataset"] = facts.accuracy.dataset if facts.accuracy else facts.dataset
    lines = [f"{key}: {text if isinstance(text, int) else _quoted(text)}" for key, text in texts.items() if text]
    sizes = {name: input_text(shape[1:]) for name, shape in graph.inputs.items()}
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
