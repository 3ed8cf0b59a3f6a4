"""Layers that join branches."""

from __future__ import annotations

from cnnprof.footprint.rules.base import LayerMemory, RuleContext, Saved, rule
from cnnprof.network.dims import Dim, greater_equal, prod
from cnnprof.network.layers import elements
from cnnprof.network.layers.merging import Add, Concat, Join, Max, Mean, Mul


@rule(Add, elementwise=True)
def add(layer: Add, run: RuleContext) -> LayerMemory:
    """Every branch has the gradient of the sum."""
    return LayerMemory(_result_so_far(layer, run), input_gradient="same")


@rule(Mean, elementwise=True)
def mean(layer: Mean, run: RuleContext) -> LayerMemory:
    """The gradient is divided into new memory."""
    return LayerMemory(_result_so_far(layer, run))


@rule(Mul, elementwise=True)
def mul(layer: Mul, run: RuleContext) -> LayerMemory:
    """The branches, and the products on the way; the gradient of a smaller input is computed at full size and then summed."""
    others, inplace = len(run.inputs), int(layer.inplace)
    whole = prod(greater_equal(elements(shape), elements(run.output)) for shape in run.inputs)
    return LayerMemory(
        _result_so_far(layer, run),
        Saved(tuple(range(inplace, others)), extra=(others - 2 + inplace) * run.output_bytes),
        run.output_bytes * (1 - whole),
    )


@rule(Max, elementwise=True)
def largest(layer: Max, run: RuleContext) -> LayerMemory:
    """Half of the gradient for each, and where they are equal and where less, as truth values."""
    return LayerMemory(
        _result_so_far(layer, run),
        Saved(tuple(range(len(run.inputs))), extra=(len(run.inputs) - 2) * run.output_bytes),
        (run.element_bytes + 2) * elements(run.output),
    )


@rule(Concat)
def concat(layer: Concat, run: RuleContext) -> LayerMemory:
    """The gradient of a branch is a part of the whole one."""
    return LayerMemory(input_gradient="part")


def _result_so_far(layer: Join, run: RuleContext) -> Dim:
    """They are joined two by two, and the result so far stands beside the next one."""
    return run.output_bytes if len(run.inputs) > 2 and not layer.inplace else 0
