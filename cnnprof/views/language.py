"""The words of the spec language, as a reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnprof.report import Column, Fact, Listing, Report, Table

WORD = Column("word", "word")
STEP = Column("step", "step")
SIZE = Column("size", "on 16x32x32 gives", weight=1)
MEANING = Column("meaning", "meaning")


def show_words(words: Sequence[Mapping[str, Any]]) -> Report:
    """Every word with an example; `words` are dictionaries with name, kind, help, takes and examples."""
    rows = [
        {"word": word["name"], "step": example["step"], "size": example["size"], "meaning": word["help"]}
        for word in words
        for example in (word["examples"][:1] or [{"step": "", "size": ""}])
    ]
    table = Table((WORD, STEP, SIZE, MEANING), tuple(rows))
    notes = ("cnnprof spec WORD shows what a word takes, and cnnprof show NAME a spec to read",)
    title = words[0]["name"] if len({word["name"] for word in words}) == 1 else f"{len(words)} words of the spec language"
    return Report("spec", title, (table,), notes, {"words": list(words)})


def show_word(word: Mapping[str, Any]) -> Report:
    """One word: what it does, what it takes, and examples."""
    facts = [Fact(label, text) for label, text in (("does", word["help"]), ("takes", " ".join(word["takes"]))) if text]
    rows = tuple({"step": each["step"], "size": each["size"], "meaning": each["note"]} for each in word["examples"])
    examples = (Table((STEP, SIZE, MEANING), rows, "Examples"),) if rows else ()
    return Report("spec", word["name"], (Listing(tuple(facts)), *examples), data={"words": [dict(word)]})
