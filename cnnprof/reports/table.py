"""The terminal table: as many columns as fit, and none of its texts cut."""

from __future__ import annotations

import re
from textwrap import TextWrapper, wrap
from typing import TYPE_CHECKING

from cnnprof.report import LAST_RESORT, Listing, Report, Table
from cnnprof.reports import Style
from cnnprof.reports._cells import Cells, cells
from cnnprof.reports._drawing import BEST, BOLD, DIM, STATUS, fold, paint, side_by_side, width_of
from cnnprof.reports._plain import pairs
from cnnprof.texts import visible, without_commands

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

suffixes: tuple[str, ...] = ()
binary = False

GAP = 2
"""Blanks between two columns."""


def render(report: Report, style: Style) -> str:
    """The report within `style.width` columns; the columns that do not fit are named below."""
    return lay_out(report, style, wide=False)


def lay_out(report: Report, style: Style, wide: bool) -> str:
    """The report as text for a terminal."""
    lines: list[str] = []

    def say(text: str, code: str) -> None:
        lines.extend(paint(line, code, style.color) for line in fold(visible(text), style.width))

    if report.title:
        say(report.title, BOLD)
    after_blank = False
    for section in report.sections:
        if section.title:
            if not after_blank:
                lines.append("")
            say(section.title, BOLD)
        if isinstance(section, Listing):
            lines += _draw_listing(section, style)
            after_blank = False
        else:
            drawn, hidden = _draw_table(section, style, wide)
            lines += drawn
            if hidden:
                say(f"not shown for want of room: {', '.join(hidden)} (--format wide)", DIM)
            after_blank = not hidden  # as a table ends
    if report.text:
        lines += ["", *visible(report.text).splitlines()]
    for note in report.notes:
        say(note, DIM)
    return without_commands("\n".join(line.rstrip() for line in lines) + "\n")


def _draw_listing(listing: Listing, style: Style) -> list[str]:
    shown = pairs(listing)
    widest = max((width_of(label) for label, _ in shown), default=0)
    lines = []
    for label, text in shown:
        folded = fold(text, style.width and style.width - widest - GAP - 1)
        lines += side_by_side((label, "\n".join(folded)), (widest, 0), (False, False), (DIM, ""), style.color)
    return lines


def _draw_table(table: Table, style: Style, wide: bool) -> tuple[list[str], list[str]]:
    """The lines of a table, and the headings of the columns that found no room."""
    whole = cells(table, wide)
    widths = _widths(whole, style.width)
    lines = []
    for heading, numbers in table.groups().items():
        if heading:
            lines.append(paint(heading, BOLD, style.color))
        lines += _grid(table, whole, widths, numbers, style.color)
    return lines, [_called(whole, i) for i in range(len(whole.columns)) if i not in widths]


def _called(whole: Cells, i: int) -> str:
    """The column's heading; a bare % belongs to the column before it."""
    heading = whole.headings[i]
    return f"{whole.headings[i - 1]} %" if heading == "%" else heading


def _grid(table: Table, whole: Cells, widths: Mapping[int, int], numbers: list[int], color: bool) -> list[str]:
    """Some rows of a table with a blank line above and below; the groups of one share their columns' widths."""
    if not widths:
        return [""]
    rightward = [whole.rightward[i] for i in widths]

    def row(texts: Sequence[str], styles: Sequence[str], low: bool = False) -> list[str]:
        cut = ["\n".join(_wrap(texts[i], width)) if len(texts[i]) > width else texts[i] for i, width in widths.items()]
        return side_by_side(cut, [*widths.values()], rightward, styles, color, low)

    bold = [BOLD] * len(widths)
    lines = ["", *row(whole.headings, bold, low=True), " " + "─" * (_together(widths) - GAP)]
    for number in numbers:
        plain = DIM if number in table.faint else ""
        styles = [
            BEST if (number, whole.columns[i].key) in table.best else _style_of(whole, i, number) or plain for i in widths
        ]
        lines += row(whole.rows[number], styles)
    if whole.total:
        lines += ["", *row(whole.total, bold)]
    return [*lines, ""]


def _style_of(whole: Cells, i: int, number: int) -> str:
    """The style of a cell by what it says, in columns that say how something came out."""
    if whole.columns[i].kind not in ("verdict", "status"):
        return ""
    return STATUS.get(whole.rows[number][i].partition(":")[0].strip(), "")


def _wrap(text: str, width: int) -> list[str]:
    """The text in lines, broken at blanks, and inside a word only if it is too long for a line."""
    lines = wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return [part for line in lines for part in _InsideWords(width).wrap(line)]


class _InsideWords(TextWrapper):
    """Breaks behind the dots and slashes of a path, colons and the stars of a product; inside a number at the last only."""

    wordsep_re = re.compile(r"(\s+|(?<=\*)|(?<=[._/:])(?=[A-Za-z]))")


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
    """Characters of the columns with the gap behind each."""
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
    return {i: max(width_of(line[i]) for line in lines) for i in range(len(whole.columns))}


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
