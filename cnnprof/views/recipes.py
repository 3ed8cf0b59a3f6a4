"""Whose accuracies a table has: marks in its rows, and the remarks below"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnprof.views import columns as col

OTHER_RECIPE = "≠"
"""The mark of an accuracy of another recipe than the baseline's."""


def number_sources(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The sources of accuracies with their numbers, in the order of the rows."""
    return {source: number for number, source in enumerate(dict.fromkeys(filter(None, map(_source, rows))), 1)}


def recipe_among(base: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str | None:
    """The recipe that others are marked against: the baseline's, or the first there is."""
    return next((row["recipe"] for row in (base, *rows) if row["recipe"]), None)


def mark_of(row: Mapping[str, Any], numbers: Mapping[str, int], recipe: str | None) -> str | None:
    """The number of where the row's accuracy is from, marked if it is of another recipe."""
    source = _source(row)
    return f"[{numbers[source]}]{OTHER_RECIPE if row['recipe'] != recipe else ''}" if source else None


def _source(row: Mapping[str, Any]) -> str:
    """Where the row's accuracy is from, in a table of several papers; "" where none is stated."""
    return (row["accuracy_source"] or "").replace("of the paper", f"of the {row['family']} paper")


def accuracy_notes(
    rows: Sequence[Mapping[str, Any]], marks: Mapping[str, int], base: Mapping[str, Any], elsewhere: Mapping[str, str]
) -> list[str]:
    """The remarks on the rows' accuracies: sources by number, other recipes, and those `elsewhere`, on another data set."""
    present = {_source(row) for row in rows}
    sources = [f"[{number}] {source}" for source, number in marks.items() if source in present]
    notes = ["accuracy as reported, not measured here: " + "; ".join(sources)] if sources else []
    if any((row[col.ACCURACY_MARK.key] or "").endswith(OTHER_RECIPE) for row in rows):
        recipe = recipe_among(base, rows) or ""
        notes.append(f"{OTHER_RECIPE}: trained by another recipe than {recipe}; --accuracy-from takes one source for all")
    notes += _recipes_apart(rows)
    shown = {row["model"] for row in rows}
    return notes + [
        f"{name}: its accuracy on {dataset} is not compared with that of the others"
        for name, dataset in elsewhere.items()
        if name in shown
    ]


def _recipes_apart(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """By how much recipes alone differ, where one network has accuracies of two; timm's are told apart by their weights."""
    same: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["top1"] is not None:
            same.setdefault((row["params"], row["macs"], row["input"], row["dataset"]), []).append(row)
    notes = []
    for group in same.values():
        low, high = min(group, key=lambda row: row["top1"]), max(group, key=lambda row: row["top1"])
        recipes: tuple[str, ...] = (low["recipe"], high["recipe"])
        if recipes[0] == recipes[1] and low["top1"] < high["top1"]:
            recipes = tuple(_source(row).removesuffix(f", {row['dataset']}") for row in (low, high))
        if recipes[0] != recipes[1]:
            notes.append(
                f"{low['model']} and {high['model']} cost the same: {high['top1'] - low['top1']:.2f} points of top-1 are the "
                f"recipe's ({', '.join(recipes)})"
            )
    return notes
