"""Layers that join branches."""

from __future__ import annotations

from cnnprof.footprint.rules.base import LayerMemory, RuleContext, Saved, rule
from cnnprof.network.dims import Dim, greater_equal, greatest, maximum
from cnnprof.network.layers import elements
from cnnprof.network.layers.merging import Add, Concat, Join, Max, Mean, Mul


@rule(Add, elementwise=True)
def add(layer: Add, run: RuleContext) -> LayerMemory:
    """Every branch has the gradient of the sum."""
    return LayerMemory(_result_so_far(layer, run), input_gradient="same")


@rule(Mean, elementwise=True)
def mean(layer: Mean, run: RuleContext) -> LayerMemory:
    """The gradient is divided into new memory, which every branch then has."""
    return LayerMemory(_result_so_far(layer, run), backward_workspace=run.output_bytes, input_gradient="same")


@rule(Mul, elementwise=True)
def mul(layer: Mul, run: RuleContext) -> LayerMemory:
    """The branches, and the products on the way."""
    others, inplace = len(run.inputs), int(layer.inplace)
    saved = Saved(tuple(range(inplace, others)), extra=(others - 2 + inplace) * run.output_bytes)
    workspace, freed = _two_by_two(layer, run, 0)
    return LayerMemory(_result_so_far(layer, run), saved, workspace, backward_freed=freed)


@rule(Max, elementwise=True)
def largest(layer: Max, run: RuleContext) -> LayerMemory:
    """Half of the gradient for each, and where they are equal and where less, as truth values.

    In place it is torch.clamp_min_, which asks only where they are less.
    """
    saved = Saved(tuple(range(len(run.inputs))), extra=(len(run.inputs) - 2) * run.output_bytes)
    workspace, freed = _two_by_two(layer, run, 1 if layer.inplace else run.element_bytes + 2)
    return LayerMemory(_result_so_far(layer, run), saved, workspace, backward_freed=freed)


@rule(Concat)
def concat(layer: Concat, run: RuleContext) -> LayerMemory:
    """The gradient of a branch is a part of the whole one."""
    return LayerMemory(input_gradient="part")


def _result_so_far(layer: Join, run: RuleContext) -> Dim:
    """They are joined two by two, and the result so far stands beside the next one."""
    return run.output_bytes if len(run.inputs) > 2 and not layer.inplace else 0


def _two_by_two(layer: Join, run: RuleContext, beside: int) -> tuple[Dim, Dim]:
    """`backward_workspace` and `backward_freed` of branches that were joined two by two.

    The last two go first. Gradients of both sides have the size of what they gave, until those of smaller ones are summed; a
    result on the way is given up with the step that read it.

    Args:
        beside: bytes that a step takes for each element beside gradients.
    """
    results = [elements(layer.shape(*run.inputs[:count])) for count in range(1, len(run.inputs) + 1)]
    sizes = [elements(shape) for shape in run.inputs]
    size, passed = run.element_bytes, 0
    counted = elements(run.output) + sum(sizes)
    steps: list[Dim] = []
    for done, (before, whole) in enumerate(zip(reversed(results[:-1]), reversed(results), strict=False)):
        branch = sizes[-1 - done]
        summed = maximum(*(each * (1 - greater_equal(each, whole)) for each in (before, branch)))
        gradients = size * (passed + 3 * whole - counted) + maximum(beside * whole, size * summed)
        steps.append(gradients - done * run.output_bytes)
        passed = passed + branch
    worst = greatest(steps) if steps else 0
    return maximum(worst, 0), maximum(-worst, 0)
