"""A layer's receptive field worked out: size r, jump j and centre c behind it from those in front of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cnnprof.core.arith import Shape
from cnnprof.core.receptive_field import Field, Fields, see
from cnnprof.core.results import Cost
from cnnprof.core.working import Working
from cnnprof.symbolic.symbols import Lettered
from cnnprof.symbolic.writing import work_out

FIGURE = "receptive-field"
NAMES = ("r_out", "j_out", "c_out")
"""Size; distance of neighbouring positions' fields; centre of the first position's field, pixels counted from 0."""

AXES = ("height", "width", "depth")


def see_through(cost: Cost, on: Lettered, entering: Sequence[Fields], input_shape: Shape) -> list[Working]:
    """The field's lines; one set for all axes where they agree."""
    if not cost.fields:
        why = "sees no pixel" if cost.fields == () else "not defined: it differs from position to position, or there are none"
        return [Working(FIGURE, "r_out", "", "", None, note=why)]
    results = [(field.size, field.jump, field.centre) for field in cost.fields]
    too_large = any(size > whole for (size, _, _), whole in zip(results, input_shape[2:], strict=True))
    note = f"larger than the input, {'x'.join(map(str, input_shape[2:]))}" if too_large else ""
    before = entering[0]
    if len(entering) > 1 or not before:
        notes = ("; ".join(filter(None, ("what its branches see together", note))), "", "")
        columns = zip(NAMES, zip(*results, strict=True), notes, strict=True)
        return [Working(FIGURE, name, "", "", result, "pixels", remark) for name, result, remark in columns]
    lines = [_axis(cost, on, before, axis, results[axis], note) for axis in range(len(results))]
    if all(
        [(line.numbers, line.result) for line in each] == [(line.numbers, line.result) for line in lines[0]] for each in lines
    ):
        return [replace(line, result=(line.result,) * len(lines)) for line in lines[0]]
    return [replace(line, name=f"{line.name}, {AXES[axis]}") for axis, each in enumerate(lines) for line in each]


def _axis(
    cost: Cost, on: Lettered, entering: tuple[Field, ...], axis: int, results: tuple[Any, ...], note: str
) -> list[Working]:
    """Size, jump and centre along one axis, by the rule of `core.receptive_field` on symbols."""
    from sympy import Symbol, collect, expand

    r, j, c = (Symbol(name) for name in "rjc")
    symbols = Field(c - (r - 1) / 2, c + (r - 1) / 2, j)
    fields = see(replace(cost.node, layer=on.layer), on.inputs, ((symbols,) * len(entering),))
    assert fields, "the rule gave a field on numbers"
    values = {**on.values, r: entering[axis].size, j: entering[axis].jump, c: entering[axis].centre}
    rules = (fields[axis].size, fields[axis].jump, fields[axis].centre)
    notes = (note, "", "")
    return [
        work_out(FIGURE, name, collect(expand(rule), j), values, result, "pixels", remark)
        for name, rule, result, remark in zip(NAMES, rules, results, notes, strict=True)
    ]
