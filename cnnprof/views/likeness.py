"""Remarks on rows of a comparison that are not alike where they seem to be: other inputs, and namesakes of other layers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from cnnprof.units import sizes_text

_PLAIN = re.compile(r"(?:\w+:)?([\w-]+)(?:\.\w+)?")
"""A name with the prefix of its source and the tag of its weights, and nothing that says another form."""

_SAID = re.compile(r"[@,]input=")
"""In a name that says its input."""

_FIGURES = {"params": "parameters", "macs": "MACs", "activations": "activations"}

NAMED = 3
"""Networks of one other input that are named; of more, how many they are is said."""


def input_notes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The remark on networks whose input is another one than most rows' (the first's, of two that as many have)."""
    known = [row for row in rows if row["input"] and not _SAID.search(row["model"])]
    counts = Counter(row["input"] for row in known)
    if len(counts) < 2:
        return []
    (usual, _), *others = counts.most_common()
    told = [f"{_some([row for row in known if row['input'] == size])} at {sizes_text(size[1:])}" for size, _ in others]
    return [f"at other inputs than {sizes_text(usual[1:])}: {', '.join(told)}; --input sets one for all"]


def _some(rows: Sequence[Mapping[str, Any]]) -> str:
    return _all(rows) if len(rows) <= NAMED else f"{len(rows)} networks"


def namesake_notes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The remarks on networks of one name and input whose figures differ."""
    named: dict[tuple[str, Any], list[Mapping[str, Any]]] = {}
    for row in rows:
        plain = _PLAIN.fullmatch(row["model"])
        if plain and row["params"] is not None:
            named.setdefault((plain[1], row["input"]), []).append(row)
    notes = []
    for group in named.values():
        differ = [called for key, called in _FIGURES.items() if len({row[key] for row in group}) > 1]
        if differ:
            notes.append(f"{_all(group)} share a name and differ in their layers: other {', '.join(differ)}")
    return notes


def _all(rows: Sequence[Mapping[str, Any]]) -> str:
    *others, last = (row["model"] for row in rows)
    return f"{', '.join(others)} and {last}" if others else str(last)
