"""`cnnprof check`: which budgets hold, which do not and by how much, and where to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from cnnprof.errors import Place
from cnnprof.judging.budgets import BudgetVerdict
from cnnprof.judging.deployment import KEYS, Deployment
from cnnprof.report import LAST_RESORT, Annotation, Column, Report, Table
from cnnprof.timing.calibrations import Calibration
from cnnprof.timing.measurements import Measurement
from cnnprof.timing.prediction import Prediction
from cnnprof.views import columns as col
from cnnprof.views.benchmark import warnings_of
from cnnprof.views.prediction import calibration_doubts, calibration_notes, prediction_dict


def _value(verdict: BudgetVerdict) -> tuple[float, str] | None:
    return None if verdict.value is None else (verdict.value, verdict.budget.unit)


def _used(verdict: BudgetVerdict) -> float | None:
    return None if verdict.value is None else verdict.value / verdict.budget.limit


def _excess(verdict: BudgetVerdict) -> tuple[float, str] | Literal[""]:
    """How far the value is beyond the limit; nothing where it keeps to it."""
    if verdict.value is None or not verdict.exceeds:
        return ""
    return verdict.budget.excess(verdict.value), verdict.budget.unit


def _parts(verdict: BudgetVerdict) -> str:
    return ", ".join(f"{part.name} ({part.share:.0%})" for part in verdict.parts)


BUDGET = Column("budget", "budget", of=lambda verdict: verdict.budget.key)
LIMIT = Column("limit", "limit", "quantity", of=lambda verdict: (verdict.budget.limit, verdict.budget.unit))
VALUE = Column("value", "is", "quantity", of=_value)
USED = Column("used", "used %", "share", 2, _used)
EXCESS = Column("excess", "over by", "quantity", LAST_RESORT, _excess)
LOOK_AT = Column("look_at", "look at", of=_parts)

COLUMNS = (col.MODEL, BUDGET, LIMIT, VALUE, USED, EXCESS, col.STATUS, LOOK_AT)


def show_verdicts(
    verdicts: Sequence[BudgetVerdict],
    measurements: Sequence[Measurement] = (),
    predictions: Sequence[Prediction] = (),
    calibration: Calibration | None = None,
) -> Report:
    """The report on budgets, one row each; what fails is an annotation, too."""
    failed = [verdict for verdict in verdicts if verdict.status not in ("ok", "unknown")]
    unknown = [verdict for verdict in verdicts if verdict.status == "unknown"]
    notes = [f"{model}: {reason}" for model, reason in dict.fromkeys((v.model, v.reason) for v in unknown if v.reason)]
    notes += [f"{m.model}: not measured: {m.error}" for m in measurements if m.error]
    notes += warnings_of(measurements)
    notes += [_interval_note(verdict, m) for verdict in verdicts for m in measurements if _undecided(verdict, m)]
    notes += _prediction_notes(verdicts, predictions, calibration) if calibration else []
    data: dict[str, Any] = {
        "passed": not any(verdict.status == "error" for verdict in verdicts),
        "budgets": [_dict(verdict) for verdict in verdicts],
    }
    if measurements:
        data["measurements"] = [measurement.to_dict() for measurement in measurements]
    if predictions:
        data["predictions"] = [{"model": each.model, **prediction_dict(each)} for each in predictions]
    verdicts = [_placed(each) for each in verdicts]
    annotations = tuple(_open_question(each) if each.status == "unknown" else _annotation(each) for each in verdicts)
    return Report(
        "check",
        _title(len(verdicts), len(failed), len(unknown)),
        (Table.of(COLUMNS, verdicts),),
        tuple(notes),
        data,
        annotations=annotations,
        doubts=calibration_doubts(calibration),
    )


def _title(budgets: int, failed: int, unknown: int) -> str:
    if not (failed or unknown):
        return "the budget holds" if budgets == 1 else f"all {budgets} budgets hold"
    if budgets == 1:
        return "the budget does not hold" if failed else "nobody knows whether the budget holds"
    said = [f"{failed} of {budgets} budgets do not hold"] if failed else []
    return ", ".join([*said, f"{unknown} of {budgets} are not known to hold"] if unknown else said)


def _placed(verdict: BudgetVerdict) -> BudgetVerdict:
    """With a place for a limit of the command line: the file that the network is written in."""
    if verdict.budget.place or not verdict.file:
        return verdict
    return replace(verdict, budget=replace(verdict.budget, place=Place(verdict.file, 1, 1)))


def _annotation(verdict: BudgetVerdict) -> Annotation:
    budget, value = verdict.budget, verdict.value or 0
    if not verdict.exceeds:
        message = f"{budget.figure} is {value:,.10g}, within the limit of {budget.limit:,.10g}"
        return Annotation("ok", f"{verdict.model}: {budget.key}", message, budget.place)
    side = "under" if value < budget.limit else "over"
    beyond = abs(value / budget.limit - 1)
    message = f"{budget.figure} is {value:,.10g}, {beyond:.1%} {side} the limit of {budget.limit:,.10g}"
    look = f"; look at {_parts(verdict)}" if verdict.parts else ""
    return Annotation(budget.level, f"{verdict.model}: {budget.key}", message + look, budget.place)


def _open_question(verdict: BudgetVerdict) -> Annotation:
    budget = verdict.budget
    message = f"{budget.figure} is not known" + (f": {verdict.reason}" if verdict.reason else "")
    return Annotation("unknown", f"{verdict.model}: {budget.key}", message, budget.place)


def _undecided(verdict: BudgetVerdict, measurement: Measurement) -> bool:
    latency = measurement.latency()
    if verdict.budget.figure != "latency_ms" or verdict.model != measurement.model or not latency or not latency.ci95:
        return False
    return latency.ci95[0] <= verdict.budget.limit <= latency.ci95[1]


def _prediction_notes(
    verdicts: Sequence[BudgetVerdict], predictions: Sequence[Prediction], calibration: Calibration
) -> list[str]:
    """Remarks on the basis of predictions, and on limits that lie within their interval."""
    notes = calibration_notes(calibration, "predicted ")
    by_name = {each.model: each.interval90_ms for each in predictions}
    for verdict in verdicts:
        low, high = by_name.get(verdict.model, (0.0, 0.0))
        if verdict.budget.figure == "predicted_ms" and low <= verdict.budget.limit <= high:
            notes.append(f"{verdict.model}: the limit lies within the prediction's 90% interval, {low:.3g} to {high:.3g} ms")
    return notes


def _interval_note(verdict: BudgetVerdict, measurement: Measurement) -> str:
    latency = measurement.latency()
    low, high = (latency and latency.ci95) or (0, 0)
    return f"{verdict.model}: the limit lies within the latency's 95% interval, {low:.3g} to {high:.3g} ms"


def _dict(verdict: BudgetVerdict) -> dict[str, Any]:
    budget, value = verdict.budget, verdict.value
    return {
        "model": verdict.model,
        "budget": budget.key,
        "figure": budget.figure,
        "limit": budget.limit,
        "value": value,
        "excess": max(0, budget.excess(value)) if value is not None else None,
        "used": _used(verdict),
        "level": budget.level,
        "deployment": _deployment_dict(budget.deployment),
        "status": verdict.status,
        "reason": verdict.reason or None,
        "look_at": [part._asdict() for part in verdict.parts],
        "place": {"file": budget.place.file, "line": budget.place.line} if budget.place else None,
    }


def _deployment_dict(deployment: Deployment) -> dict[str, Any]:
    """The conditions that the budget names; what it leaves out is as for all."""
    said = {name: getattr(deployment, name) for name in KEYS if name != "settings"} | {"settings": dict(deployment.settings)}
    return {name: value for name, value in said.items() if value}
