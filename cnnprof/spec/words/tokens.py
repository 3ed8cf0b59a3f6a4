"""Words of transformers: images as tokens and back, and embeddings."""

from __future__ import annotations

from cnnprof.network.dims import Dim, Shape, known, prod
from cnnprof.network.layers import Layer
from cnnprof.network.layers.arrangement import Expand, Permute, Reshape, Select
from cnnprof.network.layers.base import describe
from cnnprof.network.layers.linear import Parameter
from cnnprof.network.layers.merging import Add, Concat
from cnnprof.spec.arguments import Arguments
from cnnprof.spec.words.base import Example, Layers, Write, examples, unsayable, word


def check_tokens(o: Arguments) -> tuple[Dim, Dim, Dim]:
    """(N, length, channels). Raises SpecError for anything else than tokens."""
    if not o.tokens or len(o.x) != 3:
        raise o.error(f"works on tokens, and its input has the shape {describe(o.x)}", hint="'tokens' makes tokens of an image")
    batch, length, width = o.x
    return batch, length, width


def to_tokens(x: Shape) -> list[tuple[str, Layer]]:
    """The layers that make an image's positions tokens."""
    batch, width, *axes = x
    return [("flatten", Reshape((batch, width, prod(axes)))), ("tokens", Permute((0, 2, 1)))]


def to_image(x: Shape, grid: Shape) -> list[tuple[str, Layer]]:
    """The layers that make an image of that size of tokens."""
    return [("swap", Permute((0, 2, 1))), ("image", Reshape((x[0], x[2], *grid)))]


def only_in(words: str) -> Write:
    """Refuses a layer that only comes with the others of a word."""
    return unsayable(f"it has no word of its own, only within {words}")


@word("tokens", Example("tokens", "1024x16"), gives="tokens", on_tokens=True)
def _tokens(o: Arguments) -> Layers:
    """The positions of an image one after the other, each with its channels: (length, channels)."""
    if o.tokens or len(o.x) < 3:
        raise o.error(f"takes channels and spatial axes, and its input has the shape {describe(o.x)}")
    return to_tokens(o.x)


@word(
    "image [{size}]",
    *examples("""
        tokens | image        16x32x32
        tokens | image 64x16  16x64x16  of another size
    """),
    form="as in 'image 14x14'",
    gives="image",
    on_tokens=True,
)
def _image(o: Arguments) -> Layers:
    """Tokens as an image again, of that height and width where they are not all of an image's."""
    _, length, _ = check_tokens(o)
    if "size" not in o.given and not o.grid:
        hint = "write its size, as in 'image 14x14'; behind 'clstoken' or 'token' they are no image any more"
        raise o.error(f"these {length} tokens are not the positions of an image", hint=hint)
    grid = o.each("size", 1, axes=len(o.grid) or 2) if "size" in o.given else o.grid
    if known(length) and all(map(known, grid)) and length != prod(grid):
        raise o.error(f"{length} tokens are no image of {'x'.join(map(str, grid))}", "size")
    return to_image(o.x, grid)


@word("clstoken", Example("tokens | clstoken", "1025x16"), writes={Expand: only_in("'clstoken'")}, on_tokens=True)
def _class_token(o: Arguments) -> Layers:
    """A learned token in front of the others."""
    batch, _, width = check_tokens(o)
    token = ("token", Parameter((1, 1, width)), ())
    return [token, ("expand", Expand((batch, 1, width)), (1,)), ("concat", Concat(1), (2, 0))]


@word("posembed", Example("tokens | posembed", "1024x16"), on_tokens=True)
def _position(o: Arguments) -> Layers:
    """A learned position embedding, added to the tokens."""
    _, length, width = check_tokens(o)
    return [("position", Parameter((1, length, width)), ()), ("add", Add(), (0, 1))]


@word(
    "token [<index>]",
    Example("tokens | token", "16"),
    writes={Select: only_in("'attention' and 'token'")},
    gives="image",
    on_tokens=True,
)
def _first(o: Arguments) -> Layers:
    """One of the tokens, the first if nothing is said."""
    _, length, _ = check_tokens(o)
    index = o.whole("index", 0, least=0)
    if known(length) and known(index) and index >= length:
        raise o.error(f"there is no token {index} among {length}", "index")
    return [("token", Select(1, index))]
