"""`cnnprof plot sweep`: one figure over an axis of a design space, with a line for each value of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnprof.charts.scatter import Axis, Line, Point, Scatter
from cnnprof.errors import UsageError, did_you_mean
from cnnprof.report import plural
from cnnprof.views.bubbles import DECADE, QUANTITIES

DRAWN = ("macs", "params", "activations", "peak", "training")
NAMED = 12
"""So many lines of the second axis are drawn; of more values, points only."""


def chart_sweep(name: str, axes: Mapping[str, Sequence[Any]], columns: Mapping[str, Any], y: str = "macs") -> Scatter:
    """A point a network of the space, over its first axis; coloured, and joined, by the second one.

    Raises UsageError for a figure that cannot be drawn, an axis that is no number, or a space without a network.
    """
    if y not in DRAWN:
        raise UsageError(f"--y: '{y}' cannot be drawn", hint=did_you_mean(y, DRAWN) or f"one of {', '.join(DRAWN)}")
    quantity = QUANTITIES[y]
    varying = [axis for axis, values in axes.items() if len(values) > 1] or [*axes]
    first, second = varying[0], varying[1] if len(varying) > 1 else None
    across = [_number(value, first) for value in columns[first].tolist()]
    up = [float(value) / quantity.unit for value in columns[quantity.key].tolist()]
    if not across:
        raise UsageError("no point of the space has a network, so that there is nothing to draw")
    groups = [f"{second} = {value}" for value in columns[second].tolist()] if second else [""] * len(across)
    points = tuple(Point("", x, value, 0.03, group) for x, value, group in zip(across, up, groups, strict=True))
    lines = []
    names = [*dict.fromkeys(groups)]
    if len(varying) <= 2 and len(names) <= NAMED:
        for group in names:
            members = sorted((x, value) for x, value, own in zip(across, up, groups, strict=True) if own == group)
            lines.append(Line("", tuple(x for x, _ in members), tuple(value for _, value in members), group=group))
    size = max(up) >= DECADE * min(up) > 0
    return Scatter(
        f"{quantity.label.partition(' (')[0]} of {name} over {first}, {plural(len(points), 'network')}",
        Axis(first),
        Axis(quantity.label, size),
        points if len(names) <= NAMED else tuple(Point("", each.x, each.y, 0.03) for each in points),
        tuple(lines),
    )


def _number(value: Any, axis: str) -> float:
    """A value of an axis; of a square input its height."""
    try:
        return float(str(value).rpartition("x")[2])
    except ValueError:
        raise UsageError(
            f"'{axis}' holds no numbers, and cannot be drawn along an edge", hint="name another axis first"
        ) from None
