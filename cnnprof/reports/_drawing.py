"""Lines of a terminal: texts folded at a width, columns side by side, and their styles."""

from __future__ import annotations

import re
from collections.abc import Sequence

BOLD, DIM, BEST = "1", "2", "1;32"
"""Styles, as the terminal's escape codes have them; `BEST` is bold green."""

STATUS = {
    **dict.fromkeys(("ok", "yes", "faster", "✓"), "32"),
    **dict.fromkeys(("warn", "unknown", "undecided", "slower", "≈"), "33"),
    **dict.fromkeys(("error", "failed", "broken", "no", "✗"), "31"),
}
"""Styles of words that say how something came out: green, yellow and red."""

_WORD = re.compile(r"\s*\S+\s*")
_CONTROLS = dict.fromkeys((7, 8, 11, 12, 13))
"""Bell, backspace, vertical tab, form feed and carriage return: they would draw elsewhere."""


def paint(text: str, style: str, color: bool) -> str:
    """The text in that style, where colours may be used."""
    return f"\x1b[{style}m{text}\x1b[0m" if style and color and text else text


def width_of(text: str) -> int:
    """How many columns of a terminal the text takes: two for a wide character, none for a mark over another one."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(2 if east_asian_width(sign) in "WF" else not combining(sign) for sign in text)


def fold(text: str, width: int | None) -> list[str]:
    """The text in lines of at most that width, broken before words, and inside one that is longer than a line."""
    lines = text.translate(_CONTROLS).expandtabs().split("\n")
    return lines if width is None else [part for line in lines for part in _fold_line(line, max(1, width))]


def _fold_line(line: str, width: int) -> list[str]:
    if width_of(line) <= width:
        return [line]
    parts = [""]
    for word in _WORD.findall(line):
        if width_of(parts[-1]) + width_of(word.rstrip()) <= width:
            parts[-1] += word
            continue
        if parts[-1]:
            parts.append("")
        for sign in word if width_of(word.rstrip()) > width else (word,):
            if sign.strip() and parts[-1] and width_of(parts[-1] + sign) > width:
                parts.append("")
            parts[-1] += sign
    return [part.rstrip() for part in parts]


def side_by_side(
    texts: Sequence[str],
    widths: Sequence[int],
    rightward: Sequence[bool],
    styles: Sequence[str],
    color: bool,
    low: bool = False,
) -> list[str]:
    """The lines of one row of a table: cells of one or more lines, padded to their columns' widths, two blanks between them.

    Args:
        texts: the cells; lines are apart by newlines.
        rightward: whether each cell stands at the right of its column.
        styles: of each cell.
        low: cells of fewer lines stand at the bottom of the row.
    """
    columns = []
    height = max((text.count("\n") for text in texts), default=0) + 1
    for text, width, right, style in zip(texts, widths, rightward, styles, strict=True):
        lines = text.translate(_CONTROLS).split("\n")
        blank = [""] * (height - len(lines))
        column = []
        for line in [*blank, *lines] if low else [*lines, *blank]:
            shown = line.rstrip() if right else line
            gap = " " * (width - width_of(shown))
            painted = paint(shown, style, color)
            column.append(gap + painted if right else painted + gap)
        columns.append(column)
    return [" " + "  ".join(cells) for cells in zip(*columns, strict=True)]
