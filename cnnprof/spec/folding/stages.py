"""Steps that come again with other numbers as loops over lists of these: the stages of a network."""

from __future__ import annotations

from typing import Any

from cnnprof.spec.folding.arguments import Arguments
from cnnprof.spec.folding.loops import is_plain
from cnnprof.spec.folding.outline import Body, Call, First, For, Item, Repeat
from cnnprof.spec.folding.text import height
from cnnprof.spec.folding.unify import unify

_LONGEST = 4
_LEAST = 3
"""Rounds from which on a loop over lists is easier to read than its rounds."""

_MOST = 9
"""Numbers that differ from round to round."""


def staged(body: Body) -> Body:
    """The steps of one place with loops over what differs between the rounds."""
    at = 0
    while at < len(body):
        found: list[tuple[int, int, For]] = []
        for period in range(1, _LONGEST + 1):
            loop = _loop(body[at:], period)
            if loop is not None:
                rounds, step = loop
                saved = height(body[at : at + rounds * period]) - height((step,)) - len(step.names) // 2
                if saved >= 0:
                    found.append((saved, rounds * period, step))
        if found:
            _, length, step = max(found, key=lambda each: each[0])
            body = (*body[:at], step, *body[at + length :])
        at += 1
    return body


def _loop(body: Body, period: int) -> tuple[int, For] | None:
    """The longest loop over the first steps; None if there is none."""
    if len(body) < period or not all(map(is_plain, body[:period])):
        return None
    unit, rounds = tuple(map(_whole, body[:period])), 1
    while True:
        other = body[rounds * period : (rounds + 1) * period]
        if len(other) < period or not all(map(is_plain, other)):
            break
        more = unify(unit, tuple(map(_whole, other)), (rounds, 1))
        if more is None:
            break
        unit, rounds = more, rounds + 1
    if rounds < _LEAST:
        return None
    arguments = Arguments(rounds)
    steps = arguments.settle(tuple(map(_plainer, unit)))
    names = tuple(arguments.columns)
    if not names or len(names) > _MOST:
        return None
    usual = {name: next((value for value in column if value is not None), 1) for name, column in arguments.columns.items()}
    rows = tuple(
        tuple(usual[name] if value is None else value for name, value in arguments.given(each).items())
        for each in range(rounds)
    )
    return rounds, For(names, rows, steps)


def _whole(item: Item) -> Item:
    """A call as a loop of one round, in which only the first counts."""
    if not isinstance(item, Call):
        return item
    arguments = tuple((key, (First(column[0], None),)) for key, column in item.arguments)
    return Repeat((1,), (item._replace(arguments=arguments, channels=(None,)),))


def _plainer(item: Item) -> Item:
    """A loop that has one round at every place as what it does."""
    if not isinstance(item, Repeat) or {*item.times} != {1} or not isinstance(call := item.body[0], Call):
        return item
    arguments = ((key, tuple(_first(value) for value in column)) for key, column in call.arguments)
    return call._replace(arguments=tuple(arguments))


def _first(value: Any) -> Any:
    return value.first if isinstance(value, First) else value
