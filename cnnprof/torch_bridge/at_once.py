"""Common operations on tensors without data, at once.

torch works out in Python, step by step, what they give on the meta device: a batch normalization or a hard swish takes as long
as fifty convolutions, and the first of them imports torch's compiler, which takes a second. What they give is like their input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten


class Mode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A dispatch mode for which torch does not import its compiler, which it would only switch off."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False


class AtOnce(Mode):  # type: ignore[no-untyped-call]
    """While it lasts, these operations take no time on the meta device, but for products, which counters are to see."""

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        """The result of the operation."""
        return run(func, args, kwargs or {}, products=False)


def run(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], products: bool = True) -> Any:
    """The result of an aten operation; of these on the meta device a tensor of the shape, strides and format of torch's."""
    rule = None if func is aten.linear.default and not products else _RULES.get(func)
    if rule is None or not isinstance(args[0], Tensor) or not args[0].is_meta or not args[0].is_floating_point():
        return func(*args, **kwargs)
    result = rule(*args, **kwargs)
    return func(*args, **kwargs) if result is None else result


def _activation(x: Tensor, *_: object, **__: object) -> Tensor:
    return torch.empty_like(x)


def _in_place(x: Tensor, *_: object, **__: object) -> Tensor:
    return x


def _arithmetic(x: Tensor, y: object, **_: object) -> Tensor | None:
    """Of two tensors that are alike: where they are not, torch says what is broadcast, and to which format."""
    alike = isinstance(y, Tensor) and y.is_meta and x.shape == y.shape and x.stride() == y.stride() and x.dtype == y.dtype
    return torch.empty_like(x) if alike else None


def _batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor | None,
    variance: Tensor | None,
    training: bool,
    *_: object,
) -> Tensor | None:
    if training or mean is None or variance is None or x.dim() < 2:
        return None
    return torch.empty_like(x) if _fit(x, x.shape[1:2], weight, bias, mean, variance) else None


def _layer_norm(
    x: Tensor, shape: list[int], weight: Tensor | None = None, bias: Tensor | None = None, *_: object
) -> Tensor | None:
    if not shape or [*x.shape[-len(shape) :]] != [*shape] or not _fit(x, torch.Size(shape), weight, bias):
        return None
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _native_batch_norm(*args: Any) -> tuple[Tensor, Tensor, Tensor] | None:
    """With the statistics of the batch, of which there are none in eval mode."""
    result = _batch_norm(*args)
    if result is None:
        return None
    statistics = result.new_empty(0)
    return result, statistics, statistics


def _native_layer_norm(x: Tensor, shape: list[int], *weights: Any) -> tuple[Tensor, Tensor, Tensor] | None:
    """With the mean and the deviation that each row was normalized with."""
    result = _layer_norm(x, shape, *weights)
    if result is None:
        return None
    rows = (*x.shape[: x.dim() - len(shape)], *[1] * len(shape))
    statistics = x.new_empty(rows)
    return result, statistics, statistics


def _mean(x: Tensor, dims: list[int] | None, keepdim: bool = False, **how: object) -> Tensor | None:
    if how or not dims or not x.is_contiguous() or not all(-x.dim() <= dim < x.dim() for dim in dims):
        return None
    gone = {dim % x.dim() for dim in dims}
    return x.new_empty([1 if dim in gone else size for dim, size in enumerate(x.shape) if keepdim or dim not in gone])


def _pooling(x: Tensor, size: list[int]) -> Tensor | None:
    """Adaptive, to a single position."""
    if x.dim() != 4 or [*size] != [1, 1] or not x.is_contiguous():
        return None
    return x.new_empty((*x.shape[:2], 1, 1))


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor | None:
    fits = x.dim() > 1 and weight.dim() == 2 and _fit(x, torch.Size((weight.shape[0], x.shape[-1])), weight)
    if not fits or not _fit(x, weight.shape[:1], bias):
        return None
    return x.new_empty((*x.shape[:-1], weight.shape[0]))


def _fit(x: Tensor, size: torch.Size, *vectors: Tensor | None) -> bool:
    """Whether weights and statistics are such that torch has nothing to say against them."""
    return all(each is None or (each.is_meta and each.shape == size and each.dtype == x.dtype) for each in vectors)


_RULES: dict[Any, Callable[..., Any]] = {
    **dict.fromkeys(
        (
            aten.relu.default,
            aten.relu6.default,
            aten.hardtanh.default,
            aten.hardswish.default,
            aten.hardsigmoid.default,
            aten.gelu.default,
            aten.leaky_relu.default,
            aten.elu.default,
            aten.mish.default,
        ),
        _activation,
    ),
    **dict.fromkeys(
        (
            aten.relu6_.default,
            aten.hardtanh_.default,
            aten.hardswish_.default,
            aten.hardsigmoid_.default,
            aten.leaky_relu_.default,
            aten.elu_.default,
            aten.mish_.default,
            aten.normal_.default,
            aten.uniform_.default,
        ),
        _in_place,
    ),
    **dict.fromkeys((aten.add.Tensor, aten.sub.Tensor, aten.mul.Tensor, aten.div.Tensor), _arithmetic),
    aten.batch_norm.default: _batch_norm,
    aten.layer_norm.default: _layer_norm,
    aten.native_batch_norm.default: _native_batch_norm,
    aten.native_layer_norm.default: _native_layer_norm,
    aten.mean.dim: _mean,
    aten.adaptive_avg_pool2d.default: _pooling,
    aten.linear.default: _linear,
}
