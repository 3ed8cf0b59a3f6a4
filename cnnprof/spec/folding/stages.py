"""Steps that come again with other numbers as loops over lists of these: the stages of a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from cnnprof.spec.folding.arguments import Arguments
from cnnprof.spec.folding.loops import is_plain, repeated
from cnnprof.spec.folding.outline import Body, Call, First, For, Item, Repeat, Words, bare
from cnnprof.spec.folding.text import height
from cnnprof.spec.folding.unify import unify

_LONGEST = 6
_LEAST = 3
"""Rounds from which on a loop over lists is easier to read than its rounds."""

_TABLE = 6
"""Rounds that are a table, as papers have it, although that takes more lines."""

_MOST = 6
"""Numbers that differ from round to round."""


class _Step(NamedTuple):
    """A step as it stands, and as a round of a loop over lists, in which equal steps are one that comes again."""

    plain: Body
    round: Item


def staged(body: Body) -> Body:
    """The steps of one place with loops over what differs between the rounds."""
    steps = [*_steps(body)]
    at = 0
    while at < len(steps):
        found: list[tuple[int, int, For]] = []
        for period in range(1, _LONGEST + 1):
            loop = _loop(steps, at, period)
            if loop is not None:
                rounds, step = loop
                plain = _plain(steps[at : at + rounds * period])
                saved = height(plain) - height((step,)) - len(step.names) // 2 - _has_single(step)
                if saved >= 0 or (rounds >= _TABLE and any(isinstance(each, Repeat) for each in step.body)):
                    found.append((saved, rounds * period, step))
        if found:
            _, length, step = max(found, key=lambda each: each[0])
            steps[at : at + length] = [_Step((step,), step)]
        at += 1
    return _plain(steps)


def _has_single(loop: For) -> bool:
    """Whether a loop of calls within it has one round at some places, where it is none."""
    loops = [item for item in loop.body if isinstance(item, Repeat) and isinstance(item.body[0], Call)]
    counts = {loop.names.index(str(item.times)) for item in loops if item.times in loop.names}
    return any(row[at] == 1 for row in loop.rows for at in counts)


def _plain(steps: Sequence[_Step]) -> Body:
    return tuple(item for step in steps for item in step.plain)


def _steps(body: Body) -> Iterator[_Step]:
    at, plain = 0, bare(body)
    while at < len(body):
        item, end = body[at], at + 1
        while isinstance(item, Words) and is_plain(item) and plain[end : end + 1] == plain[at : at + 1]:
            end += 1
        if end - at > 1:
            yield _Step(body[at:end], repeated(body[at:end], end - at))
        else:
            yield _Step((item,), _whole(item) if is_plain(item) else item)
        at = end


def _loop(steps: Sequence[_Step], at: int, period: int) -> tuple[int, For] | None:
    """The longest loop over the first steps from `at` on; None if there is none."""

    def round_of(number: int) -> Body:
        start = at + number * period
        return tuple(step.round for step in steps[start : start + period])

    unit, rounds = round_of(0), 1
    if len(unit) < period or not all(map(is_plain, unit)):
        return None
    while True:
        other = round_of(rounds)
        if len(other) < period or not all(map(is_plain, other)):
            break
        more = unify(unit, other, (rounds, 1))
        if more is None:
            break
        unit, rounds = more, rounds + 1
    if rounds < _LEAST:
        return None
    arguments = Arguments(rounds)
    steps_of_all = arguments.settle(tuple(map(_plainer, unit)))
    names = tuple(arguments.columns)
    if not names or len(names) > _MOST:
        return None
    usual = {name: next((value for value in column if value is not None), 1) for name, column in arguments.columns.items()}
    rows = tuple(
        tuple(usual[name] if value is None else value for name, value in arguments.given(each).items())
        for each in range(rounds)
    )
    return rounds, For(names, rows, steps_of_all)


def _whole(item: Item) -> Item:
    """A call or a line of layers as a loop of one round, in which only the first counts."""
    if isinstance(item, Words):
        return Repeat((1,), (item,))
    if not isinstance(item, Call):
        return item
    arguments = tuple((key, (First(column[0], None),)) for key, column in item.arguments)
    return Repeat((1,), (item._replace(arguments=arguments, channels=(None,)),))


def _plainer(item: Item) -> Item:
    """A loop that has one round at every place as what it does."""
    if not isinstance(item, Repeat) or {*item.times} != {1}:
        return item
    (step,) = item.body
    if not isinstance(step, Call):
        return step
    arguments = ((key, tuple(_first(value) for value in column)) for key, column in step.arguments)
    return step._replace(arguments=tuple(arguments))


def _first(value: Any) -> Any:
    return value.first if isinstance(value, First) else value
