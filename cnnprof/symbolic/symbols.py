"""Letters for a layer's numbers: hyper-parameters and input sizes as symbols, by the lectures' names.

A field of a layer that is a dimension (annotated `Dim` or `Size`) becomes a symbol: under the lectures' letter where `LETTERS`
has one, else under its own name. Equal sizes on all axes share a letter, as do equal sizes of several inputs. What a formula
has no use for stays a number: one image, one group, no dilation.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from cnnprof.network.dims import Dim, Shape, known
from cnnprof.network.layers import Layer, Ops, ShapeError
from cnnprof.record import record

LETTERS = {
    "out_channels": ("K", "filters"),
    "kernel_size": ("F", "window"),
    "stride": ("S", "stride"),
    "padding": ("P", "padding"),
    "dilation": ("d", "dilation"),
    "groups": ("g", "groups"),
    "out_features": ("n_out", "features out"),
    "output_padding": ("O", "output padding"),
    "scale_factor": ("r", "scale"),
}
AXES = {1: "N", 2: "Nn", 3: "NLC", 4: "NCHW", 5: "NCTHW"}
"""The letters of a tensor's axes, by their number."""

MEANINGS = {
    "N": "images",
    "C": "channels",
    "T": "depth",
    "H": "height",
    "W": "width",
    "L": "positions",
    "n": "features",
}
NEUTRAL = {"dilation": 1, "groups": 1, "output_padding": 0}
"""Hyper-parameters that say nothing at this value, and get no letter."""


@record
class SymbolicLayer:
    """A layer's rules on symbols.

    `inputs` are the shapes that go in; `exact` is what the shape rule makes of them, `output` the same with a letter for every
    axis that had to be calculated; `params` and `ops` follow from the rules. `values` gives each symbol's number, `given` the
    symbols that are not calculated.
    """

    layer: Layer
    inputs: tuple[Shape, ...]
    exact: Shape
    output: Shape
    params: Dim
    ops: Ops
    values: dict[Any, int]
    meanings: dict[Any, str]
    given: tuple[Any, ...]


def symbolize(layer: Layer, inputs: tuple[Shape, ...], output: Shape) -> SymbolicLayer:
    """The layer's rules on symbols. Where a rule needs a hyper-parameter's number, hyper-parameters stay numbers."""
    try:
        return _symbolize(layer, inputs, output, True)
    except (TypeError, ShapeError):
        return _symbolize(layer, inputs, output, False)


@dataclass
class _Numbering:
    """Symbols by name, with their numbers and what they stand for."""

    values: dict[Any, int] = field(default_factory=dict)
    meanings: dict[Any, str] = field(default_factory=dict)

    def symbol(self, name: str, value: int, meaning: str) -> Any:
        """The symbol of that name, new or not."""
        from sympy import Symbol

        made = Symbol(name, integer=True, nonnegative=True) if value == 0 else Symbol(name, integer=True, positive=True)
        self.values[made] = value
        self.meanings.setdefault(made, meaning)
        return made


def _symbolize(
    layer: Layer, inputs: tuple[Shape, ...], output: Shape, hyper_parameters: bool, changed: frozenset[str] = frozenset()
) -> SymbolicLayer:
    book = _Numbering()
    shapes = _symbolic_inputs(book, layer, inputs, changed)
    on_symbols = _symbolic_layer(book, layer, inputs, shapes) if hyper_parameters else layer
    exact = on_symbols.shape(*shapes)
    if len(shapes) == 1 and len(exact) == len(shapes[0]) and not changed:
        # Where the layer makes other channels or features, those that go in are C_in or n_in.
        named = zip(_axes(layer, len(exact)), shapes[0], exact, strict=True)
        changed = frozenset(name for name, before, after in named if name in "Cn" and before != after)
        if changed:
            return _symbolize(layer, inputs, output, hyper_parameters, changed)
    given = tuple(book.values)
    names = zip(_axes(layer, len(exact)), exact, output, strict=True)
    made = tuple(
        dim if known(dim) or dim.is_Atom else book.symbol(f"{name}_out", value, f"{_meaning(name)} out")
        for name, dim, value in names
    )
    params, ops = on_symbols.params(*shapes), on_symbols.ops(*shapes, output=made)
    return SymbolicLayer(on_symbols, shapes, exact, made, params, ops, book.values, book.meanings, given)


def _symbolic_inputs(book: _Numbering, layer: Layer, inputs: tuple[Shape, ...], changed: frozenset[str]) -> tuple[Shape, ...]:
    """The input shapes on symbols. Several inputs share a letter where they agree; a size of 1, which stretches, stays 1."""
    several = len(inputs) > 1
    sizes: dict[str, set[int]] = {}
    for shape in inputs:
        for name, size in zip(_axes(layer, len(shape)), shape, strict=True):
            sizes.setdefault(name, set()).add(size)
    lettered = []
    for number, shape in enumerate(inputs, 1):
        dims: list[Dim] = []
        for name, size in zip(_axes(layer, len(shape)), shape, strict=True):
            if size == 1 and (several or name == "N"):
                dims.append(1)
                continue
            full = f"{name}_in" if name in changed else f"{name}_{number}" if len(sizes[name] - {1}) > 1 else name
            dims.append(book.symbol(full, size, _meaning(name) + (" in" if name in changed else "")))
        lettered.append(tuple(dims))
    return tuple(lettered)


def _symbolic_layer(book: _Numbering, layer: Layer, inputs: tuple[Shape, ...], shapes: tuple[Shape, ...]) -> Layer:
    changes: dict[str, Any] = {}
    # A filter to each channel: then groups, filters and channels are one number.
    depthwise = inputs and len(inputs[0]) > 1 and inputs[0][1] > 1 and getattr(layer, "groups", 1) == inputs[0][1]
    for each in fields(layer):
        value = getattr(layer, each.name)
        if depthwise and each.name in ("groups", "out_channels") and value == inputs[0][1]:
            changes[each.name] = shapes[0][1]
        elif each.type == "Dim" and value != NEUTRAL.get(each.name):
            changes[each.name] = _hyper_parameter(book, each.name, value, "")
        elif each.type == "Size" and value:
            square = len(set(value)) == 1
            axes = [""] * len(value) if square else [f"_{axis.lower()}" for axis in "THW"[-len(value) :]]
            changes[each.name] = tuple(
                size if size == NEUTRAL.get(each.name) else _hyper_parameter(book, each.name, size, axis)
                for size, axis in zip(value, axes, strict=True)
            )
    return replace(layer, **changes)


def _hyper_parameter(book: _Numbering, name: str, value: int, axis: str) -> Any:
    symbol, meaning = LETTERS.get(name, (name, name.replace("_", " ")))
    return book.symbol(symbol + axis, value, meaning + {"_t": " depth", "_h": " height", "_w": " width", "": ""}[axis])


def _axes(layer: Layer, rank: int) -> str | list[str]:
    """The letters of a tensor's axes."""
    if rank == 3 and hasattr(layer, "kernel_size"):
        return "NCL"
    return AXES.get(rank) or [f"D{axis}" for axis in range(rank)]


def _meaning(name: str) -> str:
    return MEANINGS.get(name, f"axis {name}")
