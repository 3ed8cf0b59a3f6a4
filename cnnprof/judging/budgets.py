"""Budgets: how much a network may cost, and whether it keeps to it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple

from cnnprof.config import Project
from cnnprof.errors import CnnprofError, Place, SpecError, UsageError, did_you_mean, suggest
from cnnprof.footprint.analysis import MemoryAnalysis
from cnnprof.judging.deployment import EVERYWHERE, Deployment, figure_in, read_deployment, unknown_in
from cnnprof.judging.deployment import KEYS as DEPLOYMENT
from cnnprof.record import record
from cnnprof.timing.prediction import Prediction
from cnnprof.units import UNITS, QuantityKind, factor_of, split_quantity

COUNT, BYTES, TIME, PERCENT = "count", "bytes", "ms", "percent"

_QUANTITIES: Mapping[str, QuantityKind] = {COUNT: "count", BYTES: "bytes", TIME: "time"}
_EXAMPLES = {COUNT: "5M or 4.1G", BYTES: "64MB or 64MiB", TIME: "8ms", PERCENT: "72.5"}


class Limited(NamedTuple):
    """A figure that can have a budget: its name in `Totals` (or one of `TIMES`), and the kind of its unit."""

    figure: str
    unit: str

    @property
    def is_least(self) -> bool:
        """Whether the figure is to be as large as the limit, or larger."""
        return self.unit == PERCENT


TOP1 = "top1"
LATENCY, PREDICTED = "latency_ms", "predicted_ms"
TIMES = (LATENCY, PREDICTED)
"""Figures that no analysis has: a measured time, and a predicted one."""

LIMITS = {
    "max-params": Limited("params", COUNT),
    "max-macs": Limited("macs", COUNT),
    "max-activations": Limited("activations", COUNT),
    "max-weights": Limited("param_bytes", BYTES),
    "max-peak": Limited("peak_inference_bytes", BYTES),
    "max-training-peak": Limited("peak_training_bytes", BYTES),
    "max-latency": Limited(LATENCY, TIME),
    "max-predicted-latency": Limited(PREDICTED, TIME),
    "min-top1": Limited("top1", PERCENT),
}
"""The limits by the name that options and pyproject.toml have for them."""

BudgetLevel = Literal["error", "warn"]
LEVELS: tuple[BudgetLevel, ...] = ("error", "warn")
_PEAKS = ("peak_inference_bytes", "peak_training_bytes")
MOST = 1e18
"""A limit, at most."""

LEAST_SHARE = 0.005
"""Of a figure that a part has which is worth a look."""

KEYS = ("model", "level", *DEPLOYMENT, *LIMITS)


@record
class Budget:
    """A limit on one figure.

    Args:
        key: one of `LIMITS`.
        limit: in the figure's base unit: a count, bytes, milliseconds or percent.
        level: `error`, or `warn` for a limit that is only reported.
        models: names or globs; none for every network that is checked.
        place: where the limit is written, if it is.
        models_at: where the models are.
        deployment: how the networks are run that the limit is for.
    """

    key: str
    limit: float
    level: BudgetLevel = "error"
    models: tuple[str, ...] = ()
    place: Place | None = None
    models_at: Place | None = None
    deployment: Deployment = EVERYWHERE

    @property
    def figure(self) -> str:
        """The name of the figure: `params`, `latency_ms`."""
        return LIMITS[self.key].figure

    @property
    def unit(self) -> str:
        """`count`, `bytes`, `ms` or `percent`."""
        return LIMITS[self.key].unit

    def excess(self, value: float) -> float:
        """How far the value is beyond the limit; below 0 if it keeps to it."""
        return self.limit - value if LIMITS[self.key].is_least else value - self.limit

    def covers(self, name: str) -> bool:
        """Whether the budget is for the network of that name."""
        return not self.models or any(fnmatchcase(name, pattern) for pattern in self.models)


class Part(NamedTuple):
    """A part of a figure, and its share of the whole."""

    name: str
    value: float
    share: float


@record
class BudgetVerdict:
    """A network held to a budget: `value`, None where it is not known, for a `reason`; `parts` are the largest of it.

    `file` is the one in this folder or below that the network is written in, empty where there is none.
    """

    model: str
    budget: Budget
    value: float | None
    parts: tuple[Part, ...] = ()
    reason: str = ""
    lower_bound: bool = False
    file: str = ""

    @property
    def exceeds(self) -> bool:
        """Whether the limit is passed."""
        return self.value is not None and self.budget.excess(self.value) > 0

    @property
    def status(self) -> Literal["ok", "warn", "error", "unknown"]:
        """`ok`, `warn`, `error`, or `unknown` without a value and for a lower bound below the limit."""
        if self.exceeds:
            return self.budget.level
        return "unknown" if self.value is None or self.lower_bound else "ok"


def judge(
    profile: MemoryAnalysis, name: str | None, budgets: Sequence[Budget], latency_ms: float | None = None
) -> list[BudgetVerdict]:
    """The verdicts on a network, by those budgets that cover the name it was asked for, or by all if that is None.

    `latency_ms` is its measured latency.
    """
    verdicts = []
    for budget in budgets:
        if name is None or budget.covers(name) or budget.covers(profile.graph.name):
            times = {LATENCY: latency_ms, PREDICTED: None}
            is_time = budget.figure in times
            value = times[budget.figure] if is_time else figure_in(profile, budget.figure, budget.deployment)
            verdict = BudgetVerdict(profile.graph.name, budget, value)
            parts = _largest_parts(profile, budget, value) if verdict.exceeds and value else ()
            reason = _lower_bound(profile) if budget.figure not in (LATENCY, TOP1) else ""
            lower = bool(reason)
            if value is None and not is_time:
                reason = unknown_in(budget.figure, budget.deployment)
            verdicts.append(BudgetVerdict(verdict.model, budget, value, parts, reason, lower))
    return verdicts


def _lower_bound(profile: MemoryAnalysis) -> str:
    """Why the figures are lower bounds; empty if they are not."""
    uncounted = profile.totals.uncounted
    if not uncounted:
        return ""
    others = f" and {len(uncounted) - 1} more" if len(uncounted) > 1 else ""
    return f"the figure is a lower bound: {uncounted[0]}{others} is not counted"


def settle(verdicts: Sequence[BudgetVerdict], predictions: Mapping[str, Prediction], reason: str) -> list[BudgetVerdict]:
    """The verdicts with predicted times in their places, by the network's name; without them the reason why there are none.

    A prediction that is a lower bound and below the limit settles nothing.
    """
    settled = []
    for verdict in verdicts:
        if verdict.budget.figure == PREDICTED:
            found = predictions.get(verdict.model)
            value, why = (None, reason) if found is None else (found.milliseconds, verdict.reason)
            if found is not None and found.unknown_kinds:
                why = f"the figure is a lower bound: nothing is measured of {found.unknown_kinds[0]}"
            verdict = replace(verdict, value=value, reason=why, lower_bound=bool(why))
        settled.append(verdict)
    return settled


def leave_out(name: str, budgets: Sequence[Budget], reason: str) -> list[BudgetVerdict]:
    """The verdicts of these budgets on a network that was not looked at."""
    return [BudgetVerdict(name, budget, None, reason=reason) for budget in budgets]


def _largest_parts(profile: MemoryAnalysis, budget: Budget, total: float, count: int = 3) -> tuple[Part, ...]:
    figure = budget.figure
    if figure in (*TIMES, TOP1):
        return ()
    if figure in _PEAKS:
        footprint = profile.inference if figure == "peak_inference_bytes" else profile.training
        weights = figure_in(profile, "param_bytes", budget.deployment) or 0
        parts = [("weights", weights), (f"tensors at {footprint.peak.node}", total - weights)]
    elif figure == "param_bytes":
        scale = total / profile.totals.params if profile.totals.params else 0
        parts = [(cost.node.name, round(cost.params * scale)) for cost in profile.costs if not cost.node.aux]
    else:
        parts = [(cost.node.name, getattr(cost, figure)) for cost in profile.costs if not cost.node.aux]
    parts.sort(key=lambda part: -part[1])
    return tuple(Part(name, value, value / total) for name, value in parts[:count] if value >= LEAST_SHARE * total > 0)


def parse_limit(key: str, value: Any) -> float:
    """`5M`, `64MiB` or `8ms` in base units. Raises CnnprofError for anything else; the caller knows the place."""
    kind = LIMITS[key].unit
    if kind == PERCENT:
        return _parse_percent(key, value)
    quantity, example = _QUANTITIES[kind], _EXAMPLES[kind]
    parts = None if isinstance(value, bool) else split_quantity(str(value))
    if not parts:
        raise CnnprofError(f"{key}: '{value}' is not a limit", hint=f"write a number and a unit, such as {example}")
    number, unit = parts
    if not unit and kind != COUNT:
        raise CnnprofError(f"{key}: '{value}' has no unit", hint=f"write {number:g}{_usual(kind)}, for example")
    factor = factor_of(unit, quantity)
    if factor is None:
        units = [name for name in UNITS[quantity] if name]
        raise CnnprofError(f"{key}: unknown unit '{unit}'", hint=suggest(unit, units))
    if not number:
        raise CnnprofError(f"{key}: a limit is above 0")
    if number * factor > MOST:
        raise CnnprofError(f"{key}: no network comes near such a limit", hint=f"write a number and a unit, such as {example}")
    limit = round(number * factor * (1e3 if kind == TIME else 1), 6)
    return int(limit) if limit.is_integer() else limit


def _parse_percent(key: str, value: Any) -> float:
    try:
        share = float("nan") if isinstance(value, bool) else float(str(value).strip().removesuffix("%"))
    except ValueError:
        share = float("nan")
    if not 0 < share <= 100:
        raise CnnprofError(f"{key}: '{value}' is not a limit", hint=f"write a number of percent, such as {_EXAMPLES[PERCENT]}")
    return share


def budgets_of(limits: Mapping[str, Any]) -> list[Budget]:
    """Budgets for every network that is checked, from limits by name. Raises UsageError for a wrong one."""
    for key in limits:
        if key not in LIMITS:
            raise UsageError(f"there is no limit '{key}'", hint=suggest(key, LIMITS))
    try:
        return [Budget(key, parse_limit(key, value)) for key, value in limits.items()]
    except CnnprofError as error:
        raise UsageError(error.message, hint=error.hint) from None


def _usual(kind: str) -> str:
    return {BYTES: "MB", TIME: "ms"}[kind]


def read_budgets(project: Project) -> list[Budget]:
    """The budgets under `[[tool.cnnprof.budget]]`. Raises SpecError with the line for a mistake."""
    entries = project.section.get("budget", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SpecError(f"{project.shown}: budgets are a list of tables", hint="begin each with [[tool.cnnprof.budget]]")
    budgets: list[Budget] = []
    for lines, entry in zip(_find_entries(project.text, len(entries)), entries, strict=True):
        budgets += _read_entry(project, lines, entry)
    return budgets


def _read_entry(project: Project, lines: range, entry: Mapping[str, Any]) -> list[Budget]:
    def place(key: str, word: str | None = None) -> Place | None:
        return project.place_of(key, lines, word)

    for key in entry:
        if key not in KEYS:
            hint = did_you_mean(key, KEYS) or f"the keys are {', '.join(KEYS)}"
            raise SpecError(f"unknown key '{key}' in a budget", place(key), hint)
    level, models = entry.get("level", "error"), entry.get("model", [])
    if level not in LEVELS:
        hint = suggest(str(level), LEVELS)
        raise SpecError(f"unknown level '{level}' of a budget", place("level", str(level)), hint)
    models = [models] if isinstance(models, str) else models
    if not isinstance(models, list) or not all(isinstance(model, str) and model for model in models):
        raise SpecError("the model of a budget is a name, a glob or a list of them", place("model"))
    limits = {key: value for key, value in entry.items() if key in LIMITS}
    if not limits:
        at = project.place(lines.start) if lines else None
        raise SpecError("a budget without a limit", at, f"give it one of {', '.join(LIMITS)}")
    budgets = []
    deployment = read_deployment(entry, place)
    for key, value in limits.items():
        if deployment.dtype == "int8" and key in ("max-training-peak", "max-latency", "max-predicted-latency"):
            raise SpecError(f"{key} is not known in int8", place(key), "int8 is computed: it is neither trained nor measured")
        try:
            limit = parse_limit(key, value)
        except CnnprofError as error:
            raise SpecError(error.message, place(key, str(value)), error.hint) from None
        budgets.append(Budget(key, limit, level, _from_here(project, models), place(key), place("model"), deployment))
    return budgets


def _from_here(project: Project, models: Sequence[str]) -> tuple[str, ...]:
    """Names as they are; files, which stand there relative to the project, relative to this folder."""
    return tuple(os.path.relpath(project.folder / model) if _FILE.search(model) else model for model in models)


_FILE = re.compile(r"\.(ya?ml|py|onnx|keras|json|pt2?|pth|ts|torchscript)([#:@]|$)")
_HEADER = re.compile(r"\s*\[")
_BUDGET = re.compile(r"\s*\[\[\s*tool\s*\.\s*[\"']?cnnprof[\"']?\s*\.\s*[\"']?budget[\"']?\s*\]\]")


def _find_entries(text: str, count: int) -> list[range]:
    """The lines of each entry, counted from 1; empty ranges where they are not written as `[[tool.cnnprof.budget]]`."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines, 1) if _BUDGET.match(line)]
    if len(starts) != count:
        return [range(0)] * count
    found = []
    for start in starts:
        ends = (number for number in range(start + 1, len(lines) + 1) if _HEADER.match(lines[number - 1]))
        found.append(range(start, next(ends, len(lines) + 1)))
    return found
