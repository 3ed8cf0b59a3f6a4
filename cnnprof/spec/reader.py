"""YAML text as nodes that know where they stand.

Nodes are built from the parser's events, never from YAML-typed values, so that `no`, `1e6` and `1:30` stay the text they are.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from stat import S_ISDIR, S_ISFIFO, S_ISREG
from typing import Any, TypeAlias

from cnnprof.errors import Place, SpecError
from cnnprof.spec.positions import source_indices

MAX_BYTES = 256 * 1024
MAX_DEPTH = 40
MAX_LINE = 500
"""Longer lines are not shown in a message."""

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def shorten(text: str) -> str:
    """The text, cut where a message would get too long to read."""
    return text if len(text) <= MAX_LINE else text[: MAX_LINE - 3] + "..."


class Source:
    """The text of one file under the name that the user knows it by.

    Args:
        quoted: where quotes were put into the text that the file does not have, in order; places are those of the file.
    """

    def __init__(self, file: str, text: str, quoted: Sequence[int] = ()) -> None:
        self.file = file
        self.text = text
        self.quoted = quoted

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in _BREAK.finditer(self.text))]

    @cached_property
    def _ends(self) -> list[int]:
        return [*(found.start() for found in _BREAK.finditer(self.text)), len(self.text)]

    def place(self, start: int, end: int) -> Place:
        """The place of the characters from index `start` to `end`, as far as they stand on one line."""
        if self.quoted:
            written = "".join(char for index, char in enumerate(self.text) if index not in self.quoted)
            shift = bisect_left(self.quoted, start)
            return Source(self.file, written).place(start - shift, end - bisect_left(self.quoted, end))
        line = bisect_right(self._starts, start)
        first, last = self._starts[line - 1], self._ends[line - 1]
        text = self.text[first:last] if last - first <= MAX_LINE else ""
        return Place(self.file, line, start - first + 1, text, max(1, min(end, last) - start))


class Located:
    """A part of a source, from index `start` to `end`."""

    def __init__(self, source: Source, start: int, end: int) -> None:
        self.source = source
        self.start = start
        self.end = end

    @property
    def place(self) -> Place:
        """Where the node begins."""
        return self.source.place(self.start, self.start + 1)

    def error(self, message: str, hint: str | None = None) -> SpecError:
        """An error that points at the node."""
        return SpecError(shorten(message), self.place, hint and shorten(hint))


class Scalar(Located):
    """A text. `style` is YAML's: empty for plain, a quote, `|` or `>`; `in_flow` inside of `[...]` or `{...}`."""

    def __init__(self, source: Source, start: int, end: int, value: str, style: str = "", in_flow: bool = False) -> None:
        super().__init__(source, start, end)
        self.value = value
        self.style = style
        self.in_flow = in_flow

    @property
    def place(self) -> Place:
        """Where the whole text stands."""
        return self.at(0, len(self.value))

    def at(self, start: int, end: int) -> Place:
        """The place of a part of the value, quoting, escapes and folding undone."""
        indices = self._indices
        first = indices[min(start, len(indices) - 1)] if indices else self.start
        last = indices[min(max(end - 1, start), len(indices) - 1)] if indices else self.start
        return self.source.place(first, last + 1)

    def fault(self, message: str, start: int, end: int, hint: str | None = None) -> SpecError:
        """An error that points at a part of the value."""
        return SpecError(shorten(message), self.at(start, end), hint and shorten(hint))

    @cached_property
    def _indices(self) -> Sequence[int]:
        raw = self.source.text[self.start : self.end]
        if raw == self.value:
            return range(self.start, self.end)
        return [self.start + index for index in source_indices(raw, self.value, self.style)]


class Items(Located):
    """A sequence."""

    def __init__(self, source: Source, start: int, end: int, nodes: tuple[Yaml, ...]) -> None:
        super().__init__(source, start, end)
        self.nodes = nodes


class Entries(Located):
    """A mapping, in the order of the file; no key stands twice."""

    def __init__(self, source: Source, start: int, end: int, pairs: tuple[tuple[Scalar, Yaml], ...]) -> None:
        super().__init__(source, start, end)
        self.pairs = pairs

    def get(self, name: str) -> Yaml | None:
        """The value of a key, None if there is none."""
        return next((value for key, value in self.pairs if key.value == name), None)

    def key(self, name: str) -> Scalar:
        """The key itself, for an error that points at it."""
        return next(key for key, _ in self.pairs if key.value == name)


Yaml: TypeAlias = "Scalar | Items | Entries"


def _at_once(path: str, flags: int) -> int:
    """Open a file without waiting: a pipe that nobody writes to is empty."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    os.set_blocking(descriptor, True)
    return descriptor


def read_source(path: Path, shown: str) -> Source:
    """The text of a file. Raises SpecError if there is none, it is too large, or it is not text."""
    try:
        status = path.stat()
        if S_ISDIR(status.st_mode):
            raise SpecError(f"{shown} is a directory, not a spec", hint="name a YAML file in it")
        if not (S_ISREG(status.st_mode) or S_ISFIFO(status.st_mode)):
            raise SpecError(f"{shown} is neither a file nor a pipe")
        if status.st_size > MAX_BYTES:
            raise SpecError(f"{shown} is too large: {status.st_size:,} bytes, and a spec has at most {MAX_BYTES:,}")
        with open(path, "rb", opener=_at_once) as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise SpecError(f"no such file: {shown}") from None
    except (OSError, ValueError) as error:
        raise SpecError(f"cannot read {shown}: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MAX_BYTES:
        raise SpecError(f"{shown} is too large: a spec has at most {MAX_BYTES:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise SpecError(f"{shown} is not text: it is binary, or not in UTF-8")
    if not text.strip():
        raise SpecError(f"{shown} is empty")
    return Source(shown, text)


def parse_yaml(source: Source) -> Entries:
    """The mapping that a source holds. Raises SpecError if it is not YAML, or YAML that a spec may not contain."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = _Composer(source, loader(source.text)).compose()
    except yaml.YAMLError as error:
        repaired = quote_lists(source)
        try:
            if repaired is source:
                raise error
            root = _Composer(repaired, loader(repaired.text)).compose()
        except yaml.YAMLError:
            from cnnprof.spec.not_yaml import explain

            raise explain(source, error) from None
    if not isinstance(root, Entries):
        from cnnprof.spec.not_yaml import FORM

        raise root.error("a spec is a mapping of keys such as 'input' and 'layers'", FORM)
    return root


_LIST = re.compile(
    r"""(?P<before>\{ ?for: |^ *(?:- )?\w+: )"""
    r"""(?P<value>(?:[A-Za-z][\w, ]{0,99} in )?\[[^]"'\n]*\][^"'\n#{}]*?)(?=,? ?do:| *$)""",
    re.MULTILINE,
)
"""A list that goes on behind its bracket, or stands behind a loop's names in {...}: YAML would have it in quotes."""


def quote_lists(source: Source) -> Source:
    """The text with quotes around such lists; the source itself where there are none."""
    parts: list[str] = []
    quoted: list[int] = []
    done = length = 0
    for found in _LIST.finditer(source.text):
        if found["value"].startswith("[") and found["value"].index("]") == len(found["value"]) - 1:
            continue
        for part, quote in ((source.text[done : found.start("value")], "'"), (found["value"], "'")):
            parts += [part, quote]
            length += len(part)
            quoted.append(length)
            length += 1
        done = found.end("value")
    return Source(source.file, "".join([*parts, source.text[done:]]), quoted) if quoted else source


class _Composer:
    """Builds nodes from events, without recursion, within the limits."""

    def __init__(self, source: Source, loader: Any) -> None:
        self.source = source
        self.loader = loader
        self.open: list[tuple[Any, list[Yaml], bool]] = []

    def compose(self) -> Yaml:
        root: Yaml | None = None
        while (event := self.loader.get_event()) is not None:
            kind = type(event).__name__
            if kind in _IGNORED:
                continue
            if kind == "DocumentStartEvent":
                if root is not None:
                    raise self._error(event, "a second document: a spec is one YAML document", "take out the '---'")
                continue
            self._refuse_sharing(event, kind)
            node = self._node(event, kind)
            if node is None:
                continue
            if self.open:
                self.open[-1][1].append(node)
            else:
                root = node
        if root is None:
            raise SpecError(f"{self.source.file} is empty: it holds nothing but comments")
        return root

    def _node(self, event: Any, kind: str) -> Yaml | None:
        """The node that the event completes, if any."""
        if kind == "ScalarEvent":
            in_flow = bool(self.open) and self.open[-1][2]
            style = "" if event.implicit[0] else (event.style or '"')
            return Scalar(self.source, event.start_mark.index, event.end_mark.index, event.value, style, in_flow)
        if kind in ("SequenceStartEvent", "MappingStartEvent"):
            if len(self.open) == MAX_DEPTH:
                raise self._error(event, f"lists and mappings nest more than {MAX_DEPTH} deep")
            self.open.append((event, [], bool(event.flow_style)))
            return None
        start, nodes, _ = self.open.pop()
        span = (self.source, start.start_mark.index, event.end_mark.index)
        return Items(*span, tuple(nodes)) if kind == "SequenceEndEvent" else Entries(*span, _pair(nodes))

    def _refuse_sharing(self, event: Any, kind: str) -> None:
        if kind == "AliasEvent":
            hint = "repeat what it stands for, or make it a block; quote the text if the star is a product"
            raise self._error(event, f"aliases (*{event.anchor}) are not part of the language", hint)
        if getattr(event, "anchor", None):
            raise self._error(event, f"anchors (&{event.anchor}) are not part of the language", "use a block or a setting")
        if getattr(event, "tag", None) and event.tag != "!":
            raise self._error(event, f"tags ({event.tag}) are not part of the language", "quote the text if it begins with '!'")

    def _error(self, event: Any, message: str, hint: str | None = None) -> SpecError:
        return SpecError(message, self.source.place(event.start_mark.index, event.start_mark.index + 1), hint)


_IGNORED = ("StreamStartEvent", "StreamEndEvent", "DocumentEndEvent")


def _pair(nodes: list[Yaml]) -> tuple[tuple[Scalar, Yaml], ...]:
    pairs: list[tuple[Scalar, Yaml]] = []
    seen: dict[str, Scalar] = {}
    for key, value in zip(nodes[::2], nodes[1::2], strict=True):
        if not isinstance(key, Scalar):
            raise key.error("a key is a word, not a list or a mapping", "quote the text if it begins with a bracket")
        if key.value in seen:
            line = seen[key.value].place.line
            raise key.error(f"the key '{key.value}' stands twice", f"the first one is in line {line}")
        seen[key.value] = key
        pairs.append((key, value))
    return tuple(pairs)
