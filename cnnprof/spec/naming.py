"""Unique names for nodes: block paths of kinds and counters."""

from __future__ import annotations

import re
from collections.abc import Container
from keyword import iskeyword

from cnnprof.network.naming import free_name

IN_FRONT_OF_WORDS = "x_"
"""Stands in front of names that are words of the language when they are written."""


def take_name(wanted: str, reserved: Container[str], taken: set[str]) -> str:
    """A legal name as near as can be to the wanted one that is neither reserved nor taken; it is taken then."""
    word = re.sub(r"\W+", "_", wanted, flags=re.ASCII)[-50:].lstrip("_")
    if not word or word[0].isdigit() or word in reserved or iskeyword(word):
        word = IN_FRONT_OF_WORDS + word
    name = free_name(word, taken, first=2)
    taken.add(name)
    return name


class Namer:
    """Names within one block call: `conv1`, `bn1`, `relu1`, `conv2`, each with the path of the call before it."""

    __slots__ = ("_counts", "_repeats", "_used", "prefix")

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self._counts: dict[str, int] = {}
        self._repeats: dict[str, int] = {}
        self._used: set[str] = set()

    def count(self, kind: str) -> str:
        """The next name of a kind, without the path."""
        while True:
            number = self._counts.get(kind, 0) + 1
            self._counts[kind] = number
            name = f"{kind}{number}"
            if name not in self._used:
                self._used.add(name)
                return name

    def free(self, name: str) -> str:
        """The given name, or with a counter behind it if it is taken. It stays free until `use`."""
        name = re.sub(r"[^\w-]", "_", name)
        candidate = name
        while candidate in self._used:
            self._repeats[name] = self._repeats.get(name, 1) + 1
            candidate = f"{name}_{self._repeats[name]}"
        return candidate

    def use(self, name: str) -> None:
        """Take a free name."""
        self._used.add(name)

    def inside(self, name: str) -> Namer:
        """Names within what is called `name` here."""
        return Namer(f"{self.prefix}{name}.")
