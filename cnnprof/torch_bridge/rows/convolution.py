"""Convolutions. torch breaks every form of them down to `aten.convolution`."""

from __future__ import annotations

from dataclasses import fields

import torch
from torch import Tensor, nn

from cnnprof.network.dims import Shape
from cnnprof.network.layers.base import ShapeError, describe
from cnnprof.network.layers.convolution import Conv, ConvTranspose, PartialConv
from cnnprof.torch_bridge.rows.base import Call, Match, row, sized


def _build(layer: Conv | ConvTranspose, inputs: tuple[Shape, ...]) -> nn.Module:
    """The module of the layer's name, whose hyper-parameters have the names of its fields."""
    kind: type[nn.Module] = getattr(nn, layer.type)
    return kind(inputs[0][1], **{each.name: getattr(layer, each.name) for each in fields(layer)})


class PartialConv2d(nn.Module):
    """A convolution with a connection table: one grouped convolution for all output maps with equally many inputs.

    So it holds and computes exactly what the table connects, where a dense convolution under a mask would do the rest, too.
    """

    def __init__(self, layer: PartialConv) -> None:
        super().__init__()
        feeds = [[i for i, row in enumerate(layer.connections) if row[o]] for o in range(len(layer.connections[0]))]
        widths = sorted({len(inputs) for inputs in feeds})
        outputs = [[o for o, inputs in enumerate(feeds) if len(inputs) == width] for width in widths]
        self.convs = nn.ModuleList(
            nn.Conv2d(
                width * len(maps),
                len(maps),
                layer.kernel_size,
                layer.stride,
                layer.padding,
                groups=len(maps),
                bias=layer.bias,
            )
            for width, maps in zip(widths, outputs, strict=True)
        )
        for i, maps in enumerate(outputs):
            self.register_buffer(f"inputs{i}", torch.tensor([c for o in maps for c in feeds[o]]), persistent=False)
        order = [o for maps in outputs for o in maps]
        self.register_buffer("order", torch.tensor(order).argsort(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, maps in, H, W) to (N, maps out, H', W')."""
        parts = [conv(x.index_select(1, getattr(self, f"inputs{i}"))) for i, conv in enumerate(self.convs)]
        return torch.cat(parts, 1).index_select(1, self.order)  # type: ignore[arg-type]


def _capture(call: Call) -> Match:
    x, weight = call.first, call["weight"]
    channels = weight.shape[0] if call["transposed"] else weight.shape[1] * call["groups"]
    if x.shape[1] != channels:
        raise ShapeError(f"its filters take {channels} channels, and its input has the shape {describe(tuple(x.shape))}")
    axes = weight.dim() - 2
    stride, padding, dilation = (sized(call[name], axes) for name in ("stride", "padding", "dilation"))
    kernel, groups, bias = tuple(weight.shape[2:]), call["groups"], call["bias"] is not None
    layer: Conv | ConvTranspose
    if call["transposed"]:
        output_padding = sized(call["output_padding"], axes)
        layer = ConvTranspose(
            weight.shape[1] * groups, kernel, stride, padding, output_padding, dilation, groups=groups, bias=bias
        )
    else:
        layer = Conv(weight.shape[0], kernel, stride, padding, dilation, groups, bias)
    return Match(layer, (x,), (weight, call["bias"]))


row(Conv, _build, {"convolution": _capture, "_convolution": _capture})
row(ConvTranspose, _build, lacks="torch runs it as aten.convolution, which the row of Conv reads")
row(
    PartialConv,
    lambda layer, _: PartialConv2d(layer),
    lacks="torch has no such operation: it runs as several convolutions",
)
