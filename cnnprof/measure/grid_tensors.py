"""The part of the grid that is not arithmetic: activations, joins, normalization, pooling, copies; and one and three axes."""

from __future__ import annotations

from collections.abc import Iterator

from cnnprof.network.dims import Shape
from cnnprof.network.layers import Layer
from cnnprof.network.layers import activation as activations
from cnnprof.network.layers.arrangement import ChannelShuffle, Copy, Pad, Permute, Reshape
from cnnprof.network.layers.convolution import Conv
from cnnprof.network.layers.elementwise import Arithmetic, Reduce
from cnnprof.network.layers.merging import Add, Concat, Mean, Mul
from cnnprof.network.layers.normalization import BatchNorm, GroupNorm, LayerNorm, LocalResponseNorm
from cnnprof.network.layers.pooling import AdaptiveAvgPool, AvgPool, MaxPool
from cnnprof.network.layers.resizing import Upsample

Sample = tuple[Layer, tuple[Shape, ...]]
"""A layer with the shapes of its inputs."""

TOKENS = ((16, 512), (49, 768), (50, 384), (196, 192), (196, 384), (197, 768), (784, 192), (1568, 384), (3136, 96))
"""Tokens and their width, from a last stage to a first one."""

_CHANNELS: dict[int, tuple[int, ...]] = {
    1: (16, 96, 672, 1280),
    4: (128, 1024),
    7: (16, 64, 256, 1024, 2048),
    14: (64, 256, 512, 1024),
    28: (32, 128, 512),
    56: (24, 64, 256),
    112: (16, 64, 128),
    224: (64,),
}
_IMAGES = tuple((channels, size) for size, counts in _CHANNELS.items() for channels in counts)
"""Channels and rows of tensors, from a gate's single position to a first stage."""

_LARGE = ((64, 320), (64, 448))
"""Larger ones, which only what is most frequent is timed with."""


def elementwise(batch: int) -> Iterator[Sample]:
    """Activations, joins and arithmetic, element by element."""
    both = (activations.ReLU, activations.ReLU6, activations.SiLU, activations.Hardswish)
    rarer = (activations.Hardsigmoid, activations.Sigmoid, activations.Tanh, activations.GELU, activations.LeakyReLU)
    for number, (channels, size) in enumerate(_IMAGES):
        shape = (batch, channels, size, size)
        for kind in (*both, *(() if number % 2 else rarer)):
            for inplace in (False, True):
                yield kind(inplace=inplace), (shape,)
        for inplace in (False, True):
            yield Add(inplace), (shape, shape)
        yield Mul(), (shape, (batch, channels, 1, 1))
        yield Mul(), ((batch, channels, 1, 1), shape)
        yield Mul(), (shape, (channels, 1, 1))
        if number % 2:
            yield activations.ELU(), (shape,)
            yield Mean(), (shape, shape)
            yield Mul(True), (shape, shape)
            yield Arithmetic("mul", "mul", 0.5), (shape,)
            yield Arithmetic("div", "div", 6.0), (shape,)
            yield Arithmetic("add", "add", 3.0), (shape,)
        else:
            yield Mul(), (shape, shape)
            yield Add(), (shape, (1, channels, 1, 1))
            yield Arithmetic("sub", "add"), (shape, shape)
            yield Arithmetic("add", "add", inplace=True), (shape, (1, channels, 1, 1))
    for channels, size in _LARGE:
        shape = (batch, channels, size, size)
        for often in (*both, Add):
            yield often(inplace=True), (shape,) * (1 + (often is Add))
        yield Add(), (shape, shape)
        yield Mul(), (shape, (batch, channels, 1, 1))
    for tokens, width in TOKENS:
        yield activations.GELU(), ((batch, tokens, 4 * width),)
        yield Add(), ((batch, tokens, width),) * 2
        yield Reduce("norm", (2,), True), ((batch, tokens, width),)
        yield Arithmetic("clamp_min", "cmp", 1e-6), ((batch, tokens, 1),)
        yield activations.Softmax(3), ((batch, width // 64 or 1, tokens, tokens),)
    for classes in (10, 100, 1000):
        yield activations.Softmax(1), ((batch, classes),)


def normalized(batch: int) -> Iterator[Sample]:
    """Normalization with stored statistics and with an image's own."""
    for channels, size in _IMAGES:
        if size > 1:
            yield BatchNorm(), ((batch, channels, size, size),)
    for channels, size in _LARGE:
        yield BatchNorm(), ((batch, channels, size, size),)
    for channels, size in ((96, 56), (192, 28), (384, 14), (768, 7), (64, 112)):
        yield LayerNorm(channels_first=True), ((batch, channels, size, size),)
        yield LayerNorm(), ((batch, size * size, channels),)
        yield GroupNorm(32), ((batch, channels, size, size),)
        yield LocalResponseNorm(), ((batch, channels, size, size),)


_POOLED = (
    (64, 112),
    (96, 55),
    (128, 56),
    (192, 28),
    (256, 28),
    (480, 14),
    (832, 14),
    (512, 14),
    (64, 224),
    (24, 112),
    (16, 56),
    (64, 28),
    (128, 112),
    (512, 7),
    (128, 192),
    (64, 320),
)


def pooled(batch: int) -> Iterator[Sample]:
    """Pooling over windows and over all positions."""
    for channels, size in _POOLED:
        shape = (batch, channels, size, size)
        for kernel, stride in ((2, 2), (3, 2), (3, 1)) if size < 192 else ((2, 2), (3, 2)):
            padding = (kernel // 2 if kernel == 3 else 0,) * 2
            yield MaxPool((kernel,) * 2, (stride,) * 2, padding), (shape,)
            yield AvgPool((kernel,) * 2, (stride,) * 2, padding), (shape,)
    for channels, size in ((32, 112), (264, 28)):
        yield AvgPool((1, 1), (2, 2)), ((batch, channels, size, size),)
    for channels, size, out in ((512, 5, 7), (512, 7, 7), (256, 6, 6), (512, 14, 7), (64, 28, 14)):
        yield AdaptiveAvgPool((out, out)), ((batch, channels, size, size),)
    for tokens, width in TOKENS:
        yield Reduce("mean", (1,)), ((batch, tokens, width),)
    for channels, size in _IMAGES:
        if size > 1:
            yield AdaptiveAvgPool((1, 1)), ((batch, channels, size, size),)
            yield Reduce("mean", (2, 3)), ((batch, channels, size, size),)
            yield Reduce("mean", (2, 3), True), ((batch, channels, size, size),)


def along(batch: int) -> Iterator[Sample]:
    """Layers of sound and of films, with one axis and with three."""
    for channels, size in ((32, 4000), (64, 1000), (128, 250), (256, 60)):
        shape = (batch, channels, size)
        for out, kernel in ((channels, 3), (2 * channels, 3), (channels, 9), (channels, 1)):
            yield Conv(out, (kernel,), (1,), (kernel // 2,), (1,)), (shape,)
        yield Conv(channels, (3,), (1,), (1,), (1,), channels), (shape,)
        yield BatchNorm(axes=1), (shape,)
        yield MaxPool((4,), (4,), (0,), dilation=(1,)), (shape,)
        yield AdaptiveAvgPool((1,)), (shape,)
    for channels, size in ((16, 28), (32, 28), (64, 14), (128, 7)):
        film = (batch, channels, 8, size, size)
        for kernel in (3, 1):
            yield Conv(channels, (kernel,) * 3, (1,) * 3, (kernel // 2,) * 3, (1,) * 3), (film,)
        yield BatchNorm(axes=3), (film,)
        yield MaxPool((2,) * 3, (2,) * 3, (0,) * 3, dilation=(1,) * 3), (film,)
        yield AdaptiveAvgPool((1,) * 3), (film,)


def moved(batch: int) -> Iterator[Sample]:
    """Copies: joined channels, other orders, borders, and finer maps."""
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
