"""A whole network as formulas of N, H and W.

A floor disappears where its argument is whole, so the network is analyzed at H = m h + r, where m is the product of the strides
on the way and r the remainder of the network's own height, and the formulas are then written in H again. They hold for inputs
with that remainder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from itertools import zip_longest
from typing import Any

from cnnprof.counting.derivation import Formulas, RowFormulas
from cnnprof.errors import CnnprofError
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph, Node
from cnnprof.network.layers.arrangement import MayCopy
from cnnprof.network.layers.convolution import ConvTranspose
from cnnprof.network.results import Analysis, Cost, LayerGroup
from cnnprof.network.shapes import walk
from cnnprof.network.strides import settled
from cnnprof.symbolic.rules import unread_edge
from cnnprof.symbolic.writing import write

Reload = Callable[[tuple[int, ...]], Graph]
"""The same network for another input, (C, H, W)."""


def formulate(graph: Graph, reload: Reload, choose_rows: Callable[[Analysis], Sequence[LayerGroup]]) -> Formulas:
    """Shapes, multiply-accumulates and activations as formulas.

    Args:
        reload: reads the network for another input size, to see that nothing but sizes depends on it.
        choose_rows: which rows to make of the profile: layers, stages or types.

    Raises CnnprofError where a layer depends on the input's size in another way than by the rules for shapes.
    """
    if graph.further_inputs:
        raise CnnprofError(f"{graph.name} takes several inputs, and formulas in H and W are of one image")
    if len(graph.input_shape) != 4:
        raise CnnprofError(f"{graph.name} takes no image, so there are no H and W to write formulas in")
    steps = _steps(graph)
    numbers = analyze(graph)
    _check_safe(numbers, reload, steps)
    costs, back = _analyze(numbers, steps)
    rows = [_row(row, back) for row in choose_rows(replace(numbers, costs=costs))]
    run = [cost for cost in costs if not cost.node.aux]
    remainders = [size % step for size, step in zip(graph.input_shape[2:], steps, strict=True)]
    return Formulas(
        steps=steps,
        remainders=(remainders[0], remainders[1]),
        smallest_input=_smallest_input(graph),
        params=numbers.totals.params,
        macs=_text(sum(cost.macs for cost in run), back),
        activations=_text(sum(cost.activations for cost in run), back),
        rows=tuple(rows),
        unread=tuple(_unread(numbers)),
        of_one_image=tuple(_of_one_image(numbers, costs)),
    )


def _steps(graph: Graph) -> tuple[int, int]:
    """The product of the strides on the way through the network, for height and width."""
    strides: dict[str, tuple[int, int]] = {graph.input_name: (1, 1)}
    for node in _run(graph):
        before = [strides[name] for name in node.inputs] or [(1, 1)]
        own = (1, 1) if isinstance(node.layer, ConvTranspose) else getattr(node.layer, "stride", (1, 1))
        height, width = (max(pair) for pair in zip(*before, strict=True))
        strides[node.name] = (height * own[0], width * own[-1])
    return max(pair[0] for pair in strides.values()), max(pair[1] for pair in strides.values())


def _run(graph: Graph) -> list[Node]:
    """The layers that inference runs."""
    return [node for node in graph.nodes if not node.aux]


def _check_safe(profile: Analysis, reload: Reload, steps: tuple[int, int]) -> None:
    """Raises CnnprofError for the first layer that is another one at the next larger input size."""
    graph = profile.graph
    _, channels, height, width = graph.input_shape
    larger = (channels, height + steps[0], width + steps[1])
    sizes = f"{height}x{width}", f"{larger[1]}x{larger[2]}"
    refusal = f"{graph.name} cannot be written in H and W"
    try:
        other = analyze(reload(larger))
    except CnnprofError as error:
        raise CnnprofError(
            f"{refusal}: it does not take an input of {sizes[1]}: {error.message}", error.place, error.hint
        ) from None
    for mine, theirs in zip_longest(profile.costs, other.costs):
        if not (mine and theirs) or mine.node.name != theirs.node.name:
            raise CnnprofError(
                f"{refusal}: from {(mine or theirs).node.name} on it has other layers at {sizes[1]} than at {sizes[0]}"
            )
        node = mine.node
        changed = _changed(node, theirs.node)
        if changed:
            name, value, becomes = changed
            raise CnnprofError(
                f"{refusal}: at {node.name} ({node.layer.type}) {name} is {value} for {sizes[0]} and {becomes} for {sizes[1]}",
                node.place,
            )
        if mine.params != theirs.params and not node.aux:
            raise CnnprofError(
                f"{refusal}: {node.name} ({node.layer.type}) has {mine.params:,} parameters for {sizes[0]} "
                f"and {theirs.params:,} for {sizes[1]}, so its weights fit one size only",
                node.place,
                "cnnprof explain shows its formulas layer by layer; behind global pooling the size would not matter",
            )


def _changed(mine: Node, theirs: Node) -> tuple[str, Any, Any] | None:
    """The first hyper-parameter that differs, with both values."""
    if type(mine.layer) is not type(theirs.layer):
        return "its type", mine.layer.type, theirs.layer.type
    pairs = ((f.name, getattr(mine.layer, f.name), getattr(theirs.layer, f.name)) for f in fields(mine.layer))
    return next((pair for pair in pairs if pair[1] != pair[2]), None)


def _analyze(profile: Analysis, steps: tuple[int, int]) -> tuple[tuple[Cost, ...], dict[Any, Any]]:
    """The costs in h and w, and what h and w are in H and W.

    Parameters are left as they are: a head that only training runs may have them for one size.
    """
    from sympy import Symbol, expand

    n, h, w, height, width = (Symbol(name, integer=True, positive=True) for name in ("N", "h", "w", "H", "W"))
    _, channels, rows, columns = profile.graph.input_shape
    over, beside = rows % steps[0], columns % steps[1]
    # Where a reshape copies is another matter for several images than for the one that the network was read with.
    graph = settled(replace(profile.graph, input_shape=(n, channels, steps[0] * h + over, steps[1] * w + beside)))
    costs = []
    for known, (node, inputs, output) in zip(profile.costs, walk(graph, graph.inputs), strict=True):
        ops = node.layer.ops(*inputs, output=output)
        costs.append(
            Cost(
                node=node,
                inputs=inputs,
                output=output,
                params=known.params,
                ops=replace(ops, mac=expand(ops.mac)),
                activations=expand(node.layer.written(*inputs, output=output)),
                fields=None,
            )
        )
    return tuple(costs), {h: (height - over) / steps[0], w: (width - beside) / steps[1]}


def _row(row: LayerGroup, back: dict[Any, Any]) -> RowFormulas:
    kind = row.types[0] if len(row.types) == 1 else f"{row.layers} layers"
    output = tuple(_text(dim, back) for dim in row.output[1:])
    return RowFormulas(row.name, kind, output, row.params, _text(row.macs, back), _text(row.activations, back), row.aux)


def _text(expression: Any, back: dict[Any, Any]) -> str:
    from sympy import expand, factor_terms, sympify, together

    return write(factor_terms(together(expand(sympify(expression).subs(back)))))


def _smallest_input(graph: Graph) -> tuple[int, ...] | None:
    """The smallest square image that every layer of inference has room for; None if it is the network's own."""
    _, channels, height, width = graph.input_shape
    for side in range(1, min(height, width)):
        try:
            for _ in walk(_run(graph), {graph.input_name: (1, channels, side, side)}):
                pass
        except CnnprofError:
            continue
        return (channels, side, side)
    return None


def _of_one_image(profile: Analysis, costs: Sequence[Cost]) -> list[str]:
    """Where a reshape of one image copies, and of several does not, or the other way round; the formula is of several."""
    pairs = [(mine.node, theirs.node.layer) for mine, theirs in zip(profile.costs, costs, strict=True)]
    return [
        f"{node.name}: for N = 1 it {'copies' if node.layer.copy else 'does not copy'} its input"
        for node, layer in pairs
        if isinstance(node.layer, MayCopy) and node.layer != layer
    ]


def _unread(profile: Analysis) -> list[str]:
    """Where a floor leaves rows or columns of a layer's input unread, at the network's own input size."""
    found = []
    for cost in profile.costs:
        if len(cost.output) == 4:
            rows, columns = unread_edge(cost, 2), unread_edge(cost, 3)
            if rows.replace("rows", "columns") == columns:
                rows, columns = rows.replace("rows", "rows and columns"), ""
            found += [f"{cost.node.name}: {note}" for note in (rows, columns) if "unread" in note]
    return found
