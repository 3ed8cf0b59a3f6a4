"""Colours and marks that every eye can tell apart (Okabe, Ito: Color Universal Design, 2008)."""

from __future__ import annotations

PALETTE = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#f0e442", "#8c8c8c")
MARKERS = ("o", "s", "D", "^", "v")
VEGA_SHAPES = ("circle", "square", "diamond", "triangle-up", "triangle-down")
"""The same shapes as Vega calls them."""


def look(number: int) -> tuple[str, int]:
    """Colour of a group and the number of its marker: groups share a colour only where they differ in the marker."""
    return PALETTE[number % len(PALETTE)], number // len(PALETTE) % len(MARKERS)


def vega_looks(groups: int) -> tuple[list[str], list[str]]:
    """The colours and the shapes of so many groups, as the ranges of Vega's scales."""
    looks = [look(number) for number in range(groups)]
    return [color for color, _ in looks], [VEGA_SHAPES[marker] for _, marker in looks]
