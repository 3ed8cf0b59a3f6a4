"""The words of the spec language, as a reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cnnprof.report import Column, Fact, Listing, Report, Table

EXAMPLE = (Column("step", "step"), Column("size", "on 16x32x32 gives", weight=1))
"""Of an example of a word."""


def show_words(words: Sequence[Mapping[str, Any]], parts: Sequence[Mapping[str, Any]]) -> Report:
    """Every word with an example, and the parts of a spec that are no words.

    `words` are dictionaries with name, kind, help, takes and examples, `parts` with name, kind, help and example.
    """

    def of_first_example(column: Column) -> Column:
        return replace(column, of=lambda word: column.cell(_lines(word["examples"][0])[0] if word["examples"] else {}))

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
    data = {"words": list(words), "parts": list(parts)}
    return Report("spec", f"{len(words)} words of the spec language", (table, structure), notes, data)


def show_part(part: Mapping[str, Any]) -> Report:
    """A part of a spec that is no word: what it does, and an example."""
    where = "as in a step, on 16x32x32" if part["example"].startswith("- ") else "as in a file"
    lines = Table.of((Column("line", where, of=lambda line: line),), part["example"].splitlines())
    facts = {"does": part["help"], "also": " ".join(part["others"])}
    listing = Listing(tuple(Fact(label, text) for label, text in facts.items() if text))
    return Report("spec", part["name"], (listing, lines), data={"parts": [dict(part)]})


def show_word(words: Sequence[Mapping[str, Any]]) -> Report:
    """One word: what it does, what it takes, and examples; of one that is a layer and a join, both."""
    sections = [section for word in words for section in _word(word, len(words) > 1)]
    return Report("spec", words[0]["name"], tuple(sections), data={"words": list(map(dict, words))})


def _word(word: Mapping[str, Any], is_one_of_two: bool) -> Iterator[Listing | Table]:
    letters = ", ".join(f"{letter} {option}" for letter, option in word.get("letters", {}).items())
    said = {"does": word["help"], "takes": " ".join(word["takes"]), "needs": " ".join(word["required"]), "letters": letters}
    facts = tuple(Fact(label, text) for label, text in said.items() if text)
    kind = ("Of branches" if word["kind"] == "join" else "Of one input") if is_one_of_two else ""
    yield Listing(facts, kind)
    columns = (*EXAMPLE, Column("meaning", "meaning", of=lambda example: example["note"]))
    if word["examples"]:
        yield Table.of(columns, [line for example in word["examples"] for line in _lines(example)], "Examples")


def _lines(example: Mapping[str, Any]) -> list[dict[str, Any]]:
    """An example, each of its lines a row; the last gives the size."""
    *before, last = example["step"].split("\n")
    return [*({"step": line, "size": "", "note": ""} for line in before), {**example, "step": last}]
