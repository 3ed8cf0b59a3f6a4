"""A designed grid of operations: what convolutional networks are made of, over log-spaced channels, pixels and strides."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from cnnprof.measure.grid_tensors import TOKENS, Sample, along, elementwise, moved, normalized, pooled
from cnnprof.network.dims import Shape
from cnnprof.network.layers.convolution import Conv, ConvTranspose
from cnnprof.network.layers.linear import Linear, MatMul, ScaledDotProductAttention

_FIRST = ((16, 3, 2), (24, 3, 2), (32, 3, 2), (64, 3, 2), (64, 3, 1), (64, 7, 2), (64, 11, 4), (96, 4, 4))
"""Filters, window and stride of first layers."""

MOST_MACS = 1.5e9
MOST_ELEMENTS = 13_000_000
"""Of an input or output, an image: VGG's first layers have 3.2 M, those of a batch of eight more."""

_STEMS = ((3, 224), (3, 128), (3, 299), (3, 448), (1, 32), (3, 32))


def designed(batch: int = 1, dense: bool = False) -> list[Sample]:
    """The grid for a batch; `dense` has twice the channels in between."""
    found = [
        *_pointwise(batch, dense),
        *_windows(batch, dense),
        *_grouped(batch),
        *_depthwise(batch, dense),
        *_matrices(batch),
        *elementwise(batch),
        *normalized(batch),
        *pooled(batch),
        *moved(batch),
        *along(batch),
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
        2: (256, 1024),
        3: (128, 512, 2048),
        4: (256, 1024),
        5: (128, 512, 2048),
        6: (256, 1024),
        7: (128, 256, 512, 1024, 2048),
        14: (64, 128, 256, 512, 1024),
        28: (32, 64, 128, 256, 512),
        56: (16, 32, 64, 128, 256),
        112: (16, 32, 64, 96),
        160: (16, 64, 128),
        320: (16, 32),
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
        2: (128, 512),
        3: (128, 512),
        4: (64, 256, 512),
        5: (128, 512),
        7: (160, 256, 512),
        14: (64, 128, 256, 512),
        28: (32, 64, 128, 256),
        56: (32, 64, 128, 256),
        112: (16, 32, 64, 128),
        160: (32, 64),
    }
    for size, counts in channels.items():
        more = tuple(a * 3 // 2 for a in counts[:-1]) if dense else ()
        for into in counts + more:
            for out in counts + more:
                yield _square(Conv, out, 3), ((batch, into, size, size),)
        for into, out in pairwise(counts):
            yield _square(Conv, out, 3, 2), ((batch, into, 2 * size, 2 * size),)
            yield _square(Conv, out, 5), ((batch, into, size, size),)
            if size < 7:
                continue
            for flat in ((1, 7), (7, 1), (1, 3), (3, 1)):
                padding = (flat[0] // 2, flat[1] // 2)
                yield Conv(into, flat, (1, 1), padding, (1, 1), 1, False), ((batch, into, size, size),)
        yield Conv(counts[1], (3, 3), (1, 1), (2, 2), (2, 2), 1, False), ((batch, counts[1], size, size),)
        yield Conv(counts[0] // 2, (3, 3), (1, 1), (1, 1), (1, 1), 1, False), ((batch, 4 * counts[0], size, size),)
        yield ConvTranspose(counts[0], (2, 2), (2, 2)), ((batch, counts[1], size, size),)
        yield ConvTranspose(counts[0], (4, 4), (2, 2), (1, 1)), ((batch, counts[1], size, size),)
    for size in (192, 224):
        yield _square(Conv, 48, 1, 2), ((batch, 3, size, size),)
    for into, size in _STEMS:
        for out, kernel, stride in _FIRST:
            if size > 4 * kernel:
                yield _square(Conv, out, kernel, stride), ((batch, into, size, size),)


def _grouped(batch: int) -> Iterator[Sample]:
    sizes = {4: (384, 1024), 7: (384, 512, 1024), 14: (192, 256, 512, 1024), 28: (96, 128, 256, 512), 56: (64, 96, 128, 256)}
    for size, counts in sizes.items():
        for channels in counts:
            for each in (2, 4, 8, 16, 64) if channels % 3 else (3, 6, 12, 24, 48):
                if channels // each > 1 and channels % each == 0:
                    yield _square(Conv, channels, 3, 1, channels // each), ((batch, channels, size, size),)
                    yield _square(Conv, channels, 3, 2, channels // each), ((batch, channels, 2 * size, 2 * size),)
            for kernel in (3, 7) if channels < 200 else ():
                yield _square(Conv, 2 * channels, kernel, 2, channels), ((batch, channels, 2 * size, 2 * size),)
            if channels % 3 == 0:
                yield _square(Conv, 2 * channels, 1, 1, channels), ((batch, channels, size, size),)
            for groups in (2, 3, 4, 8):
                if channels % groups == 0:
                    yield _square(Conv, channels, 1, 1, groups), ((batch, channels, size, size),)


def _depthwise(batch: int, dense: bool) -> Iterator[Sample]:
    channels = {
        4: (256, 600, 1536),
        7: (232, 256, 576, 960, 1536),
        14: (96, 200, 240, 480, 1024),
        28: (40, 96, 120, 192, 512),
        56: (11, 32, 72, 144, 256),
        112: (16, 24, 32, 96),
        160: (64, 128),
        320: (16, 32),
    }
    for size, counts in channels.items():
        more = tuple(a * 3 // 2 // 8 * 8 for a in counts[:-1]) if dense else ()
        for count in counts + more:
            for kernel in (3, 5, 7):
                yield _square(Conv, count, kernel, 1, count), ((batch, count, size, size),)
                if kernel < 7:
                    yield _square(Conv, count, kernel, 2, count), ((batch, count, 2 * size, 2 * size),)
    for count, size in ((24, 56), (96, 48), (64, 112), (192, 24), (192, 12), (512, 12), (384, 6), (960, 7)):
        yield _square(Conv, count, 1, 1, count), ((batch, count, size, size),)
    for count, size in ((96, 56), (144, 28), (240, 14), (576, 7)):
        for kernel in (9, 11):
            yield _square(Conv, count, kernel, 1, count), ((batch, count, size, size),)


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
    for rows, into, out in (
        (2, 1280, 1000),
        (2, 4096, 4096),
        (8, 512, 1000),
        (8, 2048, 1000),
        (8, 4096, 4096),
        (8, 25088, 4096),
        (32, 1280, 1000),
        (32, 4096, 4096),
    ):
        yield Linear(out, True), ((batch * rows, into),)
    for tokens, width in TOKENS:
        for ratio in (1, 3, 4):
            yield Linear(ratio * width, True), ((batch, tokens, width),)
        yield Linear(width, True), ((batch, tokens, 4 * width),)
        heads = max(width // 64, 1)
        yield ScaledDotProductAttention(), ((batch, heads, tokens, width // heads),) * 3
        yield MatMul(), ((batch * heads, tokens, width // heads), (batch * heads, width // heads, tokens))
        yield MatMul(), ((batch * heads, tokens, tokens), (batch * heads, tokens, width // heads))
