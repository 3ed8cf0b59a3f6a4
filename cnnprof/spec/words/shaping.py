"""Words that look at the same elements under other axes, and those that leave an axis out."""

from __future__ import annotations

from functools import partial

from cnnprof.network.dims import Shape, known, prod
from cnnprof.network.layers.arrangement import Permute, Reshape
from cnnprof.network.layers.base import describe
from cnnprof.network.layers.elementwise import Reduce
from cnnprof.spec.arguments import Arguments
from cnnprof.spec.words.base import Example, Layers, UnsayableError, examples, word
from cnnprof.spec.words.windows import along, line

_REDUCTIONS = {"mean": "mean", "max": "amax", "sum": "sum"}
"""Words, and what torch calls them."""


def _reduce_line(layer: Reduce, x: Shape) -> str:
    name = next((each for each, op in _REDUCTIONS.items() if op == layer.op), None)
    if name is None or not layer.keepdim or len(layer.dims) != 1:
        raise UnsayableError("there is no word for it")
    return line(name, along(layer.dims[0], x))


def _reshape_line(layer: Reshape, x: Shape) -> str:
    if layer.size[0] != x[0]:
        raise UnsayableError("it changes the batch")
    return f"reshape ({','.join(map(str, layer.size[1:]))})"


def _permute_line(layer: Permute, _: Shape) -> str:
    if layer.copy or layer.dims[0] != 0:
        raise UnsayableError("it moves its elements, or the batch")
    return f"permute ({','.join(map(str, layer.dims[1:]))})"


def _over_channels(name: str, o: Arguments) -> Layers:
    return [(name, Reduce(_REDUCTIONS[name], o.along, keepdim=True))]


@word(
    "mean [axis=]",
    *examples("""
        mean         1x32x32
        mean axis=2  16x1x32  over another axis, of which one position is left
    """),
    writes={Reduce: _reduce_line},
    on_tokens=True,
)
def _mean(o: Arguments) -> Layers:
    """The mean over the channels, as one channel; of branches it is a join."""
    return _over_channels("mean", o)


@word("max [axis=]", Example("max", "1x32x32"), on_tokens=True)
def _max(o: Arguments) -> Layers:
    """The largest over the channels, as one channel; of branches it is a join."""
    return _over_channels("max", o)


@word("sum [axis=]", Example("sum", "1x32x32"), on_tokens=True)
def _sum(o: Arguments) -> Layers:
    """The sum over the channels, as one channel; of branches it is `add`."""
    return _over_channels("sum", o)


_under_other_axes = partial(word, gives="image", on_tokens=True)
"""The row of a word that names the axes of what it gives."""


@_under_other_axes(
    "reshape <size> [batch=] [tokens]",
    *examples("""
        reshape (4,64,64)        4x64x64
        reshape (256,64) tokens  256x64   256 tokens of 64 channels
    """),
    writes={Reshape: _reshape_line},
)
def _reshape(o: Arguments) -> Layers:
    """The same elements under another shape, the batch aside; the first axis then has the channels, of tokens the last."""
    sizes = o.sizes("size")
    o.check_tokens(sizes)
    batch = o.whole("batch", o.x[0])
    whole = prod(o.x[1:])
    if known(whole) and all(map(known, sizes)):
        if "batch" not in o.given and prod(sizes) != whole:
            raise o.error(f"{describe(o.x)} has {whole:,} elements, and this shape {prod(sizes):,}", "size")
        if known(batch) and known(o.x[0]) and prod(sizes) * batch != whole * o.x[0]:
            message = f"{o.x[0]} times {describe(o.x)} has {whole * o.x[0]:,} elements, and {batch} of this shape"
            raise o.error(f"{message} {prod(sizes) * batch:,}", "batch")
    return [("reshape", Reshape((batch, *sizes)))]


@_under_other_axes(
    "permute <order> [tokens]",
    *examples("""
        permute (2,3,1)                32x32x16
        tokens | permute (2,1) tokens  16x1024   16 tokens of 1024 channels: a mixer's other way
    """),
    writes={Permute: _permute_line},
)
def _permute(o: Arguments) -> Layers:
    """The axes in another order; 1 is the first behind the batch, which then has the channels, of tokens the last."""
    order = o.sizes("order")
    o.check_tokens(order)
    if sorted(order) != list(range(1, len(o.x))):
        raise o.error(f"orders the axes 1 to {len(o.x) - 1}, each once", "order", "the batch, which is not named, stays first")
    return [("permute", Permute((0, *order)))]
