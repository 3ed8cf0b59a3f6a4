"""Layers that act in training only: they save a mask."""

from __future__ import annotations

from cnnprof.footprint.rules.base import LayerMemory, RuleContext, Saved, rule
from cnnprof.network.dims import Dim, prod
from cnnprof.network.layers.regularization import Dropout, StochasticDepth


@rule(Dropout, elementwise=True)
def dropout(layer: Dropout, run: RuleContext) -> LayerMemory:
    """A mask of numbers on the processor and for channels, and else of truth values on CUDA."""
    size = run.element_bytes if run.on_cpu or layer.channels else 1
    return _masked(layer, run, size * prod(run.output[:2] if layer.channels else run.output))


@rule(StochasticDepth, elementwise=True)
def stochastic_depth(layer: StochasticDepth, run: RuleContext) -> LayerMemory:
    """A mask of one number an image."""
    return _masked(layer, run, run.element_bytes * run.inputs[0][0])


def _masked(layer: Dropout, run: RuleContext, mask: Dim) -> LayerMemory:
    if not layer.p:
        return LayerMemory(input_gradient="same")
    return LayerMemory(saved=Saved(extra=mask), allocates=run.needs_grad)
