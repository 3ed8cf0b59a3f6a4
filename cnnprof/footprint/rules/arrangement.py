"""Layers that move, cut, pad or resize a tensor."""

from __future__ import annotations

from cnnprof.footprint.execution import Layout
from cnnprof.footprint.rules.base import INDEX_BYTES, LayerMemory, RuleContext, Saved, rule
from cnnprof.network.dims import Dim, Shape, greater_equal, greatest, prod, where
from cnnprof.network.layers import Layer, elements
from cnnprof.network.layers.arrangement import (
    ChannelShuffle,
    Copy,
    Expand,
    Flatten,
    Gather,
    Identity,
    Pad,
    Permute,
    Rearrange,
    Reshape,
    Roll,
    Select,
    Slice,
    Unknown,
)
from cnnprof.network.layers.resizing import PixelShuffle, PixelUnshuffle, Upsample

SMALL = 128
"""Height plus width up to which an image is enlarged in channels_last."""


@rule(Identity, Flatten, Reshape)
def view(layer: Layer, run: RuleContext) -> LayerMemory:
    """The gradient is another look at that of the output; a copy lies in the order of the axes."""
    return LayerMemory(layout="nchw" if layer.writes else None, input_gradient="same")


@rule(Permute)
def permute(layer: Permute, run: RuleContext) -> LayerMemory:
    """Axes in another order, which may be one that torch has a name for."""
    straight = layer.copy or (layer.dims == (0, 2, 3, 1) and run.layouts == ("channels_last",))
    moved: Layout = "channels_last" if layer.dims == (0, 3, 1, 2) else "permuted"
    turned = layer.dims in ((0, 2, 1), (0, 2, 3, 1))
    return LayerMemory(layout="nchw" if straight else moved, input_gradient="turned" if turned else "same")


@rule(Slice)
def slice_(layer: Slice, run: RuleContext) -> LayerMemory:
    """A part of each image lies in pieces; its gradient is written into a whole one."""
    (layout,) = run.layouts
    if layout not in ("nchw", "sliced", "cropped") or layer.dim == 0:
        return LayerMemory(layout="permuted" if layout == "permuted" else None)
    return LayerMemory(layout="sliced" if layer.dim == 1 and layer.step == 1 and layout != "cropped" else "cropped")


@rule(Copy)
def copy(layer: Copy, run: RuleContext) -> LayerMemory:
    """The elements in the layout that it brings them into."""
    return LayerMemory(layout=layer.order or None, input_gradient="same")


@rule(Expand, Select, Roll, ChannelShuffle, PixelShuffle, PixelUnshuffle, Gather, Rearrange, Unknown)
def move(layer: Layer, run: RuleContext) -> LayerMemory:
    """Nothing is held beside input and output, and nothing saved."""
    return LayerMemory()


@rule(Pad)
def pad(layer: Pad, run: RuleContext) -> LayerMemory:
    """Where the border repeats the input, torch saves it."""
    return LayerMemory(saved=Saved((0,)) if layer.mode in ("reflect", "replicate") else Saved())


@rule(Upsample, autocast="single on cuda")
def upsample(layer: Upsample, run: RuleContext) -> LayerMemory:
    """Tables of neighbours, or copies for the kernel that runs in channels_last."""
    return LayerMemory(_neighbours(layer, run) if run.on_cpu else 0)


def _between(x: Shape, output: Shape) -> Dim:
    """The elements of the largest grid between two axes, which antialiasing resizes one by one, the last first."""
    grids = [elements((*x[:axis], *output[axis:])) for axis in range(3, len(x))]
    return greatest(grids)


def _neighbours(layer: Upsample, run: RuleContext) -> Dim:
    output, execution = run.output, run.execution
    if layer.antialias:
        return _between(run.inputs[0], output) * run.element_bytes
    # Places and weights of the neighbours along each axis.
    neighbours = 1 if layer.mode.startswith("nearest") else 4 if layer.mode == "bicubic" else 2
    tables = neighbours * (INDEX_BYTES + run.element_bytes) * sum(output[2:])
    if len(output) != 4 or layer.mode == "bicubic":
        return tables
    # Another kernel runs in channels_last and makes copies for that (ATen/native/cpu/UpSampleKernel.cpp).
    (x,) = run.inputs
    several, point = greater_equal(x[1], 4), 1 - greater_equal(prod(x[2:]), 2)
    in_channels_last = several * (point if execution.layout != "channels_last" else 1)
    three = int(layer.mode == "bilinear" and execution.threads == 1) * (1 - several) * greater_equal(x[1], 3)
    by_channels = 1 - (1 - in_channels_last) * (1 - three) * greater_equal(sum(output[2:]), SMALL + 1)
    copies: Dim = 0
    if execution.layout != "channels_last":
        copies = greater_equal(x[1], 2) * run.element_bytes * (elements(output) + elements(x) * (1 - point))
    return where(by_channels, copies, tables)
