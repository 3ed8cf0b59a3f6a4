"""Kinds of charts: one module each, with what the chart shows as a dataclass and how matplotlib draws it.

A view makes the chart of its report from plain data; `reports` calls `draw` where a picture is asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Chart(ABC):
    """What a picture shows."""

    title: str
    """The line above it."""

    @abstractmethod
    def draw(self, figure: Figure) -> None:
        """Draw the chart, its title included, on an empty figure."""
