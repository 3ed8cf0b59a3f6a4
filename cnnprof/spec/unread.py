"""The names that a file defines and nothing reads: most likely a slip of the pen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from cnnprof.spec.reader import Entries, Scalar, Yaml

_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*", re.MULTILINE)
_DEFINING = {"settings": "the setting", "tables": "the table", "blocks": "the block", "shared": "the block"}


def unread(root: Entries) -> tuple[str, ...]:
    """A warning with its place for each setting, table and block whose name stands nowhere but where it is defined.

    A name counts as read wherever its word stands in what is run, so that none is called unread that is read.
    """
    read: Counter[str] = Counter()
    own: dict[str, set[str]] = {}
    for name in ("input", "inputs", "layers", "outputs"):
        if (node := root.get(name)) is not None:
            read.update(_words(node))
    for kind in (*_DEFINING, "variants"):
        for key, value in _pairs(root.get(kind)):
            # A setting or a variant may name a block or a table, for `use` and `each`.
            words = _words(value) | set(_WORD.findall(key.value.partition("(")[2]))
            own[_name(key)] = words
            read.update(words)
    return tuple(
        f"{key.place}: nothing reads {what} '{_name(key)}'"
        for kind, what in _DEFINING.items()
        for key, _ in _pairs(root.get(kind))
        if read[_name(key)] <= (_name(key) in own[_name(key)])
    )


def _pairs(node: Yaml | None) -> Iterator[tuple[Scalar, Yaml]]:
    if isinstance(node, Entries):
        yield from node.pairs


def _name(key: Scalar) -> str:
    return key.value.partition("(")[0].strip()


def _words(node: Yaml) -> set[str]:
    return set(_WORD.findall(_COMMENT.sub("", node.source.text[node.start : node.end])))
