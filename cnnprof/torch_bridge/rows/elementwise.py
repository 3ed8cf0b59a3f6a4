"""Arithmetic on single tensors and reductions; here, too, are the operations that become Add or Mul between two tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from cnnprof.network.dims import Shape
from cnnprof.network.layers.base import OpKind
from cnnprof.network.layers.elementwise import Arithmetic, Reduce
from cnnprof.network.layers.linear import broadcast
from cnnprof.network.layers.merging import Add, Max, Mul
from cnnprof.torch_bridge.rows.base import Call, Capture, Function, Match, row

_KINDS: dict[OpKind, str] = {
    "add": "add sub rsub",
    "mul": "mul neg square",
    "div": "div reciprocal remainder fmod floor_divide",
    "cmp": "abs sign clamp clamp_min clamp_max minimum eq ne lt le gt ge round floor ceil trunc threshold hardshrink softshrink"
    " logical_not logical_and logical_or bitwise_not bitwise_and bitwise_or",
    "exp": "exp exp2 expm1 log log2 log10 log1p sqrt rsqrt pow sin cos tan asin acos atan atan2 sinh cosh erf erfc erfinv",
}
"""The operations of one element: a power counts as one transcendental function, whatever its exponent."""

_KIND_OF: dict[str, OpKind] = {op: kind for kind, ops in _KINDS.items() for op in ops.split()}


def _capture(call: Call) -> Match:
    op, tensors = call.op, tuple(call.tensors)
    operands = [call.get(name) for name in ("self", "other", "exponent", "min", "max")]
    numbers = [operand for operand in operands if isinstance(operand, (int, float)) and not isinstance(operand, bool)]
    # The second tensor of an addition or subtraction may be scaled.
    scaled = op in ("add", "sub", "rsub") and call["alpha"] != 1
    if op in ("add", "mul") and len(tensors) == 2 and not scaled:
        return Match((Add if op == "add" else Mul)(call.inplace), tensors)
    count = 2 if scaled or (op == "clamp" and len(numbers) == 2) else 1
    value = float(numbers[0]) if len(numbers) == 1 else None
    return Match(Arithmetic(op, _KIND_OF[op], value, count, call.inplace), tensors)


def _capture_addcmul(call: Call) -> Sequence[Match] | None:
    """A product and a sum in one kernel, which writes one tensor."""
    factors, addend = (call["tensor1"], call["tensor2"]), call.first
    shape = broadcast(*(tuple(factor.shape) for factor in factors))
    if call["value"] != 1 or call.inplace or shape != tuple(call.output.shape):
        return None
    product = torch.empty_like(call.output)
    return [Match(Mul(), factors, output=product), Match(Add(inplace=True), (product, addend))]


def _build(layer: Arithmetic, inputs: tuple[Shape, ...]) -> nn.Module:
    name = layer.op + "_" * layer.inplace
    homes = (torch.Tensor, torch, nn.functional)
    function: Callable[..., Tensor] = next(getattr(home, name) for home in homes if hasattr(home, name))
    numbers: tuple[float, ...] = () if layer.value is None else (layer.value,)
    if layer.op == "clamp" and not numbers and len(inputs) == 1:
        numbers = (-1.0, 1.0)
    if layer.op == "threshold":
        numbers = (0.0, 0.0)
    return Function(lambda *tensors: function(*tensors, *numbers), repr(layer))


_REDUCTIONS: dict[str, Callable[..., Tensor]] = {
    "sum": torch.sum,
    "mean": torch.mean,
    "amax": torch.amax,
    "amin": torch.amin,
    "max": torch.amax,
    "min": torch.amin,
    "norm": torch.linalg.vector_norm,
    "var": torch.var,
    "std": torch.std,
}


def _reduce(name: str) -> Capture:
    def capture(call: Call) -> Match | None:
        if name == "norm" and call["ord"] != 2:
            return None
        return Match(Reduce(name, _dims(call), bool(call.get("keepdim"))), (call.first,))

    return capture


def _extreme(name: str) -> Capture:
    """torch.max and torch.min: of two tensors, along an axis with the places, or of all elements."""

    def capture(call: Call) -> Match | Sequence[Match] | None:
        if call.get("other") is not None:
            return Match(Max() if name == "max" else Arithmetic("minimum", "cmp"), (call.first, call["other"]))
        return _reduce(name if call.get("dim") is not None else f"a{name}")(call)

    return capture


def _with_mean(call: Call) -> Sequence[Match]:
    """The two results of var_mean and std_mean."""
    spread, mean = call.result
    name = call.op.removesuffix("_mean")
    return [
        Match(Reduce(kind, _dims(call), call["keepdim"]), (call.first,), output=output)
        for kind, output in ((name, spread), ("mean", mean))
    ]


def _dims(call: Call) -> tuple[int, ...]:
    """The axes of a reduction; all of them where it names none."""
    axes, given = call.first.dim(), call.get("dim")
    return tuple(dim % axes for dim in ((given,) if isinstance(given, int) else given or range(axes)))


def _build_reduce(layer: Reduce, _inputs: object) -> nn.Module:
    reduction = _REDUCTIONS[layer.op]
    return Function(lambda x: reduction(x, dim=layer.dims, keepdim=layer.keepdim), repr(layer))


row(Arithmetic, _build, dict.fromkeys(_KIND_OF, _capture) | {"addcmul": _capture_addcmul})
row(
    Reduce,
    _build_reduce,
    {
        "sum": _reduce("sum"),
        "mean": _reduce("mean"),
        "amax": _reduce("amax"),
        "amin": _reduce("amin"),
        "max": _extreme("max"),
        "min": _extreme("min"),
        "linalg_vector_norm": _reduce("norm"),
        "var": _reduce("var"),
        "std": _reduce("std"),
        "var_mean": _with_mean,
        "std_mean": _with_mean,
    },
)
