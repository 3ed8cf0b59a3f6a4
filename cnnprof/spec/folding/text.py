"""Steps as lines of YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cnnprof.spec.batches import Besides, holds_the_batch
from cnnprof.spec.folding.literals import literal, shown
from cnnprof.spec.folding.outline import (
    USUAL,
    Aux,
    Block,
    Body,
    Call,
    Expr,
    First,
    For,
    Guard,
    Item,
    Join,
    Let,
    Name,
    Outline,
    Part,
    Ref,
    Repeat,
    Rising,
    Words,
)
from cnnprof.spec.words import WORDS

WIDTH = 116
_CHAIN = 96
"""Characters of steps that stand one behind the other on a line."""

_SAFE = re.compile(r"[^,\[\]{}:#'\"&!|>%@`?-][^,\[\]{}:#\"]*\Z")
_QUOTABLE = re.compile(r"[A-Za-z][^\"\\\\]*\Z")
_PARENTHESES = re.compile(r"\([^()]*\)")


def write_outline(outline: Outline, alone: bool = False) -> list[str]:
    """The sections `tables`, `shared`, `blocks` and `layers`; `alone` puts each step on a line of its own."""
    writer = _Writer(0 if alone else _CHAIN)
    shared = [line for block in outline.blocks if block.shared for line in writer.block(block)]
    blocks = [line for block in outline.blocks if not block.shared for line in writer.block(block)]
    layers = writer.lines(outline.body, "  ", True)
    tables = ["tables:", *writer.tables] if writer.tables else []
    return [*tables, *(["shared:", *shared] if shared else []), *(["blocks:", *blocks] if blocks else []), "layers:", *layers]


def height(body: Body, calls_alone: bool = False) -> int:
    """How many lines the steps and their tables take; with `calls_alone`, where no call shares its line with other steps."""
    writer = _Writer()
    return len(writer.lines(body, "    ", calls_alone)) + len(writer.tables)


class _Writer:
    def __init__(self, chain: int = _CHAIN) -> None:
        self.chain = chain
        self.tables: list[str] = []
        self._tables = 0

    def block(self, block: Block) -> list[str]:
        """A block's signature and its steps."""
        arguments = [*block.tensors, *(_argument(each.name, each.default) for each in block.arguments)]
        lines = self.lines(block.body, "    ")
        if block.gives:
            lines.append(f"    - give [{', '.join(block.gives)}]")
        key = f"  {block.name}({', '.join(arguments)}):"
        if len(lines) == 1 and re.match(r"    - [a-z]\w*( |$)", lines[0]):
            return [f"{key} {lines[0][6:]}"]
        return [key, *lines]

    def lines(self, body: Body, indent: str, calls_alone: bool = False) -> list[str]:
        """Each step as an item of a list; with `calls_alone` no call shares its line with other steps."""
        found: list[str] = []
        for text, item in _chunks(body, calls_alone, self.chain):
            if item is None:
                found.append(f"{indent}- {text}")
            elif isinstance(item, Join):
                found += self._join(item, indent)
            elif isinstance(item, Guard):
                found += self._nested(f"if: {item.flag}", "then", item.body, indent)
            elif isinstance(item, Repeat):
                found += self._nested(f"repeat: {shown(item.times)}", "do", item.body, indent)
            elif isinstance(item, For):
                found += self._for(item, indent)
            elif isinstance(item, Aux):
                found += self._aux(item, indent)
        return found

    def _aux(self, item: Aux, indent: str) -> list[str]:
        lines = self.lines(item.body, indent + "    ")
        if len(lines) == 1 and not lines[0].lstrip()[2:].startswith(("{", "add:", "concat:")):
            return [f"{indent}- aux: {lines[0].lstrip()[2:]}"]
        return [f"{indent}- aux:", *lines]

    def _nested(self, head: str, key: str, body: Body, indent: str) -> list[str]:
        chunks = [*_chunks(body, chain=self.chain)]
        if len(chunks) == 1 and chunks[0][1] is None:
            text = chunks[0][0]
            if _SAFE.match(text) and _SAFE.match(head.partition(": ")[2]) and len(head) + len(text) < WIDTH - 20:
                return [f"{indent}- {{{head}, {key}: {text}}}"]
            return [f"{indent}- {head}", f"{indent}  {key}: {text}"]
        lines = self.lines(body, indent + "    ")
        if len(lines) == 1 and lines[0].lstrip().startswith("- {"):
            return [f"{indent}- {head}", f"{indent}  {key}: {lines[0].lstrip()[2:]}"]
        return [f"{indent}- {head}", f"{indent}  {key}:", *lines]

    def _for(self, item: For, indent: str) -> list[str]:
        columns = [[literal(row[number]) for row in item.rows] for number in range(len(item.names))]
        lists = [f"[{', '.join(column)}]" for column in columns]
        head = f"for: {', '.join(item.names)} in {lists[0] if len(lists) == 1 else f'zip({chr(44).join(lists)})'}"
        head = head.replace("],[", "], [")
        steady = not any(map(holds_the_batch, item.rows))  # cells of tables are the same at every batch
        if steady and (len(columns) > 3 + (len(item.rows) < 5) or len(head) > WIDTH - 20):
            self._tables += 1
            name = "stages" if self._tables == 1 else f"stages{self._tables}"
            widths = [max(map(len, [title, *column])) for title, column in zip(item.names, columns, strict=True)]
            rows = [item.names, *zip(*columns, strict=True)]
            self.tables.append(f"  {name}: |")
            self.tables += ["    " + "  ".join(map(str.ljust, row, widths)).rstrip().replace("'", "") for row in rows]
            head = f"each: {name}"
        return self._nested(head, "do", item.body, indent)

    def _join(self, item: Join, indent: str) -> list[str]:
        further = ["inplace: true"] * item.inplace + [f"name: {item.name}"] * bool(item.name)
        if item.is_layer:
            return self._layer(item, further, indent)
        if item.listed:
            # In brackets, a list of one is joined, too.
            listed = f"{item.kind}: [{item.listed}]"
            return [f"{indent}- {{{', '.join([listed, *further])}}}" if further else f"{indent}- {listed}"]
        branches = [self._branch(branch, item.kept) for branch in item.branches]
        plain = [_in_flow(branch) for branch in branches if isinstance(branch, str) and _in_flow(branch)]
        if len(plain) == len(branches):
            flow = f"{item.kind}: [{', '.join(plain)}]"
            line = f"- {{{', '.join([flow, *further])}}}" if further else f"- {flow}"
            if len(line) < WIDTH - 12:
                return [indent + line]
        if all(isinstance(branch, str) and re.match(r"\w+\Z", branch) for branch in branches):
            return _wrapped([str(branch) for branch in branches], item.kind, further, indent)
        return [f"{indent}- {item.kind}:", *self._items(branches, indent), *(f"{indent}  {each}" for each in further)]

    def _layer(self, item: Join, further: list[str], indent: str) -> list[str]:
        """A layer without a word."""
        word, _, kind = item.kind.partition(" ")
        head = [f"{word}: {kind}", *(f"{key}: {_field(hole)}" for key, hole in item.fields)]
        branches = [self._branch(branch, None) for branch in item.branches]
        plain = [_in_flow(branch) for branch in branches if isinstance(branch, str)]
        if len(plain) == len(branches) and all(plain):
            of = [f"of: [{', '.join(plain)}]"] if branches else []
            line = f"{indent}- {{{', '.join([*head, *of, *further])}}}"
            if len(line) < WIDTH or not branches:
                return [line]
            two = [f"{indent}- {{{', '.join([*head, *further])},", f"{indent}   {of[0]}}}"]
            if max(map(len, two)) < WIDTH:
                return two
        keys = [f"{indent}  {each}" for each in [*head[1:], *further, "of:"]]
        return [f"{indent}- {head[0]}", *keys, *self._items(branches, indent)]

    def _items(self, branches: list[str | Body], indent: str) -> list[str]:
        """Branches as items of a list."""
        found: list[str] = []
        for branch in branches:
            lines = [branch] if isinstance(branch, str) else self.lines(branch, indent + "      ")
            # Steps of a branch are a list within the list, the first of them behind its dash.
            found += [f"{indent}    - {lines[0].lstrip()}", *lines[1:]]
        return found

    def _branch(self, branch: Body, kept: Any) -> str | Body:
        if not branch:
            return "identity" if kept is None else f"identity if {kept} else none"
        chunks = [*_chunks(branch, chain=self.chain)]
        return chunks[0][0] if len(chunks) == 1 and chunks[0][1] is None else branch


def _in_flow(text: str) -> str:
    """The text as an entry of `[...]`; empty where it cannot be one."""
    if _SAFE.match(text):
        return text
    return f'"{text}"' if _QUOTABLE.match(text) else ""


def _wrapped(names: list[str], kind: str, further: list[str], indent: str) -> list[str]:
    """A join of many names over as many lines as they take."""
    from textwrap import wrap

    text = ", ".join([f"{kind}: [{', '.join(names)}]", *further])
    return [
        indent + ("  " * (number > 0)) + line
        for number, line in enumerate(
            wrap(f"- {{{text}}}", WIDTH - len(indent), break_long_words=False, break_on_hyphens=False)
        )
    ]


def _chunks(body: Body, calls_alone: bool = False, chain: int = _CHAIN) -> Iterator[tuple[str, Item | None]]:
    """The steps as texts of one line each, as many on one as go there; a step that takes several lines comes as it is."""
    line = ""
    for item in body:
        text = _inline(item)
        alone = (
            text is None
            or isinstance(item, (Let, Guard))
            or (calls_alone and isinstance(item, Call) and item.block not in WORDS)
        )
        if line and (alone or len(line) + len(text or "") > chain or line.endswith(" -> [") or _ends(line)):
            yield line, None
            line = ""
        if text is None:
            yield "", item
        elif alone:
            yield text, None
        else:
            line = f"{line} | {text}" if line else text
    if line:
        yield line, None


def _ends(line: str) -> bool:
    """Whether a line ends where the grid gets smaller, which is where a reader looks for its end."""
    last = line.rpartition(" | ")[2]
    return last.startswith(("maxpool", "avgpool")) and " s1" not in last


def _inline(item: Item) -> str | None:
    """A step as text of one line; None where it takes several, or a mapping."""
    if isinstance(item, Words):
        return " ".join(map(_part, item.parts)) + _named(item.name)
    if isinstance(item, Ref):
        return item.name
    if isinstance(item, Name):
        return f"-> {item.name}"
    if isinstance(item, Let):
        return f"let {item.text}"
    if isinstance(item, Call):
        return _call(item)
    if isinstance(item, Join) and _is_short(item):
        fields = (key if key == "tokens" else f"{key}={_entry(hole)}" for key, hole in item.fields)
        return " ".join([item.kind, *fields]) + _named(item.name)
    if isinstance(item, Guard):
        (text, longer), *others = _chunks(item.body)
        plain = not others and longer is None and " if " not in _PARENTHESES.sub("", text)
        return f"{text} if {item.flag}" if plain else None
    return None


def _is_short(item: Join) -> bool:
    """Whether a layer without a word goes on a line: it reads what is here, with weights of its own."""
    return item.kind.startswith("op ") and not item.branches and "weights" not in dict(item.fields)


def _entry(hole: Any) -> str:
    """The value of a field on a line, which has no blanks."""
    if not isinstance(hole, Expr):
        return literal(hole[0])
    text = hole.replace(", ", ",")
    return f"({text[1:-1]})" if text.startswith("[") and "," in _PARENTHESES.sub("", text) else text


def _call(item: Call) -> str:
    words = [item.block, *(str(tensor).replace(", ", ",") for tensor in item.tensors)]
    words += [value if not key else f"{key}={value}" for key, value in _given(item)]
    return " ".join(words) + (f" -> [{', '.join(item.gives)}]" if item.gives else _named(item.name))


def _given(item: Call) -> Iterator[tuple[str, str]]:
    """The arguments of a call that are not what is usual; those that have nothing usual without their names."""
    usual = dict(item.usual)
    for key, hole in item.arguments:
        value = shown(hole)
        if usual.get(key) is None:
            yield "", value
        elif value != literal(usual[key]):
            yield key, value


def _field(hole: Any) -> str:
    """The value of a field, tuples as YAML has them."""
    if not isinstance(hole, Expr):
        return _listed(hole[0])
    return f'"{hole}"' if hole.startswith("(") else str(hole)


def _listed(value: Any) -> str:
    if isinstance(value, tuple) and not isinstance(value, (First, Rising)):
        return f"[{', '.join(map(_listed, value))}]"
    if isinstance(value, Besides):
        return f'"{literal(value)}"'
    return literal(value)


def _named(name: str) -> str:
    return f" -> {name}" if name else ""


def _argument(name: str, default: Any) -> str:
    return name if default is None else f"{name}={literal(default)}"


def _part(part: Part) -> str:
    if part.word == "use":
        return f"| use {shown(part.options[0][1])}"
    words = [part.word]
    for key, hole in part.options:
        if not isinstance(hole, Expr) and key in USUAL and hole[0] == USUAL[key] and part.word not in ("maxpool", "avgpool"):
            continue
        words.append(_option(part.word, key, hole))
    return " ".join([*words, *part.flags])


def _option(word: str, key: str, hole: Any) -> str:
    value = None if isinstance(hole, Expr) else hole[0]
    if key == "size":
        if isinstance(value, tuple):
            return "x".join(map(str, value))
        shorthand = WORDS[word].shorthand
        if shorthand == "kernel" and isinstance(value, int):
            return str(value)
        return f"{'k' if shorthand == 'kernel' else shorthand or 'size'}={shown(hole)}"
    if key in "spgd" and isinstance(value, int):
        return f"{key}{value}"
    if key in "spgd" and isinstance(value, tuple):
        return key + "x".join(map(str, value))
    if key == "size=" and isinstance(value, tuple):
        return f"size={'x'.join(map(str, value))}"
    return shown(hole) if key.isdigit() else f"{key.rstrip('=')}={shown(hole)}"
