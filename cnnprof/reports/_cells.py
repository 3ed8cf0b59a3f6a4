"""A table as text: the headings and cells of the columns that are shown, read by every format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cnnprof.report import WIDE_ONLY, Column, Table
from cnnprof.reports._units import SCALED, scale_of, show
from cnnprof.texts import visible


class Cells(NamedTuple):
    """A table as text: headings, rows and total, with each column's alignment."""

    columns: tuple[Column, ...]
    headings: tuple[str, ...]
    rightward: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] | None


LEFT = {"text", "year", "verdict", "shape", "shapes", "words", "mark", "interval", "factor_interval", "status", "shaded"}


def cells(table: Table, wide: bool = False) -> Cells:
    """The table's columns as text; only if `wide`, too, those that only `--format wide` shows, and those that hold nothing."""
    every = [*table.rows, *([table.total] if table.total else [])]
    shown = tuple(column for column in table.columns if column.key != table.group and (wide or _is_shown(column, every)))
    columns = [_texts(column, [row.get(column.key, "") for row in every]) for column in shown]
    lines = tuple(zip(*(texts for _, texts in columns), strict=True)) if every else ()
    if table.best:
        marked = {key for _, key in table.best}
        lines = tuple(
            tuple(
                text + ("*" if (i, column.key) in table.best else " ") if column.key in marked else text
                for column, text in zip(shown, line, strict=True)
            )
            for i, line in enumerate(lines)
        )
    return Cells(
        shown,
        tuple(visible(heading) for heading, _ in columns),
        tuple(column.kind not in LEFT for column in shown),
        lines[: len(table.rows)],
        lines[-1] if table.total else None,
    )


def _is_shown(column: Column, rows: Sequence[Mapping[str, Any]]) -> bool:
    if column.weight == 0:
        return True
    return column.weight < WIDE_ONLY and any(row.get(column.key) not in (None, "") for row in rows)


def _texts(column: Column, values: list[object]) -> tuple[str, list[str]]:
    if column.kind not in SCALED:
        return column.heading, [visible(show(value, column.kind)) for value in values]
    letter, unit = scale_of(values)
    heading = f"{column.heading} ({letter})" if letter else column.heading
    write = SCALED[column.kind]
    return heading, [write(value, unit) if isinstance(value, int) else visible(show(value, "text")) for value in values]
