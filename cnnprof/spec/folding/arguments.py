"""Columns of values as expressions of as few arguments as there can be."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from keyword import iskeyword
from typing import Any

from cnnprof.network.naming import free_name
from cnnprof.spec.batches import Besides, PerBatch, sum_text
from cnnprof.spec.folding.columns import agree, differ, either, expansions, is_expansion, ratio, times
from cnnprof.spec.folding.literals import besides_text, in_first_round, negated, shown
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
    Let,
    Part,
    Repeat,
    Rising,
    Words,
    mapped,
)
from cnnprof.spec.folding.parts import SIZED, option_name
from cnnprof.spec.functions import FUNCTIONS
from cnnprof.spec.scope import AXES, FURTHER_AXES
from cnnprof.spec.words import ACTIVATIONS, WORDS

RESERVED = {
    *WORDS,
    *FUNCTIONS,
    *AXES,
    *FURTHER_AXES,
    *("none", "let", "use", "N", "give", "true", "false", "first", "last", "row", "i", "if", "else"),
    *(flag for row in WORDS.values() for flag in row.flags),
}
"""Words that have another meaning, so that no argument or output can be called by one."""

_CHANNEL_FIELDS = ("out_features", "out_channels", "groups")
"""Fields of layers without a word that are numbers of channels."""

_CHANNELWISE = ("parameter", "take", "reshape")
"""Words whose other numbers may be channels."""

_PARTS = ("start", "end")
"""Options that are parts of a number of channels, three quarters, say."""

_STEADY = 0.6
"""The share of places that agree on a value, from which on it is what an argument is where nothing is said."""


_WIDTH = re.compile(r"w\d*\Z")
_WIDTHS = re.compile(r"\bw\d*\b")


class Arguments:
    """The differences of steps at several places, as arguments with what each place gives for them.

    Args:
        size: how many places there are.
        taken: names that no argument may have.
        entry: the channels of what the steps begin with.
        depth: of the module that the steps are, in the paths of its layers.
    """

    def __init__(self, size: int, taken: Collection[str] = (), entry: Column = (), depth: int = 0) -> None:
        self.size = size
        self._depth = depth
        self.entry = () if None in entry else entry
        self.columns: dict[str, list[Any]] = {}
        self.flags: set[str] = set()
        self._taken = {*taken}
        self._widths: list[tuple[str, Any]] = []
        self._strides: list[tuple[str, Any]] = []
        self._factors: set[str] = set()
        self._first = free_name("c", self._taken)
        self._says_first = False

    def settle(self, body: Body) -> Body:
        """The steps with expressions and values of one place in the place of columns."""
        settled = self._values(body)
        if self._factors:
            # Steps before the one that told the factor may be said by it, too.
            self.columns = {name: column for name, column in self.columns.items() if name in self._factors}
            self._widths, self._strides, self._says_first = [], [], False
            settled = self._values(body)
        settled = self._numbered(self._conditions(settled, (None,) * self.size))
        return (Let(f"{self._first} = C"), *settled) if self._says_first else settled

    def _numbered(self, body: Body) -> Body:
        """The steps with widths that are numbered in the order of the signature."""
        widths = [each.name for each in self.arguments() if _WIDTH.match(each.name)]
        names = dict(zip(widths, sorted(widths, key=lambda name: (len(name), name)), strict=True))
        self.columns = {names.get(name, name): column for name, column in self.columns.items()}
        return mapped(body, lambda hole: _renamed(hole, names))

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
        steady = count >= _STEADY * len(known) and name.rstrip("0123456789_") in ("k", "d", "g", "p", "eps", "act")
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
            told = tuple((key, self._field(key, column, item.channels)) for key, column in item.fields)
            return item._replace(branches=tuple(self._values(branch, item.channels) for branch in item.branches), fields=told)
        if isinstance(item, Call):
            arguments = ((key, self.hole(key, column, item.channels)) for key, column in item.arguments)
            return item._replace(arguments=tuple(arguments))
        if isinstance(item, Repeat):
            return Repeat(self.hole("n", item.times), self._values(item.body))
        if isinstance(item, Guard):
            return item._replace(body=self._values(item.body))
        return item

    def _field(self, key: str, column: Any, channels: Column) -> Any:
        """A field of a layer without a word; sizes are of numbers of channels, as far as can be."""
        known = [value for value in column if value is not None]
        if len({*known}) > 1 and isinstance(known[0], Besides):
            sides = [tuple(v and getattr(v, side) for v in column) for side in ("several", "one")]
            texts = [shown(self._field(key, side, channels)) for side in sides]
            several, one = (f"({text[1:-1].replace(', ', ',')})" for text in texts)
            return Expr(besides_text(several, one))
        sizes = all(isinstance(value, tuple) and all(type(each) in (int, PerBatch) for each in value) for value in known)
        if sizes and len({*known}) > 1 and len({*map(len, known)}) == 1:
            sides = [self.hole("w", tuple(value and value[at] for value in column)) for at in range(len(known[0]))]
            return Expr(f"[{', '.join(map(shown, sides))}]")
        if key in _CHANNEL_FIELDS:
            return self.hole("w", column, channels)
        return self.hole("w" if key in ("start", "length") else key, column)

    def _part(self, part: Part, channels: Column | None) -> Part:
        options = []
        for key, column in part.options:
            known = {*column} - {None}
            if key == "size" and len(known) > 1 and all(isinstance(each, tuple) and len({*each}) == 1 for each in known):
                column = tuple(value and value[0] for value in column)
            out = key == "0" and part.word in SIZED
            here = channels if out or part.word in _CHANNELWISE else None
            hole = self.hole(option_name(key, part.word), column, here, out)
            options.append((key, hole))
            if out and "C" not in shown(hole):
                self._widths.append((shown(hole), column))
            if key == "s" and isinstance(hole, Expr):
                self._strides.append((hole, column))
        return part._replace(options=tuple(options))

    def hole(self, name: str, column: Any, channels: Column | None = None, filters: bool = False) -> Any:
        """The value of a column where there is one, or an expression for it; `filters` may be channels times a factor."""
        if any(isinstance(value, First) for value in column) and len({*column}) > 1:
            pairs = [value if isinstance(value, First) else First(value, value) for value in column]
            firsts, others = (tuple(pair[side] for pair in pairs) for side in (0, 1))
            one = shown(self.hole(name, firsts, channels))
            if agree(firsts, others):
                return Expr(one)
            return Expr(in_first_round(one, shown(self.hole(name, others, channels))))
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
        if all(type(value) is tuple for value in known) and len({*map(len, known)}) == 1:
            sides = [
                self.hole("w", tuple(value and value[at] for value in column), channels) for at in range(max(map(len, known)))
            ]
            entries = ",".join(map(shown, sides))
            return Expr(f"({entries})" if len(sides) > 1 else f"[{entries}]")
        found = self._expanded(column, channels, self._factors) if filters and self._factors else None
        found = found or self._expression(column, channels, name)
        found = found or (self._expanded(column, channels, ()) if filters else None)
        return Expr(found or self._new(name, column))

    def _expression(self, column: Column, channels: Column | None, name: str) -> str | None:
        for other, values in self.columns.items():
            if other not in self.flags and agree(column, values) and _kin(name, other):
                self.columns[other] = [v if v is not None else w for v, w in zip(values, column, strict=True)]
                return other
        if not all(value is None or type(value) is int for value in column):
            return None
        sources: dict[str, Any] = {other: values for other, values in self.columns.items() if other.startswith("w")}
        sources |= {"C": channels} if channels else {}
        sources |= {self._first: self.entry} if self.entry and channels else {}
        if not name.startswith("w") and name not in ("n", "g", *_PARTS):
            return None
        for other, values in sources.items():
            factor = ratio(column, values)
            if factor is None or (1 not in (factor.numerator, factor.denominator) and name not in _PARTS):
                continue
            if any(b is None and a is not None for a, b in zip(column, values, strict=True)):
                filled = [b if b is not None or a is None else a / factor for a, b in zip(column, values, strict=True)]
                if other not in self.columns or any(each is not None and each != int(each) for each in filled):
                    continue
                self.columns[other] = [each if each is None else int(each) for each in filled]
            self._says_first |= other == self._first
            return times(factor, other)
        return None

    def _expanded(self, column: Column, channels: Column | None, known: Collection[str]) -> str | None:
        """Filters as channels times a factor that is another at few places: by one that is known, or by a new one."""
        for source, values in (("C", channels), (self._first, self.entry)):
            factors = values and expansions(column, values)
            if not factors:
                continue
            name = next((name for name in known if agree(factors, self.columns[name])), "")
            if not name and (known or not is_expansion(factors, column)):
                continue
            name = name or self._new("e", factors)
            self._factors.add(name)
            self.columns[name] = [a if a is not None else b for a, b in zip(self.columns[name], factors, strict=True)]
            self._says_first |= source == self._first
            return f"{name}*{source}"
        return None

    def _new(self, name: str, column: Column, flag: bool = False) -> str:
        name = name if name.isidentifier() and name not in RESERVED and not iskeyword(name) else f"{name}_"
        name = name if name.isidentifier() else "value"
        name = re.sub(r"\Aw\d+\Z", "w", name)
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
            return item._replace(
                flag=self.flag(item.flag, here, self._hint(item.body)), body=self._conditions(item.body, channels)
            )
        return item

    def _hint(self, body: Body) -> str:
        """A name for the condition of such steps: the module that they come from, or what they do."""
        first = body[0]
        if isinstance(first, Join):
            return "se" if first.kind == "mul" else first.kind.split()[-1].lower()
        if isinstance(first, Words) and len(first.parts) == len(body) == 1 and first.parts[0].word in ACTIVATIONS:
            return "act"
        if isinstance(first, Words) and first.parts[0].word == "conv" and dict(first.parts[0].options)["size"] == ((1, 1),):
            return "expand" if first.parts[-1].word in (*ACTIVATIONS, "use") else "project"
        if isinstance(first, Call) and first.block.startswith("squeeze"):
            return "se"
        words = getattr(first, "path", ())[self._depth :]
        return next((word for word in words if word.isidentifier()), getattr(first, "block", "") or "extra")

    def flag(self, column: Any, channels: Column, name: str) -> Expr:
        """A condition that holds where the column says so: of stride and channels if that is it, or an argument."""
        wanted = tuple(None if value is None else bool(value) for value in column)
        for factor in self._factors:
            # A place that lacks the steps says nothing of the factor, which is 1 then.
            known = [1 if value is None else value for value in self.columns[factor]]
            if all(a is None or a == (b != 1) for a, b in zip(wanted, known, strict=True)):
                self.columns[factor] = known
                return Expr(f"{factor} != 1")
        for text, values in self._tests(channels):
            if all(a is None or a == b for a, b in zip(wanted, values, strict=True)):
                return Expr(text)
        for other in self.flags:
            if agree(wanted, self.columns[other]):
                return Expr(other)
            if agree(tuple(None if value is None else not value for value in wanted), self.columns[other]):
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
        widths = [(f"C != {text}", differ(channels, self._filled(text, column))) for text, column in reversed(self._widths)]
        strides = [(f"{text} != 1", differ((1,) * self.size, self._filled(text, col))) for text, col in self._strides]
        both = [(f"{s} or {w}", either(x, y)) for s, x in strides for w, y in widths]
        tests = [*widths, *strides, *both]
        return [*tests, *((negated(text), [None if v is None else not v for v in values]) for text, values in tests)]


def _renamed(hole: Any, names: Mapping[str, str]) -> Any:
    return Expr(_WIDTHS.sub(lambda found: names.get(found[0], found[0]), hole)) if isinstance(hole, Expr) else hole


def _kin(name: str, other: str) -> bool:
    """Whether two options may be one argument: both are numbers of channels, or of the same name."""
    return name.rstrip("0123456789_") == other.rstrip("0123456789_")
