"""Words that move, cut, pad, scale or resize a tensor."""

from __future__ import annotations

from cnnprof.network.dims import Dim, Shape, at_least
from cnnprof.network.layers.arrangement import ChannelShuffle, Flatten, Pad, Slice, Upsample
from cnnprof.network.layers.base import describe
from cnnprof.network.layers.elementwise import Arithmetic
from cnnprof.spec.arguments import Arguments
from cnnprof.spec.values import describe_kind
from cnnprof.spec.words.base import Example, Layers, UnsayableError, Word, word
from cnnprof.spec.words.windows import line, number

_TAKE = "'take a b' keeps the channels from a up to, and not with, b"


def _take(o: Arguments) -> Layers:
    start = o.whole("start", least=0)
    length = o.whole("end") - start
    if not at_least(length, 1):
        raise o.error(f"takes no channel from {start} to {start + length}", "end", _TAKE)
    return [("take", Slice(1, start, length))]


def _pad(o: Arguments) -> Layers:
    return [("pad", Pad(_amounts(o, 1), value=o.number("value", 0.0, least=float("-inf"))))]


def _amounts(o: Arguments, sign: int) -> tuple[tuple[Dim, Dim], ...]:
    """(before, after) for the spatial axes, channels in front of them if they are padded too."""
    if not o.given.keys() & {"sides", "height", "channels"}:
        raise o.error("says how much, as in 'pad 1', 'pad 1x2', 'pad (0,1) (0,1)' or 'pad channels=(0,16)'")
    if "sides" in o.given:
        for option in ("height", "width"):
            if option in o.given:
                raise o.error("takes one of '1x2' and (before, after)", option)
        amounts = [(side, side) for side in o.each("sides", 0, least=0)]
    elif o.axes == 2:
        height = _ends(o, "height", (0, 0))
        amounts = [height, _ends(o, "width", height)]
    else:
        if "width" in o.given:
            raise o.error(f"takes one (before, after) for all {o.axes} spatial axes of {describe(o.x)}", "width")
        amounts = [_ends(o, "height", (0, 0))] * o.axes
    if len(o.x) < 2 + len(amounts):
        raise o.error(f"takes channels and 2 spatial axes, and its input has the shape {describe(o.x)}")
    if "channels" in o.given:
        amounts.insert(0, _ends(o, "channels", (0, 0)))
    return tuple((sign * before, sign * after) for before, after in amounts)


def _ends(o: Arguments, option: str, default: tuple[Dim, Dim]) -> tuple[Dim, Dim]:
    """(before, after) of one axis; one number is both."""
    value = o.value(option)
    if isinstance(value, tuple) and len(value) != 2:
        raise o.error(f"{option} is one number or (before, after), not {describe_kind(value)}", option)
    if option not in o.given:
        return default
    before, after = o.each(option, 0, least=-(2**31) if option != "channels" else 0, axes=2)
    return before, after


def _pad_line(layer: Pad, x: Shape) -> str:
    axes = len(layer.amounts)
    if layer.mode != "constant" or len(x) != 4 or axes not in (2, 3):
        raise UnsayableError(f"it pads {axes} axes of {len(x)} in the mode '{layer.mode}'")
    ends = [end for amounts in layer.amounts for end in amounts]
    crops = max(ends) <= 0 and min(ends) < 0
    amounts = [(-before, -after) if crops else (before, after) for before, after in layer.amounts]
    if (axes == 3 and min(amounts[0]) < 0) or layer.value in (float("inf"), float("-inf")):
        raise UnsayableError("it cuts channels off, or pads with infinity")
    shown = [f"({before},{after})" for before, after in amounts]
    value = "" if crops or layer.value == 0 else f"value={number(layer.value)}"
    return line("crop" if crops else "pad", *shown[-2:], f"channels={shown[0]}" if axes == 3 else "", value)


def _upsample(o: Arguments) -> Layers:
    return [("upsample", Upsample(o.each("factor", 1), "bilinear" if o.flag("bilinear") else "nearest"))]


def _upsample_line(layer: Upsample, x: Shape) -> str:
    if layer.mode not in ("nearest", "bilinear"):
        raise UnsayableError(f"it resizes in the mode '{layer.mode}'")
    factor = layer.scale_factor
    if layer.size and len(x) == 4 and all(to % size == 0 for to, size in zip(layer.size, x[2:], strict=True)):
        factor = tuple(to // size for to, size in zip(layer.size, x[2:], strict=True))
    if len(factor) != 2:
        raise UnsayableError("it does not enlarge both axes by whole factors")
    return line("upsample", "x".join(map(str, factor)), "bilinear" if layer.mode == "bilinear" else "")


def _scale_line(layer: Arithmetic, x: Shape) -> str:  # noqa: ARG001 - every writer is called the same way
    if layer.value is None or layer != Arithmetic("mul", "mul", layer.value):
        raise UnsayableError("there is no word for it")
    return f"scale {number(layer.value)}"


def _flatten_line(layer: Flatten, x: Shape) -> str:  # noqa: ARG001
    if layer.start_dim != 1:
        raise UnsayableError("it does not flatten all axes behind the batch")
    return "flatten"


def _take_line(layer: Slice, x: Shape) -> str:
    if layer.dim % len(x) != 1 or layer.step != 1:
        raise UnsayableError("it does not take a run of channels")
    return f"take {layer.start} {layer.start + layer.length}"


word(
    "flatten",
    Word(lambda o: [("flatten", Flatten())], "All axes behind the batch made one.", (Example("flatten", "16384"),)),  # noqa: ARG005
    {Flatten: _flatten_line},
)
word(
    "identity",
    Word(lambda o: [], "The input itself, as a branch of a join.", (Example("identity", "16x32x32"),)),  # noqa: ARG005
)
word(
    "shuffle",
    Word(
        lambda o: [("shuffle", ChannelShuffle(o.whole("groups")))],
        "Channels of groups interleaved.",
        (Example("shuffle 4", "16x32x32"),),
        positional=("groups",),
        required=("groups",),
        form="as in 'shuffle 4'",
    ),
    {ChannelShuffle: lambda layer, _: f"shuffle {layer.groups}"},
)
word(
    "take",
    Word(
        _take,
        "The channels from start up to, and not with, end, counted from 0.",
        (Example("take 0 4", "4x32x32"),),
        positional=("start", "end"),
        required=("start", "end"),
        form="as in 'take 0 64': from channel 0 up to, and not with, channel 64",
    ),
    {Slice: _take_line},
)
word(
    "pad",
    Word(
        _pad,
        "Zeros around the image, or empty channels.",
        (
            Example("pad 1", "16x34x34"),
            Example("pad (0,1) (2,0)", "16x33x34", "before and after, for height and width"),
            Example("pad channels=(0,16)", "32x32x32", "empty channels behind the others"),
        ),
        positional=("height", "width"),
        options=("channels", "value"),
        shorthand="sides",
    ),
    {Pad: _pad_line},
)
word(
    "crop",
    Word(
        lambda o: [("crop", Pad(_amounts(o, -1)))],
        "Rows, columns or channels cut off.",
        (Example("crop 1x2", "16x30x28"),),
        positional=("height", "width"),
        options=("channels",),
        shorthand="sides",
    ),
)
word(
    "upsample",
    Word(
        _upsample,
        "A larger grid, by the nearest neighbour.",
        (Example("upsample 2", "16x64x64"), Example("upsample 2 bilinear", "16x64x64", "interpolated")),
        positional=("factor",),
        flags=("bilinear",),
        required=("factor",),
        shorthand="factor",
        form="as in 'upsample 2'",
    ),
    {Upsample: _upsample_line},
)
word(
    "scale",
    Word(
        lambda o: [("scale", Arithmetic("mul", "mul", o.number("factor", 1.0, least=float("-inf"))))],
        "Every element times a number.",
        (Example("scale 0.17", "16x32x32"),),
        positional=("factor",),
        required=("factor",),
        form="as in 'scale 0.1'",
    ),
    {Arithmetic: _scale_line},
)
