"""Columns of values as expressions of as few arguments as there can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from keyword import iskeyword
from math import isfinite
from typing import Any

from cnnprof.spec.batches import BATCH, Besides, PerBatch, sum_text
from cnnprof.spec.folding.outline import (
    Argument,
    Body,
    Call,
    Column,
    Expr,
    First,
    Guard,
    Item,
    Join,
    Part,
    Repeat,
    Rising,
    Words,
)
from cnnprof.spec.functions import FUNCTIONS
from cnnprof.spec.scope import AXES, FURTHER_AXES
from cnnprof.spec.words import ACTIVATIONS, WORDS
from cnnprof.spec.words.windows import number

RESERVED = {
    *WORDS,
    *FUNCTIONS,
    *AXES,
    *FURTHER_AXES,
    *("none", "let", "use", "N", "give", "true", "false", "first", "last", "row", "i", "if", "else"),
    *(flag for row in WORDS.values() for flag in row.flags),
}
"""Words that have another meaning, so that no argument or output can be called by one."""

_CHANNELWISE = ("parameter", "take")
"""Words whose other numbers may be channels."""

_LARGEST_FACTOR = 16
_SIZED = ("conv", "deconv", "fc")
"""Words whose first number is how many channels come out."""

_STEADY = 0.6
"""The share of places that agree on a value, from which on it is what an argument is where nothing is said."""


class Arguments:
    """The differences of steps at several places, as arguments with what each place gives for them."""

    def __init__(self, size: int, taken: Collection[str] = ()) -> None:
        self.size = size
        self.columns: dict[str, list[Any]] = {}
        self.flags: set[str] = set()
        self._taken = {*taken}
        self._widths: list[tuple[str, Any]] = []
        self._strides: list[tuple[str, Any]] = []

    def settle(self, body: Body) -> Body:
        """The steps with expressions and values of one place in the place of columns."""
        return self._conditions(self._values(body), (None,) * self.size)

    def arguments(self) -> tuple[Argument, ...]:
        """The signature: those without a usual value first."""
        found = [Argument(name, self._usual(name, column)) for name, column in self.columns.items()]
        return tuple(sorted(found, key=lambda each: each.default is not None))

    def given(self, place: int) -> dict[str, Any]:
        """The arguments of one place, None where any value will do."""
        return {name: column[place] for name, column in self.columns.items()}

    def _usual(self, name: str, column: list[Any]) -> Any:
        """The value of an argument of which nothing is said; None where each call says it."""
        known = [value for value in column if value is not None]
        if not known:
            return 1
        value, count = Counter(known).most_common(1)[0]
        if name in self.flags:
            return False if False in known and count < _STEADY * len(known) + 1 else value
        if name[0] == "s" and 1 in known and name.strip("s_").isdigit() | (name == "s"):
            return 1
        steady = count >= _STEADY * len(known) and name.rstrip("0123456789_") in ("k", "d", "g", "p", "eps")
        return value if len(known) < self.size or steady else None

    def _values(self, body: Body, channels: Column | None = None) -> Body:
        """`channels` are those of what is here, where the first step reads nothing."""
        return tuple(self._value(item, channels if not number else None) for number, item in enumerate(body))

    def _value(self, item: Item, here: Column | None) -> Item:
        if isinstance(item, Words):
            channels = here if here and None in item.channels else item.channels
            parts = (self._part(part, None if number else channels) for number, part in enumerate(item.parts))
            return item._replace(parts=tuple(parts))
        if isinstance(item, Join):
            told = tuple((key, self._field(key, column)) for key, column in item.fields)
            return item._replace(branches=tuple(self._values(branch, item.channels) for branch in item.branches), fields=told)
        if isinstance(item, Call):
            arguments = ((key, self.hole(key, column, item.channels)) for key, column in item.arguments)
            return item._replace(arguments=tuple(arguments))
        if isinstance(item, Repeat):
            return Repeat(self.hole("n", item.times), self._values(item.body))
        if isinstance(item, Guard):
            return item._replace(body=self._values(item.body))
        return item

    def _field(self, key: str, column: Any) -> Any:
        """A field of a layer without a word; sizes are of numbers of channels, as far as can be."""
        known = [value for value in column if value is not None]
        sizes = all(isinstance(value, tuple) and all(type(each) in (int, PerBatch) for each in value) for value in known)
        if sizes and len({*known}) > 1 and len({*map(len, known)}) == 1:
            sides = [self.hole("w", tuple(value and value[at] for value in column)) for at in range(len(known[0]))]
            return Expr(f"[{', '.join(map(shown, sides))}]")
        return self.hole("w" if key in ("out_features", "start", "length") else key, column)

    def _part(self, part: Part, channels: Column | None) -> Part:
        options = []
        for key, column in part.options:
            known = {*column} - {None}
            if key == "size" and len(known) > 1 and all(isinstance(each, tuple) and len({*each}) == 1 for each in known):
                column = tuple(value and value[0] for value in column)
            out = key == "0" and part.word in _SIZED
            hole = self.hole(_name_of(key, part.word), column, channels if out or part.word in _CHANNELWISE else None)
            options.append((key, hole))
            if out and "C" not in shown(hole):
                self._widths.append((shown(hole), column))
            if key == "s" and isinstance(hole, Expr):
                self._strides.append((hole, column))
        return part._replace(options=tuple(options))

    def hole(self, name: str, column: Any, channels: Column | None = None) -> Any:
        """The value of a column where there is one, or an expression for it."""
        if any(isinstance(value, First) for value in column) and len({*column}) > 1:
            pairs = [value if isinstance(value, First) else First(value, value) for value in column]
            sides = [shown(self.hole(name, tuple(pair[side] for pair in pairs), channels)) for side in (0, 1)]
            return Expr(sides[0] if sides[0] == sides[1] else f"({sides[0]} if first else {sides[1]})")
        if any(isinstance(value, Rising) for value in column) and len({*column}) > 1:
            lines = [value if isinstance(value, Rising) else Rising(value, None) for value in column]
            start, step = (self.hole(name, tuple(line[side] for line in lines)) for side in (0, 1))
            return Expr(f"({shown(start)}+{shown(step)}*i)")
        known = {value for value in column if value is not None}
        if len(known) == 1:
            return (known.pop(),)
        if any(isinstance(value, PerBatch) for value in known):
            of = [PerBatch(0, value) if isinstance(value, int) else value for value in column]
            parts = (tuple(value and getattr(value, side) for value in of) for side in ("times", "plus"))
            return Expr(sum_text(*(shown(self.hole(name, part, channels)) for part in parts)))
        if (
            channels
            and len({len(value) if isinstance(value, tuple) else 0 for value in known}) == 1
            and isinstance(column[0], tuple)
        ):
            sides = [self.hole("w", tuple(value and value[at] for value in column), channels) for at in range(len(column[0]))]
            entries = ",".join(map(shown, sides))
            return Expr(f"({entries})" if len(sides) > 1 else f"[{entries}]")
        if found := self._expression(column, channels, name):
            return Expr(found)
        return Expr(self._new(name, column))

    def _expression(self, column: Column, channels: Column | None, name: str) -> str | None:
        for other, values in self.columns.items():
            if other not in self.flags and _agree(column, values) and _kin(name, other):
                self.columns[other] = [v if v is not None else w for v, w in zip(values, column, strict=True)]
                return other
        if not all(value is None or type(value) is int for value in column):
            return None
        sources: dict[str, Any] = {other: values for other, values in self.columns.items() if other.startswith("w")}
        sources |= {"C": channels} if channels else {}
        if not name.startswith(("w", "start", "end")) and name not in ("n", "g"):
            return None
        for other, values in sources.items():
            if text := _multiple(column, values, other):
                return text
        return None

    def _new(self, name: str, column: Column, flag: bool = False) -> str:
        name = name if name.isidentifier() and name not in RESERVED and not iskeyword(name) else f"{name}_"
        name = name if name.isidentifier() else "value"
        found, number = name, 1
        while found in self.columns or found in self._taken or found in RESERVED:
            number += 1
            found = f"{name}_{number}" if name in "spgd" or name[-1].isdigit() else f"{name}{number}"
        self.columns[found] = list(column)
        if flag:
            self.flags.add(found)
        return found

    def _conditions(self, body: Body, channels: Column) -> Body:
        """`channels` are those of what is here before the first step."""
        none = (None,) * self.size
        return tuple(self._condition(item, none if number else channels) for number, item in enumerate(body))

    def _condition(self, item: Item, channels: Column) -> Item:
        if isinstance(item, Join):
            branches = tuple(self._conditions(branch, item.channels) for branch in item.branches)
            kept = None if item.kept is None else self.flag(item.kept, item.channels, "residual")
            return item._replace(branches=branches, kept=kept)
        if isinstance(item, Repeat):
            return item._replace(body=self._conditions(item.body, (None,) * self.size))
        if isinstance(item, Guard):
            here = tuple(a if a is not None else b for a, b in zip(channels, item.channels, strict=True))
            return item._replace(flag=self.flag(item.flag, here, _hint(item.body)), body=self._conditions(item.body, channels))
        return item

    def flag(self, column: Any, channels: Column, name: str) -> Expr:
        """A condition that holds where the column says so: of stride and channels if that is it, or an argument."""
        wanted = tuple(None if value is None else bool(value) for value in column)
        for text, values in self._tests(channels):
            if all(a is None or a == b for a, b in zip(wanted, values, strict=True)):
                return Expr(text)
        for other in self.flags:
            if _agree(wanted, self.columns[other]):
                return Expr(other)
            if _agree(tuple(None if value is None else not value for value in wanted), self.columns[other]):
                return Expr(f"not {other}")
        return Expr(self._new(name, wanted, flag=True))

    def _filled(self, text: str, column: Column) -> Any:
        """The values of an expression, those of an argument at every place."""
        factor, _, name = text.rpartition("*")
        if name not in self.columns:
            return column
        times = int(factor) if factor.isdigit() else 1
        return [None if value is None else times * value for value in self.columns[name]]

    def _tests(self, channels: Column) -> list[tuple[str, list[bool | None]]]:
        widths = [(f"C != {text}", _differ(channels, self._filled(text, column))) for text, column in reversed(self._widths)]
        strides = [(f"{text} != 1", _differ((1,) * self.size, self._filled(text, col))) for text, col in self._strides]
        both = [(f"{s} or {w}", _either(x, y)) for s, x in strides for w, y in widths]
        tests = [*widths, *strides, *both]
        return [*tests, *((_negated(text), [None if v is None else not v for v in values]) for text, values in tests)]


def _kin(name: str, other: str) -> bool:
    """Whether two options may be one argument: both are numbers of channels, or of the same name."""
    return name.rstrip("0123456789_") == other.rstrip("0123456789_")


def _hint(body: Body) -> str:
    """A name for the condition of such steps."""
    first = body[0]
    if isinstance(first, Join):
        return "se" if first.kind == "mul" else first.kind
    if isinstance(first, Words) and first.parts[0].word == "conv" and dict(first.parts[0].options)["size"] == ((1, 1),):
        return "expand" if first.parts[-1].word in ACTIVATIONS else "project"
    hint = getattr(first, "hint", "")
    return hint if hint.isidentifier() else getattr(first, "block", "") or "extra"


def _name_of(key: str, word: str) -> str:
    if key == "size":
        return "k" if WORDS[word].shorthand == "kernel" else "size"
    if not key.isdigit():
        return key.rstrip("=")
    return "w" if word in _SIZED else WORDS[word].positional[int(key)] if int(key) < len(WORDS[word].positional) else "value"


def _agree(column: Column, values: Any) -> bool:
    return all(a is None or b is None or (a == b and type(a) is type(b)) for a, b in zip(column, values, strict=True))


def _multiple(column: Column, values: Any, name: str) -> str | None:
    pairs = [(a, b) for a, b in zip(column, values, strict=True) if a is not None]
    if not pairs or any(type(b) is not int or not b or not a for a, b in pairs):
        return None
    ratios = {a / b for a, b in pairs}
    if len(ratios) != 1:
        return None
    (ratio,) = ratios
    if ratio == 1:
        return name
    if ratio.is_integer() and ratio <= _LARGEST_FACTOR:
        return f"{int(ratio)}*{name}"
    inverse = round(1 / ratio)
    return f"{name}//{inverse}" if inverse <= 4 * _LARGEST_FACTOR and all(b == a * inverse for a, b in pairs) else None


def _differ(one: Any, other: Any) -> list[bool | None]:
    return [None if a is None or b is None else a != b for a, b in zip(one, other, strict=True)]


def _either(one: list[bool | None], other: list[bool | None]) -> list[bool | None]:
    return [True if True in (a, b) else None if None in (a, b) else False for a, b in zip(one, other, strict=True)]


def _negated(text: str) -> str:
    return " and ".join(part.replace("!=", "==") for part in text.split(" or "))


def shown(hole: Any) -> str:
    """The text of an expression, or of the one value of a column."""
    return str(hole) if isinstance(hole, Expr) else literal(hole[0])


def literal(value: Any) -> str:
    """A value as an expression has it, without blanks but for those in parentheses."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, First) and {value.first, value.others} == {True, False} and isinstance(value.first, bool):
        return "first" if value.first else "(not first)"
    if isinstance(value, First):
        return f"({literal(value.first)} if first else {literal(value.others)})"
    if isinstance(value, Besides):
        if isinstance(value.one, bool):
            return f"({BATCH} == 1)" if value.one else f"({BATCH} > 1)"
        return f"({literal(value.several)} if {BATCH} > 1 else {literal(value.one)})"
    if isinstance(value, Rising):
        return f"({literal(value.start)}+{literal(value.step)}*i)"
    if isinstance(value, tuple):
        entries = ",".join(map(literal, value))
        return f"({entries})" if len(value) > 1 else f"[{entries}]"
    return number(value) if isinstance(value, float) and isfinite(value) else str(value)
