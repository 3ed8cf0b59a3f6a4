"""Words that move, cut, pad, scale or resize a tensor."""

from __future__ import annotations

from cnnprof.network.dims import Dim, Shape, at_least, known
from cnnprof.network.layers import Layer
from cnnprof.network.layers.arrangement import ChannelShuffle, Flatten, Pad, PadMode, Slice
from cnnprof.network.layers.base import describe
from cnnprof.network.layers.resizing import PixelShuffle, PixelUnshuffle, Upsample, UpsampleMode
from cnnprof.spec.arguments import Arguments
from cnnprof.spec.values import Value, describe_kind
from cnnprof.spec.words.base import Example, Layers, UnsayableError, examples, word
from cnnprof.spec.words.windows import along, line, number

_TAKE = "'take a b' keeps the channels from a up to, and not with, b"


def _amounts(o: Arguments, sign: int) -> tuple[tuple[Dim, Dim], ...]:
    """(before, after) for the spatial axes, channels in front of them if they are padded too."""
    sides = ("height", "width", "depth")  # as they stand without names on images; on volumes the first is the depth
    given = [option for option in sides if option in o.given]
    if not given and not o.given.keys() & {"sides", "channels"}:
        raise o.error("says how much, as in 'pad 1', 'pad 1x2', 'pad (0,1) (0,1)' or 'pad channels=(0,16)'")
    if "sides" in o.given:
        if given:
            raise o.error("takes one of '1x2' and (before, after)", given[0])
        amounts = [(side, side) for side in o.each("sides", 0, least=0)]
    elif o.axes == 2 and "depth" not in given:
        height = _ends(o, "height", (0, 0))
        amounts = [height, _ends(o, "width", height)]
    elif not given or (given == ["height"] and (o.axes != 3 or not o.named("height"))):
        amounts = [_ends(o, "height", (0, 0))] * o.axes
    elif o.axes == 3 and (named := sum(map(o.named, given))) in (0, len(given)) and (named or len(given) == o.axes):
        amounts = [_ends(o, option, (0, 0)) for option in (("depth", "height", "width") if named else sides)]
    else:
        axes = {1: "its one axis", 2: "both of its axes, or one for each"}.get(
            o.axes, f"all of its {o.axes} axes, or one for each"
        )
        raise o.error(f"takes one (before, after) for {axes}, and its input is {describe(o.x)}", given[-1])
    if len(o.x) < 2 + len(amounts):
        raise o.error(f"takes channels and 2 spatial axes, and its input has the shape {describe(o.x)}")
    if "channels" in o.given:
        amounts.insert(0, _ends(o, "channels", (0, 0)))
    return tuple((sign * before, sign * after) for before, after in amounts)


def _said(o: Arguments) -> str:
    """The option that says how much."""
    return "sides" if "sides" in o.given else "height"


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
    axes, spatial = len(layer.amounts), len(x) - 2
    if layer.mode not in ("constant", "reflect", "replicate") or spatial not in (1, 2, 3) or axes not in (spatial, spatial + 1):
        raise UnsayableError(f"it pads {axes} axes of {len(x)} in the mode '{layer.mode}'")
    ends = [end for amounts in layer.amounts for end in amounts]
    crops = max(ends) <= 0 and min(ends) < 0
    amounts = [(-before, -after) if crops else (before, after) for before, after in layer.amounts]
    if (axes > spatial and min(amounts[0]) < 0) or layer.value in (float("inf"), float("-inf")):
        raise UnsayableError("it cuts channels off, or pads with infinity")
    shown = [f"({before},{after})" for before, after in amounts]
    value = "" if crops or layer.value == 0 else f"value={number(layer.value)}"
    return line(
        "crop" if crops else "pad",
        *shown[-spatial:],
        f"channels={shown[0]}" if axes > spatial else "",
        value,
        layer.mode if layer.mode != "constant" else "",
    )


_MODES: dict[tuple[UpsampleMode, int], UpsampleMode] = {("bilinear", 1): "linear", ("bilinear", 3): "trilinear"}


def _upsample_line(layer: Upsample, x: Shape) -> str:
    if layer.mode not in ("nearest", "bilinear", "bicubic"):
        raise UnsayableError(f"it resizes in the mode '{layer.mode}'")
    if layer.antialias:
        raise UnsayableError("it smooths what it makes smaller")
    mode = layer.mode if layer.mode != "nearest" else ""
    factor = layer.scale_factor
    if layer.size and len(x) == 4 and all(to % size == 0 for to, size in zip(layer.size, x[2:], strict=True)):
        factor = tuple(to // size for to, size in zip(layer.size, x[2:], strict=True))
    if len(factor) != len(x) - 2:
        return line(
            "upsample", f"size={'x'.join(map(str, layer.size))}" if len(layer.size) > 1 else f"size={layer.size[0]}", mode
        )
    named = "factor=" if _is_size(factor, x[2:]) else ""
    return line("upsample", named + "x".join(map(str, factor)), mode)


def _is_size(value: Value, now: Shape) -> bool:
    """Whether a factor for each axis is most likely meant as the size: more than 4, and no less than the size that is."""
    if not (isinstance(value, tuple) and len(value) == len(now) > 1 and all(type(size) is int for size in (*value, *now))):
        return False
    return max(now) > 1 and min(value) > 4 and all(to >= at for to, at in zip(value, now, strict=True))


def _flatten_line(layer: Flatten, x: Shape) -> str:
    if layer.start_dim != 1:
        raise UnsayableError("it does not flatten all axes behind the batch")
    return "flatten"


def _take_line(layer: Slice, x: Shape) -> str:
    if layer.step != 1 or not layer.length:
        raise UnsayableError("it does not take a run of channels")
    return line("take", f"{layer.start} {layer.start + layer.length}", along(layer.dim, x))


@word("flatten", Example("flatten", "16384"), writes={Flatten: _flatten_line}, on_tokens=True)
def _flatten(o: Arguments) -> Layers:
    """All axes behind the batch made one."""
    return [("flatten", Flatten())]


@word("identity", Example("identity", "16x32x32"), on_tokens=True)
def _identity(o: Arguments) -> Layers:
    """The input itself, as a branch of a join."""
    return []


def _of_one_number(example: Example, option: str, layer: type[Layer], says: str) -> None:
    """A row for a layer that a whole number makes, its hyper-parameter `option`."""
    name = example.step.partition(" ")[0]

    @word(f"{name} <{option}>", example, writes={layer: lambda each, _: f"{name} {getattr(each, option)}"}, help=says)
    def build(o: Arguments) -> Layers:
        return [(name, layer(o.whole(option)))]  # type: ignore[call-arg]


_of_one_number(Example("shuffle 4", "16x32x32"), "groups", ChannelShuffle, "Channels of groups interleaved.")
_of_one_number(
    Example("pixelshuffle 2", "4x64x64"),
    "factor",
    PixelShuffle,
    "Groups of channels as squares of pixels (sub-pixel convolution); `depth to space`.",
)
_of_one_number(Example("space2depth 2", "64x16x16"), "factor", PixelUnshuffle, "Squares of pixels as groups of channels.")


@word(
    "take <start> <end> [axis=]",
    *examples("""
        take 0 4         4x32x32
        take 0 4 axis=2  16x4x32  entries of another axis
    """),
    writes={Slice: _take_line},
    form="as in 'take 0 64': from channel 0 up to, and not with, channel 64",
    on_tokens=True,
)
def _take(o: Arguments) -> Layers:
    """The channels from start up to, and not with, end, counted from 0."""
    start = o.whole("start", least=0)
    length = o.whole("end") - start
    if not at_least(length, 1):
        raise o.error(f"takes no channel from {start} to {start + length}", "end", _TAKE)
    return [("take", Slice(o.axis, start, length))]


@word(
    "pad [{sides}] [<height> <width> <depth>] [channels= value=] [reflect replicate]",
    *examples("""
        pad 1                16x34x34
        pad (0,1) (2,0)      16x33x34  before and after, for height and width
        pad 1 reflect        16x34x34  the image mirrored at its border; replicate repeats the border
        pad channels=(0,16)  32x32x32  empty channels behind the others
    """),
    writes={Pad: _pad_line},
)
def _pad(o: Arguments) -> Layers:
    """Zeros around the image, or empty channels."""
    repeats: tuple[PadMode, ...] = ("reflect", "replicate")
    modes = [mode for mode in repeats if o.flag(mode)]
    if len(modes) > 1 or (modes and ("value" in o.given or "channels" in o.given)):
        raise o.error("repeats the image or fills with a value, one of them", modes[-1])
    value = o.number("value", 0.0, least=float("-inf"))
    amounts = _amounts(o, 1)
    if modes == ["reflect"]:
        for ends, side in zip(amounts, o.x[2:], strict=True):
            if any(known(end) and known(side) and end >= side for end in ends):
                raise o.error(f"an image of {describe(o.x)} is mirrored by less than its {side}", _said(o))
    return [("pad", Pad(amounts, modes[0] if modes else "constant", value))]


@word("crop [{sides}] [<height> <width> <depth>] [channels=]", Example("crop 1x2", "16x30x28"))
def _crop(o: Arguments) -> Layers:
    """Rows, columns or channels cut off."""
    amounts = _amounts(o, -1)
    for ends, side in zip(amounts[-o.axes :], o.x[-o.axes :], strict=False):
        if all(map(known, (*ends, side))) and side + sum(ends) < 1:
            hint = "'crop' says how much is cut off at each side, not what is left"
            raise o.error(f"leaves nothing of an input of {describe(o.x)}", _said(o), hint)
    return [("crop", Pad(amounts))]


@word(
    "upsample [{factor} <factor>] [size=] [bilinear bicubic]",
    *examples("""
        upsample 2           16x64x64
        upsample 2 bilinear  16x64x64  interpolated; also bicubic
        upsample 1.5         16x48x48
        upsample size=28x20  16x28x20  to a size
    """),
    writes={Upsample: _upsample_line},
    form="as in 'upsample 2'",
)
def _upsample(o: Arguments) -> Layers:
    """A larger grid, by the nearest neighbour."""
    smooth: tuple[UpsampleMode, ...] = ("bilinear", "bicubic")
    modes = [mode for mode in smooth if o.flag(mode)]
    if len(modes) > 1:
        raise o.error("interpolates in one way", modes[-1])
    if modes == ["bicubic"] and len(o.x) != 4:
        raise o.error(f"interpolates images in cubes, and its input has the shape {describe(o.x)}", "bicubic")
    mode = _MODES.get((modes[0], len(o.x) - 2), modes[0]) if modes else "nearest"
    if ("size" in o.given) == ("factor" in o.given):
        raise o.error("takes a factor or a size, as in 'upsample 2' and 'upsample size=28x28'")
    if "size" in o.given:
        return [("upsample", Upsample((), mode, o.each("size", 1)))]
    value = o.value("factor")
    if not o.named("factor") and _is_size(value, o.x[2:]):
        size = "x".join(map(str, value))
        grown = "x".join(str(each * times) for each, times in zip(o.x[2:], value, strict=True))
        hint = f"write size={size} for the size, factor={size} for the factor"
        raise o.error(f"a factor of {size} gives {grown}", "factor", hint)
    if isinstance(value, float) and not value.is_integer():
        factor = o.number("factor", 1.0)
        if not all(known(size) for size in o.x[2:]):
            raise o.error("a factor that is not whole needs an input of a known size", "factor")
        return [("upsample", Upsample((), mode, tuple([int(size * factor) for size in o.x[2:]])))]
    return [("upsample", Upsample(o.each("factor", 1), mode))]
