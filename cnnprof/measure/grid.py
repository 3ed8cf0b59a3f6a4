"""A designed grid of operations: what convolutional networks are made of, over log-spaced channels, pixels and strides."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from cnnprof.network.dims import Shape
from cnnprof.network.layers import Layer
from cnnprof.network.layers import activation as activations
from cnnprof.network.layers.arrangement import ChannelShuffle, Copy, Pad, Permute, Reshape
from cnnprof.network.layers.convolution import Conv, ConvTranspose
from cnnprof.network.layers.elementwise import Arithmetic, Reduce
from cnnprof.network.layers.linear import Linear, MatMul, ScaledDotProductAttention
from cnnprof.network.layers.merging import Add, Concat, Mean, Mul
from cnnprof.network.layers.normalization import BatchNorm, GroupNorm, LayerNorm, LocalResponseNorm
from cnnprof.network.layers.pooling import AdaptiveAvgPool, AvgPool, MaxPool
from cnnprof.network.layers.resizing import Upsample

Sample = tuple[Layer, tuple[Shape, ...]]
"""A layer with the shapes of its inputs."""

_FIRST = ((16, 3, 2), (24, 3, 2), (32, 3, 2), (64, 3, 2), (64, 3, 1), (64, 7, 2), (64, 11, 4), (96, 4, 4))
"""Filters, window and stride of first layers."""

_TOKENS = ((49, 768), (50, 384), (196, 192), (196, 384), (197, 768), (784, 192), (3136, 96))
"""Tokens and their width, from a last stage to a first one."""

MOST_MACS = 1.5e9
MOST_ELEMENTS = 4_000_000
"""Of an input or output, an image: VGG's first layers have 3.2 M."""

_STEMS = ((3, 224), (3, 192), (3, 299), (1, 32), (3, 32))


def designed(batch: int = 1, dense: bool = False) -> list[Sample]:
    """The grid for a batch; `dense` has twice the channels in between."""
    found = [
        *_pointwise(batch, dense),
        *_windows(batch, dense),
        *_grouped(batch),
        *_depthwise(batch, dense),
        *_matrices(batch),
        *_elementwise(batch),
        *_normalized(batch),
        *_pooled(batch),
        *_moved(batch),
    ]
    return [sample for sample in dict.fromkeys(found) if _fits(sample)]


def _fits(sample: Sample) -> bool:
    layer, inputs = sample
    output = layer.shape(*inputs)
    sizes = [_product(shape) for shape in (*inputs, output)]
    return bool(max(sizes) <= MOST_ELEMENTS * inputs[0][0] and layer.ops(*inputs, output=output).mac <= MOST_MACS)


def _product(shape: Shape) -> int:
    total = 1
    for size in shape:
        total *= size
    return total


def _square(layer: type[Conv], filters: int, kernel: int, stride: int = 1, groups: int = 1, bias: bool = False) -> Conv:
    return layer(filters, (kernel,) * 2, (stride,) * 2, (kernel // 2,) * 2, (1, 1), groups, bias)


def _pointwise(batch: int, dense: bool) -> Iterator[Sample]:
    channels = {
        4: (256, 512, 1024),
        7: (128, 256, 512, 1024, 2048),
        14: (64, 128, 256, 512, 1024),
        28: (32, 64, 128, 256, 512),
        56: (16, 32, 64, 128, 256),
        112: (16, 32, 64, 96),
    }
    for size, counts in channels.items():
        more = tuple(a * 3 // 2 for a in counts[:-1]) if dense else ()
        for into in sorted(counts + more):
            for out in sorted(counts + more):
                yield _square(Conv, out, 1), ((batch, into, size, size),)
        for into, out in pairwise(counts):
            yield _square(Conv, out, 1, 2), ((batch, into, 2 * size, 2 * size),)
            yield _square(Conv, out, 1, bias=True), ((batch, into, size, size),)
            yield _square(Conv, into // 6 or 1, 1), ((batch, into, size, size),)
    for into, out in ((16, 8), (32, 8), (64, 16), (96, 24), (240, 60), (480, 20), (672, 28), (960, 240), (1280, 1000)):
        # Of a gate, on one position.
        yield _square(Conv, out, 1, bias=True), ((batch, into, 1, 1),)
        yield _square(Conv, into, 1, bias=True), ((batch, out, 1, 1),)


def _windows(batch: int, dense: bool) -> Iterator[Sample]:
    channels = {
        4: (256, 512, 1024),
        7: (160, 256, 512),
        14: (64, 128, 256, 512),
        28: (32, 64, 128, 256),
        56: (32, 64, 128, 256),
        112: (16, 32, 64, 128),
    }
    for size, counts in channels.items():
        more = tuple(a * 3 // 2 for a in counts[:-1]) if dense else ()
        for into in counts + more:
            for out in counts + more:
                yield _square(Conv, out, 3), ((batch, into, size, size),)
        for into, out in pairwise(counts):
            yield _square(Conv, out, 3, 2), ((batch, into, 2 * size, 2 * size),)
            yield _square(Conv, out, 5), ((batch, into, size, size),)
            for flat in ((1, 7), (7, 1), (1, 3), (3, 1)):
                padding = (flat[0] // 2, flat[1] // 2)
                yield Conv(into, flat, (1, 1), padding, (1, 1), 1, False), ((batch, into, size, size),)
        yield Conv(counts[1], (3, 3), (1, 1), (2, 2), (2, 2), 1, False), ((batch, counts[1], size, size),)
        yield Conv(counts[0] // 2, (3, 3), (1, 1), (1, 1), (1, 1), 1, False), ((batch, 4 * counts[0], size, size),)
        yield ConvTranspose(counts[0], (2, 2), (2, 2)), ((batch, counts[1], size, size),)
        yield ConvTranspose(counts[0], (4, 4), (2, 2), (1, 1)), ((batch, counts[1], size, size),)
    for into, size in _STEMS:
        for out, kernel, stride in _FIRST:
            if size > 4 * kernel:
                yield _square(Conv, out, kernel, stride), ((batch, into, size, size),)


def _grouped(batch: int) -> Iterator[Sample]:
    for size, counts in {7: (512, 1024), 14: (256, 512, 1024), 28: (128, 256, 512), 56: (64, 128, 256)}.items():
        for channels in counts:
            for each in (4, 8, 16, 24, 64):
                if channels // each > 1 and channels % each == 0:
                    yield _square(Conv, channels, 3, 1, channels // each), ((batch, channels, size, size),)
                    yield _square(Conv, channels, 3, 2, channels // each), ((batch, channels, 2 * size, 2 * size),)
            for groups in (2, 3, 4, 8):
                if channels % groups == 0:
                    yield _square(Conv, channels, 1, 1, groups), ((batch, channels, size, size),)


def _depthwise(batch: int, dense: bool) -> Iterator[Sample]:
    channels = {
        4: (256, 960),
        7: (256, 576, 960, 1536),
        14: (96, 240, 480, 1024),
        28: (40, 96, 192, 512),
        56: (32, 72, 144, 256),
        112: (16, 32, 96),
    }
    for size, counts in channels.items():
        more = tuple(a * 3 // 2 // 8 * 8 for a in counts[:-1]) if dense else ()
        for count in counts + more:
            for kernel in (3, 5, 7):
                yield _square(Conv, count, kernel, 1, count), ((batch, count, size, size),)
                if kernel < 7:
                    yield _square(Conv, count, kernel, 2, count), ((batch, count, 2 * size, 2 * size),)


def _matrices(batch: int) -> Iterator[Sample]:
    for into, out in (
        (84, 10),
        (256, 10),
        (512, 1000),
        (1280, 1000),
        (2048, 1000),
        (4096, 1000),
        (4096, 4096),
        (9216, 4096),
        (25088, 4096),
    ):
        yield Linear(out, True), ((batch, into),)
    for tokens, width in _TOKENS:
        for ratio in (1, 3, 4):
            yield Linear(ratio * width, True), ((batch, tokens, width),)
        yield Linear(width, True), ((batch, tokens, 4 * width),)
        heads = max(width // 64, 1)
        yield ScaledDotProductAttention(), ((batch, heads, tokens, width // heads),) * 3
        yield MatMul(), ((batch * heads, tokens, width // heads), (batch * heads, width // heads, tokens))
        yield MatMul(), ((batch * heads, tokens, tokens), (batch * heads, tokens, width // heads))


_CHANNELS: dict[int, tuple[int, ...]] = {
    1: (16, 96, 672, 1280),
    7: (16, 64, 256, 1024, 2048),
    14: (64, 256, 512, 1024),
    28: (32, 128, 512),
    56: (24, 64, 256),
    112: (16, 64, 128),
    224: (64,),
}
_IMAGES = tuple((channels, size) for size, counts in _CHANNELS.items() for channels in counts)
"""Channels and rows of tensors, from a gate's single position to a first stage."""


def _elementwise(batch: int) -> Iterator[Sample]:
    both = (activations.ReLU, activations.ReLU6, activations.SiLU, activations.Hardswish, activations.Hardsigmoid)
    rarer = (activations.Sigmoid, activations.Tanh, activations.GELU, activations.LeakyReLU)
    for number, (channels, size) in enumerate(_IMAGES):
        shape = (batch, channels, size, size)
        for kind in (*both, *(() if number % 2 else rarer)):
            for inplace in (False, True):
                yield kind(inplace=inplace), (shape,)
        if number % 2:
            yield activations.ELU(), (shape,)
        for inplace in (False, True):
            yield Add(inplace), (shape, shape)
            yield Mul(inplace), (shape, shape)
        yield Mean(), (shape, shape)
        yield Mul(), (shape, (batch, channels, 1, 1))
        yield Mul(), ((batch, channels, 1, 1), shape)
        yield Mul(), (shape, (channels, 1, 1))
        yield Arithmetic("mul", "mul", 0.5), (shape,)
        yield Arithmetic("div", "div", 6.0), (shape,)
        yield Arithmetic("add", "add", 3.0), (shape,)
    for tokens, width in _TOKENS:
        yield activations.GELU(), ((batch, tokens, 4 * width),)
        yield Add(), ((batch, tokens, width),) * 2
        yield activations.Softmax(3), ((batch, width // 64 or 1, tokens, tokens),)
    for classes in (10, 100, 1000):
        yield activations.Softmax(1), ((batch, classes),)


def _normalized(batch: int) -> Iterator[Sample]:
    for channels, size in _IMAGES:
        if size > 1:
            yield BatchNorm(), ((batch, channels, size, size),)
    for channels, size in ((96, 56), (192, 28), (384, 14), (768, 7), (64, 112)):
        yield LayerNorm(channels_first=True), ((batch, channels, size, size),)
        yield LayerNorm(), ((batch, size * size, channels),)
        yield GroupNorm(32), ((batch, channels, size, size),)
        yield LocalResponseNorm(), ((batch, channels, size, size),)


def _pooled(batch: int) -> Iterator[Sample]:
    for channels, size in ((64, 112), (96, 55), (128, 56), (192, 28), (256, 28), (480, 14), (832, 14), (512, 14), (64, 224)):
        shape = (batch, channels, size, size)
        for kernel, stride in ((2, 2), (3, 2), (3, 1)):
            padding = (kernel // 2 if kernel == 3 else 0,) * 2
            yield MaxPool((kernel,) * 2, (stride,) * 2, padding), (shape,)
            yield AvgPool((kernel,) * 2, (stride,) * 2, padding), (shape,)
    for channels, size in _IMAGES:
        if size > 1:
            yield AdaptiveAvgPool((1, 1)), ((batch, channels, size, size),)
            yield Reduce("mean", (2, 3)), ((batch, channels, size, size),)
            yield Reduce("mean", (2, 3), True), ((batch, channels, size, size),)


def _moved(batch: int) -> Iterator[Sample]:
    for channels, size in ((32, 112), (64, 56), (24, 56), (128, 28), (256, 14), (512, 7), (1024, 7), (1024, 14)):
        shape = (batch, channels, size, size)
        for count in (2, 3, 4):
            yield Concat(), (shape,) * count
        yield Concat(), (shape, (batch, 32, size, size))
        yield ChannelShuffle(2), (shape,)
        yield Copy(), (shape,)
        yield Permute((0, 2, 3, 1), copy=True), (shape,)
        yield Reshape((batch, channels * size * size), copy=True), (shape,)
        yield Pad(((1, 1), (1, 1))), (shape,)
        yield Pad(((0, 1), (0, 1))), (shape,)
        if size < 57:
            for mode in ("nearest", "bilinear"):
                yield Upsample((2, 2), mode), (shape,)
