"""Two lists of steps as one, in which columns of values hold what differs."""

from __future__ import annotations

from itertools import combinations
from operator import and_
from typing import Any, NamedTuple

from cnnprof.spec.batches import Besides
from cnnprof.spec.folding.outline import (
    Body,
    Call,
    Column,
    First,
    Guard,
    Item,
    Join,
    Name,
    Ref,
    Repeat,
    Rising,
    Words,
    mapped,
    walk,
    weight,
)
from cnnprof.spec.folding.parts import same_words

_ALIKE = 0.5
"""How much of two lists of steps must be common for the rest to become conditions."""

_MOST_GUARDS = 3
_ALTERNATIVE = 2
"""Layers of a condition that may stand beside those of its contrary."""

_LONGEST = 40
"""Steps of which the common ones are looked for."""


class _Found(NamedTuple):
    """Steps from some place on as one: how many layers they share, how many conditions they take, and the steps."""

    common: float
    guards: int
    body: Body


_NEVER = _Found(-1e9, 0, ())
"""Steps that are no one list."""


def unify(a: Body, b: Body, sizes: tuple[int, int], guards: bool = False) -> Body | None:
    """The steps of both, whose columns have so many values; None where they are not the same.

    Args:
        sizes: how many places share each.
        guards: steps that only one of them has may become conditions, if most are common.
    """
    if len(a) == len(b):
        items = [_item(x, y, sizes, guards) for x, y in zip(a, b, strict=True)]
        if all(item is not None for item in items):
            return tuple(item for item in items if item is not None)
    if not guards:
        return None
    if max(len(a), len(b)) > _LONGEST:
        return None
    found = _Aligner(a, b, sizes).best(0, 0)
    if (
        found is _NEVER
        or found.guards > _MOST_GUARDS
        or found.common < _ALIKE * max(weight(a), weight(b))
        or _has_alternatives(found.body)
    ):
        return None
    return found.body


def _has_alternatives(body: Body) -> bool:
    """Whether one of two runs of steps is run at each place, so that two blocks are easier to read."""
    guards = [item for item in walk(body) if isinstance(item, Guard) and weight(item.body) > _ALTERNATIVE]
    return any(not any(a and b for a, b in zip(one.flag, other.flag, strict=True)) for one, other in combinations(guards, 2))


class _Aligner:
    """The longest common steps of two lists, in their order; what stands between is conditional."""

    def __init__(self, a: Body, b: Body, sizes: tuple[int, int]) -> None:
        self.a, self.b = a, b
        self.sizes = sizes
        # What is wired by name is hard to follow in a condition.
        self.wired = [[any(isinstance(each, (Name, Ref)) for each in walk((item,))) for item in body] for body in (a, b)]
        self.known: dict[tuple[int, int], _Found] = {}

    def best(self, i: int, j: int) -> _Found:
        if (i, j) not in self.known:
            self.known[i, j] = self._best(i, j)
        return self.known[i, j]

    def _best(self, i: int, j: int) -> _Found:
        a, b = self.a[i:], self.b[j:]
        if not a and not b:
            return _Found(0, 0, ())
        found: list[_Found] = []
        if a and b and (one := _item(a[0], b[0], self.sizes, True)) is not None:
            found.append(_behind(one, self.best(i + 1, j + 1), weight((one,))))
        if a and b:
            found += self._without_identity(i, j)
        if a and not self.wired[0][i]:
            found.append(self._only(a[0], True, self.best(i + 1, j)))
        if b and not self.wired[1][j]:
            found.append(self._only(b[0], False, self.best(i, j + 1)))
        return max(found, key=lambda each: each.common - 0.4 * each.guards, default=_NEVER)

    def _only(self, item: Item, first: bool, rest: _Found) -> _Found:
        """A step that one of the two has."""
        if rest is _NEVER:
            return rest
        held = _widened((item,), self.sizes, first)
        flag = _where(self.sizes, first)
        if isinstance(item, Guard):
            (inner,) = held
            assert isinstance(inner, Guard)
            flag = tuple(bool(value) for value in inner.flag)
            held = inner.body
        following = rest.body[0] if rest.body else None
        channels = _either(held[0], following, len(flag))
        if isinstance(following, Guard) and following.flag == flag:
            joined = Guard(flag, (*held, *following.body), channels)
            return rest._replace(body=(joined, *rest.body[1:]))
        if isinstance(following, Guard) and not any(map(and_, following.flag, flag)):
            return _NEVER  # two that take each other's place are better two blocks
        return _Found(rest.common, rest.guards + 1, (Guard(flag, held, channels), *rest.body))

    def _without_identity(self, i: int, j: int) -> list[_Found]:
        """A join of one branch with the identity beside that branch alone, which continues without a join."""
        found = []
        for swapped in (False, True):
            one, others, at = (self.b[j], self.a, i) if swapped else (self.a[i], self.b, j)
            if (
                not isinstance(one, Join)
                or one.kind != "add"
                or one.listed
                or len(one.branches) != 2
                or () not in one.branches
                or one.name
            ):
                continue
            main = next((branch for branch in one.branches if branch), None)
            if main is None:
                continue
            for count in range(1, len(others) - at + 1):
                other = others[at : at + count]
                if isinstance(other[-1], Join) and other[-1].kind == one.kind:
                    break
                if abs(count - len(main)) > 2 * _MOST_GUARDS:
                    continue
                both = unify(other, main, self.sizes, True) if swapped else unify(main, other, self.sizes, True)
                if both is None:
                    continue
                size_a, size_b = self.sizes
                own = one.kept if isinstance(one.kept, tuple) else (True,) * (size_b if swapped else size_a)
                none = (False,) * (size_a if swapped else size_b)
                lacks = getattr(other[0], "channels", (None,) * (size_a if swapped else size_b))
                kept = (*none, *own) if swapped else (*own, *none)
                channels = (*lacks, *one.channels) if swapped else (*one.channels, *lacks)
                joined = one._replace(
                    branches=tuple(both if branch else () for branch in one.branches), kept=kept, channels=channels
                )
                rest = self.best(i + count, j + 1) if swapped else self.best(i + 1, j + count)
                found.append(_behind(joined, rest, weight((joined,)) - 0.5))
        return found


def _behind(item: Item, rest: _Found, common: float) -> _Found:
    return rest if rest is _NEVER else _Found(rest.common + common, rest.guards + _guards(item), (item, *rest.body))


def _either(one: Item, other: Item | None, size: int) -> Column:
    """The channels before the first step, or before the second where a place lacks that."""
    lacking = (None,) * size
    pairs = zip(getattr(one, "channels", lacking), getattr(other, "channels", lacking), strict=True)
    return tuple(a if a is not None else b for a, b in pairs)


def _guards(item: Item) -> int:
    return sum(isinstance(each, Guard) for each in walk((item,)))


def _where(sizes: tuple[int, int], first: bool) -> tuple[bool, ...]:
    """A column that holds at the places of the first list of steps, or at those of the second."""
    return (first,) * sizes[0] + (not first,) * sizes[1]


def _widened(body: Body, sizes: tuple[int, int], first: bool) -> Body:
    """The first list of steps, or the second, as steps of all places, in which the others lack them."""
    lacking = (None,) * sizes[1 if first else 0]

    def widen(column: Any) -> Column:
        return (*column, *lacking) if first else (*lacking, *column)

    return mapped(body, widen)


def _item(a: Item, b: Item, sizes: tuple[int, int], guards: bool) -> Item | None:
    if (isinstance(a, Repeat) or isinstance(b, Repeat)) and (loop := _loop(a, b, sizes)) is not None:
        return loop
    if type(a) is not type(b):
        return _with_guard(a, b, sizes, guards)
    if isinstance(a, Words) and isinstance(b, Words):
        parts = same_words(a.parts, b.parts, sizes, guards)
        if parts is None or _clash(a, b):
            return None
        return Words(parts, (*a.channels, *b.channels), a.name or b.name, a.path)
    if isinstance(a, Join) and isinstance(b, Join):
        return _join(a, b, sizes, guards)
    if isinstance(a, Call) and isinstance(b, Call):
        same = (a.block, a.tensors, a.gives) == (b.block, b.tensors, b.gives) and not _clash(a, b)
        if not same or [key for key, _ in a.arguments] != [key for key, _ in b.arguments]:
            return None
        pairs = zip(a.arguments, b.arguments, strict=True)
        arguments = tuple((key, (*one, *other)) for (key, one), (_, other) in pairs)
        return a._replace(arguments=arguments, channels=(*a.channels, *b.channels), name=a.name or b.name)
    if isinstance(a, Guard) and isinstance(b, Guard):
        body = unify(a.body, b.body, sizes)
        return None if body is None else Guard((*a.flag, *b.flag), body, (*a.channels, *b.channels))
    return a if a == b else None


def _loop(a: Item, b: Item, sizes: tuple[int, int]) -> Repeat | None:
    """Two loops as one; what is none is a loop of one round."""
    one, other = (1,) * sizes[0], (1,) * sizes[1]
    options = []
    if isinstance(a, Repeat) and isinstance(b, Repeat):
        options.append((a.body, b.body, (*a.times, *b.times)))
    if isinstance(a, Repeat) and len(a.body) == 1 and not _knows_its_round(b):
        options.append((a.body, (b,), (*a.times, *other)))
    if isinstance(b, Repeat) and len(b.body) == 1 and not _knows_its_round(a):
        options.append(((a,), b.body, (*one, *b.times)))
    for first, second, times in options:
        if (body := unify(first, second, sizes)) is not None:
            return Repeat(times, body)
    return None


def _knows_its_round(item: Item) -> bool:
    """Whether a step says something else in another round of the loop that it stands in."""
    return isinstance(item, Call) and any(
        isinstance(value, (First, Rising)) for _, column in item.arguments for value in column
    )


def _clash(a: Words | Join | Call, b: Words | Join | Call) -> bool:
    """Whether the two have different names."""
    return bool(a.name and b.name) and a.name != b.name


def _with_guard(a: Item, b: Item, sizes: tuple[int, int], guards: bool) -> Item | None:
    """A step that is conditional at some of the places, and there at all others."""
    if not guards:
        return None
    if isinstance(a, Guard) and (body := unify(a.body, (b,), sizes)):
        return Guard((*a.flag, *(True,) * sizes[1]), body, (*a.channels, *getattr(b, "channels", (None,) * sizes[1])))
    if isinstance(b, Guard) and (body := unify((a,), b.body, sizes)):
        return Guard((*(True,) * sizes[0], *b.flag), body, (*getattr(a, "channels", (None,) * sizes[0]), *b.channels))
    return None


def _join(a: Join, b: Join, sizes: tuple[int, int], guards: bool) -> Join | None:
    if (a.kind, a.inplace, a.listed, len(a.branches)) != (b.kind, b.inplace, b.listed, len(b.branches)):
        return None
    if _clash(a, b):
        return None
    branches = [_branch(x, y, sizes, guards) for x, y in zip(a.branches, b.branches, strict=True)]
    if any(branch is None for branch in branches):
        return None
    kept = None
    if a.kept is not None or b.kept is not None:
        kept = (*(a.kept or (True,) * sizes[0]), *(b.kept or (True,) * sizes[1]))
    channels = (*a.channels, *b.channels)
    told = _fields(a, b)
    if told is None:
        return None
    return Join(a.kind, a.inplace, tuple(each or () for each in branches), channels, a.name or b.name, a.listed, kept, told)


def _fields(a: Join, b: Join) -> tuple[tuple[str, Column], ...] | None:
    """The fields of two layers of one type, words among them being the same."""
    one, other = dict(a.fields), dict(b.fields)
    if one.keys() != other.keys():
        return None
    told: tuple[tuple[str, Column], ...] = tuple((key, (*one[key], *other[key])) for key in one)
    said = all(len({*column}) == 1 or _may_differ(key, column) for key, column in told)
    return told if said else None


def _may_differ(key: str, column: Column) -> bool:
    """Whether values of a field are numbers, or sizes, as many at each place; axes in another order are another layer."""
    known = [value for value in column if value is not None]
    if key == "dims" or any(isinstance(value, (str, bool)) for value in known):
        return False
    if not any(isinstance(value, Besides) for value in known):
        return True
    sides: list[list[Any]] = [[getattr(value, side, None) for value in known] for side in ("several", "one")]
    return all(all(isinstance(value, tuple) for value in side) and len({*map(len, side)}) == 1 for side in sides)


def _branch(a: Body, b: Body, sizes: tuple[int, int], guards: bool) -> Body | None:
    """A branch that is the identity at some of the places is conditional."""
    found = unify(a, b, sizes, guards)
    if found is not None or not guards or (a and b) or not (a or b):
        return found
    first = bool(a)
    wide = _widened(a or b, sizes, first)
    if len(wide) == 1 and isinstance(guard := wide[0], Guard):
        return (guard._replace(flag=tuple(map(bool, guard.flag))),)
    if any(isinstance(item, (Guard, Name)) for item in wide):
        return None
    return (Guard(_where(sizes, first), wide, getattr(wide[0], "channels", (None,) * sum(sizes))),)
