"""Steps that come again as loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cnnprof.spec.folding.outline import (
    Body,
    Call,
    First,
    Item,
    Join,
    Let,
    Name,
    Ref,
    Repeat,
    Rising,
    Words,
    bare,
    walk,
    weight,
)

_LONGEST = 6
"""Steps that come again together."""

_CHANGE, _CHANGE_OF_SIZE = 0.2, 1.0
"""The cost of an argument that is another in the first round, in loops: little for a flag, a stride and what goes with it."""

_STEPS = ("s", "p", "d", "k")
"""A stride and what goes with it."""


def folded(body: Body, lines: bool = True) -> Body:
    """The steps of one place with loops for runs of equal ones; without `lines` for runs of calls alone."""
    calls = _grown(_called_again(_unnamed(_in_branches(body, lambda branch: folded(branch, lines)))))
    return _named(_again(calls) if lines else calls)


def lines_again(body: Body) -> Body:
    """Steps of several places with loops for what is the same at all of them."""
    return _again(_in_branches(body, lines_again))


def _in_branches(body: Body, change: Callable[[Body], Body]) -> Body:
    """The steps with the branches of their joins changed."""
    return tuple(item._replace(branches=tuple(map(change, item.branches))) if isinstance(item, Join) else item for item in body)


def _unnamed(body: Body) -> Body:
    """The steps, of which one that ends a run of equal ones has its name behind it, so that all may be a loop."""
    steps: list[Item] = []
    for item in body:
        if steps and isinstance(item, (Words, Call)) and item.name and isinstance(last := steps[-1], (Words, Call)):
            unnamed = item._replace(name="")
            if _is_run(last, unnamed):
                steps += [unnamed, Name(item.name)]
                continue
        steps.append(item)
    return tuple(steps)


def _is_run(one: Words | Call, other: Words | Call) -> bool:
    if isinstance(one, Call) and isinstance(other, Call):
        return is_plain(one) and _continues(one, other) and _run((one, other)) is not None
    return is_plain(one) and bare((one,)) == bare((other,))


def _named(body: Body) -> Body:
    """The steps, whose names stand on their lines where they are no loops."""
    steps: list[Item] = []
    for item in body:
        if steps and isinstance(item, Name) and isinstance(steps[-1], (Words, Call)) and not steps[-1].name:
            steps[-1] = steps[-1]._replace(name=item.name)
        else:
            steps.append(item)
    return tuple(steps)


def repeated(body: Body, times: int) -> Repeat:
    """Equal steps as one loop; what they read is known where all rounds read as much."""
    unit = body[: len(body) // times]
    steady = body == unit * times
    return Repeat((times,), unit if steady else bare(unit))


def is_plain(item: Item) -> bool:
    """Whether the step may be any round of a loop: it has no name, and reads nothing by name."""
    return not any(isinstance(each, (Ref, Name, Let)) or getattr(each, "name", "") for each in walk((item,)))


def _called_again(body: Body) -> Body:
    """Calls of one block in a row, the first of which may differ in some arguments."""
    steps: list[Item] = []
    at = 0
    while at < len(body):
        end = at
        while end < len(body) and _continues(body[at], body[end]):
            end += 1
        if end - at < 2:
            steps.append(body[at])
            at += 1
        else:
            steps += _parted([each for each in body[at:end] if isinstance(each, Call)])
            at = end
    return tuple(steps)


def _continues(first: Item, other: Item) -> bool:
    return (
        isinstance(first, Call)
        and isinstance(other, Call)
        and first.block == other.block
        and not (other.tensors or other.gives or other.name or first.tensors or first.gives or first.name)
    )


def _parted(calls: Sequence[Call]) -> list[Item]:
    """The fewest loops that the calls are, with as few changes behind a first round as can be."""
    best: list[tuple[float, list[Item]]] = [(0.0, [])]
    for end in range(1, len(calls) + 1):
        options = []
        for start in range(end - 1, -1, -1):
            run = _run(calls[start:end])
            if run is None:
                if end - start > 2:
                    break
                continue
            cost, item = run
            options.append((best[start][0] + cost, [*best[start][1], item]))
        best.append(min(options, key=lambda option: option[0]))
    return best[-1][1]


def _run(calls: Sequence[Call]) -> tuple[float, Item] | None:
    """Calls as one loop and what that costs; None where they are not one."""
    if len(calls) == 1:
        return 1.0, calls[0]
    arguments: list[tuple[str, Any]] = []
    cost = 1.0
    for key, _ in calls[0].arguments:
        column = [dict(call.arguments)[key][0] for call in calls]
        value = _series(column)
        if value is None:
            return None
        if isinstance(value, First):
            cost += _CHANGE if isinstance(value.first, bool) or key.rstrip("0123456789_") in _STEPS else _CHANGE_OF_SIZE
        arguments.append((key, (value,)))
    return cost, Repeat((len(calls),), (calls[0]._replace(arguments=tuple(arguments), channels=(None,)),))


def _series(column: Sequence[Any]) -> Any:
    """One value for all rounds; None where no expression says them all."""
    if len({*map(repr, column)}) == 1:
        return column[0]
    if len(column) > 2 and all(type(value) is float for value in column):
        step = (column[-1] - column[0]) / (len(column) - 1)
        if all(abs(column[0] + step * number - value) < 1e-9 for number, value in enumerate(column)):
            return Rising(round(column[0], 10), round(step, 10))
    rest = {*map(repr, column[1:])}
    return First(column[0], column[1]) if len(rest) == 1 and type(column[0]) is type(column[1]) else None


def _again(body: Body) -> Body:
    """The longest runs of equal steps as loops, those of few steps first."""
    plain = bare(body)
    for period in range(1, _LONGEST + 1):
        at = 0
        while at + 2 * period <= len(body):
            unit, end = plain[at : at + period], at + period
            while plain[end : end + period] == unit:
                end += period
            times = (end - at) // period
            if times > 1 and (times - 1) * weight(unit) > 1 + period and all(map(is_plain, unit)):
                loop = repeated(body[at:end], times)
                body, plain = (*body[:at], loop, *body[end:]), (*plain[:at], *bare((loop,)), *plain[end:])
            at += 1
    return body


def _grown(body: Body) -> Body:
    """Calls that each take the outputs of all before them, as a list that grows."""
    steps: list[Item] = []
    at = 0
    while at < len(body):
        count = _growing(body[at:])
        if count < 3:
            steps.append(body[at])
            at += 1
            continue
        first = body[at]
        assert isinstance(first, Call)
        entries = _entries(first)
        run = [each for each in body[at : at + count] if isinstance(each, Call)]
        found = _run([call._replace(tensors=(), name="") for call in run])
        if found is None or not isinstance(found[1], Repeat):
            steps.append(body[at])
            at += 1
            continue
        (call,) = found[1].body
        assert isinstance(call, Call)
        every = [*entries, *(each.name for each in run)]
        behind: Body = body[at + count :]
        rest: Body = ()
        if behind and isinstance(last := behind[0], Join) and [*map(_referred, last.branches)][:-1] == every[:-1]:
            rest = (last._replace(branches=(), listed="xs"),)
            behind = behind[1:]
        grow = (call._replace(tensors=("xs",), name="new"), Let("xs = xs + [new]"))
        steps += [Let(f"xs = [{', '.join(entries)}]"), Repeat(found[1].times, grow), *rest]
        body, at = (*behind,), 0
    return tuple(steps)


def _entries(call: Call) -> list[str]:
    return str(call.tensors[0])[1:-1].split(", ") if len(call.tensors) == 1 and str(call.tensors[0]).startswith("[") else []


def _growing(body: Body) -> int:
    """How many calls from the first on each take one tensor more: what the call before gives."""
    known: list[str] = []
    for count, item in enumerate(body):
        if not isinstance(item, Call) or not (entries := _entries(item)):
            return count
        if known and (entries != known or not isinstance(body[0], Call) or item.block != body[0].block):
            return count
        if not item.name:
            return count + 1
        known = [*entries, item.name]
    return len(body)


def _referred(branch: Body) -> str:
    return branch[0].name if len(branch) == 1 and isinstance(branch[0], Ref) else ""
