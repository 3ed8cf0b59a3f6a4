"""Kinds of charts: one module each, with what the chart shows as a dataclass and how it is drawn.

A view makes the chart of its report from plain data, and computes all that it shows; `reports` calls `draw` where a picture is
asked for, and `sketch` where a terminal is to show it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
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
        """Draw the chart, its title included, on an empty figure."""

    def vega(self) -> dict[str, Any]:
        """The chart as a Vega-Lite specification; empty where there is none."""
        return {}

    @abstractmethod
    def sketch(self, canvas: Sketch) -> None:
        """Draw the chart with what a terminal can show of it."""


class Sketch(Protocol):
    """What a terminal can draw: `which` is `x` or `y`."""

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


def spread(places: Iterable[int], apart: float) -> list[int]:
    """Those of ascending places that stand far enough from the one before."""
    kept: list[int] = []
    for place in places:
        if not kept or place - kept[-1] >= apart:
            kept.append(place)
    return kept


def foot(figure: Figure, remarks: Sequence[str]) -> None:
    """Write remarks below what is drawn, in lines that the figure has room for; they replace those of an earlier call."""
    from textwrap import fill

    from matplotlib import rcParams

    size = 0.75 * rcParams["font.size"]
    # A letter is a little more than half as wide as it is high.
    letters = int(figure.get_figwidth() * 72 / (0.56 * size))
    text = "\n".join(fill(remark, letters) for remark in remarks)
    figure.supxlabel(text, fontsize=size, x=0.01, ha="left", color="#444444")
