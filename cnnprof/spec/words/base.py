"""The rows of the language's words, and the tables of all of them.

A row says everything about a word: what it takes, the layers it builds, the line that says such a layer, a sentence for the
guide, the schema and `cnnprof spec`, and examples, which tests build. Reader, writer, schema and guide read the tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from cnnprof.network.dims import Shape
from cnnprof.network.layers import Layer
from cnnprof.spec.values import Tensor

if TYPE_CHECKING:
    from cnnprof.spec.arguments import Arguments

Layers: TypeAlias = "Sequence[tuple[str, Layer] | tuple[str, Layer, tuple[int | Tensor, ...]]]"
"""Layers in a row, each with the kind that its node is named by; a third entry says what it reads, if not the one before.

There 0 is what the step continues from, i the i-th of its layers, and a tensor another output.
"""

Build: TypeAlias = "Callable[[Arguments], Layers]"
"""Makes the layers of one step from its evaluated options."""

Write: TypeAlias = Callable[[Any, Shape], str]
"""(layer, shape of its input) -> the step that builds it, without what stands behind it. Raises UnsayableError."""

WordKind: TypeAlias = Literal["", "norm", "act"]
Gives: TypeAlias = Literal["", "tokens", "image"]


class UnsayableError(Exception):
    """The language has no words for a layer; the message says what it lacks."""


class Example(NamedTuple):
    """A step, the size of what it gives on 16x32x32, and what there is to say about it."""

    step: str
    size: str
    note: str = ""


def examples(table: str) -> tuple[Example, ...]:
    """The examples of a table: on a line a step, the size that it gives and perhaps a note, two blanks or more between them."""
    return tuple(Example(*re.split(" {2,}", row.strip())) for row in table.strip().splitlines())


class Word(NamedTuple):
    """A layer word.

    Args:
        build: makes the layers from the evaluated options.
        help: one sentence that says what the layer does.
        examples: steps on an input of 16x32x32.
        positional: options that the short form writes without a name, in order.
        options: further options, written `name=value` or by their letter.
        flags: words that stand alone, such as `ceil`; in the long form `ceil: true`.
        required: options that have no default.
        shorthand: the option that a token such as `3x3` gives.
        kind: `norm` or `act` for what may follow a layer on its line.
        form: how it is written, as a hint behind a mistake; left out, the first example of a word that needs options.
        gives: `tokens` where the output's channels are its last axis, (N, length, channels), `image` where they are in front
            again; as the input otherwise.
        on_tokens: whether it takes tokens, too; others would take their length for channels, and are refused.
        several: whether each of its layers gives an output of its own.
        reads: whether it goes on from what is here; a word that does not may stand where several outputs are.
        drops_bias: whether it takes the mean away, so that a layer before it needs no bias.
    """

    build: Build
    help: str
    examples: tuple[Example, ...] = ()
    positional: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    shorthand: str | None = None
    kind: WordKind = ""
    form: str = ""
    gives: Gives = ""
    on_tokens: bool = False
    several: bool = False
    reads: bool = True
    drops_bias: bool = False

    @property
    def known(self) -> tuple[str, ...]:
        """Every option and flag, in the order in which a message names them."""
        first = (self.shorthand,) if self.shorthand else ()
        return tuple(dict.fromkeys((*first, *self.positional, *self.options, *self.flags)))


class JoinWord(NamedTuple):
    """A word that joins branches.

    Args:
        layer: makes the layer, in place or not.
        help: one sentence that says what it gives.
        examples: lines of steps on an input of 16x32x32.
        inplace: whether it can write into the first branch.
        branches: how many it takes; 0 for any number.
        each: whether it gives an output for each branch: the layer then works along a new axis on which they stand.
        along: whether `axis` may say which axis it works along; that of the channels if nothing is said.
    """

    layer: Callable[..., Layer]
    help: str
    examples: tuple[Example, ...]
    inplace: bool = True
    branches: int = 0
    each: bool = False
    along: bool = False


LETTERS = {"s": "stride", "p": "pad", "g": "groups", "d": "dilation", "k": "kernel"}
"""Short names of options: `s2`, `p=pad1`."""

WORDS: dict[str, Word] = {}
"""The row of each layer word."""

WRITERS: dict[type[Layer], Write] = {}
"""The line of each layer type that a word builds."""

JOINS: dict[str, JoinWord] = {}
"""The row of each join."""


def word(
    usage: str,
    *examples: Example,
    writes: Mapping[type[Layer], Write] | None = None,
    help: str = "",  # noqa: A002 - as the field is called
    kind: WordKind = "",
    form: str = "",
    gives: Gives = "",
    on_tokens: bool = False,
    several: bool = False,
    reads: bool = True,
    drops_bias: bool = False,
) -> Callable[[Build], Build]:
    """Register the function below it as what builds a layer word; the first paragraph of its docstring is the word's help.

    Args:
        usage: the word and what it takes, as a manual has it: `conv {kernel} <out> [stride= groups=] [same bias]`. `<out>` may
            stand without its name, `stride=` needs it, `same` is a flag, and a token such as `3x3` gives `{kernel}`; what
            stands in brackets may be left out.
        examples: steps on an input of 16x32x32.
        writes: the lines of the layer types that it builds.
        help: what the docstring would say, where one function builds several words.
        kind, form, gives, on_tokens, several, reads, drops_bias: as in `Word`.

    Raises ValueError for a second row of a word or of a layer type.
    """

    name, *takes = usage.split()

    def register(build: Build) -> Build:
        if name in WORDS:
            raise ValueError(f"the word '{name}' has two rows")
        said = help or " ".join((build.__doc__ or "").partition("\n\n")[0].split())
        plain = Word(build, said, examples, kind=kind, gives=gives, on_tokens=on_tokens, several=several, reads=reads)
        row = _with_options(takes, plain._replace(drops_bias=drops_bias))
        WORDS[name] = row._replace(form=form or (f"as in '{examples[0].step}'" if row.required and examples else ""))
        for layer, write in (writes or {}).items():
            if layer in WRITERS:
                raise ValueError(f"layer '{layer.__name__}' is written by two words")
            WRITERS[layer] = write
        return build

    return register


def _with_options(takes: Sequence[str], row: Word) -> Word:
    """The row with the options that the parts of a usage name."""
    kinds: dict[str, list[str]] = {"<": [], "=": [], "": [], "{": []}
    required, optional = [], False
    for part in takes:
        optional = optional or part.startswith("[")
        bare = part.strip("[]")
        option = bare.strip("<>{}=")
        kinds[bare[0] if bare[0] in "<{" else bare[len(option) :]].append(option)
        if not optional:
            required.append(option)
        optional = optional and not part.endswith("]")
    positional, options, flags, shorthand = map(tuple, kinds.values())
    return row._replace(
        positional=positional, options=options, flags=flags, required=tuple(required), shorthand=next(iter(shorthand), None)
    )


def join(name: str, row: JoinWord) -> None:
    """Register a join; a second row is refused."""
    if name in JOINS:
        raise ValueError(f"the join '{name}' has two rows")
    JOINS[name] = row


def unsayable(reason: str) -> Write:
    """Refuses a layer, whatever its fields and its input are."""

    def line(_: object, __: Shape) -> str:
        raise UnsayableError(reason)

    return line


def write_layer(layer: Layer, x: Shape) -> str:
    """The step that builds the layer for an input of shape `x`.

    Raises UnsayableError if there is none.
    """
    write = WRITERS.get(type(layer))
    if write is None:
        raise UnsayableError("there is no word for it")
    return write(layer, x)
