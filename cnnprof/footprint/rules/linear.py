"""Linear layers, matrix products and stored tensors."""

from __future__ import annotations

from cnnprof.footprint.rules.base import LayerMemory, RuleContext, Saved, rule
from cnnprof.network.dims import prod
from cnnprof.network.layers import elements
from cnnprof.network.layers.linear import RBF, Constant, Linear, MatMul, Parameter, ScaledDotProductAttention


@rule(Linear, autocast="half", cublas=True)
def linear(layer: Linear, run: RuleContext) -> LayerMemory:
    """The gradient of the weights needs the input."""
    return LayerMemory(saved=Saved(for_weights=(0,)))


@rule(RBF)
def rbf(layer: RBF, run: RuleContext) -> LayerMemory:
    """The differences and their squares."""
    features = run.inputs[0][-1]
    differences = run.output_bytes * features
    return LayerMemory(
        2 * differences, Saved(extra=differences), 2 * differences, run.stored_bytes * layer.out_features * features
    )


@rule(MatMul, autocast="half", cublas=True)
def matmul(layer: MatMul, run: RuleContext) -> LayerMemory:
    """Inputs that do not lie as matrices are copied, and the copies are saved."""
    copies = run.element_bytes * prod(run.output[:-2]) * sum(prod(run.inputs[i][-2:]) for i in layer.copied)
    return LayerMemory(copies, Saved(tuple(i for i in (0, 1) if i not in layer.copied), extra=copies))


@rule(ScaledDotProductAttention, autocast="half", cublas=True)
def attention(layer: ScaledDotProductAttention, run: RuleContext) -> LayerMemory:
    """The fused kernels save the logarithm of each query's sum, in fp32."""
    queries = prod(run.inputs[0][:-1])
    return LayerMemory(saved=Saved(tuple(range(len(run.inputs))), output=True, extra=4 * queries))


@rule(Parameter)
def parameter(layer: Parameter, run: RuleContext) -> LayerMemory:
    """It stands among the weights."""
    return LayerMemory()


@rule(Constant)
def constant(layer: Constant, run: RuleContext) -> LayerMemory:
    """A buffer, or a tensor that each run makes."""
    stored = (layer.element_bytes or run.stored_bytes) * elements(layer.size) if layer.stored else 0
    return LayerMemory(buffer_bytes=stored, number_bytes=layer.element_bytes or None, allocates=not layer.stored)
