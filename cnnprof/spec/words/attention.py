"""Words of transformers: images as tokens and back, embeddings, attention; and reductions over the channels."""

from __future__ import annotations

from collections.abc import Callable

from cnnprof.network.dims import Dim, Shape, known, prod
from cnnprof.network.layers import Layer
from cnnprof.network.layers.arrangement import Expand, Permute, Reshape, Select
from cnnprof.network.layers.base import describe
from cnnprof.network.layers.elementwise import Reduce
from cnnprof.network.layers.linear import Linear, Parameter, ScaledDotProductAttention
from cnnprof.network.layers.merging import Add, Concat
from cnnprof.spec.arguments import Arguments
from cnnprof.spec.words.base import Example, Layers, UnsayableError, Word, word


def _check_tokens(o: Arguments) -> tuple[Dim, Dim, Dim]:
    """(N, length, channels). Raises SpecError for anything else than tokens."""
    if not o.tokens or len(o.x) != 3:
        raise o.error(f"works on tokens, and its input has the shape {describe(o.x)}", hint="'tokens' makes tokens of an image")
    batch, length, width = o.x
    return batch, length, width


def _tokens(o: Arguments) -> Layers:
    if o.tokens or len(o.x) < 3:
        raise o.error(f"takes channels and spatial axes, and its input has the shape {describe(o.x)}")
    batch, width, *axes = o.x
    return [("flatten", Reshape((batch, width, prod(axes)))), ("tokens", Permute((0, 2, 1)))]


def _image(o: Arguments) -> Layers:
    batch, length, width = _check_tokens(o)
    height, breadth = o.each("size", 1, axes=2)
    if known(length) and known(height) and known(breadth) and length != height * breadth:
        raise o.error(f"{length} tokens are no image of {height}x{breadth}", "size")
    return [("swap", Permute((0, 2, 1))), ("image", Reshape((batch, width, height, breadth)))]


def _class_token(o: Arguments) -> Layers:
    batch, _, width = _check_tokens(o)
    token = ("token", Parameter((1, 1, width)), ())
    return [token, ("expand", Expand((batch, 1, width)), (1,)), ("concat", Concat(1), (2, 0))]


def _position(o: Arguments) -> Layers:
    _, length, width = _check_tokens(o)
    return [("position", Parameter((1, length, width)), ()), ("add", Add(), (0, 1))]


def _attention(o: Arguments) -> Layers:
    """Heads of width / heads channels each; queries, keys and values come of one linear layer, as in timm's `Attention`."""
    batch, length, width = _check_tokens(o)
    heads = o.whole("heads", 1)
    if known(width) and known(heads) and width % heads:
        raise o.error(f"{width} channels cannot be split into {heads} heads", "heads")
    size = width // heads
    return [
        ("qkv", Linear(3 * width, o.bias)),
        ("split", Reshape((batch, length, 3, heads, size))),
        ("swap", Permute((2, 0, 3, 1, 4))),
        ("q", Select(0, 0), (3,)),
        ("k", Select(0, 1), (3,)),
        ("v", Select(0, 2), (3,)),
        ("attention", ScaledDotProductAttention(), (4, 5, 6)),
        ("swap", Permute((0, 2, 1, 3))),
        ("merge", Reshape((batch, length, width))),
        ("proj", Linear(width)),
    ]


def _first(o: Arguments) -> Layers:
    _, length, _ = _check_tokens(o)
    index = o.whole("index", 0, least=0)
    if known(length) and known(index) and index >= length:
        raise o.error(f"there is no token {index} among {length}", "index")
    return [("token", Select(1, index))]


def _reduce(op: str) -> Word:
    names = {"mean": ("mean", "mean"), "max": ("amax", "largest")}
    torch_name, said = names[op]
    return Word(
        lambda o: [(op, Reduce(torch_name, (2 if o.tokens else 1,), keepdim=True))],
        f"The {said} over the channels, as one channel; of branches it is a join.",
        (Example(op, "1x32x32"),),
    )


def _reshape(o: Arguments) -> Layers:
    sizes = o.sizes("size")
    whole = prod(o.x[1:])
    if known(whole) and all(map(known, sizes)) and prod(sizes) != whole:
        raise o.error(f"{describe(o.x)} has {whole:,} elements, and this shape {prod(sizes):,}", "size")
    return [("reshape", Reshape((o.x[0], *sizes)))]


def _permute(o: Arguments) -> Layers:
    order = o.sizes("order")
    if sorted(order) != list(range(1, len(o.x))):
        raise o.error(f"orders the axes 1 to {len(o.x) - 1}, each once", "order")
    return [("permute", Permute((0, *order)))]


def _reduce_line(layer: Reduce, x: Shape) -> str:
    names = {"mean": "mean", "amax": "max"}
    if layer.op not in names or not layer.keepdim or {dim % len(x) for dim in layer.dims} != {1}:
        raise UnsayableError("there is no word for it")
    return names[layer.op]


def _reshape_line(layer: Reshape, x: Shape) -> str:
    if layer.copy or layer.size[0] != x[0]:
        raise UnsayableError("it moves its elements, or changes the batch")
    return f"reshape ({','.join(map(str, layer.size[1:]))})"


def _permute_line(layer: Permute, _: Shape) -> str:
    if layer.copy or layer.dims[0] != 0:
        raise UnsayableError("it moves its elements, or the batch")
    return f"permute ({','.join(map(str, layer.dims[1:]))})"


def _only_in(words: str) -> Callable[[Layer, Shape], str]:
    """Refuses a layer that only comes with the others of a word."""

    def line(_: Layer, __: Shape) -> str:
        raise UnsayableError(f"it has no word of its own, only within {words}")

    return line


word("mean", _reduce("mean"), {Reduce: _reduce_line})
word("max", _reduce("max"))
word(
    "reshape",
    Word(
        _reshape,
        "The same elements under another shape, the batch aside.",
        (Example("reshape (4,64,64)", "4x64x64"),),
        positional=("size",),
        required=("size",),
        form="as in 'reshape (4,64,64)'",
    ),
    {Reshape: _reshape_line},
)
word(
    "permute",
    Word(
        _permute,
        "The axes in another order; 1 is the first behind the batch.",
        (Example("permute (2,3,1)", "32x32x16"),),
        positional=("order",),
        required=("order",),
        form="as in 'permute (2,3,1)'",
    ),
    {Permute: _permute_line},
)
word(
    "tokens",
    Word(
        _tokens,
        "The positions of an image one after the other, each with its channels: (length, channels).",
        (Example("tokens", "1024x16"),),
        gives="tokens",
    ),
)
word(
    "image",
    Word(
        _image,
        "Tokens as an image of that height and width again.",
        (Example("tokens | image 32x32", "16x32x32"),),
        required=("size",),
        shorthand="size",
        form="as in 'image 14x14'",
        gives="image",
    ),
)
word(
    "clstoken",
    Word(_class_token, "A learned token in front of the others.", (Example("tokens | clstoken", "1025x16"),)),
    {Expand: _only_in("'clstoken'")},
)
word(
    "posembed",
    Word(_position, "A learned position embedding, added to the tokens.", (Example("tokens | posembed", "1024x16"),)),
)
word(
    "attention",
    Word(
        _attention,
        "Multi-head self-attention of tokens.",
        (Example("tokens | attention 4", "1024x16"),),
        positional=("heads",),
        flags=("bias", "nobias"),
        form="as in 'attention 12', of 12 heads",
    ),
    {ScaledDotProductAttention: _only_in("'attention'")},
)
word(
    "token",
    Word(
        _first,
        "One of the tokens, the first if nothing is said.",
        (Example("tokens | token", "16"),),
        positional=("index",),
        gives="image",
    ),
    {Select: _only_in("'attention' and 'token'")},
)
