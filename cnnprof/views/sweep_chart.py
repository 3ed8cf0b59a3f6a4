"""`cnnprof plot sweep`: one figure over a design space, as lines over one axis or as a heat map over two."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from cnnprof.charts import Chart
from cnnprof.charts.heat import Heat
from cnnprof.charts.points import Axis, Line, Point
from cnnprof.charts.scatter import Scatter
from cnnprof.errors import UsageError, suggest
from cnnprof.judging.filters import Limit
from cnnprof.record import record
from cnnprof.report import plural
from cnnprof.timing.calibrations import Calibration
from cnnprof.units import sizes_text
from cnnprof.views.bubbles import DECADE, QUANTITIES, Quantity
from cnnprof.views.prediction import calibration_notes

DRAWN = ("macs", "params", "activations", "peak", "training", "predicted")
NAMED = 8
"""So many lines of the second axis are told apart."""

MOST = 20_000
"""Points of a picture."""

ChartKind = Literal["lines", "heat"]


@record
class Limits:
    """The limits of points: the condition as text, of each point whether it does, and limits of single figures."""

    text: str
    inside: Sequence[bool]
    limits: tuple[Limit, ...] = ()


def check_points(count: int) -> None:
    """Raises UsageError for more points than a picture shows; ask before they are worked out."""
    if count > MOST:
        raise UsageError(f"{count:,} points are too many for a picture", hint="draw some of them: --sample 2000")


def chart_sweep(
    name: str,
    axes: Mapping[str, Sequence[Any]],
    columns: Mapping[str, Any],
    y: str = "macs",
    kind: ChartKind | None = None,
    budget: Limits | None = None,
    calibration: Calibration | None = None,
) -> Chart:
    """A point a network of the space: over its first axis, coloured and joined by the second one, or as a cell of both.

    Args:
        name: the network.
        axes: values by name; of those with one value none is drawn.
        columns: an array for each axis and figure: all points, those beyond the budget, too.
        y: the figure.
        kind: `lines`, or `heat`; left out, cells where two axes vary and lines would be too many.
        budget: what points are to keep to.
        calibration: the basis of predicted times.

    Raises UsageError for a figure that cannot be drawn, an axis that is no number, a space without a network or with too many.
    """
    if y not in DRAWN:
        raise UsageError(f"--y: '{y}' cannot be drawn", hint=suggest(y, DRAWN))
    if QUANTITIES[y].key not in columns:
        raise UsageError(f"--y {y} is not worked out", hint=QUANTITIES[y].lacking or "name it among the figures")
    count = len(next(iter(columns.values())))
    if not count:
        raise UsageError("no point of the space has a network, so that there is nothing to draw")
    check_points(count)
    varying = [axis for axis, values in axes.items() if len(values) > 1] or [*axes]
    many = len(varying) == 2 and len(axes[varying[1]]) > NAMED
    if kind == "heat" and len(varying) != 2:
        raise UsageError(f"a heat map has two axes, and {plural(len(varying), 'axis varies', 'axes vary')} here")
    if kind == "heat" or (kind is None and many):
        chart: Heat | Scatter = _heat(name, axes, varying, columns, QUANTITIES[y], budget)
    else:
        chart = _lines(name, varying, columns, QUANTITIES[y], budget)
    return (
        replace(chart, notes=tuple(calibration_notes(calibration, "predicted "))) if calibration and y == "predicted" else chart
    )


def _heat(
    name: str,
    axes: Mapping[str, Sequence[Any]],
    varying: Sequence[str],
    columns: Mapping[str, Any],
    quantity: Quantity,
    budget: Limits | None,
) -> Heat:
    places = [{_spoken(value): k for k, value in enumerate(axes[axis])} for axis in varying]
    spoken = [[_spoken(value) for value in columns[axis].tolist()] for axis in varying]
    values: list[list[float | None]] = [[None] * len(places[0]) for _ in places[1]]
    inside = [[False] * len(places[0]) for _ in places[1]]
    amounts = columns[quantity.key].tolist()
    for number, (across, up, amount) in enumerate(zip(*spoken, amounts, strict=True)):
        values[places[1][up]][places[0][across]] = float(amount) / quantity.unit
        inside[places[1][up]][places[0][across]] = bool(budget and budget.inside[number])
    return Heat(
        _title(name, quantity, f"{varying[0]} and {varying[1]}", len(amounts)),
        varying[0],
        varying[1],
        tuple(places[0]),
        tuple(places[1]),
        quantity.label,
        tuple(map(tuple, values)),
        _spans_decade(amounts),
        tuple(map(tuple, inside)) if budget else (),
        budget.text if budget else "",
    )


def _lines(name: str, varying: Sequence[str], columns: Mapping[str, Any], quantity: Quantity, budget: Limits | None) -> Scatter:
    first, second = varying[0], varying[1] if len(varying) > 1 else None
    across = [_number(value, first) for value in columns[first].tolist()]
    up = [float(value) / quantity.unit for value in columns[quantity.key].tolist()]
    groups = [f"{second} = {_spoken(value)}" for value in columns[second].tolist()] if second else [""] * len(across)
    beyond = [not holds for holds in budget.inside] if budget else [False] * len(across)
    names = [*dict.fromkeys(groups)]
    told = names if len(names) <= NAMED else []
    points = tuple(
        Point("", x, value, 0.03, group if told else "", apart=apart)
        for x, value, group, apart in zip(across, up, groups, beyond, strict=True)
    )
    lines = []
    for group in told if len(varying) <= 2 else []:
        members = sorted((x, value) for x, value, own in zip(across, up, groups, strict=True) if own == group)
        lines.append(Line("", tuple(x for x, _ in members), tuple(value for _, value in members), group=group))
    for key, limit, text in budget.limits if budget else ():
        if key == quantity.key:
            lines.append(Line(text, (min(across), max(across)), (limit / quantity.unit,) * 2))
    return Scatter(
        _title(name, quantity, first, len(points)),
        Axis(first),
        Axis(quantity.label, _spans_decade(up)),
        points,
        tuple(lines),
        apart_label=f"outside {budget.text}" if budget else "",
    )


def _title(name: str, quantity: Quantity, axes: str, points: int) -> str:
    return f"{quantity.label.partition(' (')[0]} of {name} over {axes}, {plural(points, 'network')}"


def _spans_decade(values: Sequence[float]) -> bool:
    return max(values) >= DECADE * min(values) > 0


def _spoken(value: Any) -> str:
    """A value of an axis; of a square input its height."""
    text = sizes_text(value) if isinstance(value, tuple) else f"{value:.6g}" if isinstance(value, float) else str(value)
    square = re.fullmatch(r"\d+x(\d+)x\1", text)
    return square[1] if square else text


def _number(value: Any, axis: str) -> float:
    try:
        return float(_spoken(value))
    except ValueError:
        raise UsageError(
            f"'{axis}' holds no numbers, and cannot be drawn along an edge", hint="name another axis first"
        ) from None
