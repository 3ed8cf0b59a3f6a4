"""The report of `cnnprof sweep`: the points, two axes as a heat table, and the best of the points or their front."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cnnprof.errors import CnnprofError, UsageError
from cnnprof.judging.filters import Condition, read_condition
from cnnprof.record import record
from cnnprof.report import Column, Fact, Listing, Report, Table, holds_of, names_of, plural
from cnnprof.texts import SHADES
from cnnprof.timing.calibrations import Calibration
from cnnprof.units import Holds, sizes_text
from cnnprof.views import columns as col
from cnnprof.views.choice import find_column
from cnnprof.views.prediction import calibration_doubts, calibration_notes, lower_bound

FIGURES = (
    replace(col.PARAMS, weight=0),
    col.MACS,
    replace(col.ACTIVATIONS, weight=0),
    replace(col.PARAM_BYTES, weight=0),
    replace(col.PEAK_INFERENCE_BYTES, weight=0),
    replace(col.PEAK_TRAINING_BYTES, weight=0),
)
"""The columns of figures, under the names that every report has."""

PREDICTED = (
    replace(col.PREDICTED_MS, weight=0),
    Column("predicted_low_ms", "at least ms", "ms", 2),
    Column("predicted_high_ms", "at most ms", "ms", 2),
    Column("extrapolated", "extrapol.", "share", 3),
)
"""The columns of what is predicted: the time, its 90% interval, and the share that rests on nothing near."""

RANK = Column("rank", "rank", "count")
"""Among points in the order of their predicted time: one more than those that are told apart from it as quicker."""

SHOWN = 10
"""Rows of points that a terminal shows unless told otherwise."""

LARGEST_HEAT = (24, 12)
"""Rows and columns of a heat table."""


@record
class Order:
    """Which points are shown, and in which order.

    Args:
        sort: the figure to sort by, the smallest first, or with `-` before it the largest.
        top: how many are shown.
        pareto: figures, less of each being better, or more with `+` before it: only points that none is better than are left.
        columns: the columns to show; axes and all figures if empty.
        rows: how many points a report has where `top` does not say.
    """

    sort: str | None = None
    top: int | None = None
    pareto: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: int = SHOWN

    @property
    def needs_all(self) -> bool:
        """Whether all points have to be known before the first can be shown."""
        return bool(self.sort or self.top or self.pareto)


def axis_columns(axes: Mapping[str, Sequence[Any]]) -> tuple[Column, ...]:
    """The columns of the axes."""
    return tuple(Column(name, name, "text" if _is_text(values) else "count") for name, values in axes.items())


def _is_text(values: Sequence[Any]) -> bool:
    return any(isinstance(value, bool) or not isinstance(value, (int, float)) for value in values)


def read_where(text: str, axes: Mapping[str, Sequence[Any]], figures: Container[str], option: str = "--where") -> Condition:
    """The condition on points that have these figures. Raises UsageError for one that asks for what there is not."""
    known = names_of((*axis_columns(axes), *FIGURES, *PREDICTED))
    holds: dict[str, Holds] = {name: holds_of(column) for name, column in known.items()}
    holds |= {name: "text" if _is_text(values) else "number" for name, values in axes.items()}
    condition = read_condition(text, holds, option)
    for name in condition.columns:
        find_figure(name, axes, option, figures)
    limits = tuple(limit._replace(column=known[limit.column].key) for limit in condition.limits)
    return replace(condition, truth=lambda row: condition.truth(_Renamed(row, known)), limits=limits)


class _Renamed(dict[str, Any]):
    """Columns under every name that they may be asked for by."""

    def __init__(self, row: Mapping[str, Any], known: Mapping[str, Column]) -> None:
        super().__init__({name: row[column.key] for name, column in known.items() if column.key in row})


def find_figure(name: str, axes: Mapping[str, Sequence[Any]], option: str, figures: Container[str]) -> str:
    """The key of a figure or axis of that name. Raises UsageError, with what is close, if there is none among these figures."""
    key = find_column(name, (*axis_columns(axes), *FIGURES, *PREDICTED), option).key
    if key not in axes and key not in figures:
        predicted = key in {column.key for column in PREDICTED}
        hint = "add --predict" if predicted else "name it among the figures"
        raise UsageError(f"{option} asks for {key}, which is not worked out", hint=hint)
    return key


def show_sweep(
    name: str,
    space: Any,
    columns: Mapping[str, Any],
    chosen: Sequence[int],
    failed: Mapping[str, Any],
    order: Order,
    rests_on: tuple[Calibration, Sequence[str]] | None = None,
) -> Report:
    """The report.

    Args:
        space: the `Space`.
        columns: an array for each axis and figure, and perhaps the rank; all points that are left.
        chosen: the numbers of those that are shown, in their order.
        failed: how many points have no network, and the error of the first.
        order: which of the points are shown.
        rests_on: the calibration that latency is predicted from, and the kinds of layers that it lacks.
    """
    count = len(next(iter(columns.values())))
    facts = [Fact(axis, _spoken(values)) for axis, values in space.axes.items()]
    drawn = "" if space.sample is None else f", {space.size:,} of them drawn with seed {space.seed}"
    facts.append(Fact("points", f"{space.whole_size:,}{drawn}"))
    if failed["points"]:
        facts.append(Fact("no network", failure_text(failed)))
    if count + failed["points"] < space.size:
        facts.append(Fact("left", plural(count, "point")))
    known = (*axis_columns(space.axes), *(column for column in (*FIGURES, *PREDICTED) if column.key in columns))
    wanted = tuple(replace(find_column(each, known, "--columns"), weight=0) for each in order.columns) or known
    wanted = tuple(replace(column, kind="text") if column.key in space.axes else column for column in wanted)
    ranked = RANK.key in columns and RANK.key not in space.axes
    if ranked and not order.columns:
        wanted = (RANK, *wanted)
    shown = chosen[: order.top or (None if order.pareto else order.rows)]
    rows = tuple({column.key: _plain(columns[column.key][i]) for column in wanted} for i in shown)
    title = f"{'The front' if order.pareto else 'Points'}{_by(order)}"
    sections: list[Table | Listing] = [Listing(tuple(facts))]
    heat = None if order.needs_all else _heat(columns, space.axes, order)
    if heat:
        sections.append(heat)
    sections.append(Table(wanted, rows, title))
    notes = [f"{len(rows):,} of {len(chosen):,} points; -o points.csv writes all"] if len(rows) < len(chosen) else []
    notes += _ties(columns[RANK.key][chosen]) if ranked else []
    notes += _forecast_notes(*rests_on) if rests_on else []
    every = chosen[: order.top or None]
    values = [_plain_values(column, every) for column in columns.values()]
    data = {
        "model": name,
        "axes": {axis: [_plain(value) for value in values] for axis, values in space.axes.items()},
        "sample": space.sample,
        "failed": failed["points"],
        "points": [dict(zip(columns, point, strict=True)) for point in zip(*values, strict=True)],
    }
    doubts = calibration_doubts(rests_on and rests_on[0])
    title = f"{name}: {plural(space.size, 'point')} of {', '.join(space.axes)}"
    return Report("sweep", title, tuple(sections), tuple(notes), data, doubts=doubts)


def quickest_first(order: Order, axes: Mapping[str, Sequence[Any]], columns: Mapping[str, Any]) -> bool:
    """Whether points come in the order of their predicted time, and can be given a rank among `columns`."""
    needed = [column.key for column in PREDICTED[:3]]
    if not order.sort or order.sort.startswith("-") or RANK.key in axes or not all(key in columns for key in needed):
        return False
    return find_figure(order.sort, axes, "--sort", columns) == needed[0]


def _ties(ranks: Any) -> list[str]:
    """The remark on points whose order is in doubt."""
    ties = int((ranks == 1).sum())
    if ties < 2:
        return []
    return [f"prediction does not tell points of equal rank apart, of which {ties:,} are the quickest: --bench measures them"]


def _forecast_notes(calibration: Calibration, unknown_kinds: Sequence[str]) -> list[str]:
    notes = calibration_notes(calibration, "predicted ")
    return notes + ([f"the predicted time is {lower_bound(unknown_kinds)}"] if unknown_kinds else [])


def failure_text(failed: Mapping[str, Any]) -> str:
    """How many points have no network, and why the first has none."""
    error: CnnprofError = failed["first"]
    where = f" ({error.place})" if error.place else ""
    return f"{plural(failed['points'], 'point')}; the first: {error.message}{where}"


def _heat(columns: Mapping[str, Any], axes: Mapping[str, Sequence[Any]], order: Order) -> Table | None:
    """A figure over two axes, darker where it is larger; None where there are more axes or values than a table has."""
    import numpy as np

    if len(axes) != 2 or order.columns:
        return None
    (first, rows), (second, across) = axes.items()
    figure = next(column for column in FIGURES if column.key == "macs") if "macs" in columns else FIGURES[0]
    if len(rows) > LARGEST_HEAT[0] or not 1 < len(across) <= LARGEST_HEAT[1] or figure.key not in columns:
        return None
    values = columns[figure.key].astype(float)
    if not len(values):
        return None
    low, high = np.log(max(1.0, values.min())), np.log(max(1.0, values.max()))
    names = [dict.fromkeys(map(str, columns[axis].tolist())) for axis in (first, second)]
    cells = zip(map(str, columns[first].tolist()), map(str, columns[second].tolist()), values.tolist(), strict=True)
    lines: dict[str, dict[str, str]] = {name: {"heat_row": name} for name in names[0]}
    for row, column, value in cells:
        shade = SHADES[min(4, int(5 * (np.log(max(1.0, value)) - low) / (high - low or 1.0)))]
        lines[row][column] = f"{_short(value)} {shade}"
    heads = (Column("heat_row", f"{first} \\ {second}"), *(Column(name, name, "shaded") for name in names[1]))
    return Table(heads, tuple(lines.values()), figure.heading)


def _short(value: float) -> str:
    for letter, unit in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("K", 1e3)):
        if value >= unit:
            return f"{value / unit:.3g}{letter}"
    return f"{value:g}"


def _by(order: Order) -> str:
    if order.pareto:
        return f" of {', '.join(order.pareto)}"
    return (
        f" by {order.sort.lstrip('-')}, the {'largest' if order.sort.startswith('-') else 'smallest'} first"
        if order.sort
        else ""
    )


def _spoken(values: Sequence[Any]) -> str:
    texts = [_text(value) for value in values]
    shown = ", ".join(texts) if len(texts) <= 8 else f"{', '.join(texts[:3])}, ..., {texts[-1]}"
    return f"{shown} ({len(texts):,} values)" if len(texts) > 8 else shown


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return sizes_text(value) if len(value) == 3 else str([*value]).replace(" ", "")
    return str(value)


def _plain_values(column: Any, places: Any) -> list[Any]:
    """The values of a column at these places; of a whole space that is quicker than one by one."""
    values = column[places].tolist() if hasattr(column, "tolist") else [column[i] for i in places]
    return [*map(_plain, values)]


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, tuple):
        return list(value)
    return None if isinstance(value, float) and value != value else value
