"""The terminal table: as many columns as fit, drawn by rich."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from cnnprof.core.report import Listing, Report, Table
from cnnprof.reports import Style
from cnnprof.reports._columns import COLUMNS, Cells, cells
from cnnprof.reports._plain import pairs

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

UNBOUNDED = 10_000
"""A width that no table reaches; off a terminal a table takes what it needs."""

GAP = 2
"""Blanks between two columns: one of padding, one that rich draws for the missing line."""


def render(report: Report, style: Style) -> str:
    """The report within `style.width` columns; the columns that do not fit are named below."""
    return lay_out(report, style, wide=False)


def lay_out(report: Report, style: Style, wide: bool) -> str:
    """The report as text for a terminal."""
    from rich.console import Console
    from rich.text import Text

    out = StringIO()
    console = Console(
        file=out,
        width=style.width or UNBOUNDED,
        force_terminal=style.color,
        no_color=not style.color,
        highlight=False,
        markup=False,
        emoji=False,
    )
    if report.title:
        console.print(Text(report.title, style="bold"))
    after_blank = False
    for section in report.sections:
        if section.title:
            if not after_blank:
                console.print()
            console.print(Text(section.title, style="bold"))
        if isinstance(section, Listing):
            _draw_listing(console, section)
            after_blank = False
        else:
            after_blank = _draw_table(console, section, style.width, wide)
    if report.text:
        out.write(f"\n{report.text}")
    for note in report.notes:
        console.print(Text(note, style="dim"), soft_wrap=style.width is None)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _draw_listing(console: Console, listing: Listing) -> None:
    from rich.padding import Padding
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for label, text in pairs(listing):
        grid.add_row(label, Text(text))
    console.print(Padding(grid, (0, 0, 0, 1)))


def _draw_table(console: Console, table: Table, width: int | None, wide: bool) -> bool:
    """Whether it ends with an empty line, as a table does with no remark below."""
    from rich.text import Text

    whole = cells(table, wide)
    shown = _fit(whole, width)
    for heading, numbers in table.groups().items():
        if heading:
            console.print(Text(heading, style="bold"))
        console.print(_grid(table, whole, shown, numbers, width))
    hidden = [_called(whole, i) for i in range(len(whole.keys)) if i not in shown]
    if hidden:
        console.print(Text(f"not shown for want of room: {', '.join(hidden)} (--format wide)", style="dim"))
    return not hidden


def _called(whole: Cells, i: int) -> str:
    """The column's heading; a bare % belongs to the column before it."""
    heading = whole.headings[i]
    return f"{whole.headings[i - 1]} %" if heading == "%" else heading


def _grid(table: Table, whole: Cells, shown: list[int], numbers: list[int], width: int | None) -> RenderableType:
    """Some rows of a table; the groups of one share their columns' widths."""
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    aligned = table.group and (not width or sum(_needs(whole)[i] for i in shown) <= width)
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=whole.total is not None, padding=(0, 1, 0, 0))
    for i in shown:
        grid.add_column(
            Text(whole.headings[i]),
            footer=Text(whole.total[i] if whole.total else ""),
            justify="right" if whole.rightward[i] else "left",
            overflow="fold",
            no_wrap=width is None,
            min_width=_needs(whole)[i] - GAP if aligned else None,
        )
    for number in numbers:
        row = whole.rows[number]
        texts = [Text(row[i], style="bold green" if (number, whole.keys[i]) in table.best else "") for i in shown]
        grid.add_row(*texts, style="dim" if number in table.faint else None)
    return grid


def _needs(whole: Cells) -> list[int]:
    """The width that each column takes with the gap behind it."""
    lines = [whole.headings, *whole.rows, *([whole.total] if whole.total else [])]
    return [max(len(line[i]) for line in lines) + GAP for i in range(len(whole.keys))]


def _fit(whole: Cells, width: int | None) -> list[int]:
    """Which columns stand side by side in the width: those of the highest weight give way first, the last one first."""
    shown = list(range(len(whole.keys)))
    needs = _needs(whole)
    droppable = sorted((i for i in shown if COLUMNS[whole.keys[i]].weight), key=lambda i: (COLUMNS[whole.keys[i]].weight, i))
    while width and droppable and sum(needs[i] for i in shown) > width:
        shown.remove(droppable.pop())
    return shown
