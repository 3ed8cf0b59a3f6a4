"""The options that words with a window share: kernel, stride, dilation and padding, read from a step and written to one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeAlias

from cnnprof.network.dims import Dim, Shape, ceil_div, known, maximum
from cnnprof.network.layers import Layer
from cnnprof.network.layers.arrangement import Pad
from cnnprof.network.layers.base import describe
from cnnprof.network.layers.convolution import Size
from cnnprof.spec.arguments import Arguments
from cnnprof.spec.words.base import UnsayableError

Numbers: TypeAlias = "tuple[int, ...]"


_LONGEST_STEP = 4
"""A stride that may be larger than a small input: a network for large images has it."""


def kernel(o: Arguments) -> Size:
    """The window's size, an entry a spatial axis."""
    return o.each("kernel", 1)


def stride(o: Arguments) -> Size:
    """How far the window moves; 1 if nothing is said. Raises SpecError where most of the input is passed over in one step."""
    steps = o.each("stride", 1)
    if "stride" in o.given and o.word != "deconv":
        for step, side, size in zip(steps, o.x[2:], kernel(o), strict=False):
            if type(step) is type(side) is type(size) is int and step > max(side, size, _LONGEST_STEP):
                raise o.error(f"a stride of {step} leaves the input of {describe(o.x)} in one step", "stride")
    return steps


def stride_or_kernel(o: Arguments) -> Size:
    """How far a pool's window moves; by its own size if nothing is said."""
    return stride(o) if "stride" in o.given else kernel(o)


def dilation(o: Arguments) -> Size:
    """The distance between the window's elements; 1 if nothing is said."""
    return o.each("dilation", 1)


def channels(o: Arguments) -> Dim:
    """How many channels the input has. Raises SpecError for an input without spatial axes."""
    if len(o.x) < 3:
        raise o.error(f"takes channels and 2 spatial axes, and its input has the shape {describe(o.x)}")
    return o.x[1]


def conv_padding(o: Arguments) -> tuple[list[tuple[str, Layer]], Size]:
    """The padding of a convolution itself, behind a layer that pads where the two sides differ."""
    return same(o, stride(o), 0.0) if o.flag("same") else ([], odd_padding(o))


def odd_padding(o: Arguments) -> Size:
    """The padding that is given, or half of an odd window. Raises SpecError for an even one."""
    if "pad" in o.given:
        return o.each("pad", 0, least=0)
    size = kernel(o)
    if any(known(k) and k % 2 == 0 for k in size):
        raise o.error("an even kernel must say how it is padded", "kernel", "add p0, p1 or same")
    return tuple([d * (k - 1) // 2 for k, d in zip(size, dilation(o), strict=True)])


def pool_padding(o: Arguments, fill: float) -> tuple[list[tuple[str, Layer]], Size]:
    """The padding of a pool itself, behind a layer that pads with `fill` where the two sides differ."""
    if o.flag("same"):
        return same(o, stride_or_kernel(o), fill, [k // 2 for k in kernel(o)])
    padding = o.each("pad", 0, least=0)
    for p, k in zip(padding, kernel(o), strict=True):
        if known(p) and known(k) and 2 * p > k:
            hint = "gaps do not count, as torch has it; 'same' and 'pad' go further" if "dilation" in o.given else None
            raise o.error(f"a pool is padded by at most half its window, not {p} for a window of {k}", "pad", hint)
    return [], padding


def same(o: Arguments, stride: Size, fill: float, most: Sequence[Dim] | None = None) -> tuple[list[tuple[str, Layer]], Size]:
    """TensorFlow's padding: the output is ceil(input / stride), and an odd row goes behind.

    `most` is how far the layer itself can pad; torch's pools do so by half of their kernel, dilated or not.
    """
    if "pad" in o.given:
        raise o.error("'same' and a padding exclude each other", "pad")
    channels(o)
    axes = zip(o.x[2:], kernel(o), stride, dilation(o), strict=True)
    sides = tuple([same_padding(size, d * (k - 1) + 1, s) for size, k, s, d in axes])
    if all(known(before) and before == after for before, after in sides) and fits(sides, most):
        return [], tuple([before for before, _ in sides])
    return [("pad", Pad(sides, value=fill))], (0,) * len(sides)


def fits(sides: Sequence[tuple[Dim, Dim]], most: Sequence[Dim] | None) -> bool:
    """Whether a layer that pads so far at most can pad itself."""
    if most is None:
        return True
    return all(not known(limit) or before <= limit for (before, _), limit in zip(sides, most, strict=True))


def same_padding(size: Dim, reach: Dim, stride: Dim) -> tuple[Dim, Dim]:
    """TensorFlow's padding before and behind an axis of this size, for a window of this extent."""
    total = reach - 1 if known(stride) and stride == 1 else maximum((ceil_div(size, stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def line(*words: str) -> str:
    """The words that are not empty, as a step."""
    return " ".join(word for word in words if word)


def along(dim: int, x: Shape) -> str:
    """`axis=3`; nothing for that of the channels. Raises UnsayableError for one that is counted from the end."""
    if dim % len(x) == 1:
        return ""
    if dim < 1:
        raise UnsayableError("it is not over the channels")
    return f"axis={dim}"


def sized(size: Numbers) -> str:
    """`3x3`; of one axis `k=3`, which alone may stand without a name."""
    return "x".join(map(str, size)) if len(size) > 1 else f"k={size[0]}"


def letter(name: str, size: Numbers, default: int | Numbers | None) -> str:
    """`s2` or `s2x1`; nothing for the default, which is one number for all axes or one for each."""
    if size == ((default,) * len(size) if isinstance(default, int) else default):
        return ""
    return f"{name}{size[0]}" if len(set(size)) == 1 else name + "x".join(map(str, size))


def number(value: float) -> str:
    """The number without an exponent and without a needless point."""
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
