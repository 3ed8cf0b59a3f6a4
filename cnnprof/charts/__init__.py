"""Kinds of charts: one module each, with what the chart shows as a record and how it is drawn.

A view makes the chart of its report from plain data, and computes all that it shows; `reports` calls `draw` where a picture is
asked for, and `sketch` where a terminal is to show it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Chart(ABC):
    """The content of a picture."""

    title: str
    """The line above it."""

    inches: tuple[float, float] = (11, 5)
    """Width and height, unless a user asks for others."""

    @abstractmethod
    def draw(self, figure: Figure) -> None:
        """Draw the chart, its title included.

        Args:
            figure: an empty matplotlib figure of the size that is asked for.
        """

    def vega(self) -> dict[str, Any]:
        """The chart for a page.

        Returns:
            A Vega-Lite specification; empty where there is none.
        """
        return {}

    def markup(self) -> str:
        """The chart as a page shows it without Vega.

        Returns:
            SVG; empty where `vega` draws it.
        """
        return ""

    @abstractmethod
    def sketch(self, canvas: Sketch) -> None:
        """Draw the parts of the chart that a terminal can show.

        Args:
            canvas: the terminal's, of its width.
        """


class Sketch(Protocol):
    """The canvas of a terminal; `which` is `x` or `y`."""

    def axis(self, which: str, label: str, log: bool = False, ticks: Sequence[tuple[float, str]] = ()) -> None:
        """Name an axis, first of all, and say where texts stand along it."""

    def limits(self, which: str, low: float, high: float) -> None:
        """Say which values an axis reaches over."""

    def dots(self, xs: Sequence[float], ys: Sequence[float], mark: str = "braille") -> None:
        """Put a mark at each point."""

    def line(self, xs: Sequence[float], ys: Sequence[float]) -> None:
        """Join points."""

    def name(self, x: float, y: float, text: str) -> None:
        """Write beside a point."""

    def remark(self, text: str) -> None:
        """Write a line below."""


def spread(places: Iterable[int], apart: float) -> list[int]:
    """Those of ascending places that stand far enough from the one before."""
    kept: list[int] = []
    for place in places:
        if not kept or place - kept[-1] >= apart:
            kept.append(place)
    return kept


def ending(name: str, most: int) -> str:
    """A name, or its last letters where it has more than that: they tell a path from others."""
    return name if len(name) <= most else "…" + name[1 - most :]


def expression(texts: Sequence[str] | Mapping[int, str]) -> str:
    """Texts by their numbers as Vega's expressions have it, whatever is in them."""
    import json

    return json.dumps(texts)


def starts(names: Sequence[str]) -> list[tuple[int, str]]:
    """Where a run of equal names begins."""
    return [(next(run)[0], name) for name, run in groupby(enumerate(names), key=lambda pair: pair[1])]


def stage_ticks(stages: Sequence[str], apart: float) -> list[tuple[int, str]]:
    """The first step of each stage, so far apart from others; where they stand too close, those of the longer ones."""
    first = starts(stages)
    ends = [number for number, _ in first[1:]] + [len(stages)]
    kept: list[tuple[int, str]] = []
    for _, start in sorted(zip(ends, first, strict=True), key=lambda pair: pair[1][0] - pair[0]):
        if all(abs(start[0] - other) >= apart for other, _ in kept):
            kept.append(start)
    return kept


def head(figure: Figure, title: str) -> None:
    """Write the title above what is drawn, in lines that the figure has room for."""
    from matplotlib import rcParams

    figure.suptitle(_folded(title, figure, 1.2 * rcParams["font.size"]), fontsize=1.2 * rcParams["font.size"])


def foot(figure: Figure, remarks: Sequence[str]) -> None:
    """Write remarks below what is drawn, in lines that the figure has room for; they replace those of an earlier call."""
    from matplotlib import rcParams

    # Smaller than the rest, above all where that is large: they are for a second look.
    size = 4.5 + 0.25 * rcParams["font.size"]
    text = "\n".join(_folded(remark, figure, size) for remark in remarks)
    figure.supxlabel(text, fontsize=size, x=0.01, ha="left", color="#444444")


def _folded(text: str, figure: Figure, size: float) -> str:
    """The text in lines of the figure's width, for letters of that size in points."""
    from re import sub
    from textwrap import fill

    # A letter is a little more than half as wide as it is high.
    letters = max(8, int(figure.get_figwidth() * 72 / (0.56 * size)))
    # A mark of a note stays with the word behind it.
    lines = (sub("([¹²³⁴-⁹]) ", "\\1\N{NO-BREAK SPACE}", line) for line in text.splitlines())
    return "\n".join(fill(line, letters) for line in lines)
