"""Choosing columns, rows and their order, in the same way for every command that lists networks."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cnnprof.errors import UsageError, did_you_mean
from cnnprof.record import record
from cnnprof.report import Column, names_of
from cnnprof.units import sizes_text


@record
class Choice:
    """The columns and rows that are asked of a table.

    Args:
        where: the condition that rows are to meet.
        columns: those to show, in this order; the usual ones if empty.
        exact: whole numbers in place of millions and megabytes.
        pareto: the axes, with commas between them; the usual ones if None.
        pareto_only: leave only what no other network dominates.
    """

    where: str | None = None
    columns: tuple[str, ...] = ()
    exact: bool = False
    pareto: str | None = None
    pareto_only: bool = False


NONE = Choice()


def find_column(name: str, columns: Sequence[Column], option: str) -> Column:
    """The column of that name. Raises UsageError, with what is close, if there is none."""
    known = names_of(columns)
    if name not in known:
        hint = did_you_mean(name, known) or f"the columns are {', '.join(column.key for column in columns)}"
        raise UsageError(f"{option}: there is no column '{name}'", hint=hint)
    return known[name]


def choose_columns(
    choice: Choice, columns: Sequence[Column], usual: Sequence[Column], told: Container[str] = ()
) -> tuple[Column, ...]:
    """The columns that are asked for, or the usual ones, with whole numbers if that is asked.

    Those of the keys in `told`, by which rows are picked or ordered, are not dropped for want of room.
    """
    chosen = tuple(replace(column, weight=0) if column.key in told else column for column in usual)
    if choice.columns:
        # What is asked for by name is not dropped for want of room.
        chosen = tuple(replace(find_column(name, columns, "--columns"), weight=0) for name in choice.columns)
    return tuple(_exact(column) for column in chosen) if choice.exact else chosen


def compared(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> list[dict[str, Any]]:
    """Rows as conditions compare them: values by every name that their columns have, sizes as text, `3x224x224`."""
    names = names_of(columns)
    return [{name: _as_text(row.get(column.key)) for name, column in names.items()} for row in rows]


def _as_text(value: Any) -> Any:
    """Several sizes or words as they are shown; one value as it is."""
    if not isinstance(value, (tuple, list)):
        return value
    return sizes_text(value) if all(isinstance(each, int) for each in value) else " ".join(map(str, value))


def _exact(column: Column) -> Column:
    if column.kind == "scaled":
        return replace(column, kind="count")
    if column.kind == "megabytes":
        return replace(column, kind="count", heading=column.heading.replace("MB", "bytes"))
    return column


def order(
    numbers: Sequence[int], rows: Sequence[Mapping[str, Any]], by: Column, higher: Container[str], last: Container[str] = ()
) -> list[int]:
    """The rows' numbers, the best first; what is not known comes last, and before it accuracies on another data set.

    Args:
        higher: keys of columns of which more is better.
        last: names of rows whose accuracies stand apart.
    """
    apart = by.key in ("top1", "top5")

    def rank(number: int) -> tuple[bool, bool, Any]:
        row = rows[number]
        value = row.get(by.key)
        if value is None:
            return True, False, 0
        return False, apart and row["model"] in last, -value if by.key in higher else value

    return sorted(numbers, key=rank)
