"""Which channels of a network's tensors are the same ones: runs of channels that get one width wherever they stand.

An axis of channels is a sequence of runs. A concatenation puts sequences behind each other, a slice cuts one, and a sum makes
two of them equal run by run, for which longer runs are cut where shorter ones end.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import gcd, lcm
from typing import TypeAlias

MULTIPLE = 8
"""Widths that processors and graphics cards like."""


class Run:
    """Channels that stand together everywhere.

    Args:
        count: how many.
        narrows: whether a layer's own width is among them, which may get narrower.
        stays: whether they keep their number: those of the network's input and of what it returns.

    Attributes:
        groups: what their number has to be divisible by, as far as it is.
        multiple: what it is to be a multiple of.
        parts: what they turned out to be made of, each run so many times; empty for a run of its own.
    """

    __slots__ = ("count", "groups", "joined", "multiple", "narrows", "parts", "stays")

    def __init__(self, count: int, narrows: bool = False, stays: bool = False) -> None:
        self.count, self.narrows, self.stays = count, narrows, stays
        self.groups, self.multiple, self.joined = 1, MULTIPLE if narrows else 1, 1
        self.parts: Runs = ()

    def after(self, share: float) -> int:
        """The width without that share, to the nearest multiple, at least one; one that is smaller already stays."""
        multiple = lcm(self.multiple, self.groups)
        if self.stays or not self.narrows or self.count <= multiple or self.count % self.groups:
            return self.count
        nearest = int((1 - share) * self.count / multiple + 0.5)
        return multiple * max(1, min(nearest, self.count // multiple))


Runs: TypeAlias = tuple[tuple[Run, int], ...]
"""Runs in their order, each so many times: channels flattened over 7x7 positions are 49 times theirs."""
Axis: TypeAlias = int | Runs
"""An axis of a tensor: one of channels, or a fixed size."""


def runs(axis: Axis) -> list[tuple[Run, int]]:
    """The runs that an axis is made of by now; none of a fixed one."""
    found, waiting = [], _stack(axis)
    while waiting:
        run, times = _next(waiting)
        found.append((run, times))
    return found


def count(axis: Axis) -> int:
    """The axis's size as it was."""
    return axis if isinstance(axis, int) else sum(run.count * times for run, times in axis)


def narrowed(axis: Axis, share: float) -> int:
    """The axis's size without that share of its widths."""
    return axis if isinstance(axis, int) else sum(run.after(share) * times for run, times in runs(axis))


def own(width: int) -> Axis:
    """An axis of channels that a layer makes."""
    return ((Run(width, narrows=True), 1),)


def behind(axes: Iterable[Axis]) -> Axis:
    """The axes behind each other."""
    given = list(axes)
    fixed = [axis for axis in given if isinstance(axis, int)]
    if len(fixed) == len(given):
        return sum(fixed)
    return tuple(part for axis in given for part in (((Run(axis, stays=True), 1),) if isinstance(axis, int) else axis))


def times(axis: Axis, factor: int) -> Axis:
    """Each channel of the axis so many times."""
    return axis * factor if isinstance(axis, int) else tuple((run, number * factor) for run, number in axis)


def divided(axis: Axis, number: int) -> Axis | None:
    """The axis of which the given one is so many times; None if its runs cannot be divided."""
    if isinstance(axis, int):
        return None if axis % number else axis // number
    found, waiting = [], _stack(axis)
    while waiting:
        run, factor = _next(waiting)
        missing = number // gcd(factor, number)
        if run.count % missing:
            return None
        part = run
        if missing > 1:
            part = Run(run.count // missing)
            _is(run, part, missing)
        found.append((part, factor * missing // number))
    return tuple(found)


def cut(axis: Axis, place: int) -> tuple[Axis, Axis]:
    """The axis before and from that channel on."""
    if isinstance(axis, int):
        return place, axis - place
    before, waiting = [], _stack(axis)
    while waiting and place:
        run, factor = _next(waiting)
        if run.count * factor > place:
            waiting += reversed(_split(run, factor, place))
            continue
        before.append((run, factor))
        place -= run.count * factor
    return tuple(before), tuple(reversed(waiting))


def join(one: Axis, other: Axis) -> None:
    """Make two axes of one size the same channels."""
    if isinstance(one, int) or isinstance(other, int):
        keep(other if isinstance(one, int) else one)
        return
    left, right = _stack(one), _stack(other)
    while left and right:
        (a, x), (b, y) = _next(left), _next(right)
        size = min(a.count * x, b.count * y)
        if a.count * x != b.count * y:
            # A cut may change what stands on the other side, too, which is therefore looked up anew.
            left += reversed(_split(a, x, size))
            right += reversed(_split(b, y, size))
        elif a is not b:
            _unite(a, x, b, y)


def keep(axis: Axis) -> None:
    """Let the axis have the size that it has."""
    for run, _ in runs(axis):
        run.stays = True


def need(axis: Axis, groups: int) -> None:
    """Let the axis's size stay divisible into so many groups."""
    for run, factor in runs(axis):
        run.groups = lcm(run.groups, groups // gcd(groups, factor))


def _stack(axis: Axis) -> list[tuple[Run, int]]:
    return [] if isinstance(axis, int) else list(reversed(axis))


def _next(waiting: list[tuple[Run, int]]) -> tuple[Run, int]:
    """Take the first run of a stack, as it is made of others by now."""
    run, factor = waiting.pop()
    while run.parts:
        waiting += ((part, factor * number) for part, number in reversed(run.parts))
        run, factor = waiting.pop()
    return run, factor


def _split(run: Run, factor: int, place: int) -> list[tuple[Run, int]]:
    """So many times a run, cut at a place. Where that is within a channel's repetitions, its channels have to stay."""
    total = run.count * factor
    if place == total:
        return [(run, factor)]
    if place % factor:
        run.stays = True
        return [(Run(place, stays=True), 1), (Run(total - place, stays=True), 1)]
    sizes = place // factor, run.count - place // factor
    run.parts = tuple((Run(size, run.narrows, run.stays), 1) for size in sizes)
    for part, _ in run.parts:
        part.groups, part.multiple = run.groups, run.multiple
    return [(run, factor)]


def _unite(a: Run, x: int, b: Run, y: int) -> None:
    """Make x times one run and y times another, of one size, the same."""
    common = lcm(x, y)
    if common == x == y and b.joined > a.joined:
        a, b = b, a
    if common == x:
        _is(b, a, x // y)
    elif common == y:
        _is(a, b, y // x)
    else:
        part = Run(a.count * x // common)
        _is(a, part, common // x)
        _is(b, part, common // y)


def _is(run: Run, part: Run, number: int) -> None:
    """Let a run be so many times another one, which takes over what it needs."""
    run.parts = ((part, number),)
    part.narrows |= run.narrows
    part.stays |= run.stays
    part.groups = lcm(part.groups, run.groups // gcd(run.groups, number))
    part.multiple = lcm(part.multiple, run.multiple // gcd(run.multiple, number))
    part.joined += run.joined
