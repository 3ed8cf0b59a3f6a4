"""Self-attention of tokens: of all of them, in windows, on a grid, and with fewer keys."""

from __future__ import annotations

from typing import Any

from cnnprof.network.dims import Dim, Shape, ceil_div, known, prod, same
from cnnprof.network.layers import Layer
from cnnprof.network.layers.activation import Softmax
from cnnprof.network.layers.arrangement import Gather, Pad, Permute, Reshape, Roll, Select
from cnnprof.network.layers.convolution import Conv
from cnnprof.network.layers.elementwise import Arithmetic
from cnnprof.network.layers.linear import Constant, Linear, MatMul, Parameter, ScaledDotProductAttention
from cnnprof.network.layers.merging import Add
from cnnprof.network.layers.normalization import LayerNorm
from cnnprof.spec.arguments import Arguments
from cnnprof.spec.values import Tensor
from cnnprof.spec.words.base import Layers, examples, word
from cnnprof.spec.words.tokens import check_tokens, only_in, to_image, to_tokens

_INDEX_BYTES = 8
_NO_GRID = "they are the positions of an image behind 'tokens', and none behind 'clstoken'"


class _Row:
    """Layers one after the other; what a layer reads is the one before where nothing else is said."""

    def __init__(self) -> None:
        self.layers: list[Any] = []

    def add(self, kind: str, layer: Layer, *reads: int) -> int:
        """Append a layer, which reads those of these numbers; its own number."""
        self.layers.append((kind, layer, reads) if reads or not layer.arity else (kind, layer))
        return len(self.layers)

    def extend(self, layers: list[tuple[str, Layer]]) -> int:
        """Append layers; the number of the last."""
        self.layers += layers
        return len(self.layers)


@word(
    "attention [<heads>] [head_dim= window= shift= grid= dilation= reduce= keys= values=] [relpos bias nobias]",
    *examples("""
        tokens | attention 4                          1024x16
        tokens | attention 4 window=8 shift=4 relpos  1024x16  in shifted windows, relative positions (Swin)
        tokens | attention 4 grid=8                   1024x16  among 8x8 tokens over the whole image (MaxViT)
        tokens | attention 4 dilation=2               1024x16  among all that lie 2 apart: patches of 2x2 (MobileViT)
        tokens | attention 4 reduce=4                 1024x16  keys of a strided convolution (PVT)
        tokens | attention 4 head_dim=32              1024x16  heads of 32 channels each, not of width / heads
        tokens -> x | fc 8 | attention 4 keys=x       1024x8   keys and values of other tokens; values=y are apart
    """),
    writes=dict.fromkeys((ScaledDotProductAttention, Roll, Gather), only_in("'attention'")),
    form="as in 'attention 12', of 12 heads",
    on_tokens=True,
)
def _attention(o: Arguments) -> Layers:
    """Multi-head self-attention of tokens; in windows it pads an image to whole ones.

    Heads have width / heads channels each if nothing is said; queries, keys and values come of one linear layer, as in timm's
    `Attention`, or of one each where they are of several tokens, as in torch.nn.MultiheadAttention.
    """
    batch, length, width = check_tokens(o)
    heads = o.whole("heads", 1)
    if "head_dim" not in o.given and known(width) and known(heads) and width % heads:
        raise o.error(f"{width} channels cannot be split into {heads} heads", "heads")
    ways = [option for option in ("window", "grid", "dilation", "reduce") if option in o.given]
    others = [option for option in ("keys", "values") if option in o.given]
    if others and (ways or o.flag("relpos")):
        raise o.error(f"takes other tokens whole, without {(ways or ['relpos'])[0]}", others[0])
    if len(ways) > 1:
        raise o.error(f"takes one of {' and '.join(ways)}", ways[1])
    if "shift" in o.given and ways != ["window"]:
        raise o.error("shifts windows, and there are none", "shift", "as in 'attention 3 window=7 shift=3'")
    if (ways or o.flag("relpos")) and not o.grid:
        raise o.error("takes the height and width of an image, and these tokens have none", (ways or ["relpos"])[0], _NO_GRID)
    if ways == ["reduce"]:
        return _reduced(o, heads)
    if others:
        return _of_others(o, heads)
    row = _Row()
    if not ways:
        _among(o, row, (batch,), length, heads, o.grid)
        return row.layers
    return _in_groups(o, row, heads)


def _among(o: Arguments, row: _Row, groups: Shape, length: Dim, heads: Dim, size: Shape) -> None:
    """Attention among `length` tokens each, which are an image of that size.

    `groups` is how many such there are in the batch; (batch, in an image) where the scores are masked, each window's apart.
    """
    per_head, count = _per_head(o, heads), prod(groups)
    qkv = row.add("qkv", Linear(3 * heads * per_head, o.bias), *([] if row.layers else [0]))
    row.add("split", Reshape((count, length, 3, heads, per_head)), qkv)
    parts = row.add("swap", Permute((2, 0, 3, 1, 4)))
    q, k, v = (row.add(kind, Select(0, index), parts) for index, kind in enumerate("qkv"))
    in_steps = len(groups) > 1 or o.flag("relpos")
    if in_steps:
        _with_biased_scores(o, row, (q, k, v), groups, length, heads, size)
    else:
        row.add("attention", ScaledDotProductAttention(), q, k, v)
    _merge(o, row, (count, length), heads * per_head)


def _per_head(o: Arguments, heads: Dim) -> Dim:
    """The channels of each head."""
    return o.whole("head_dim", o.x[2] // heads)


def _merge(o: Arguments, row: _Row, tokens: Shape, width: Dim) -> None:
    """The heads' channels one behind the other, and the layer that mixes them."""
    row.add("swap", Permute((0, 2, 1, 3)))
    row.add("merge", Reshape((*tokens, width)))
    row.add("proj", Linear(o.x[2]))


def _with_biased_scores(
    o: Arguments, row: _Row, qkv: tuple[int, int, int], groups: Shape, length: Dim, heads: Dim, size: Shape
) -> None:
    """softmax(Q K^T / sqrt(d) + bias) V in steps, as torchvision has it (Liu et al. 2021, eq. 4)."""
    q, k, v = qkv
    count = prod(groups)
    bias = _relative_bias(row, length, heads, size) if o.flag("relpos") else 0
    # torch copies what does not lie as a batch of matrices: heads lie between the tokens of a group.
    apart = not any(known(each) and each == 1 for each in (count, heads))
    per_head = _per_head(o, heads)
    factor = per_head**-0.5 if known(per_head) else 1.0
    scaled = row.add("scale", Arithmetic("mul", "mul", factor), q)
    row.add("swap", Permute((0, 1, 3, 2)), k)
    scores = row.add("scores", MatMul((0, 1) if apart else ()), scaled, len(row.layers))
    if bias:
        scores = row.add("add", Add(), scores, bias)
    if len(groups) > 1:
        mask = row.add("mask", Constant((1, groups[1], 1, length, length)))
        split = row.add("windows", Reshape((*groups, heads, length, length)), scores)
        row.add("add", Add(), split, mask)
        row.add("scores", Reshape((count, heads, length, length)))
    row.add("attention", MatMul((1,) if apart else ()), row.add("softmax", Softmax(3)), v)


def _relative_bias(row: _Row, length: Dim, heads: Dim, size: Shape) -> int:
    """A learned number for each head and each distance along each axis, gathered for every two tokens."""
    table = row.add("relpos", Parameter((prod([2 * each - 1 for each in size]), heads)))
    places = row.add("places", Constant((length * length,), element_bytes=_INDEX_BYTES))
    row.add("gather", Gather(), table, places)
    row.add("square", Reshape((length, length, heads)))
    row.add("swap", Permute((2, 0, 1)))
    return row.add("bias", Reshape((1, heads, length, length)))


def _in_groups(o: Arguments, row: _Row, heads: Dim) -> Layers:
    """Among the tokens of each window, or among those that lie so far apart, on an image padded to whole windows."""
    batch, length, width = o.x
    axes = len(o.grid)
    window = o.each("window", 1, axes=axes) if "window" in o.given else ()
    if window:
        padded = tuple([ceil_div(side, each) * each for side, each in zip(o.grid, window, strict=True)])
        size, count = window, tuple([whole // each for whole, each in zip(padded, window, strict=True)])
    else:
        padded = o.grid
        size, count = _far_apart(o)
    shifts = [
        shift if known(whole) and whole > each else 0
        for shift, whole, each in zip(o.each("shift", 0, least=0, axes=axes), padded, window or o.grid, strict=True)
    ]
    for shift, each in zip(o.each("shift", 0, least=0, axes=axes), window, strict=False):
        if known(shift) and known(each) and shift >= each:
            raise o.error(f"windows of {each} are shifted by less than {each}, not by {shift}", "shift")
    masked = any(shifts)
    row.add("grid", Reshape((batch, *o.grid, width)), 0)
    missing = tuple([(0, whole - side) for side, whole in zip(o.grid, padded, strict=True)])
    pads = not all(known(after) and after == 0 for _, after in missing)
    if pads:
        row.add("pad", Pad((*missing, (0, 0))))
    if masked:
        row.add("roll", Roll(tuple(-shift for shift in shifts), tuple(range(1, axes + 1))))
    # Axis i is count x size in windows, and size x count where those of a group lie `count` apart.
    first, second = (1, 2) if window else (2, 1)
    pairs = [(n, s) if window else (s, n) for n, s in zip(count, size, strict=True)]
    whole, inner = [2 * i + first for i in range(axes)], [2 * i + second for i in range(axes)]
    order = (0, *whole, *inner, 2 * axes + 1)
    row.add("split", Reshape((batch, *[each for pair in pairs for each in pair], width)))
    row.add("windows", Permute(order))
    row.add("merge", Reshape((batch * prod(count), prod(size), width)))
    groups = (batch, prod(count)) if masked else (batch * prod(count),)
    _among(o, row, groups, prod(size), heads, size)
    back = tuple(sorted(range(len(order)), key=order.__getitem__))
    row.add("split", Reshape((batch, *count, *size, width)))
    row.add("swap", Permute(back))
    row.add("merge", Reshape((batch, *padded, width)))
    if masked:
        row.add("roll", Roll(tuple(shifts), tuple(range(1, axes + 1))))
    if pads:
        row.add("crop", Pad((*[(0, -after) for _, after in missing], (0, 0))))
    row.add("tokens", Reshape((batch, length, width)))
    return row.layers


def _far_apart(o: Arguments) -> tuple[Shape, Shape]:
    """How many tokens attend to each other along each axis, and how many such groups there are."""
    option = "grid" if "grid" in o.given else "dilation"
    given = o.each(option, 1, axes=len(o.grid))
    for side, each in zip(o.grid, given, strict=True):
        if known(side) and known(each) and side % each:
            raise o.error(f"an image of {'x'.join(map(str, o.grid))} is no multiple of {each}", option)
    others = tuple([side // each for side, each in zip(o.grid, given, strict=True)])
    return (given, others) if option == "grid" else (others, given)


def _reduced(o: Arguments, heads: Dim) -> Layers:
    """Keys and values of a smaller image (Wang et al. 2021, section 3.3: spatial-reduction attention)."""
    batch, length, width = o.x
    step, per_head = o.each("reduce", 1, axes=len(o.grid)), _per_head(o, heads)
    smaller = tuple([side // each for side, each in zip(o.grid, step, strict=True)])
    if any(known(side) and side < 1 for side in smaller):
        raise o.error(f"leaves nothing of an image of {'x'.join(map(str, o.grid))}", "reduce")
    row = _Row()
    row.add("q", Linear(heads * per_head, o.bias), 0)
    row.add("split", Reshape((batch, length, heads, per_head)))
    queries = row.add("swap", Permute((0, 2, 1, 3)))
    (_, swap), image = to_image(o.x, o.grid)
    row.add("swap", swap, 0)
    axes = len(step)
    row.extend([image, ("reduce", Conv(width, step, step, (0,) * axes, (1,) * axes))])
    row.extend([*to_tokens((batch, width, *smaller)), ("ln", LayerNorm()), ("kv", Linear(2 * heads * per_head, o.bias))])
    row.add("split", Reshape((batch, prod(smaller), 2, heads, per_head)))
    parts = row.add("swap", Permute((2, 0, 3, 1, 4)))
    keys, values = (row.add(kind, Select(0, index), parts) for index, kind in enumerate("kv"))
    row.add("attention", ScaledDotProductAttention(), queries, keys, values)
    _merge(o, row, (batch, length), heads * per_head)
    return row.layers


def _of_others(o: Arguments, heads: Dim) -> Layers:
    """Keys and values of other tokens than the queries, or values alone (Vaswani et al. 2017, section 3.2.3)."""
    keys, values = o.tokens_of("keys"), o.tokens_of("values")
    if keys and values and not same(keys.shape[1], values.shape[1]):
        raise o.error(f"takes as many values as keys, not {values.shape[1]} and {keys.shape[1]}", "values")
    batch, length, _ = o.x
    if keys is None and values and not same(values.shape[1], length):
        raise o.error(f"takes as many values as keys, not {values.shape[1]} and {length}", "values")
    row, per_head = _Row(), _per_head(o, heads)

    def project(kind: str, of: Tensor | None) -> int:
        row.layers.append((kind, Linear(heads * per_head, o.bias), (of or 0,)))
        row.add("split", Reshape((batch, of.shape[1] if of else length, heads, per_head)))
        return row.add("swap", Permute((0, 2, 1, 3)))

    parts = [project("q", None), project("k", keys), project("v", values or keys)]
    row.add("attention", ScaledDotProductAttention(), *parts)
    _merge(o, row, (batch, length), heads * per_head)
    return row.layers
