"""Depthwise separable convolution against a standard one, the lectures' argument: M K^2 + M N against M K^2 N.

The letters are those of Howard et al. 2017 (MobileNets): M channels go in, N filters, a window of K by K.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnprof.counting.derivation import Derivation, FigureName
from cnnprof.network.layers.convolution import Conv
from cnnprof.network.results import Analysis, Cost
from cnnprof.symbolic.writing import write

ORDER = ("H_out", "W_out", "M", "K", "K_h", "K_w", "N")


def find_pointwise(profile: Analysis, depthwise: Cost) -> Cost | None:
    """The 1x1 convolution behind a depthwise one, through layers that keep the shape; None if there is no such pair."""
    if not _is_depthwise(depthwise):
        return None
    behind = depthwise.node.name
    for cost in profile.costs:
        if cost.node.inputs != (behind,):
            continue
        layer = cost.node.layer
        if isinstance(layer, Conv):
            return cost if set(layer.kernel_size) == {1} and layer.groups == 1 else None
        if cost.output != depthwise.output:
            return None
        behind = cost.node.name
    return None


def compare_with_standard(depthwise: Cost, pointwise: Cost) -> list[Derivation]:
    """The pair's parameters and multiply-accumulates, biases aside, against those of one standard convolution."""
    first, second = depthwise.node.layer, pointwise.node.layer
    assert isinstance(first, Conv)
    assert isinstance(second, Conv)
    from sympy import Symbol

    m, n, h, w = (Symbol(name, integer=True, positive=True) for name in ("M", "N", "H_out", "W_out"))
    square = len(set(first.kernel_size)) == 1
    window = tuple(Symbol("K" if square else f"K_{axis}", integer=True, positive=True) for axis in "hw")
    values = {m: first.groups, n: second.out_channels, h: depthwise.output[2], w: depthwise.output[3]}
    values |= dict(zip(window, first.kernel_size, strict=True))
    x = (1, m, h, w)
    layers = (
        Conv(m, window, groups=m, bias=False),
        Conv(n, (1, 1), bias=False),
        Conv(n, window, bias=False),
    )
    weights = [layer.params(x) for layer in layers]
    macs = [layer.ops(x, output=(1, channels, h, w)).mac for layer, channels in zip(layers, (m, n, n), strict=True)]
    lines = []
    both: tuple[tuple[FigureName, str, list[Any]], ...] = (("params", "weights", weights), ("macs", "MACs", macs))
    for figure, name, (one, two, standard) in both:
        ratio = (standard / (one + two)).subs(values)
        lines.append(_line(figure, f"{name}, depthwise separable", one + two, values))
        lines.append(_line(figure, f"{name}, standard", standard, values, f"{float(ratio):.3g} times as many"))
    return lines


def _line(figure: FigureName, name: str, expression: Any, values: Mapping[Any, int], note: str = "") -> Derivation:
    letters, numbers = (write(expression, given, ORDER, longest_power=1) for given in (None, values))
    return Derivation(figure, name, letters, numbers, int(expression.subs(values)), note=note)


def _is_depthwise(cost: Cost) -> bool:
    layer = cost.node.layer
    return (
        isinstance(layer, Conv)
        and len(layer.kernel_size) == 2
        and layer.is_depthwise(cost.inputs[0])
        and layer.groups == layer.out_channels
    )
