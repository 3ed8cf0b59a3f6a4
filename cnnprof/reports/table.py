"""The terminal table: as many columns as fit, drawn by rich."""

from __future__ import annotations

import re
from io import StringIO
from textwrap import TextWrapper, wrap
from typing import TYPE_CHECKING

from cnnprof.report import LAST_RESORT, Listing, Report, Table
from cnnprof.reports import Style
from cnnprof.reports._cells import Cells, cells
from cnnprof.reports._plain import pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console
    from rich.table import Table as Grid

suffixes: tuple[str, ...] = ()
binary = False

UNBOUNDED = 10_000
"""A width that no table reaches; off a terminal a table takes what it needs."""

GAP = 2
"""Blanks between two columns: one of padding, one that rich draws for the missing line."""


def render(report: Report, style: Style) -> str:
    """The report within `style.width` columns; the columns that do not fit are named below."""
    return lay_out(report, style, wide=False)


def lay_out(report: Report, style: Style, wide: bool) -> str:
    """The report as text for a terminal."""
    from rich.text import Text

    out = StringIO()
    console, broad = _console(out, style, style.width or UNBOUNDED), _console(out, style, UNBOUNDED)
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
            hidden = _draw_table(broad, section, style.width, wide)
            if hidden:
                console.print(Text(f"not shown for want of room: {', '.join(hidden)} (--format wide)", style="dim"))
            after_blank = not hidden  # as a table ends
    if report.text:
        out.write(f"\n{report.text}")
    for note in report.notes:
        console.print(Text(note, style="dim"), soft_wrap=style.width is None)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _console(out: StringIO, style: Style, width: int) -> Console:
    from rich.console import Console

    return Console(
        file=out,
        width=width,
        force_terminal=style.color,
        no_color=not style.color,
        highlight=False,
        markup=False,
        emoji=False,
    )


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


def _draw_table(console: Console, table: Table, width: int | None, wide: bool) -> list[str]:
    """The headings of the columns that found no room."""
    from rich.text import Text

    whole = cells(table, wide)
    widths = _widths(whole, width)
    for heading, numbers in table.groups().items():
        if heading:
            console.print(Text(heading, style="bold"))
        console.print(_grid(table, whole, widths, numbers))
    return [_called(whole, i) for i in range(len(whole.columns)) if i not in widths]


def _called(whole: Cells, i: int) -> str:
    """The column's heading; a bare % belongs to the column before it."""
    heading = whole.headings[i]
    return f"{whole.headings[i - 1]} %" if heading == "%" else heading


def _grid(table: Table, whole: Cells, widths: Mapping[int, int], numbers: list[int]) -> Grid:
    """Some rows of a table; the groups of one share their columns' widths."""
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    def lines(text: str, i: int) -> str:
        return "\n".join(_wrap(text, widths[i])) if len(text) > widths[i] else text

    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=whole.total is not None, padding=(0, 1, 0, 0))
    for i, width in widths.items():
        grid.add_column(
            Text(lines(whole.headings[i], i)),
            footer=Text(lines(whole.total[i], i) if whole.total else ""),
            justify="right" if whole.rightward[i] else "left",
            width=width,
        )
    for number in numbers:
        row = whole.rows[number]
        texts = [
            Text(lines(row[i], i), style="bold green" if (number, whole.columns[i].key) in table.best else "") for i in widths
        ]
        grid.add_row(*texts, style="dim" if number in table.faint else None)
    return grid


def _wrap(text: str, width: int) -> list[str]:
    """The text in lines, broken at blanks, and inside a word only if it is too long for a line."""
    lines = wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return [part for line in lines for part in _InsideWords(width).wrap(line)]


class _InsideWords(TextWrapper):
    """Breaks behind the dots and slashes of a path and behind the stars of a product; inside a number at the last only."""

    wordsep_re = re.compile(r"(\s+|(?<=\*)|(?<=[._/])(?=[A-Za-z]))")


LONGEST = 20
"""Characters of a text that stay together however narrow the terminal is."""


def _widths(whole: Cells, width: int | None) -> dict[int, int]:
    """The width of each column that is shown: the widest texts give way, and no number is split, if the table be too wide."""
    needs = _needs(whole)
    if not width or _together(needs) <= width:
        return needs
    least = {i: _least(whole, i) for i in needs}
    widths = {i: needs[i] for i in _fit(whole, needs, least, width)}
    while _together(widths) > width and (broad := [i for i in widths if widths[i] > least[i]]):
        widths[max(broad, key=lambda i: widths[i])] -= 1
    return widths


def _together(widths: Mapping[int, int]) -> int:
    """What the columns take with the gap behind each."""
    return sum(each + GAP for each in widths.values())


def _least(whole: Cells, i: int) -> int:
    """The width that a column is readable in: of its longest number, or its longest piece of text."""
    texts = [row[i] for row in whole.rows] + ([whole.total[i]] if whole.total else [])
    pieces = [len(piece) for text in texts for piece in ([text] if whole.rightward[i] else _pieces(text))]
    return max([*pieces, *(len(word) for word in whole.headings[i].split())], default=1)


def _pieces(text: str) -> list[str]:
    return [piece[:LONGEST] for piece in _InsideWords.wordsep_re.split(text)]


def _needs(whole: Cells) -> dict[int, int]:
    """The width of each column if nothing in it is broken."""
    lines = [whole.headings, *whole.rows, *([whole.total] if whole.total else [])]
    return {i: max(len(line[i]) for line in lines) for i in range(len(whole.columns))}


def _fit(whole: Cells, needs: Mapping[int, int], least: Mapping[int, int], width: int) -> list[int]:
    """Which columns stand side by side in the width: those of the highest weight give way first, the last one first.

    Those of `LAST_RESORT` give way only where the others cannot be narrowed any more.
    """
    shown = list(needs)
    weights = [column.weight for column in whole.columns]
    droppable = sorted((i for i in shown if weights[i]), key=lambda i: (weights[i], i))
    for widths, lightest in ((needs, 1), (least, LAST_RESORT)):
        while droppable and weights[droppable[-1]] >= lightest and sum(widths[i] + GAP for i in shown) > width:
            shown.remove(droppable.pop())
    return shown
