"""The words of the spec language, as a reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cnnprof.report import Column, Fact, Listing, Report, Table

EXAMPLE = (Column("step", "step"), Column("size", "on 16x32x32 gives", weight=1))
"""Of an example of a word."""


def show_words(words: Sequence[Mapping[str, Any]], parts: Sequence[Mapping[str, Any]] = ()) -> Report:
    """Every word with an example, and the parts of a spec that are no words.

    `words` are dictionaries with name, kind, help, takes and examples, `parts` with name, kind, help and example.
    """

    def of_first_example(column: Column) -> Column:
        return replace(column, of=lambda word: column.cell(next(iter(word["examples"]), {})))

    columns = (
        Column("word", "word", of=lambda word: word["name"]),
        *map(of_first_example, EXAMPLE),
        Column("meaning", "meaning", of=lambda word: word["help"]),
    )
    table = Table.of(columns, words)
    structure = Table.of((Column("name", "part"), Column("help", "meaning")), parts, "Structure")
    notes = (
        "cnnprof spec WORD shows what a word takes and cnnprof spec PART, such as blocks, an example; cnnprof show NAME a spec",
    )
    title = words[0]["name"] if len({word["name"] for word in words}) == 1 else f"{len(words)} words of the spec language"
    data = {"words": list(words), **({"parts": list(parts)} if parts else {})}
    return Report("spec", title, (table, *((structure,) if parts else ())), notes, data)


def show_part(part: Mapping[str, Any]) -> Report:
    """A part of a spec that is no word: what it does, and an example."""
    lines = Table.of((Column("line", "as in", of=lambda line: line),), part["example"].splitlines())
    return Report("spec", part["name"], (Listing((Fact("does", part["help"]),)), lines), data={"parts": [dict(part)]})


def show_word(word: Mapping[str, Any]) -> Report:
    """One word: what it does, what it takes, and examples."""
    letters = ", ".join(f"{letter} {option}" for letter, option in word.get("letters", {}).items())
    said = {"does": word["help"], "takes": " ".join(word["takes"]), "needs": " ".join(word["required"]), "letters": letters}
    facts = [Fact(label, text) for label, text in said.items() if text]
    columns = (*EXAMPLE, Column("meaning", "meaning", of=lambda example: example["note"]))
    examples = (Table.of(columns, word["examples"], "Examples"),) if word["examples"] else ()
    return Report("spec", word["name"], (Listing(tuple(facts)), *examples), data={"words": [dict(word)]})
