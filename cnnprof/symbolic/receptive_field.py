"""A layer's receptive field worked out: size r, jump j and centre c behind it from those in front of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cnnprof.counting.derivation import Derivation, FigureName
from cnnprof.network.dims import Shape
from cnnprof.network.receptive_field import AxisField, Field, Fields, Phases, output_fields
from cnnprof.network.results import Cost
from cnnprof.symbolic.symbols import SymbolicLayer
from cnnprof.symbolic.writing import derive

FIGURE: FigureName = "receptive-field"
NAMES = ("r_out", "j_out", "c_out")
"""Size; distance of neighbouring positions' fields; centre of the first position's field, pixels counted from 0."""

AXES = ("height", "width", "depth")


def derive_receptive_field(cost: Cost, on: SymbolicLayer, entering: Sequence[Fields], input_shape: Shape) -> list[Derivation]:
    """The field's lines; one set for all axes where they agree."""
    if not cost.fields:
        why = "sees no pixel" if cost.fields == () else "not defined: it differs from position to position, or there are none"
        return [Derivation(FIGURE, "r_out", "", "", None, note=why)]
    results = [(field.size, field.jump, field.centre) for field in cost.fields]
    too_large = any(size > whole for (size, _, _), whole in zip(results, input_shape[2:], strict=True))
    note = f"larger than the input, {'x'.join(map(str, input_shape[2:]))}" if too_large else ""
    before = entering[0]
    by_turns = any(isinstance(field, Phases) for field in (*cost.fields, *(before or ())))
    if len(entering) > 1 or not before or by_turns:
        what = "the most that a position sees" if by_turns else "what its branches see together"
        notes = ("; ".join(filter(None, (what, note))), "", "")
        columns = zip(NAMES, zip(*results, strict=True), notes, strict=True)
        return [Derivation(FIGURE, name, "", "", result, "pixels", remark) for name, result, remark in columns]
    fields = _on_symbols(cost, on, len(before))
    alike = all(each == one[0] for one in (fields, before, results) for each in one)
    axes = [_lines(fields[axis], before[axis], results[axis], on, note) for axis in range(1 if alike else len(results))]
    if all(
        [(line.numbers, line.result) for line in each] == [(line.numbers, line.result) for line in axes[0]] for each in axes
    ):
        return [replace(line, result=(line.result,) * len(results)) for line in axes[0]]
    return [replace(line, name=f"{line.name}, {AXES[axis]}") for axis, each in enumerate(axes) for line in each]


def _on_symbols(cost: Cost, on: SymbolicLayer, axes: int) -> Sequence[AxisField]:
    """The layer's rule for fields on size r, jump j and centre c."""
    from sympy import Symbol

    r, j, c = (Symbol(name) for name in "rjc")
    before = Field(c - (r - 1) / 2, c + (r - 1) / 2, j)
    fields = output_fields(replace(cost.node, layer=on.layer), on.inputs, ((before,) * axes,))
    assert fields, "the rule gave a field on numbers"
    return fields


def _lines(rule: AxisField, entering: AxisField, results: tuple[Any, ...], on: SymbolicLayer, note: str) -> list[Derivation]:
    """Size, jump and centre along one axis."""
    from sympy import Symbol, collect, expand

    r, j, c = (Symbol(name) for name in "rjc")
    values = {**on.values, r: entering.size, j: entering.jump, c: entering.centre}
    figures = zip(NAMES, (rule.size, rule.jump, rule.centre), results, (note, "", ""), strict=True)
    return [
        derive(FIGURE, name, collect(expand(expression), j), values, result, "pixels", remark)
        for name, expression, result, remark in figures
    ]
