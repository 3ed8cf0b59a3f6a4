"""The words of the spec language, as a reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cnnprof.report import Column, Fact, Listing, Report, Table

EXAMPLE = (Column("step", "step"), Column("size", "on 16x32x32 gives", weight=1))
"""Of an example of a word."""


def show_words(words: Sequence[Mapping[str, Any]]) -> Report:
    """Every word with an example; `words` are dictionaries with name, kind, help, takes and examples."""

    def of_first_example(column: Column) -> Column:
        return replace(column, of=lambda word: column.cell(next(iter(word["examples"]), {})))

    columns = (
        Column("word", "word", of=lambda word: word["name"]),
        *map(of_first_example, EXAMPLE),
        Column("meaning", "meaning", of=lambda word: word["help"]),
    )
    table = Table.of(columns, words)
    notes = ("cnnprof spec WORD shows what a word takes, and cnnprof show NAME a spec to read",)
    title = words[0]["name"] if len({word["name"] for word in words}) == 1 else f"{len(words)} words of the spec language"
    return Report("spec", title, (table,), notes, {"words": list(words)})


def show_word(word: Mapping[str, Any]) -> Report:
    """One word: what it does, what it takes, and examples."""
    facts = [Fact(label, text) for label, text in (("does", word["help"]), ("takes", " ".join(word["takes"]))) if text]
    columns = (*EXAMPLE, Column("meaning", "meaning", of=lambda example: example["note"]))
    examples = (Table.of(columns, word["examples"], "Examples"),) if word["examples"] else ()
    return Report("spec", word["name"], (Listing(tuple(facts)), *examples), data={"words": [dict(word)]})
