"""Arithmetic on single tensors that captured models contain."""

from __future__ import annotations

from cnnprof.footprint.execution import Autocast
from cnnprof.footprint.rules.base import INDEX_BYTES, LayerMemory, RuleContext, Saved, rule
from cnnprof.network.dims import Dim
from cnnprof.network.layers import elements
from cnnprof.network.layers.elementwise import Arithmetic, Reduce

_COMPARISONS = {"eq", "ne", "lt", "le", "gt", "ge"}
"""Operations that give truth values."""

_LINEAR = {"add", "sub", "rsub", "neg", "sign", "round", "floor", "ceil", "trunc"} | _COMPARISONS
"""Operations whose derivative needs neither input nor output."""

_SINGLE_ON_CUDA = {"exp", "expm1", "log", "log2", "log10", "log1p", "reciprocal", "rsqrt", "pow", "softplus"}
"""Operations that autocast computes in fp32 on CUDA (AT_FORALL_FP32 in ATen/autocast_mode.h)."""

_FROM_OUTPUT = {"exp", "exp2", "expm1", "sqrt", "rsqrt", "reciprocal"}


def _arithmetic_autocast(layer: Arithmetic) -> Autocast:
    return "single on cuda" if layer.op in _SINGLE_ON_CUDA else "widest"


@rule(Arithmetic, autocast=_arithmetic_autocast, elementwise=True)
def arithmetic(layer: Arithmetic, run: RuleContext) -> LayerMemory:
    """By torch's name for the operation (derivatives.yaml)."""
    return LayerMemory(
        saved=_operands(layer, run),
        backward_workspace=_on_the_way(layer, run),
        number_bytes=1 if layer.op in _COMPARISONS else None,
    )


def _operands(layer: Arithmetic, run: RuleContext) -> Saved:
    scaled = layer.op in ("mul", "div") and len(run.inputs) == 1
    if layer.op in _LINEAR or scaled:
        return Saved()
    if layer.op in _FROM_OUTPUT:
        return Saved(output=True)
    if layer.inplace:
        return Saved(tuple(range(1, len(run.inputs))), extra=run.output_bytes)
    return Saved(tuple(range(len(run.inputs))))


def _on_the_way(layer: Arithmetic, run: RuleContext) -> Dim:
    if layer.op == "div" and len(run.inputs) == 2:
        # Three products on the way to the divisor's gradient, the last of which is it where it is no smaller.
        return 3 * run.output_bytes - run.element_bytes * elements(run.inputs[1])
    if layer.op == "pow":
        return 2 * run.output_bytes
    if layer.op == "abs":
        return run.output_bytes
    return 2 * elements(run.output) if layer.op == "clamp" and layer.count == 2 else 0


def _reduce_autocast(layer: Reduce) -> Autocast:
    return "single on cuda" if layer.op in ("sum", "norm") else "widest"


@rule(Reduce, autocast=_reduce_autocast)
def reduce(layer: Reduce, run: RuleContext) -> LayerMemory:
    """By torch's name for the operation; extremes along one axis also say where they are."""
    if layer.op == "sum":
        return LayerMemory(input_gradient="part")
    if layer.op == "mean":
        return LayerMemory(run.averaged_bytes(run.inputs[0]) + run.averaged_bytes(run.output))
    if layer.op in ("max", "min"):
        places = INDEX_BYTES * elements(run.output)
        return LayerMemory(places, Saved(extra=places))
    saved = Saved((0,), output=layer.op in ("amax", "amin", "norm", "std"))
    if layer.op not in ("amax", "amin"):
        return LayerMemory(saved=saved)
    # Where the extremes are, as truth values and as numbers, and how many.
    marks = (run.element_bytes + 1) * elements(run.inputs[0]) + (INDEX_BYTES + run.element_bytes) * elements(run.output)
    return LayerMemory(saved=saved, backward_workspace=marks)
