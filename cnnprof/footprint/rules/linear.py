"""Linear layers, matrix products and stored tensors."""

from __future__ import annotations

from cnnprof.footprint.rules.base import LayerMemory, RuleContext, Saved, rule
from cnnprof.network.dims import at_least, greater_equal, minimum, prod
from cnnprof.network.layers import elements
from cnnprof.network.layers.linear import RBF, Constant, Linear, MatMul, Parameter, ScaledDotProductAttention

KEYS = 512
"""Keys of a block of the processor's fused attention."""


@rule(Linear, autocast="half", cublas=True)
def linear(layer: Linear, run: RuleContext) -> LayerMemory:
    """The gradient of the weights needs the input, of which several images' vectors that do not lie so are copied."""
    (x,) = run.inputs
    if run.execution.layout != "permuted":
        return LayerMemory(saved=Saved(for_weights=(0,)))
    if not at_least(x[0], 2):
        return LayerMemory(saved=Saved(for_weights=(0,)), input_gradient="new turned")
    copy = run.element_bytes * elements(x)
    return LayerMemory(copy, Saved(extra=copy * int(run.needs_weight_grad)))


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
    """The fused kernels save the logarithm of each query's sum, in fp32.

    On the processor each thread has scores of a block of queries and of keys, what is summed for those queries, and in the
    backward pass the scores' gradients (ATen/native/cpu/FlashAttentionKernel.cpp).
    """
    saved = Saved(tuple(range(len(run.inputs))), output=True, extra=4 * prod(run.inputs[0][:-1]))
    if not run.on_cpu or len(run.output) != 4:
        return LayerMemory(saved=saved)
    (*_, queries, size), keys = run.inputs[0], minimum(run.inputs[1][-2], KEYS)
    rows = minimum(queries, 32 + 32 * greater_equal(queries, 192) + 192 * greater_equal(queries, 768))
    scores, threads = rows * keys, run.execution.threads
    # Half precision is summed in fp32, and its scores are rounded into a block of their own.
    number = 4 + (run.element_bytes if run.element_bytes < 4 else 0)
    forward = threads * (number * scores + 4 * rows * (2 + size))
    return LayerMemory(saved.extra + forward, saved, threads * 2 * number * scores + 4 * rows)


@rule(Parameter)
def parameter(layer: Parameter, run: RuleContext) -> LayerMemory:
    """It stands among the weights."""
    return LayerMemory()


@rule(Constant)
def constant(layer: Constant, run: RuleContext) -> LayerMemory:
    """A buffer, or a tensor that each run makes."""
    stored = (layer.element_bytes or run.stored_bytes) * elements(layer.size) if layer.stored else 0
    return LayerMemory(buffer_bytes=stored, number_bytes=layer.element_bytes or None, allocates=not layer.stored)
