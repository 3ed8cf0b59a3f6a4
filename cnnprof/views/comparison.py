"""`cnnprof compare`: networks side by side, with what each costs and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cnnprof.errors import UsageError
from cnnprof.judging.filters import read_condition
from cnnprof.judging.pareto import Standing, standings
from cnnprof.report import WIDE_ONLY, Column, Report, Table, holds_of, names_of, plural
from cnnprof.timing.calibrations import Calibration
from cnnprof.timing.measurements import Measurement
from cnnprof.timing.ratios import compare as compare_latency
from cnnprof.timing.ratios import noise_of
from cnnprof.units import Holds, sizes_text
from cnnprof.views import columns as col
from cnnprof.views.benchmark import conditions, warnings_of
from cnnprof.views.beside import (
    COLUMNS,
    LATENCY_RATIO,
    MACS_RATIO,
    PARAM_BYTES_RATIO,
    PARAMS_RATIO,
    PARETO,
    Beside,
    fit_columns,
    row_of,
)
from cnnprof.views.choice import NONE, Choice, choose_columns, compared, find_column, order
from cnnprof.views.entry import OF_ENTRY, Entry
from cnnprof.views.fitting import fit_dict, notes_of_several
from cnnprof.views.likeness import input_notes, namesake_notes
from cnnprof.views.memory import int8_note
from cnnprof.views.model import CONVENTION, accuracy_dict
from cnnprof.views.prediction import calibration_doubts, calibration_notes, lower_bound, prediction_dict
from cnnprof.views.recipes import accuracy_notes, mark_of, number_sources, recipe_among

LOWER_IS_BETTER = tuple(
    column.key
    for column in (
        *(col.PARAMS, col.MACS, col.ACTIVATIONS, col.PARAM_BYTES, col.ACTIVATION_BYTES),
        *(col.PEAK_INFERENCE_BYTES, col.PEAK_TRAINING_BYTES, col.PREDICTED_MS),
    )
)
REPORTED = (col.TOP1.key, col.TOP5.key)
HIGHER_IS_BETTER = (*REPORTED, col.THROUGHPUT_IMG_S.key, col.FIT_INFERENCE.key, col.FIT_TRAINING.key)
RELATIVE = (*LOWER_IS_BETTER, col.LATENCY_MS.key)
AXES = (col.TOP1.key, col.MACS.key, col.PARAMS.key)
"""The axes of the Pareto front, unless others are asked for; the measured latency, where there is one, besides."""

OPTIMAL = "yes"


def show_comparison(
    entries: Sequence[Entry],
    baseline: str,
    sort: str | None = None,
    choice: Choice = NONE,
    calibration: Calibration | None = None,
) -> Report:
    """The report on several networks; ratios are relative to the network named `baseline`.

    A network is Pareto-optimal if no other is at least as good on every axis and better on one; where a figure is not known,
    or is an accuracy on another data set than the baseline's, nobody can tell. Predicted times rest on the `calibration`.
    """
    cells = [{column.key: column.cell(entry) for column in OF_ENTRY} for entry in entries]
    base = next(row for row in cells if row["model"] == baseline)
    measured = any(entry.measurement for entry in entries)
    elsewhere = on_other_data(cells, base)
    marks, recipe = number_sources(cells), recipe_among(base, cells)
    axes = _axes(choice.pareto, cells, measured)
    fitting = fit_columns(entries)

    def beside(numbers: Sequence[int]) -> dict[int, Beside]:
        """These networks, beside each other."""
        stand = _standings([cells[i] for i in numbers], axes, elsewhere)
        return {
            i: Beside(entries[i], cells[i], _by(cells[i], base), mark_of(cells[i], marks, recipe), *where)
            for i, where in zip(numbers, stand, strict=True)
        }

    networks = beside(range(len(entries)))
    rows = [row_of(each, fitting) for each in networks.values()]
    left, notes = _filtered(rows, choice)
    if choice.where:
        # What is not asked for dominates nobody.
        networks |= beside(left)
        rows = [row_of(each, fitting) for each in networks.values()]
    if choice.pareto_only:
        left = [i for i in left if networks[i].standing.optimal]
    shown = order(left, rows, find_column(sort, COLUMNS, "--sort"), HIGHER_IS_BETTER, last=elsewhere) if sort else left
    ordered = [rows[i] for i in shown]
    kept = [networks[i] for i in shown]
    columns = choose_columns(choice, COLUMNS, _usual(ordered or rows, measured, fitting), _told(choice, sort, axes))
    for column in columns if choice.columns and rows else ():
        if column.key in _LACKING:
            _check_known(rows, column, "--columns")
    best = _best(ordered, [each.entry for each in kept], elsewhere)
    table = Table(columns, tuple(ordered), best=best)
    notes = [CONVENTION, *(["*: the best of its column"] if best else []), *notes]
    if PARETO.key in {column.key for column in columns}:
        notes.append(f"Pareto: no other network is as good in {_listed(axes)} and better in one of them")
        if any(not each.standing.known for each in kept):
            notes.append("?: a figure of these is not known, or of another data set")
    notes += _measurement_notes([each.entry for each in kept]) if measured else []
    notes += calibration_notes(calibration, "predicted ") if calibration else []
    notes += accuracy_notes(ordered, marks, base, elsewhere)
    notes += ([] if col.INPUT.key in choice.columns else input_notes(ordered)) + namesake_notes(ordered)
    for each in kept:
        notes += _entry_notes(each.entry)
    notes += notes_of_several([(each.entry.name, each.entry.fits) for each in kept])
    told = columns if choice.columns else COLUMNS
    data = {
        "baseline": baseline,
        "models": [_model(each) for each in kept],
        "rows": [{column.key: _plain(row[column.key]) for column in told} for row in ordered],
    }
    title = f"{plural(len(ordered), 'network')}, relative to {baseline}"
    return Report("compare", title, (table,), tuple(notes), data, doubts=calibration_doubts(calibration))


def _told(choice: Choice, sort: str | None, axes: Sequence[Column]) -> set[str]:
    """The keys of the columns that a reader has asked by."""
    told = {find_column(sort, COLUMNS, "--sort").key} if sort else set()
    if choice.pareto or choice.pareto_only:
        told |= {PARETO.key, *(axis.key for axis in axes if choice.pareto)}
    if choice.where:
        names = names_of(COLUMNS)
        told |= {names[name].key for name in read_condition(choice.where, _holds()).columns}
    return told


def _holds() -> dict[str, Holds]:
    return {name: holds_of(column) for name, column in names_of(COLUMNS).items()}


def _filtered(rows: Sequence[Mapping[str, Any]], choice: Choice) -> tuple[list[int], list[str]]:
    """The rows that are asked for, and what is to be said of those that cannot be told."""
    left, notes = list(range(len(rows))), []
    if choice.where:
        condition = read_condition(choice.where, _holds())
        cells = compared(rows, COLUMNS)
        for name in sorted(condition.columns):
            _check_known(rows, find_column(name, COLUMNS, "--where"), "--where", name)
        unknown = [rows[i]["model"] for i in left if condition.is_unknown(cells[i])]
        left = [i for i in left if condition.holds(cells[i])]
        notes.append(f"{len(left)} of {plural(len(rows), 'network')} with {choice.where}")
        if unknown:
            notes.append(f"left out, as a figure is not known: {', '.join(unknown)}")
    return left, notes


_LACKING = {
    **{c.key: "add --bench" for c in (col.LATENCY_MS, col.THROUGHPUT_IMG_S, col.PEAK_MEMORY_BYTES, LATENCY_RATIO)},
    **{c.key: "add --predict" for c in (col.PREDICTED_MS, col.INTERVAL90)},
}
"""How a user comes to have a column that no row has."""


def _check_known(rows: Sequence[Mapping[str, Any]], column: Column, option: str, name: str = "") -> None:
    """Raises UsageError where no row has the column, which the option calls by that name."""
    if all(row.get(column.key) is None for row in rows):
        raise UsageError(f"{option}: no row has '{name or column.key}'", hint=_LACKING.get(column.key))


def _axes(asked: str | None, rows: Sequence[Mapping[str, Any]], measured: bool) -> tuple[Column, ...]:
    """The columns that decide who dominates whom. Raises UsageError for one alone, and for one that no row has."""
    names = [name.strip() for name in asked.split(",")] if asked else [*AXES, *([col.LATENCY_MS.key] if measured else [])]
    axes = tuple(dict.fromkeys(find_column(name, COLUMNS, "--pareto") for name in names))
    if len(axes) < 2:
        raise UsageError("--pareto takes two axes or more", hint="as in --pareto top1,latency")
    for axis in axes if asked else ():
        if holds_of(axis) == "text":
            raise UsageError(f"--pareto: '{axis.key}' is no figure")
        _check_known(rows, axis, "--pareto")
    return axes


def _by(row: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, float | None]:
    """The row's figures by the baseline's."""
    return {key: row[key] / base[key] if base[key] else None for key in RELATIVE if row.get(key) is not None}


def _standings(
    rows: Sequence[Mapping[str, Any]], axes: Sequence[Column], elsewhere: Mapping[str, str]
) -> list[tuple[Standing, str | None]]:
    """Where each row stands among these, as it is and in words."""

    def span(row: Mapping[str, Any], key: str) -> tuple[float, float] | None:
        if row.get(key) is None or (key in REPORTED and row["model"] in elsewhere):
            return None
        if key in HIGHER_IS_BETTER:
            return (-row[key], -row[key])
        return (row.get("ci95") if key == col.LATENCY_MS.key else None) or (row[key], row[key])

    found = standings([[span(row, axis.key) for axis in axes] for row in rows])
    return [(standing, _said(standing, rows)) for standing in found]


def _said(standing: Standing, rows: Sequence[Mapping[str, Any]]) -> str | None:
    if not standing.known:
        return "?"
    return OPTIMAL if standing.by is None else f"by {rows[standing.by]['model']}"


def _listed(axes: Sequence[Column]) -> str:
    *others, last = (_CALLED.get(axis.key, axis.heading) for axis in axes)
    return ", ".join(others) + f" and {last}"


_CALLED = {
    "params": "parameters",
    "latency_ms": "latency",
    "predicted_ms": "predicted latency",
    "peak_inference_bytes": "memory of an inference",
}


def _measurement_notes(entries: Sequence[Entry]) -> list[str]:
    measurements = [entry.measurement for entry in entries if entry.measurement]
    notes = sorted({conditions(measurement) for measurement in measurements if measurement.times})
    notes.append("latencies whose intervals meet are not told apart; cnnprof bench A B --compare gives verdicts")
    return notes + warnings_of(measurements)


def _entry_notes(entry: Entry) -> list[str]:
    notes = [f"{entry.name}: not read: {entry.figures['error']}"] if entry.error else []
    if entry.prediction and entry.prediction.unknown_kinds:
        notes.append(f"{entry.name}: the predicted time is {lower_bound(entry.prediction.unknown_kinds)}")
    uncounted = entry.total("uncounted") or ()
    if uncounted:
        named = ", ".join(uncounted[:5]) + (", ..." if len(uncounted) > 5 else "")
        notes.append(f"{entry.name}: the totals are a lower bound, as {len(uncounted)} operations are not counted: {named}")
    size = entry.accuracy.input if entry.accuracy else None
    if size and list(size) != entry.figures["model"]["input_shape"][1:]:
        notes.append(f"{entry.name}: its accuracy was measured at {sizes_text(size)}")
    scales = entry.figures.get("scale_bytes")
    if scales:
        notes.append(int8_note(entry.name, scales))
    if entry.measurement and entry.measurement.error:
        notes.append(f"{entry.name}: not measured: {entry.measurement.error}")
    return notes


def _usual(rows: Sequence[Mapping[str, Any]], measured: bool, fitting: Sequence[Column]) -> tuple[Column, ...]:
    """The columns that say something: accuracy where one is reported, the receptive field where an output is still an image."""

    def where(condition: bool, *columns: Column) -> tuple[Column, ...]:
        return columns if condition else ()

    blocks = any(len(row["output_shape"] or ()) > 1 for row in rows)
    reported = any(row["accuracy_source"] for row in rows)
    return (
        col.MODEL,
        *where(any(row["year"] for row in rows), col.YEAR),
        *where(any(row["dtype"] != "fp32" for row in rows), replace(col.DTYPE, weight=0)),
        col.INPUT,
        *where(blocks, col.OUTPUT_SHAPE),
        *(col.PARAMS, PARAMS_RATIO, col.MACS, MACS_RATIO, col.ACTIVATIONS),
        *where(blocks, col.OUTPUT_FIELD, col.NONLINEARITIES),
        *where(len({row["dtype"] for row in rows}) > 1, PARAM_BYTES_RATIO),
        *(col.PARAM_BYTES, col.ACTIVATION_BYTES, col.PEAK_INFERENCE_BYTES, col.PEAK_TRAINING_BYTES),
        *fitting,
        *where(reported, col.TOP1, col.TOP5, col.ACCURACY_MARK, col.ACCURACY_SOURCE),
        *where(any(row["runtime"] not in (None, "torch") for row in rows), col.RUNTIME),
        *where(measured, col.LATENCY_MS, col.CI95, LATENCY_RATIO, col.THROUGHPUT_IMG_S, col.PEAK_MEMORY_BYTES),
        *where(any(row["predicted_ms"] is not None for row in rows), col.PREDICTED_MS, col.INTERVAL90),
        *where(reported, PARETO),
        *where(any(row["failure"] for row in rows), replace(col.FAILURE, weight=WIDE_ONLY)),
        col.SOURCE,
    )


def _model(network: Beside) -> dict[str, Any]:
    entry, standing = network.entry, network.standing
    figures = {key: value for key, value in entry.figures.items() if key not in ("output_shape", "scale_bytes")}
    order = ("model", "totals", "memory")
    return {
        **{key: figures[key] for key in order if key in figures},
        **({"fits": [fit_dict(fit) for fit in entry.fits]} if entry.fits else {}),
        **{key: value for key, value in figures.items() if key not in order},
        "accuracy": accuracy_dict(entry.accuracy),
        **({"measurement": entry.measurement.to_dict()} if entry.measurement else {}),
        **({"prediction": prediction_dict(entry.prediction)} if entry.prediction else {}),
        **({"error": entry.figures["error"]} if entry.error else {}),
        "relative": network.relative,
        "pareto": standing.optimal if standing.known else None,
        "dominated_by": (network.pareto or "").removeprefix("by ") if standing.by is not None else None,
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def on_other_data(rows: Sequence[Mapping[str, Any]], base: Mapping[str, Any]) -> dict[str, str]:
    """The networks whose accuracy is on another data set than the baseline's, or than the first that there is, and on which."""
    datasets = [row["dataset"] for row in (base, *rows) if row["dataset"]]
    return {row["model"]: row["dataset"] for row in rows if row["dataset"] not in (None, *datasets[:1])}


def _best(
    rows: Sequence[Mapping[str, Any]], entries: Sequence[Entry], elsewhere: Mapping[str, str]
) -> frozenset[tuple[int, str]]:
    """The cells to mark: every column's best value, where the rows differ in it; accuracies `elsewhere` do not take part."""
    marks = _fastest(entries)
    for key in (*LOWER_IS_BETTER, col.PEAK_MEMORY_BYTES.key, *REPORTED, col.THROUGHPUT_IMG_S.key):
        values = [None if key in REPORTED and row["model"] in elsewhere else row.get(key) for row in rows]
        present = [value for value in values if value is not None]
        if len(set(present)) < 2:
            continue
        if key == col.THROUGHPUT_IMG_S.key:
            marks |= {(i, key) for i, _ in marks if _ == col.LATENCY_MS.key}
            continue
        best = max(present) if key in HIGHER_IS_BETTER else min(present)
        marks |= {(i, key) for i, value in enumerate(values) if value == best}
    return frozenset(marks)


def _fastest(entries: Sequence[Entry]) -> set[tuple[int, str]]:
    """The lowest latency, and those that the paired verdict does not tell from it; nobody, where it tells none from it."""
    timed = [(i, entry.measurement) for i, entry in enumerate(entries) if entry.measurement and entry.measurement.latency()]
    if len(timed) < 2:
        return set()
    noise = noise_of([measurement for _, measurement in timed])
    _, first = min(timed, key=lambda pair: getattr(pair[1].latency(), "median", float("inf")))

    def is_slower(measurement: Measurement) -> bool:
        ratio = compare_latency(measurement, first, noise)
        return ratio is not None and ratio.verdict == "slower"

    fastest = {i for i, measurement in timed if measurement is first or not is_slower(measurement)}
    return {(i, col.LATENCY_MS.key) for i in fastest} if len(fastest) < len(timed) else set()
