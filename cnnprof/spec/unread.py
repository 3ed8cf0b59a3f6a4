"""The names that a file defines and nothing reads: most likely a slip of the pen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from cnnprof.spec.blocks import Block
from cnnprof.spec.loops import COUNTER, NAMING_COLUMN, OWN
from cnnprof.spec.reader import Entries, Items, Scalar, Yaml
from cnnprof.spec.tables import read_lines
from cnnprof.spec.values import Table
from cnnprof.spec.words import BEHIND, WORDS

_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_FIRST = re.compile(r"(?:^|\|)\s*([A-Za-z_]\w*)", re.ASCII)
_CALLED = "("
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*", re.MULTILINE)
_LET = re.compile(r"\blet\s+([A-Za-z_]\w*)\s*=(?!=)", re.ASCII)
_LOOP = re.compile(r"\bfor['\"]?:\s*['\"]?([A-Za-z_][\w, ]*?)\s+in\b", re.ASCII)
_NAMED = r"(?m)^[ -]*-> *([A-Za-z_]\w*) *$"
_COMPARED = r"""[!=]= *(['"])([A-Za-z_]\w*)\1"""
_EVERYWHERE = ("i", "_")
"""Names for the values of a loop that does the same in each round."""

_EMPTY = ("0", "[]", "()", "range(0)")
_DEFINING = {"settings": "the setting", "tables": "the table", "blocks": "the block", "shared": "the block"}


def unread(root: Entries, blocks: Mapping[str, Block], tables: Mapping[str, Table]) -> tuple[str, ...]:
    """A warning with its place for each setting, table, column, block, argument and value that nothing reads.

    A name counts as read wherever its word stands in what is run and means it: not where an argument, a loop or a `let` has
    its name. Loops without a round are named, too.
    """
    steps = _Steps(tables, {_name(key) for key, _ in _pairs(root.get("settings"))})
    read: Counter[str] = Counter()
    own: dict[str, set[str]] = {}
    for name in ("input", "inputs", "outputs"):
        if (node := root.get(name)) is not None:
            read.update(_words(node))
    for kind in _DEFINING:
        for key, value in _pairs(root.get(kind)):
            # A setting or a variant may name a block or a table, for `use` and `each`.
            words = _words(value)
            if kind in ("blocks", "shared"):
                words = steps.reads_of_block(value, blocks[_name(key)])
            elif kind == "tables":
                words = _cells(value)
            own[_name(key)] = words
            read.update(words)
    for _, value in _pairs(root.get("variants")):
        read.update(steps.reads(value, set()))  # what it sets, it does not read
    if isinstance(listed := root.get("variants"), Scalar):
        read.update(_cells(listed))
    if (layers := root.get("layers")) is not None:
        read.update(steps.reads(layers, steps.settings))
    defined = tuple(
        f"{key.place}: nothing reads {what} '{_name(key)}'"
        for kind, what in _DEFINING.items()
        for key, _ in _pairs(root.get(kind))
        if all(read[word] <= (word in own[_name(key)]) for word in (_name(key), _name(key) + _CALLED))
    )
    called = {word.removesuffix(_CALLED) for word in read if word.endswith(_CALLED)}
    by_name = {name for name in blocks if name not in called} if "use" in called else set()
    columns = _unread_columns(root, tables, steps.rounds)
    values = (*_unread_values(root), *_unlike(root), *_words_only(root))
    return (*defined, *columns, *_unread_arguments(root, blocks, by_name), *values, *steps.warnings)


class _Round(NamedTuple):
    """The words that an `each` goes through, and those that its steps read."""

    through: set[str]
    read: set[str]


class _Steps:
    """Finds the names that steps read from outside, and notes on the way what loops go through."""

    def __init__(self, tables: Mapping[str, Table], settings: AbstractSet[str]) -> None:
        self.tables = tables
        self.settings = settings
        self.rounds: list[_Round] = []
        self.warnings: list[str] = []

    def reads_of_block(self, body: Yaml, block: Block) -> set[str]:
        """The words that a block reads but its own arguments; their defaults see none of them."""
        names = {parameter.name for parameter in block.parameters}
        defaults = {word for each in block.parameters if each.default for word in _WORD.findall(each.default.token.text)}
        return (self.reads(body, self.settings | names) - names) | defaults

    def reads(self, node: Yaml, known: AbstractSet[str]) -> set[str]:
        """The words of a step but the names of its own loops and `let`; `known` are the names that those around it have.

        A word that a step begins with is there as a call, too: a block may have the name of an argument or a column.
        """
        if isinstance(node, Scalar):
            return {*_WORD.findall(node.value), *(word + _CALLED for word in _FIRST.findall(node.value))}
        if isinstance(node, Items):
            return self._reads_of_list(node, known)
        if (head := next((key for key, _ in node.pairs if key.value in ("repeat", "each", "for")), None)) and node.get("do"):
            return self._reads_of_loop(node, head, known)
        return {word for _, value in node.pairs for word in self.reads(value, known)}

    def _reads_of_list(self, node: Items, known: AbstractSet[str]) -> set[str]:
        read: set[str] = set()
        named: set[str] = set()
        for step in node.nodes:
            if isinstance(step, Scalar) and (let := _LET.match(step.value)):
                read |= {*_WORD.findall(step.value[let.end() :])} - named
                named.add(let[1])
            else:
                read |= self.reads(step, known | named) - named
        return read

    def _reads_of_loop(self, node: Entries, head: Scalar, known: AbstractSet[str]) -> set[str]:
        through, body, counter = node.get(head.value), node.get("do"), node.get("as")
        text = through.value if isinstance(through, Scalar) else ""
        targets, _, values = text.partition(" in ") if head.value == "for" else ("", "", text)
        named = {*_WORD.findall(targets), *([counter.value.strip()] if isinstance(counter, Scalar) else [])}
        if head.value == "each":
            named |= {column for word in _WORD.findall(text) if word in self.tables for column in self.tables[word].columns}
        own = {*OWN, COUNTER} - known
        read = self.reads(body, known | named) if body is not None else set()
        if head.value == "repeat" and text.strip().isdigit() and body is not None:
            self.warnings += _beyond(body, counter.value.strip() if isinstance(counter, Scalar) else COUNTER, int(text))
        bounds = re.fullmatch(r"\s*range\(\s*(\d+)\s*,\s*(\d+)\s*\)\s*", values)
        if values.strip() in _EMPTY or (bounds and int(bounds[1]) >= int(bounds[2])):
            self.warnings.append(f"{head.place}: this loop has no rounds")
        if head.value == "each":
            self.rounds.append(_Round(set(_WORD.findall(text)), read))
        return (read - named - own) | {*_WORD.findall(values)}


def _unread_columns(root: Entries, tables: Mapping[str, Table], rounds: list[_Round]) -> Iterator[str]:
    """The columns of tables whose names no loop reads that goes through them, or may do so."""
    for key, node in _pairs(root.get("tables")):
        name = _name(key)
        read = [each.read for each in rounds if name in each.through or each.through.isdisjoint(tables)]
        unread = [column for column in tables[name].columns if not any({column, "row"} & words for words in read)]
        for token in read_lines(node)[0] if read and unread else ():
            if token.text in unread and token.text != NAMING_COLUMN:
                yield f"{token.place}: nothing reads the column '{token.text}' of '{name}'"


def _unread_arguments(root: Entries, blocks: Mapping[str, Block], by_name: AbstractSet[str]) -> Iterator[str]:
    """The arguments that neither the block's steps nor the other arguments read.

    Blocks called `by_name`, by `use`, take what the others take that the same step may call.
    """
    for kind in ("blocks", "shared"):
        for key, body in _pairs(root.get(kind)):
            if _name(key) in by_name:
                continue
            read = Counter(_WORD.findall(key.value)) + Counter(_words(body))
            for parameter in blocks[_name(key)].parameters:
                if read[parameter.name] == 1:
                    yield f"{parameter.token.place}: nothing reads the argument '{parameter.name}' of '{_name(key)}'"


def _unread_values(root: Entries) -> Iterator[str]:
    """The values of `let` and of loops whose names stand once in all that is run."""
    run = [each for name in ("layers", "blocks", "shared") if (each := root.get(name)) is not None]
    texts = [node.source.text[node.start : node.end] for node in run]
    read = Counter(word for text in texts for word in _WORD.findall(_COMMENT.sub("", text)))
    if (outputs := root.get("outputs")) is not None:
        read.update(_words(outputs))
    for node, text in zip(run, texts, strict=True):
        for found in (*_LET.finditer(text), *_LOOP.finditer(text), *(re.finditer(_NAMED, text) if "- ->" in text else ())):
            for name in _WORD.finditer(found[1]):
                if read[name[0]] == 1 and name[0] not in _EVERYWHERE:
                    start = node.start + found.start(1) + name.start()
                    yield f"{node.source.place(start, start + len(name[0]))}: nothing reads '{name[0]}'"


def _beyond(body: Yaml, counter: str, rounds: int) -> Iterator[str]:
    """Comparisons of a loop's number with one that it never is; in a body with loops of its own it may be theirs."""
    text = body.source.text[body.start : body.end]
    if re.search(r"\b(repeat|for|each):", text):
        return
    for found in re.finditer(rf"\b{re.escape(counter)} *== *(\d+)\b", text):
        if int(found[1]) >= rounds:
            place = body.source.place(body.start + found.start(), body.start + found.end())
            yield f"{place}: '{found[0]}' never holds, as {counter} goes from 0 to {rounds - 1}"


def _unlike(root: Entries) -> Iterator[str]:
    """The texts of comparisons that no value of the file is, where one differs from it in capitals alone."""
    text = root.source.text
    if not re.search(r"= ?['\"]", text):
        return
    compared = [*re.finditer(_COMPARED, text)]
    words = Counter(_WORD.findall(text))
    words.subtract(found[2] for found in compared)
    for found in compared:
        alike = [word for word, count in words.items() if count and word != found[2] and word.lower() == found[2].lower()]
        if not words[found[2]] and alike:
            place = root.source.place(found.start(2), found.end(2))
            yield f"{place}: no value is '{found[2]}'; there is '{alike[0]}'"


def _words_only(root: Entries) -> Iterator[str]:
    """The settings with the name of a word that stands behind layers, where it is the word and nowhere the setting."""
    steps = [node for part in ("layers", "blocks", "shared") if (node := root.get(part)) is not None]
    for key, _ in _pairs(root.get("settings")):
        name = _name(key)
        behind = name in BEHIND or any(name in row.flags for row in WORDS.values())
        if behind and name in _words(steps[0]) and not any(_is_value(name, node) for node in steps):
            yield f"{key.place}: nothing reads the setting '{name}': behind a layer it is a word of the language"


def _is_value(name: str, node: Yaml) -> bool:
    """Whether a name may stand for a value in steps: in a condition, an expression, or behind the name of a block."""
    if isinstance(node, Items):
        return any(_is_value(name, step) for step in node.nodes)
    if isinstance(node, Entries):
        asks = ("if", "repeat", "for", "each")
        return any(name in _words(value) if key.value in asks else _is_value(name, value) for key, value in node.pairs)
    step, *conditions = re.split(r"\b(?:if|let)\b", node.value)
    for piece in step.split("|"):
        first, *rest = piece.split() or [""]
        if any(name in _WORD.findall(each.partition("=")[2] or each) for each in rest if each != name or first not in WORDS):
            return True
    return any(name in _WORD.findall(text) for text in conditions)


def _pairs(node: Yaml | None) -> Iterator[tuple[Scalar, Yaml]]:
    if isinstance(node, Entries):
        yield from node.pairs


def _name(key: Scalar) -> str:
    return key.value.partition("(")[0].strip()


def _cells(node: Yaml) -> set[str]:
    """The words of a table below its header."""
    lines = [line for line in _COMMENT.sub("", node.value).splitlines() if line.strip()] if isinstance(node, Scalar) else []
    return set(_WORD.findall("\n".join(lines[1:])))


def _words(node: Yaml) -> set[str]:
    return set(_WORD.findall(_COMMENT.sub("", node.source.text[node.start : node.end])))
