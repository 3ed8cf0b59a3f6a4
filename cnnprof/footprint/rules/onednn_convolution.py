"""Which of the processor's kernels runs a convolution, and the sizes that decide it.

torch hands most convolutions to oneDNN, whose kernels take channels in blocks of 16 (AVX-512), in groups of certain sizes, or
windows of a certain shape; the rest are matrix products. The conditions are those of `ConvParams::use_mkldnn` in
ATen/native/Convolution.cpp; which kernel oneDNN takes was read from the allocator's events with torch 2.13. A condition is 1
where it holds and 0 where it does not, so that it can be an array or a symbol.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.rules.base import RuleContext
from cnnprof.network.dims import Dim, Shape, ceil_div, choose, known, maximum, minimum, prod, reaches
from cnnprof.network.layers.convolution import Conv, ConvTranspose

BLOCK = 16
SPARE = 128
"""Bytes by which oneDNN aligns a scratchpad."""

TILE = 4096
"""Bytes that the kernels for channels_last hold for themselves, and once more for each thread."""


class Convolution(NamedTuple):
    """One convolution: shapes and hyper-parameters, sizes as one entry a spatial axis.

    Its properties are 1 where they hold and 0 where they do not.
    """

    x: Shape
    y: Shape
    kernel: Shape
    stride: Shape
    padding: Shape
    dilation: Shape
    groups: Dim
    bias: bool

    @property
    def pointwise(self) -> Dim:
        """1 for a window of one position."""
        return 1 - reaches(prod(self.kernel), 2)

    @property
    def strided(self) -> Dim:
        """1 for a stride along some axis."""
        return any_of(*(reaches(s, 2) for s in self.stride))

    @property
    def dilated(self) -> Dim:
        """1 for a window with gaps."""
        return any_of(*(reaches(d, 2) for d in self.dilation))

    @property
    def skips(self) -> Dim:
        """1 for a stride and a dilation along the same axis."""
        return any_of(*(all_of(reaches(s, 2), reaches(d, 2)) for s, d in zip(self.stride, self.dilation, strict=True)))

    @property
    def plain(self) -> Dim:
        """1 where a window is one position, and every position has one."""
        return all_of(self.pointwise, 1 - self.strided, *(1 - reaches(p, 1) for p in self.padding))

    @property
    def grouped(self) -> Dim:
        """1 for more than one group."""
        return reaches(self.groups, 2)

    @property
    def several(self) -> Dim:
        """1 for groups of more than one channel or filter."""
        return all_of(self.grouped, 1 - self.each_apart)

    @property
    def in_turn(self) -> Dim:
        """1 where groups are computed one by one and then joined."""
        return all_of(self.plain, self.grouped)

    @property
    def each_apart(self) -> Dim:
        """1 for a depthwise convolution: one filter a channel."""
        return all_of(self.grouped, reaches(self.groups, self.x[1]), reaches(self.groups, self.y[1]))

    @property
    def by_fours(self) -> Dim:
        """1 where a group's channels and filters come in fours."""
        return self.in_blocks_of(4)

    @property
    def takes_blocks(self) -> Dim:
        """1 where kernels for blocks of channels run it; other groups are matrix products."""
        return any_of(1 - self.grouped, self.each_apart, self.by_fours)

    @property
    def large(self) -> Dim:
        """1 for a window of at least four positions each way, which depthwise kernels treat apart."""
        return all_of(*(reaches(k, 4) for k in self.kernel))

    @property
    def steps_over(self) -> Dim:
        """1 where a strided kernel computes the input's gradient in channels_last, and it is laid out anew twice.

        Groups of up to 16 filters that are blocked by fours are not.
        """
        filters = self.y[1] // self.groups
        wide = any_of(reaches(filters, BLOCK + 1), all_of(reaches(filters, 9), 1 - divides(4, filters)))
        return all_of(self.strided, any_of(1 - self.grouped, wide))

    @property
    def reads_plain(self) -> Dim:
        """1 where the weights' gradient is computed from input and gradient as they lie."""
        narrow = 1 - reaches(self.x[1] // self.groups, 5)
        return all_of(self.grouped, choose(self.each_apart, self.large, narrow))

    @property
    def narrow_windows(self) -> Dim:
        """1 where a kernel for depthwise convolutions computes the weights' gradient.

        Its windows are at most three wide, have no gaps and leave none, and their padding is up to half of them and 1, or a
        multiple of the stride.
        """
        fits: Dim = all_of(1 - reaches(self.kernel[-1], 4), 1 - self.dilated, 1 - reaches(self.stride[-1], self.kernel[-1] + 1))
        for h, y, k, s, before in zip(self.x[2:], self.y[2:], self.kernel, self.stride, self.padding, strict=True):
            after = maximum((y - 1) * s + k - h - before, 0)
            for padding in (before, after):
                whole_steps = any_of(1 - reaches(padding, 2), divides(s, padding))
                fits = all_of(fits, 1 - reaches(padding, k // 2 + 1), whole_steps)
        return fits

    @property
    def picks(self) -> Dim:
        """1 where a strided 1x1 window first picks its positions, which come out even."""
        even = all_of(*(divides(s, h) for h, s in zip(self.x[2:], self.stride, strict=True)))
        return all_of(self.pointwise, self.strided, even, 1 - self.grouped)

    def in_blocks_of(self, channels: int) -> Dim:
        """1 where a group's channels and filters come in so many."""
        return all_of(*(divides(channels, each // self.groups) for each in (self.x[1], self.y[1])))


def sized_convolution(layer: Conv | ConvTranspose, run: RuleContext) -> Convolution:
    """The convolution that a layer is in this run."""
    return Convolution(
        run.inputs[0], run.output, layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.groups, layer.bias
    )


def by_onednn(conv: Convolution, run: Execution) -> Dim:
    """1 where oneDNN runs it, as `use_mkldnn` decides."""
    if run.element_bytes < 4:
        return 1
    # torch looks at the first four sizes and the last two of a window, in three dimensions, too.
    images, size = conv.x[0], prod(conv.x[:4])
    pointwise = 1 - reaches(prod(conv.kernel[-2:]), 2)
    worth = any_of(conv.strided, conv.dilated, reaches(images, 16), 1 - pointwise, int(run.threads > 1))
    large = any_of(conv.grouped, conv.large, reaches(images, 2), reaches(size, 20481))
    return all_of(worth, large)


def by_columns(conv: Convolution, run: Execution) -> Dim:
    """1 where the weights' gradient is a matrix product: no blocked kernel takes such windows or groups."""
    wide = all_of(1 - conv.grouped, reaches(conv.kernel[-1], 15))
    # oneDNN refuses a product that takes many times the memory of the tensors.
    tensors = run.element_bytes * (prod(conv.x) + prod(conv.y)) + weight_bytes(conv, run)
    wide = all_of(wide, 1 - reaches(column_sums(conv, run), 15 * tensors))
    apart = all_of(conv.each_apart, 1 - conv.narrow_windows)
    # Groups of 16 may have gaps or strides, groups of 8 strides only.
    gapped = any_of(conv.skips, all_of(conv.dilated, 1 - conv.in_blocks_of(BLOCK)))
    grouped = all_of(conv.several, any_of(1 - conv.in_blocks_of(8), gapped))
    return any_of(wide, apart, grouped, conv.skips) if run.element_bytes == 4 else 0


def weight_bytes(conv: Convolution, run: Execution) -> Dim:
    """Bytes of the weights, without the bias."""
    return run.element_bytes * prod(conv.kernel) * (conv.x[1] // conv.groups) * conv.y[1]


def window_columns(conv: Convolution, run: Execution) -> Dim:
    """The windows of one image and group as columns."""
    return run.element_bytes * (conv.x[1] // conv.groups) * prod(conv.kernel) * prod(conv.y[2:])


def column_sums(conv: Convolution, run: Execution) -> Dim:
    """For each thread one image's columns and the partial sums, where the weights' gradient is a matrix product."""
    return minimum(run.threads, conv.x[0]) * (window_columns(conv, run) + 4 * weight_bytes(conv, run)) + 2 * SPARE


def divides(step: Dim, number: Dim) -> Dim:
    """1 for a multiple of the step."""
    return 1 - reaches(number % step, 1)


def in_blocks(channels: Dim) -> Dim:
    """So many channels in full blocks."""
    return ceil_div(channels, BLOCK) * BLOCK


def blocked_elements(shape: Shape) -> Dim:
    """Elements of a tensor with its channels in full blocks."""
    return shape[0] * in_blocks(shape[1]) * prod(shape[2:])


def where(condition: Dim, then: Callable[[], Dim], otherwise: Callable[[], Dim]) -> Dim:
    """As `choose`, and where the condition is known, only that one is worked out."""
    if known(condition):
        return then() if condition else otherwise()
    return choose(condition, then(), otherwise())


def all_of(*conditions: Dim) -> Dim:
    """1 where all are."""
    return prod(conditions)


def any_of(*conditions: Dim) -> Dim:
    """1 where one of them is."""
    return 1 - prod(1 - condition for condition in conditions)
