"""One convolution as oneDNN's kernels see it, and what such a kernel copies.

torch hands most convolutions to oneDNN, whose kernels take channels in blocks of a register's width, in groups of certain
sizes, or windows of a certain shape; the rest are matrix products. Which kernel runs is read from oneDNN's sources (v3.12,
src/cpu/cpu_convolution_list.cpp and the `init_conf` of each), and was held to the allocator's events with torch 2.13.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from cnnprof.footprint.execution import Execution
from cnnprof.network.dims import ceil_div

Sizes = tuple[int, ...]

SPARE = 128
"""Bytes by which oneDNN aligns each part of a scratchpad (memory_tracking::default_alignment)."""

PAGE = 4096


class Copies(NamedTuple):
    """Bytes of one kernel's own tensors, and 0 for those that it takes as they lie.

    `input` and `output` are those of the convolution, or in a backward pass their gradients; `reorders` is how many times its
    result is laid out anew, once more where it comes in channels_last.
    """

    input: int = 0
    weights: int = 0
    output: int = 0
    scratch: int = 0
    reorders: int = 1


class Convolution(NamedTuple):
    """One convolution: shapes and hyper-parameters, sizes as one entry a spatial axis."""

    x: Sizes
    y: Sizes
    kernel: Sizes
    stride: Sizes
    padding: Sizes
    dilation: Sizes
    groups: int
    bias: bool

    @property
    def channels(self) -> int:
        """Input channels of one group."""
        return self.x[1] // self.groups

    @property
    def filters(self) -> int:
        """Filters of one group."""
        return self.y[1] // self.groups

    @property
    def window(self) -> int:
        """Positions of the window."""
        return prod(self.kernel)

    @property
    def pointwise(self) -> bool:
        """A window of one position."""
        return self.window == 1

    @property
    def strided(self) -> bool:
        """A stride along some axis."""
        return max(self.stride) > 1

    @property
    def dilated(self) -> bool:
        """A window with gaps."""
        return max(self.dilation) > 1

    @property
    def padded(self) -> bool:
        """A border around the input."""
        return max(self.padding) > 0

    @property
    def skips(self) -> bool:
        """A stride and a dilation along the same axis."""
        return any(s > 1 and d > 1 for s, d in zip(self.stride, self.dilation, strict=True))

    @property
    def plain(self) -> bool:
        """A window of one position, and every position has one."""
        return self.pointwise and not self.strided and not self.padded

    @property
    def grouped(self) -> bool:
        """More than one group."""
        return self.groups > 1

    @property
    def is_depthwise(self) -> bool:
        """A depthwise convolution: one filter a channel."""
        return self.grouped and self.channels == self.filters == 1

    @property
    def picks(self) -> bool:
        """A strided 1x1 window that first picks its positions, which come out even (`rtus_prepare`)."""
        even = all(y * s == h for h, y, s in zip(self.x[2:], self.y[2:], self.stride, strict=True))
        return self.pointwise and self.strided and not self.padded and even and not self.grouped and len(self.kernel) < 3

    @property
    def reach(self) -> tuple[int, ...]:
        """The window's extent along each axis, gaps included."""
        return tuple([d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True)])

    @property
    def end_padding(self) -> tuple[int, ...]:
        """How far the last window stands out at the end of each axis; negative where positions are left over."""
        axes = zip(self.x[2:], self.y[2:], self.reach, self.stride, self.padding, strict=True)
        return tuple([(y - 1) * s + reach - h - p for h, y, reach, s, p in axes])

    @property
    def stands_out(self) -> bool:
        """Whether some window lies in the padding altogether."""
        axes = zip(self.reach, self.padding, self.end_padding, strict=True)
        return any(reach <= max(before, after) for reach, before, after in axes)

    @property
    def mirrored(self) -> Convolution:
        """The convolution whose backward pass is the transposed convolution that this one describes."""
        return self._replace(x=self.y, y=self.x, bias=False)

    def axis(self, sizes: Sizes, back: int, missing: int) -> int:
        """The size along the last axis but `back`, of a convolution with enough axes."""
        return sizes[-1 - back] if len(self.kernel) > back else missing

    def source_bytes(self, run: Execution) -> int:
        """Bytes of the input."""
        return run.element_bytes * prod(self.x)

    def target_bytes(self, run: Execution) -> int:
        """Bytes of the output."""
        return run.element_bytes * prod(self.y)

    def weight_bytes(self, run: Execution) -> int:
        """Bytes of the weights, without the bias."""
        return run.element_bytes * self.window * self.channels * self.y[1]

    def bias_bytes(self, run: Execution) -> int:
        """Bytes of the bias."""
        return run.element_bytes * self.y[1] if self.bias else 0


def by_onednn(conv: Convolution, run: Execution) -> bool:
    """Whether oneDNN runs it, as `ConvParams::use_mkldnn` in ATen/native/Convolution.cpp decides."""
    if run.element_bytes < 4:
        # Half precision takes AVX-512 (`mkldnn_bf16_device_check`).
        return run.wide
    # torch looks at the first four sizes and the last two of a window, in three dimensions, too.
    images, pointwise = conv.x[0], prod(conv.kernel[-2:]) == 1
    worth = conv.strided or conv.dilated or images >= 16 or not pointwise or run.threads > 1
    large = conv.grouped or (len(conv.kernel) > 1 and min(conv.kernel) > 3) or images > 1 or prod(conv.x[:4]) > 20480
    return worth and large


def plane(shape: Sizes) -> int:
    """Positions of the last two spatial axes."""
    return prod(shape[2:][-2:])


def takes_1x1(conv: Convolution) -> bool:
    """Whether oneDNN's kernels for windows of one position run it."""
    return conv.pointwise and not conv.grouped and ((conv.plain and conv.x[2:] == conv.y[2:]) or conv.picks)


def round_up(number: int, step: int) -> int:
    """The next multiple of the step."""
    return int(ceil_div(number, step) * step)


def blocked_bytes(shape: Sizes, block: int, run: Execution) -> int:
    """Bytes of a tensor with its channels in full blocks."""
    return run.element_bytes * shape[0] * round_up(shape[1], block) * prod(shape[2:])


def full_bias(conv: Convolution, block: int, run: Execution) -> int:
    """A bias is copied where its last block is not full."""
    return run.element_bytes * round_up(conv.y[1], block) + SPARE if conv.bias and conv.y[1] % block else 0


def reordered_weights(conv: Convolution, run: Execution) -> int:
    """Weights that lie otherwise than the tensors are copied; those of one position or one channel lie alike either way."""
    if not run.reorders_weights or conv.pointwise or conv.is_depthwise:
        return 0
    return conv.weight_bytes(run)
