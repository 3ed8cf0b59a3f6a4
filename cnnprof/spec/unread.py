"""The names that a file defines and nothing reads: most likely a slip of the pen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from cnnprof.spec.blocks import Block
from cnnprof.spec.reader import Entries, Scalar, Yaml

_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*", re.MULTILINE)
_LET = re.compile(r"\blet\s+([A-Za-z_]\w*)\s*=(?!=)", re.ASCII)
_LOOP = re.compile(r"\bfor['\"]?:\s*['\"]?([A-Za-z_][\w, ]*?)\s+in\b", re.ASCII)
_EVERYWHERE = ("i", "_")
"""Names for the values of a loop that does the same in each round."""

_DEFINING = {"settings": "the setting", "tables": "the table", "blocks": "the block", "shared": "the block"}


def unread(root: Entries, blocks: Mapping[str, Block]) -> tuple[str, ...]:
    """A warning with its place for each setting, table, block, argument and value whose name stands only where it is defined.

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
    defined = tuple(
        f"{key.place}: nothing reads {what} '{_name(key)}'"
        for kind, what in _DEFINING.items()
        for key, _ in _pairs(root.get(kind))
        if read[_name(key)] <= (_name(key) in own[_name(key)])
    )
    return (*defined, *_unread_arguments(root, blocks), *_unread_values(root))


def _unread_arguments(root: Entries, blocks: Mapping[str, Block]) -> Iterator[str]:
    """The arguments that neither the block's steps nor the other arguments read."""
    for kind in ("blocks", "shared"):
        for key, body in _pairs(root.get(kind)):
            read = Counter(_WORD.findall(key.value)) + Counter(_words(body))
            for parameter in blocks[_name(key)].parameters:
                if read[parameter.name] == 1:
                    yield f"{parameter.token.place}: nothing reads the argument '{parameter.name}' of '{_name(key)}'"


def _unread_values(root: Entries) -> Iterator[str]:
    """The values of `let` and of loops whose names stand once in all that is run."""
    run = [each for name in ("layers", "blocks", "shared") if (each := root.get(name)) is not None]
    texts = [node.source.text[node.start : node.end] for node in run]
    read = Counter(word for text in texts for word in _WORD.findall(_COMMENT.sub("", text)))
    for node, text in zip(run, texts, strict=True):
        for found in (*_LET.finditer(text), *_LOOP.finditer(text)):
            for name in _WORD.finditer(found[1]):
                if read[name[0]] == 1 and name[0] not in _EVERYWHERE:
                    start = node.start + found.start(1) + name.start()
                    yield f"{node.source.place(start, start + len(name[0]))}: nothing reads '{name[0]}'"


def _pairs(node: Yaml | None) -> Iterator[tuple[Scalar, Yaml]]:
    if isinstance(node, Entries):
        yield from node.pairs


def _name(key: Scalar) -> str:
    return key.value.partition("(")[0].strip()


def _words(node: Yaml) -> set[str]:
    return set(_WORD.findall(_COMMENT.sub("", node.source.text[node.start : node.end])))
