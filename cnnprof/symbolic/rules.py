"""A layer's figures worked out: its own rules on symbols, written in letters and in numbers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from cnnprof.counting.conventions import CONVENTIONS
from cnnprof.counting.derivation import FIGURES, Derivation, Explanation, FigureName, Letter
from cnnprof.network.receptive_field import ONE_PIXEL, Fields
from cnnprof.network.results import Analysis, Cost
from cnnprof.symbolic.receptive_field import derive_receptive_field
from cnnprof.symbolic.symbols import SymbolicLayer, symbolize
from cnnprof.symbolic.writing import derive, write

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
        self._symbolic: dict[Any, SymbolicLayer] = {}
        self._fields: dict[str, Fields] = {cost.node.name: cost.fields for cost in profile.costs}
        self._fields |= {name: (ONE_PIXEL,) * (len(shape) - 2) for name, shape in profile.graph.inputs.items()}

    def explain(self, cost: Cost, figures: Collection[FigureName] = FIGURES) -> Explanation:
        """The figures of the layer that are asked for, in the order of `counting.derivation.FIGURES`."""
        key = (cost.node.layer, cost.inputs)
        on = self._symbolic.get(key) or symbolize(cost.node.layer, cost.inputs, cost.output)
        self._symbolic[key] = on
        letters = tuple(Letter(symbol.name, on.meanings[symbol], on.values[symbol]) for symbol in on.given)
        derivations: list[Derivation] = []
        if "shape" in figures:
            derivations += _shape(cost, on)
        if "params" in figures:
            derivations += _params(cost, on)
        if "macs" in figures:
            derivations += _operations(cost, on)
        if "memory" in figures:
            derivations += _memory(cost, on)
        if "receptive-field" in figures:
            derivations += derive_receptive_field(
                cost, on, [self._fields[name] for name in cost.node.inputs], self._input_shape
            )
        return Explanation(letters, tuple(derivations))


def _shape(cost: Cost, on: SymbolicLayer) -> list[Derivation]:
    lines: list[Derivation] = []
    for axis, (exact, symbol, size) in enumerate(zip(on.exact, on.output, cost.output, strict=True)):
        if exact == symbol:
            continue
        line = derive("shape", symbol.name, exact, on.values, size, note=unread_edge(cost, axis))
        twin = lines[-1] if lines else None
        if twin and (twin.numbers, twin.result) == (line.numbers, line.result):
            line = replace(line, formula=twin.name, numbers="", note="")
        lines.append(line)
    letters = " x ".join(write(dim) for dim in on.output[1:])
    sizes = tuple(cost.output[1:])
    return [*lines, Derivation("shape", "output", letters if any(not isinstance(d, int) for d in on.output) else "", "", sizes)]


def unread_edge(cost: Cost, axis: int) -> str:
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


def _params(cost: Cost, on: SymbolicLayer) -> list[Derivation]:
    if not cost.node.owns_params:
        return [Derivation("params", "params", "", "", 0, note="its weights belong to another layer")]
    return [derive("params", "params", on.params, on.values, cost.params, note=_bias_note(cost))]


def _bias_note(cost: Cost) -> str:
    return "without bias" if getattr(cost.node.layer, "bias", True) is False else ""


def _operations(cost: Cost, on: SymbolicLayer) -> list[Derivation]:
    lines = [
        derive("macs", name, getattr(on.ops, kind), on.values, getattr(cost.ops, kind))
        for kind, name in KINDS.items()
        if kind == "mac" or getattr(cost.ops, kind)
    ]
    lecture = CONVENTIONS["lecture"]
    counted = lecture(cost.node.layer, cost.inputs, cost.output, cost.ops)
    if counted != cost.macs:
        expression = lecture(on.layer, on.inputs, on.output, on.ops)
        lines.append(derive("macs", "window operations", expression, on.values, counted, note=LECTURE_NOTE))
    return lines


def _memory(cost: Cost, on: SymbolicLayer) -> list[Derivation]:
    written = on.layer.written(*on.inputs, output=on.output)
    note = "" if cost.node.layer.writes else "writes no memory of its own"
    return [
        derive("memory", "activations", written, on.values, cost.activations, note=note),
        derive("memory", "activation bytes (fp32)", 4 * written, on.values, 4 * cost.activations, "B"),
        derive("memory", "weight bytes (fp32)", 4 * on.params * int(cost.node.owns_params), on.values, 4 * cost.params, "B"),
    ]
