"""A report's chart in the terminal, in 80 columns and 24 lines, drawn by plotext with dots of the braille letters."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import Any

from cnnprof.errors import UsageError
from cnnprof.report import Report
from cnnprof.reports import Style
from cnnprof.reports._drawing import fold

suffixes = ()
binary = False

WIDTH, HEIGHT = 80, 24
BORDER = 6
"""Columns that a frame and its numbers take, about."""


def render(report: Report, style: Style) -> str:
    """The picture. Raises UsageError for a report without a chart."""
    if report.chart is None:
        raise UsageError(f"'{report.command}' has nothing to draw", hint="cnnprof plot --help lists what has")
    canvas = Terminal(max(40, min(style.width or WIDTH, 200)))
    report.chart.sketch(canvas)
    return canvas.text(report.chart.title, style.color)


class Terminal:
    """The `Sketch` of charts, drawn by plotext."""

    def __init__(self, width: int) -> None:
        import plotext

        self._figure: Any = plotext.figure
        self._width = width
        self._log = {"x": False, "y": False}
        self._ticked = {"x": False, "y": False}
        self._ends = {"x": (0.0, 1.0), "y": (0.0, 1.0)}
        self._written: dict[int, list[tuple[int, int]]] = {}
        self._marks: dict[int, list[int]] = {}
        self._named = False
        self._remarks: list[str] = []
        self._figure.clear()

    def axis(self, which: str, label: str, log: bool = False, ticks: Sequence[tuple[float, str]] = ()) -> None:
        """Name an axis; on a logarithmic one, or where ticks are given, it says which values are written."""
        self._named = True
        self._log[which] = log
        self._figure.label(label, axis=which)
        self._ticked[which] = bool(ticks)
        if ticks:
            self._write_ticks(which, ticks)

    def limits(self, which: str, low: float, high: float) -> None:
        """Which values an axis reaches over."""
        self._ends[which] = self._at(which, low), self._at(which, high)
        self._figure.ruler(which).lim(*self._ends[which])
        if not self._ticked[which]:
            values = [10.0**power for power in range(-9, 16)] if self._log[which] else _round_values(low, high)
            self._write_ticks(which, [(value, f"{value:,.10g}") for value in values if low <= value <= high])

    def _write_ticks(self, which: str, ticks: Sequence[tuple[float, str]]) -> None:
        self._figure.ruler(which).ticks([self._at(which, place) for place, _ in ticks], [text for _, text in ticks])

    def dots(self, xs: Sequence[float], ys: Sequence[float], mark: str = "braille") -> None:
        """A mark at each point, which no name covers."""
        if mark != "braille":
            for x, y in zip(xs, ys, strict=True):
                column, row = self._cell(x, y)
                # A place that is nearly between two rows is drawn in either.
                for near in (row - 1, row, row + 1):
                    self._marks.setdefault(near, []).append(column)
        self._figure.draw(self._figure.signal(self._all("x", xs), self._all("y", ys), marker=mark))

    def line(self, xs: Sequence[float], ys: Sequence[float]) -> None:
        """Points that are joined."""
        across, up = self._all("x", xs), self._all("y", ys)
        for k in range(len(across) - 1):
            self._figure.draw(self._figure.segment((across[k], across[k + 1]), (up[k], up[k + 1]), marker="braille"))

    def name(self, x: float, y: float, text: str) -> None:
        """A text to the right of a point, or to its left; none where another one stands."""
        column, line = self._cell(x, y)
        row, marks = self._written.setdefault(line, []), self._marks.get(line, ())
        for start in (column + 2, column - 1 - len(text)):
            end = start + len(text)
            free = all(end < left or start > right for left, right in row) and not any(start <= at <= end for at in marks)
            if start >= 0 and end <= self._width - BORDER and free:
                row.append((start, end))
                low, high = self._ends["x"]
                at = low + start / (self._width - BORDER - 1) * (high - low)
                self._figure.draw(self._figure.text(at, self._at("y", y), text, alignment="left"))
                return

    def _cell(self, x: float, y: float) -> tuple[int, int]:
        """The column and row of letters in which a point lies, about."""
        place = []
        for which, value, cells in (("x", x, self._width - BORDER), ("y", y, HEIGHT - 6)):
            low, high = self._ends[which]
            place.append(round((self._at(which, value) - low) / ((high - low) or 1) * (cells - 1)))
        return place[0], place[1]

    def remark(self, text: str) -> None:
        """A line below."""
        self._remarks += [line.rstrip() for line in fold(text, self._width)]

    def text(self, title: str, color: bool) -> str:
        """The drawing as text, below its title."""
        above = [line.center(self._width).rstrip() for line in fold(title, self._width)]
        if not self._named:
            return "\n".join([*above, *self._remarks]) + "\n"
        self._figure.plot_size(self._width, HEIGHT - 1 - len(above) - len(self._remarks))
        drawn: str = self._figure.build().string(colorless=not color)
        return "\n".join(line.rstrip() for line in (*above, *drawn.splitlines(), *self._remarks)) + "\n"

    def _at(self, which: str, value: float) -> float:
        return log10(value) if self._log[which] else value

    def _all(self, which: str, values: Sequence[float]) -> list[float]:
        return [self._at(which, value) for value in values]


def _round_values(low: float, high: float) -> list[float]:
    """Some four to eight values from one end to the other, in steps of 1, 2 or 5 times a power of ten."""
    size = (high - low) / 4
    power = 10.0 ** floor(log10(size)) if size > 0 else 1.0
    step = power * max(factor for factor in (1, 2, 5) if factor == 1 or factor * power <= size)
    return [number * step for number in range(ceil(low / step), floor(high / step) + 1)]
