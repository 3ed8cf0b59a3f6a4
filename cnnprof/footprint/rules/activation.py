"""Activations: what their derivatives are computed from (torch's derivatives.yaml)."""

from __future__ import annotations

from cnnprof.footprint.rules.base import LayerMemory, RuleContext, Saved, rule
from cnnprof.network.dims import greater_equal
from cnnprof.network.layers.activation import (
    CELU,
    ELU,
    GELU,
    GLU,
    SELU,
    Activation,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)


@rule(ReLU, Sigmoid, Tanh, elementwise=True)
def from_output(layer: Activation, run: RuleContext) -> LayerMemory:
    """The derivative is computed from the output."""
    return LayerMemory(saved=Saved(output=True))


@rule(ReLU6, SiLU, GELU, Softplus, Mish, Hardsigmoid, Hardswish, Hardtanh, elementwise=True)
def from_input(layer: Activation, run: RuleContext) -> LayerMemory:
    """The derivative is computed from the input, of which autograd saves a copy where the function writes over it."""
    return LayerMemory(saved=Saved((0,)) if layer.writes else Saved(extra=run.output_bytes))


@rule(LeakyReLU, ELU, SELU, CELU, elementwise=True)
def from_output_inplace(layer: Activation, run: RuleContext) -> LayerMemory:
    """The derivative is computed from the input, in place from the output."""
    return LayerMemory(saved=Saved((0,)) if layer.writes else Saved(output=True))


@rule(GLU)
def glu(layer: GLU, run: RuleContext) -> LayerMemory:
    """The derivative is computed from the input."""
    return LayerMemory(saved=Saved((0,)))


@rule(PReLU)
def prelu(layer: PReLU, run: RuleContext) -> LayerMemory:
    """The gradient of `a` is computed at full size and then summed."""
    # Sums over images and positions are taken of a copy in fp32, too (`should_use_acc_buffer` in ReduceOps.cpp).
    several = greater_equal(run.output[0], 2) * int(not layer.single and run.execution.layout != "channels_last")
    full = run.output_bytes + run.averaged_bytes(run.output) * several
    return LayerMemory(saved=Saved((0,)), backward_workspace=full * int(run.needs_weight_grad))


@rule(Softmax, autocast="single on cuda")
def softmax(layer: Softmax, run: RuleContext) -> LayerMemory:
    """The derivative is computed from the output."""
    return LayerMemory(saved=Saved(output=True))
