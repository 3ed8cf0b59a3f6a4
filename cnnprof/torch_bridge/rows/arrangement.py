"""Layers that move, cut or pad a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from operator import floordiv, mod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnprof.network.dims import Shape
from cnnprof.network.layers import arrangement as layers
from cnnprof.network.layers import resizing
from cnnprof.torch_bridge.rows.base import Call, Function, Match, row, shares_memory


def _capture_flatten(call: Call) -> Match:
    x, start, end = call.first, call["start_dim"], call["end_dim"]
    if x.dim() < 2 or end % x.dim() != x.dim() - 1:
        return _capture_reshape(call)
    return Match(layers.Flatten(start % x.dim(), call.moved), (x,))


def _capture_reshape(call: Call) -> Match:
    return Match(layers.Reshape(call.size, call.moved), (call.first,))


def _capture_permute(call: Call) -> Match:
    x = call.first
    return Match(layers.Permute(tuple(dim % x.dim() for dim in call["dims"])), (x,))


def _capture_transpose(call: Call) -> Match:
    x = call.first
    a, b = call["dim0"] % x.dim(), call["dim1"] % x.dim()
    return Match(layers.Permute(tuple({a: b, b: a}.get(i, i) for i in range(x.dim()))), (x,))


def _capture_t(call: Call) -> Match:
    return Match(layers.Permute(tuple(reversed(range(call.first.dim())))), (call.first,))


def _capture_expand(call: Call) -> Match:
    return Match(layers.Expand(call.size), (call.first,))


def _capture_slice(call: Call) -> Match:
    x, step = call.first, call["step"]
    dim = call["dim"] % x.dim()
    start = call["start"] or 0
    first = min(start if start >= 0 else max(0, start + x.shape[dim]), x.shape[dim])
    return Match(layers.Slice(dim, first, call.size[dim], step), (x,))


def _capture_select(call: Call) -> Match:
    x = call.first
    dim = call["dim"] % x.dim()
    return Match(layers.Select(dim, call["index"] % x.shape[dim]), (x,))


def _capture_split(call: Call) -> Sequence[Match]:
    x = call.first
    dim = call["dim"] % x.dim()
    parts, start = [], 0
    for part in call.result:
        length = part.shape[dim]
        parts.append(Match(layers.Slice(dim, start, length), (x,), output=part))
        start += length
    return parts


def _capture_unbind(call: Call) -> Sequence[Match]:
    x = call.first
    dim = call["dim"] % x.dim()
    return [Match(layers.Select(dim, i), (x,), output=part) for i, part in enumerate(call.result)]


def _capture_pad(call: Call) -> Match:
    amounts = call["pad"]
    # torch lists the pairs from the last axis to the first.
    pairs = tuple(zip(amounts[::2], amounts[1::2], strict=True))[::-1]
    if call.op == "constant_pad_nd":
        return Match(layers.Pad(pairs, value=float(call["value"])), (call.first,))
    return Match(layers.Pad(pairs, call["mode"], float(call["value"] or 0)), (call.first,))


def _build_pad(layer: layers.Pad, _inputs: object) -> nn.Module:
    amounts = [amount for pair in reversed(layer.amounts) for amount in pair]
    value = layer.value if layer.mode == "constant" else None
    return Function(lambda x: functional.pad(x, amounts, layer.mode, value), f"amounts={layer.amounts}")


def _capture_roll(call: Call) -> Match:
    # Without axes, torch rolls the flattened tensor.
    return Match(layers.Roll(tuple(call["shifts"]), tuple(call["dims"])), (call.first,)) if call["dims"] else _moved(call)


def _capture_index(call: Call) -> Match:
    x, indices = call.first, call["indices"]
    if len(indices) == 1 and indices[0].dtype != torch.bool:
        return Match(layers.Gather(), (x, indices[0]))
    tensors = tuple(index for index in indices if index is not None)
    return Match(layers.Rearrange("index", call.size), (x, *tensors))


def _capture_upsample(call: Call) -> Match:
    antialias = call.op.endswith("_aa")
    mode: Any = call.op.strip("_").removeprefix("upsample_").removesuffix("_aa").rstrip("123d").replace("_", "-")
    return Match(resizing.Upsample(mode=mode, size=tuple(call.size[2:]), antialias=antialias), (call.first,))


def _build_upsample(layer: resizing.Upsample, inputs: Sequence[Shape]) -> nn.Module:
    if layer.antialias:
        size = layer.shape(*inputs)[2:]
        return Function(partial(functional.interpolate, size=size, mode=layer.mode, antialias=True), repr(layer))
    if layer.size:
        return nn.Upsample(layer.size, mode=layer.mode)
    return nn.Upsample(scale_factor=tuple(float(factor) for factor in layer.scale_factor), mode=layer.mode)


def _build_flatten(layer: layers.Flatten, _inputs: object) -> nn.Module:
    if layer.copy:
        return Function(lambda x: _own(x.flatten(layer.start_dim), x), f"start_dim={layer.start_dim}")
    return nn.Flatten(layer.start_dim)


def _build_reshape(layer: layers.Reshape, _inputs: object) -> nn.Module:
    if layer.copy:
        return Function(lambda x: _own(x.reshape(layer.size), x), f"size={layer.size}")
    return Function(lambda x: x.reshape(layer.size), f"size={layer.size}")


def _own(made: Tensor, x: Tensor) -> Tensor:
    """The tensor in memory of its own."""
    return made.clone() if shares_memory(made, x) else made


def _build_permute(layer: layers.Permute, _inputs: object) -> nn.Module:
    if layer.copy:
        return Function(lambda x: x.permute(layer.dims).contiguous(), f"dims={layer.dims}")
    return Function(lambda x: x.permute(layer.dims), f"dims={layer.dims}")


def _build_slice(layer: layers.Slice, _inputs: object) -> nn.Module:
    stop = layer.start + (layer.length - 1) * layer.step + 1
    return Function(lambda x: x[(slice(None),) * (layer.dim % x.dim()) + (slice(layer.start, stop, layer.step),)], repr(layer))


def _packed(call: Call) -> Sequence[Match]:
    """The steps of a sequence one behind another, and how many samples each has; or the other way round."""
    op = call.op.strip("_")
    read = tuple(call.tensors[:1]), tuple(call.tensors[1:])
    return [
        Match(layers.Rearrange(op, tuple(output.shape)), tensors, output=output)
        for output, tensors in zip(call.outputs, read, strict=True)
    ]


def _moved(call: Call) -> Match:
    return Match(layers.Rearrange(call.op + "_" * call.inplace, call.size, call.inplace), tuple(call.tensors))


def _build_moved(layer: layers.Rearrange, inputs: Sequence[Shape]) -> nn.Module:
    """As much moved as the operation does: from where, a graph does not say, but for `stack` and `repeat`."""
    if layer.op == "stack":
        places = (d for d in range(len(layer.size)) if layer.size == (*inputs[0][:d], len(inputs), *inputs[0][d:]))
        if (dim := next(places, None)) is not None:
            return Function(lambda *tensors: torch.stack(tensors, dim), f"stack, dim={dim}")
    if layer.op == "repeat" and len(inputs) == 1:
        wide = (1,) * (len(layer.size) - len(inputs[0])) + tuple(inputs[0])
        if not any(map(mod, layer.size, wide)):
            return Function(lambda x: x.repeat([*map(floordiv, layer.size, wide)]), f"repeat, size={layer.size}")
    return Function(partial(_move_as_many, layer), f"{layer.op}, size={layer.size}")


def _move_as_many(layer: layers.Rearrange, *tensors: Tensor) -> Tensor:
    """As many elements as the operation gives, those that lie first, over and over where that is more than there are."""
    first, last = tensors[0], tensors[-1]
    if layer.inplace and first.shape == layer.size and first is not last:
        return first.copy_(_shown(last, layer.size))
    shown = _shown(last if layer.op == "where" else first, layer.size)
    return shown if layer.inplace else shown.clone(memory_format=torch.contiguous_format)


def _shown(x: Tensor, size: Shape) -> Tensor:
    """A view of this size of the elements in the order in which they lie; an axis for which there are too few repeats them."""
    strides, known = [0] * len(size), 1
    for axis in reversed(range(len(size))):
        if known * size[axis] > x.numel():
            break
        strides[axis] = known
        known *= size[axis]
    return x.reshape(-1).as_strided(size, strides)


_FORMATS = {"": torch.preserve_format, "nchw": torch.contiguous_format, "channels_last": torch.channels_last}


def _copied(call: Call) -> Match:
    if call.op != "contiguous":
        return Match(layers.Copy(), (call.first,))
    wide = call.get("memory_format") == torch.channels_last
    return Match(layers.Copy("channels_last" if wide else "nchw"), (call.first,))


row(layers.Identity, lambda *_: nn.Identity(), lacks="it runs no operation")


def _of_one_number(layer: type[Any], field: str, module: type[nn.Module], operation: str, argument: str) -> None:
    """The row of a layer that is a module of torch with one number."""
    row(
        layer,
        lambda made, _: module(getattr(made, field)),
        {operation: lambda call: Match(layer(call[argument]), (call.first,))},
    )


row(layers.Flatten, _build_flatten, {"flatten": _capture_flatten})
row(
    layers.Reshape,
    _build_reshape,
    dict.fromkeys(
        ("view", "reshape", "_unsafe_view", "unflatten", "squeeze", "unsqueeze", "view_as", "reshape_as"), _capture_reshape
    ),
)
row(
    layers.Permute,
    _build_permute,
    {"permute": _capture_permute, "transpose": _capture_transpose, "t": _capture_t},
)
row(
    layers.Expand,
    lambda layer, _: Function(lambda x: x.expand(layer.size), f"size={layer.size}"),
    {"expand": _capture_expand},
)
row(
    layers.Slice,
    _build_slice,
    {"slice": _capture_slice}
    | dict.fromkeys(("chunk", "split", "split_with_sizes", "unsafe_chunk", "unsafe_split", "tensor_split"), _capture_split),
)
row(
    layers.Select,
    lambda layer, _: Function(lambda x: x.select(layer.dim, layer.index), repr(layer)),
    {"select": _capture_select, "unbind": _capture_unbind},
)
row(
    layers.Copy,
    lambda layer, _: Function(lambda x: x.clone(memory_format=_FORMATS[layer.order]), repr(layer)),
    {"clone": _copied, "_to_copy": _copied, "contiguous": _copied, "to": _copied},
)
row(layers.Pad, _build_pad, {"pad": _capture_pad, "constant_pad_nd": _capture_pad})
row(
    layers.Roll,
    lambda layer, _: Function(lambda x: x.roll(layer.shifts, layer.dims), repr(layer)),
    {"roll": _capture_roll},
)
_of_one_number(layers.ChannelShuffle, "groups", nn.ChannelShuffle, "channel_shuffle", "groups")
_of_one_number(resizing.PixelShuffle, "factor", nn.PixelShuffle, "pixel_shuffle", "upscale_factor")
_of_one_number(resizing.PixelUnshuffle, "factor", nn.PixelUnshuffle, "pixel_unshuffle", "downscale_factor")
row(
    layers.Gather,
    lambda *_: Function(lambda table, index: table[index.long()]),
    {
        "index": _capture_index,
        "_unsafe_index": _capture_index,
        "embedding": lambda call: Match(layers.Gather(), (call["weight"], call["indices"])),
    },
)
row(
    resizing.Upsample,
    _build_upsample,
    {
        f"upsample_{mode}": _capture_upsample
        for mode in ("nearest1d", "nearest2d", "nearest3d", "linear1d", "bilinear2d", "trilinear3d", "bicubic2d")
    }
    | {f"_upsample_nearest_exact{n}d": _capture_upsample for n in (1, 2, 3)}
    | {f"_upsample_{mode}2d_aa": _capture_upsample for mode in ("bilinear", "bicubic")},
)
row(
    layers.Rearrange,
    _build_moved,
    dict.fromkeys(
        (
            "copy",
            "fill",
            "flip",
            "gather",
            "im2col",
            "index_fill",
            "index_put",
            "index_select",
            "masked_fill",
            "repeat",
            "repeat_interleave",
            "scatter",
            "stack",
            "tril",
            "triu",
            "where",
            "zero",
        ),
        _moved,
    )
    | dict.fromkeys(("_pack_padded_sequence", "_pad_packed_sequence"), _packed),
)
row(layers.Unknown, lacks="it stands for an operation without a row")
