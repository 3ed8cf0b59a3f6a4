"""A spec as data: steps with a column of values wherever several places of a network that share a step differ."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

from cnnprof.spec.batches import BATCH, PerBatch

Column: TypeAlias = "tuple[Any, ...]"
"""A value for each place that shares the step; None where that place lacks the step, so that any value will do."""


class Expr(str):
    """An expression of a block's arguments, where a column stood."""

    __slots__ = ()


Hole: TypeAlias = "Column | Expr"


class Text(str):
    """A word that is a value, which expressions have in quotes."""

    __slots__ = ()


class Part(NamedTuple):
    """A layer word, its flags and its options; the keys are `size` for `3x3`, a letter for `s2`, a position or a name."""

    word: str
    flags: tuple[str, ...]
    options: tuple[tuple[str, Hole], ...]


class Words(NamedTuple):
    """A line of layers, one behind the other. `channels` are those of its input, `path` is the first layer's."""

    parts: tuple[Part, ...]
    channels: Column
    name: str = ""
    path: tuple[str, ...] = ()


class Ref(NamedTuple):
    """Go on from what has this name."""

    name: str


class Name(NamedTuple):
    """A name for what is here."""

    name: str


class Let(NamedTuple):
    """`let name = value`, as it is written."""

    text: str


class Join(NamedTuple):
    """Branches and what joins them; an empty branch is the identity, and `kept` says where that is a branch at all.

    With `listed` the branches are those of a list of that name. A layer that has no word is one, too: its kind is `op` and its
    type, its `fields` are those of the layer, and it has no branches where it continues from what is here.
    """

    kind: str
    inplace: bool
    branches: tuple[Body, ...]
    channels: Column
    name: str = ""
    listed: str = ""
    kept: Hole | None = None
    fields: tuple[tuple[str, Hole], ...] = ()

    @property
    def is_layer(self) -> bool:
        """Whether it is a layer without a word."""
        return self.kind.startswith(("op ", "opaque "))


class Call(NamedTuple):
    """A block with its arguments by name, and the outputs that it gets and gives besides those that flow.

    `usual` has what each argument is where nothing is said, None for one that is always said.
    """

    block: str
    arguments: tuple[tuple[str, Hole], ...]
    usual: tuple[tuple[str, Any], ...]
    channels: Column
    tensors: tuple[Any, ...] = ()
    gives: tuple[str, ...] = ()
    name: str = ""
    path: tuple[str, ...] = ()


class Repeat(NamedTuple):
    """Steps that are run so many times."""

    times: Hole
    body: Body


class For(NamedTuple):
    """Steps that are run for each row of values, whose columns have names."""

    names: tuple[str, ...]
    rows: tuple[Column, ...]
    body: Body


class Guard(NamedTuple):
    """Steps that only some of the places have."""

    flag: Hole
    body: Body
    channels: Column


class Aux(NamedTuple):
    """A training-only head."""

    body: Body


Item: TypeAlias = "Words | Ref | Name | Let | Join | Call | Repeat | For | Guard | Aux"
Body: TypeAlias = "tuple[Item, ...]"


class Argument(NamedTuple):
    """An argument of a block; `default` is None where each call says it."""

    name: str
    default: Any = None


class Block(NamedTuple):
    """A block: its signature, the outputs that it takes besides the one that it continues from, and its steps."""

    name: str
    arguments: tuple[Argument, ...]
    tensors: tuple[str, ...]
    body: Body
    gives: tuple[str, ...] = ()
    shared: bool = False


class Outline(NamedTuple):
    """Blocks in the order of their use, the network's own steps, what its outputs are called if they are, and all else."""

    blocks: tuple[Block, ...]
    body: Body
    ends: tuple[str, ...]
    name: Callable[[str], str]


class First(NamedTuple):
    """A value in the first round of a loop, and the one in all others."""

    first: Any
    others: Any


class Rising(NamedTuple):
    """`start + step * i` in round i of a loop; any step will do where it is None."""

    start: float
    step: float | None


USUAL: dict[str, Any] = {"s": 1, "d": 1, "g": 1, "eps": 1e-05}
"""The values of options of which nothing is said."""

_TOKEN = re.compile(r"(?:[^\s(]|\([^)]*\))+")
_LETTER = re.compile(r"([spgd])(\d+(?:x\d+)*)\Z")
_SIZE = re.compile(r"\d+(?:x\d+)+\Z")
_BATCH = re.compile(rf"batch={BATCH}(?:\*(\d+))?\Z")
_NUMBERS = re.compile(r"\(\d+(, ?\d+)+\)\Z")
_NUMBER = re.compile(r"-?\d+(\.\d+)?\Z")


def read_part(text: str) -> Part:
    """A step of one layer, as the words write it, in its parts; each option is a column of one value."""
    word, *tokens = _TOKEN.findall(text)
    flags: list[str] = []
    options: list[tuple[str, Hole]] = []
    for token in tokens:
        if found := _LETTER.match(token):
            options.append((found[1], (_sizes(found[2]),)))
        elif _SIZE.match(token):
            options.append(("size", (_sizes(token),)))
        elif _NUMBER.match(token) or token.startswith("("):
            options.append((str(sum(key.isdigit() for key, _ in options)), (_value(token),)))
        elif found := _BATCH.match(token):
            options.append(("batch", (PerBatch(int(found[1] or 1)),)))
        elif "=" in token:
            key, _, value = token.partition("=")
            sizes = (_sizes(value),) if _SIZE.match(value) else (_value(value),)
            options.append(("size" if key == "k" else f"{key}=" if key == "size" else key, sizes))
        else:
            flags.append(token)
    return Part(word, tuple(flags), tuple(options))


def _sizes(text: str) -> Any:
    sizes = tuple(map(int, text.split("x")))
    return sizes if len(sizes) > 1 else sizes[0]


def _value(token: str) -> Any:
    if _NUMBER.match(token):
        return float(token) if "." in token else int(token)
    if token[1:-1].isdigit() and token.startswith("("):
        return int(token[1:-1])
    if _NUMBERS.match(token):
        return tuple(map(int, token[1:-1].split(",")))
    return token.replace(" ", "")


def weight(body: Body) -> int:
    """How many layers the steps write."""
    return sum(map(_weight, body))


def _weight(item: Item) -> int:
    if isinstance(item, Words):
        return len(item.parts)
    if isinstance(item, Join):
        return 1 + sum(map(weight, item.branches))
    if isinstance(item, (Repeat, For, Guard, Aux)):
        return weight(item.body)
    return 2 if isinstance(item, Call) else 0


def bare(body: Body) -> Body:
    """The steps without the modules that they come from and the channels that they read, by which equal ones may differ."""
    return tuple(map(_bare, body))


def _bare(item: Item) -> Item:
    if isinstance(item, (Words, Call, Join, Guard)):
        item = item._replace(channels=(None,) * len(item.channels))
    if isinstance(item, (Words, Call)):
        return item._replace(path=())
    if isinstance(item, Join):
        return item._replace(branches=tuple(map(bare, item.branches)))
    if isinstance(item, (Repeat, For, Guard, Aux)):
        return item._replace(body=bare(item.body))
    return item


def walk(body: Body) -> Iterator[Item]:
    """Every step, those within others behind them."""
    for item in body:
        yield item
        if isinstance(item, Join):
            for branch in item.branches:
                yield from walk(branch)
        elif isinstance(item, (Repeat, For, Guard, Aux)):
            yield from walk(item.body)


def mapped(body: Body, change: Any) -> Body:
    """The steps with another column in the place of each."""
    return tuple(_mapped(item, change) for item in body)


def _mapped(item: Item, change: Any) -> Item:
    if isinstance(item, Words):
        parts = tuple(
            part._replace(options=tuple((key, change(column)) for key, column in part.options)) for part in item.parts
        )
        return item._replace(parts=parts, channels=change(item.channels))
    if isinstance(item, Join):
        kept = None if item.kept is None else change(item.kept)
        branches = tuple(mapped(branch, change) for branch in item.branches)
        told = tuple((key, change(column)) for key, column in item.fields)
        return item._replace(branches=branches, channels=change(item.channels), kept=kept, fields=told)
    if isinstance(item, Call):
        arguments = tuple((key, change(column)) for key, column in item.arguments)
        return item._replace(arguments=arguments, channels=change(item.channels))
    if isinstance(item, Repeat):
        return Repeat(change(item.times), mapped(item.body, change))
    if isinstance(item, Guard):
        return Guard(change(item.flag), mapped(item.body, change), change(item.channels))
    return item
