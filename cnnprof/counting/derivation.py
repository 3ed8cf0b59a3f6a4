"""A calculation written out as in a lecture: the formula, the formula with the numbers in, and the result."""

from __future__ import annotations

from typing import Any, Literal, get_args

from cnnprof.record import pick, record

FigureName = Literal["shape", "params", "macs", "memory", "receptive-field"]
FIGURES: tuple[FigureName, ...] = get_args(FigureName)
"""The figures that a derivation has; operations other than multiply-accumulates belong to `macs`."""


@record
class Derivation:
    """One line of a worksheet.

    Args:
        figure: the figure that it belongs to.
        name: the left side of the equation: `params`, `H_out`.
        formula: in the lectures' letters, `K (F F C_in + 1)`; empty where there is nothing to calculate.
        numbers: the same with the layer's numbers, `96 (11*11*3 + 1)`.
        result: what comes out, or the text that stands for it.
        unit: what the result counts, where the name does not say it.
        note: what a reader should know of it: pixels that a floor drops, a convention.
    """

    figure: FigureName
    name: str
    formula: str
    numbers: str
    result: Any
    unit: str = ""
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The line as JSON types."""
        return pick(self)


@record
class Letter:
    """A letter of the formulas: what it stands for in this layer (`filters`), and its value."""

    symbol: str
    meaning: str
    value: int


@record
class Explanation:
    """A layer's calculations, with the letters they use."""

    letters: tuple[Letter, ...]
    derivations: tuple[Derivation, ...]


@record
class RowFormulas:
    """A layer, or several rolled up, in N, H and W."""

    name: str
    type: str
    output: tuple[str, ...]
    params: int
    macs: str
    activations: str
    aux: bool = False


@record
class Formulas:
    """A network in N, H and W; the formulas hold where H and W leave the `remainders` when divided by the `steps`.

    `smallest_input` is the smallest square image that fits, where it is smaller than the network's own; `unread` names the
    layers in which a floor leaves rows or columns unread at the network's own size, `of_one_image` those whose activations are
    other ones where N is 1.
    """

    steps: tuple[int, int]
    remainders: tuple[int, int]
    smallest_input: tuple[int, ...] | None
    params: int
    macs: str
    activations: str
    rows: tuple[RowFormulas, ...]
    unread: tuple[str, ...]
    of_one_image: tuple[str, ...]

    @property
    def condition(self) -> str:
        """`H and W multiples of 32`, `H = 32 k + 11, W = 16 k`."""
        if self.remainders == (0, 0) and self.steps[0] == self.steps[1]:
            return "every H and W" if self.steps[0] == 1 else f"H and W multiples of {self.steps[0]}"
        pairs = zip("HW", self.steps, self.remainders, strict=True)
        return ", ".join(f"{axis} = {step} k" + (f" + {rest}" if rest else "") for axis, step, rest in pairs)
