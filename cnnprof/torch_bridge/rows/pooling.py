"""Pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnprof.network.dims import Shape
from cnnprof.network.layers.pooling import AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, MaxIndices, MaxPool, MaxUnpool, Subsample
from cnnprof.torch_bridge.rows.base import Call, Function, Match, row, sized

_MAX_UNPOOL = (functional.max_unpool1d, functional.max_unpool2d, functional.max_unpool3d)
_AVG_POOL: tuple[Any, ...] = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
_ADAPTIVE_AVG_POOL: tuple[Any, ...] = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)
_ADAPTIVE_MAX_POOL: tuple[Any, ...] = (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d)


class _FindsPlaces(nn.Module):
    """A max pooling that leaves the places of its maxima with its output, where something asks for them."""

    finds_places = False

    def forward(self, x: Tensor) -> Tensor:
        """The maxima."""
        if not self.finds_places:
            return super().forward(x)  # type: ignore[no-any-return]
        self.return_indices = True
        found: Any = super().forward(x)
        found[0].places = found[1]
        return found[0]  # type: ignore[no-any-return]


_MAX_POOL: tuple[Any, ...] = tuple(
    type(kind.__name__, (_FindsPlaces, kind), {}) for kind in (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
)


def _places(maxima: Tensor) -> Tensor:
    """Where the maxima lay; the first place for a tensor that no pooling of the same network made."""
    found: Tensor | None = getattr(maxima, "places", None)
    return torch.zeros_like(maxima, dtype=torch.int64) if found is None else found


def _build_unpool(layer: MaxUnpool, inputs: tuple[Shape, ...]) -> nn.Module:
    unpool = _MAX_UNPOOL[len(layer.size) - 1]
    # Without padding any kernel of that stride gives the size that is asked for.
    kernel = tuple(max(1, to // size) for to, size in zip(layer.size, inputs[0][2:], strict=True))
    return Function(lambda x, places: unpool(x, places.long(), kernel, output_size=layer.size), repr(layer))


def _capture_unpool(call: Call) -> Sequence[Match]:
    x, places = call.first, call["indices"]
    return [Match(MaxIndices(), (places,), output=places), Match(MaxUnpool(call.size[2:]), (x, places))]


def _build_max(layer: MaxPool, _inputs: tuple[Shape, ...]) -> nn.Module:
    kind = _MAX_POOL[len(layer.kernel_size) - 1]
    module: nn.Module = kind(layer.kernel_size, layer.stride, layer.padding, layer.dilation, ceil_mode=layer.ceil_mode)
    return module


def _build_avg(layer: AvgPool, _inputs: tuple[Shape, ...]) -> nn.Module:
    kind = _AVG_POOL[len(layer.kernel_size) - 1]
    module: nn.Module = kind(layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode, layer.count_include_pad)
    return module


class Subsample2d(nn.Module):
    """The window's sum times a learned coefficient plus a learned bias, one pair a map (LeCun et al. 1998)."""

    def __init__(self, layer: Subsample, maps: int) -> None:
        super().__init__()
        self.layer = layer
        self.coefficient = nn.Parameter(torch.ones(maps))
        self.bias = nn.Parameter(torch.zeros(maps))

    def forward(self, x: Tensor) -> Tensor:
        """(N, maps, H, W) to (N, maps, H', W'), and the same along one axis or three."""
        layer, axes = self.layer, x.dim() - 2
        # torch gives no sum along one axis: a sequence is an image of one row.
        row = (0, 1) if axes == 1 else ()
        sizes = [(*row[1:], *each) for each in (layer.kernel_size, layer.stride)]
        padding = (*row[:1], *layer.padding)
        pool: Any = functional.avg_pool3d if axes == 3 else functional.avg_pool2d
        summed: Tensor = pool(x.unsqueeze(2) if row else x, *sizes, padding, layer.ceil_mode, divisor_override=1)
        shape = (-1, *[1] * axes)
        return (summed.squeeze(2) if row else summed) * self.coefficient.view(shape) + self.bias.view(shape)


def _window(call: Call, axes: int) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], bool]:
    kernel = sized(call["kernel_size"], axes)
    # torch takes the kernel for a stride that is left out.
    stride = sized(call["stride"], axes) if call["stride"] else kernel
    return kernel, stride, sized(call["padding"], axes), call["ceil_mode"]


def _capture_max(axes: int) -> Callable[[Call], Match]:
    return lambda call: Match(MaxPool(*_window(call, axes), sized(call["dilation"], axes)), (call.first,))


def _capture_avg(axes: int) -> Callable[[Call], Match]:
    return lambda call: Match(AvgPool(*_window(call, axes), call["count_include_pad"]), (call.first,))


def _capture_adaptive(kind: type[AdaptiveAvgPool] | type[AdaptiveMaxPool], axes: int) -> Callable[[Call], Match]:
    return lambda call: Match(kind(tuple(call.size[-axes:])), (call.first,))


_AXES = (1, 2, 3)

row(
    MaxPool,
    _build_max,
    {f"max_pool{n}d{form}": _capture_max(n) for n in _AXES for form in ("", "_with_indices")},
)
row(MaxIndices, lambda *_: Function(_places), lacks="torch finds them while it pools: captured where they are read")
row(MaxUnpool, _build_unpool, {f"max_unpool{n}d": _capture_unpool for n in (2, 3)})
row(AvgPool, _build_avg, {f"avg_pool{n}d": _capture_avg(n) for n in _AXES})
row(
    Subsample,
    lambda layer, inputs: Subsample2d(layer, inputs[0][1]),
    lacks="torch has no such operation: it runs as a pooling, a multiplication and an addition",
)
row(
    AdaptiveAvgPool,
    lambda layer, _: _ADAPTIVE_AVG_POOL[len(layer.output_size) - 1](layer.output_size),
    {f"{private}adaptive_avg_pool{n}d": _capture_adaptive(AdaptiveAvgPool, n) for n in _AXES for private in ("", "_")},
)
row(
    AdaptiveMaxPool,
    lambda layer, _: _ADAPTIVE_MAX_POOL[len(layer.output_size) - 1](layer.output_size),
    {f"adaptive_max_pool{n}d": _capture_adaptive(AdaptiveMaxPool, n) for n in _AXES},
)
