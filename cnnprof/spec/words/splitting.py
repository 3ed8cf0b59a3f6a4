"""Words that give several outputs, the parts of an axis, which `-> [a, b]` names."""

from __future__ import annotations

from functools import partial

from cnnprof.network.dims import Dim, Shape, known
from cnnprof.network.layers.arrangement import Select, Slice
from cnnprof.network.layers.base import describe
from cnnprof.spec.arguments import Arguments
from cnnprof.spec.words.base import Layers, examples, word

_parts_of_an_axis = partial(word, on_tokens=True, several=True)
"""The row of a word that gives the parts of an axis."""


def _axis(o: Arguments, usual: int) -> tuple[int, Dim]:
    """The axis that is parted, and its size. Raises SpecError where there is none of that number."""
    axis = o.whole("axis", usual, least=0)
    if not known(axis) or axis >= len(o.x):
        raise o.error(f"there is no axis {axis} in {describe(o.x)}, whose first is 1 and whose batch is 0", "axis")
    return axis, o.x[axis]


def _slices(axis: int, sizes: Shape) -> Layers:
    return [("take", Slice(axis, sum(sizes[:at]), size), (0,)) for at, size in enumerate(sizes)]


@_parts_of_an_axis(
    "split <sizes> [axis=]",
    *examples("""
        split (4,12) -> [a, b] | b        12x32x32  4 channels and 12
        split (8,24) axis=2 -> [a, b] | b  16x24x32  of the height
    """),
)
def _split(o: Arguments) -> Layers:
    """The channels, or those of another axis, in parts of these sizes, an output each."""
    axis, whole = _axis(o, o.channels)
    sizes = o.sizes("sizes")
    if len(sizes) == 1:
        raise o.error(f"takes the size of each part, and {sizes[0]} is one", "sizes", f"equal parts are 'chunk {sizes[0]}'")
    if known(whole) and all(map(known, sizes)) and sum(sizes) != whole:
        raise o.error(f"the parts have {sum(sizes)} together, and the axis {whole}", "sizes")
    return _slices(axis, sizes)


@_parts_of_an_axis("chunk <count> [axis=]", *examples("chunk 4 -> [a, b, c, d] | d  4x32x32  a quarter of the channels"))
def _chunk(o: Arguments) -> Layers:
    """The channels, or another axis, in so many equal parts, an output each."""
    axis, whole = _axis(o, o.channels)
    count = o.whole("count", least=2)
    if known(whole) and known(count) and whole % count:
        raise o.error(f"{whole} are no {count} equal parts", "count", "'split' takes the size of each part")
    return _slices(axis, (whole // count,) * count)


@_parts_of_an_axis(
    "unbind [axis=]",
    *examples("reshape (2,8,32,32) | unbind -> [a, b] | b  8x32x32"),
    gives="image",
)
def _unbind(o: Arguments) -> Layers:
    """The entries of the first axis behind the batch, or of another, an output each; the axis is gone."""
    axis, whole = _axis(o, 1)
    if not known(whole):
        raise o.error(f"takes an axis of a known size, not {whole}", "axis")
    return [("unbind", Select(axis, index), (0,)) for index in range(whole)]
