"""A calculation written out as in a lecture: the formula, the formula with the numbers in, and the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FIGURES = ("shape", "params", "macs", "memory", "receptive-field")
"""What can be worked out; operations other than multiply-accumulates belong to `macs`."""


@dataclass(frozen=True, slots=True)
class Working:
    """One line of a worksheet.

    Args:
        figure: one of `FIGURES`.
        name: the left side of the equation: `params`, `H_out`.
        formula: in the lectures' letters, `K (F F C_in + 1)`; empty where there is nothing to calculate.
        numbers: the same with the layer's numbers, `96 (11*11*3 + 1)`.
        result: what comes out, or the text that stands for it.
        unit: what the result counts, where the name does not say it.
        note: what a reader should know of it: pixels that a floor drops, a convention.
    """

    figure: str
    name: str
    formula: str
    numbers: str
    result: Any
    unit: str = ""
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The line as JSON types."""
        return {
            "figure": self.figure,
            "name": self.name,
            "formula": self.formula,
            "numbers": self.numbers,
            "result": list(self.result) if isinstance(self.result, tuple) else self.result,
            "unit": self.unit,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter of the formulas: what it stands for in this layer (`filters`), and its value."""

    symbol: str
    meaning: str
    value: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """A layer's calculations, with the letters they use."""

    layer: str
    letters: tuple[Letter, ...]
    workings: tuple[Working, ...]
