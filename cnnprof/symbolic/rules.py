"""A layer's figures worked out: its own rules on symbols, written in letters and in numbers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from cnnprof.counting.conventions import CONVENTIONS
from cnnprof.counting.derivation import FIGURES, Explanation, Letter, Working
from cnnprof.network.layers import elements
from cnnprof.network.receptive_field import ONE_PIXEL, Fields
from cnnprof.network.results import Analysis, Cost
from cnnprof.symbolic.seeing import see_through
from cnnprof.symbolic.symbols import Lettered, letter
from cnnprof.symbolic.writing import work_out, write

KINDS = {
    "mac": "MACs",
    "add": "additions",
    "mul": "multiplications",
    "div": "divisions",
    "cmp": "comparisons",
    "exp": "transcendental",
}
LECTURE_NOTE = "pooling as lectures count it: the window for every output"


class Explainer:
    """Works out the layers of one network; layers that are alike are put on symbols once."""

    def __init__(self, profile: Analysis) -> None:
        self._input_shape = profile.graph.input_shape
        self._lettered: dict[Any, Lettered] = {}
        self._fields: dict[str, Fields] = {cost.node.name: cost.fields for cost in profile.costs}
        self._fields |= {name: (ONE_PIXEL,) * (len(shape) - 2) for name, shape in profile.graph.inputs.items()}

    def explain(self, cost: Cost, figures: Collection[str] = FIGURES) -> Explanation:
        """The figures of the layer that are asked for, in the order of `counting.derivation.FIGURES`."""
        key = (cost.node.layer, cost.inputs)
        on = self._lettered.get(key) or letter(cost.node.layer, cost.inputs, cost.output)
        self._lettered[key] = on
        letters = tuple(Letter(symbol.name, on.meanings[symbol], on.values[symbol]) for symbol in on.given)
        workings: list[Working] = []
        if "shape" in figures:
            workings += _shape(cost, on)
        if "params" in figures:
            workings += _params(cost, on)
        if "macs" in figures:
            workings += _operations(cost, on)
        if "memory" in figures:
            workings += _memory(cost, on)
        if "receptive-field" in figures:
            workings += see_through(cost, on, [self._fields[name] for name in cost.node.inputs], self._input_shape)
        return Explanation(letters, tuple(workings))


def _shape(cost: Cost, on: Lettered) -> list[Working]:
    lines: list[Working] = []
    for axis, (exact, symbol, size) in enumerate(zip(on.exact, on.output, cost.output, strict=True)):
        if exact == symbol:
            continue
        line = work_out("shape", symbol.name, exact, on.values, size, note=cut_off(cost, axis))
        twin = lines[-1] if lines else None
        if twin and (twin.numbers, twin.result) == (line.numbers, line.result):
            line = replace(line, formula=twin.name, numbers="", note="")
        lines.append(line)
    letters = " x ".join(write(dim) for dim in on.output[1:])
    sizes = tuple(cost.output[1:])
    return [*lines, Working("shape", "output", letters if any(not isinstance(d, int) for d in on.output) else "", "", sizes)]


def cut_off(cost: Cost, axis: int) -> str:
    """The rows and columns that the floor of a window's positions leaves unread at the far edge."""
    layer = cost.node.layer
    if not hasattr(layer, "stride"):
        return ""
    windows = layer.window(*cost.inputs)
    if not windows:
        return ""
    window, size, positions = windows[axis - 2], cost.inputs[0][axis], cost.output[axis]
    beyond = size - 1 - ((positions - 1) * window.stride - window.padding + window.size - 1)
    what = "rows" if axis == len(cost.output) - 2 else "columns"
    if beyond > 0:
        return f"the floor leaves the last {f'{beyond} ' if beyond > 1 else ''}of {size} {what} unread"
    return "the floor cuts off padding only" if beyond + window.padding > 0 else ""


def _params(cost: Cost, on: Lettered) -> list[Working]:
    if not cost.node.owns_params:
        return [Working("params", "params", "", "", 0, note="its weights belong to another layer")]
    return [work_out("params", "params", on.params, on.values, cost.params, note=_bias_note(cost))]


def _bias_note(cost: Cost) -> str:
    return "without bias" if getattr(cost.node.layer, "bias", True) is False else ""


def _operations(cost: Cost, on: Lettered) -> list[Working]:
    lines = [
        work_out("macs", name, getattr(on.ops, kind), on.values, getattr(cost.ops, kind))
        for kind, name in KINDS.items()
        if kind == "mac" or getattr(cost.ops, kind)
    ]
    lecture = CONVENTIONS["lecture"]
    counted = lecture(cost.node.layer, cost.inputs, cost.output, cost.ops)
    if counted != cost.macs:
        expression = lecture(on.layer, on.inputs, on.output, on.ops)
        lines.append(work_out("macs", "window operations", expression, on.values, counted, note=LECTURE_NOTE))
    return lines


def _memory(cost: Cost, on: Lettered) -> list[Working]:
    written = elements(on.output) if cost.node.layer.writes else 0
    note = "" if cost.node.layer.writes else "writes no memory of its own"
    return [
        work_out("memory", "activations", written, on.values, cost.activations, note=note),
        work_out("memory", "activation bytes (fp32)", 4 * written, on.values, 4 * cost.activations, "B"),
        work_out("memory", "weight bytes (fp32)", 4 * on.params * int(cost.node.owns_params), on.values, 4 * cost.params, "B"),
    ]
