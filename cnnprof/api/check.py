"""`cnnprof.check`: networks held to budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cnnprof import sources
from cnnprof.api.figures import resolve_each
from cnnprof.api.profile import Network, Profile, Size, profile, told_apart
from cnnprof.api.result import Result
from cnnprof.errors import CnnprofError, SpecError, UnavailableError, UsageError
from cnnprof.record import record
from cnnprof.sources import Model

if TYPE_CHECKING:
    from cnnprof.api.predict import Known, Predictions
    from cnnprof.config import Project
    from cnnprof.judging.budgets import Budget, Verdict
    from cnnprof.measure.options import Options
    from cnnprof.report import Report
    from cnnprof.timing.measurements import Measurement


@record(repr=False)
class Audit(Result):
    """Networks held to budgets: `verdicts`, one a network and budget; `failures` say why networks could not be read.

    `replaced` are the budgets of pyproject.toml in whose place a limit was given.
    """

    verdicts: tuple[Verdict, ...]
    measurements: tuple[Measurement, ...] = ()
    failures: tuple[CnnprofError, ...] = ()
    predictions: Predictions | None = None
    replaced: tuple[Budget, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no budget of level `error` is exceeded."""
        return not any(verdict.status == "error" for verdict in self.verdicts)

    @property
    def predicts(self) -> bool:
        """Whether a budget is on predicted time."""
        return any(verdict.budget.figure == "predicted_ms" for verdict in self.verdicts)

    def report(self) -> Report:
        """The report of `cnnprof check`."""
        from cnnprof.views.budgets import show_verdicts

        known = self.predictions
        predicted = (known.predictions, known.calibration) if known else ()
        shown = show_verdicts(self.verdicts, self.measurements, *predicted)
        return replace(shown, notes=(*shown.notes, *map(_replacement, dict.fromkeys(each.key for each in self.replaced))))

    def __repr__(self) -> str:
        held = sum(verdict.status == "ok" for verdict in self.verdicts)
        return f"<Audit: {held} of {len(self.verdicts)} budgets hold>"


def _replacement(key: str) -> str:
    return f"the {key} that is given stands in the place of pyproject.toml's"


def check(
    networks: Network = None,
    limits: Mapping[str, str] | None = None,
    input_shape: Size = None,
    batch: int = 1,
    settings: Mapping[str, Any] | None = None,
    time: Callable[[Sequence[Profile]], Sequence[Measurement]] | None = None,
    run_code: bool = False,
    options: Options | None = None,
    calibration: Known = None,
) -> Audit:
    """Hold networks to budgets, those of `limits` and those of the nearest pyproject.toml.

    Args:
        networks: references, globs, modules or Models, or one of them; those that pyproject.toml has budgets for if left out.
        limits: by name, as in `{"max-params": "5M"}`; each replaces those of pyproject.toml for the same figure.
        input_shape: (C, H, W) instead of the networks' own.
        batch: images in one run.
        settings: values that override the networks' own, by name.
        time: measures those that have a budget for latency; `bench`, short, if left out.
        options: the way to run that times are predicted for.
        calibration: what predictions rest on; what this machine keeps if left out.
        run_code: also check networks whose code pyproject.toml names; without it their verdicts are `unknown`.

    Returns:
        An Audit: `verdicts`, one a network and budget.

    Raises:
        CnnprofError: as `load`; SpecError, with its place, for a mistake in pyproject.toml.
        UsageError: there is no budget, or none for a network.
    """
    from cnnprof.config import find_project
    from cnnprof.judging.budgets import PREDICTED, budgets_of, judge, leave_out, read_budgets, settle

    project = find_project()
    written = read_budgets(project) if project else []
    given = budgets_of(limits or {})
    replaced = [budget for budget in written if budget.key in (limits or {})]
    budgets = [*given, *(budget for budget in written if budget not in replaced)]
    if not budgets:
        raise UsageError("no budget is given", hint="as in --max-params 5M, or under [[tool.cnnprof.budget]] in pyproject.toml")
    named: list[tuple[Model, Budget | None]] = (
        _expand_budgets(written, project, settings)
        if networks is None
        else [(model, None) for model in resolve_each(networks, settings)]
    )
    refused = [model.reference for model, budget in named if budget and model.runs_code and not run_code]
    named = [(model, budget) for model, budget in named if model.reference not in refused]
    if not (named or refused):
        if project and written:
            raise SpecError("no network is named", project.place_of("budget"), 'give a budget a model, as in model = "resnet*"')
        raise UsageError("no network is named", hint="name one, or give a budget in pyproject.toml a model")
    read, failed = [], list[tuple[str, CnnprofError]]()
    for model, budget in named:
        try:
            with _blaming(budget):
                read.append((model.reference, profile(model, input_shape, batch)))
        except CnnprofError as error:  # noqa: PERF203 - the others go on
            failed.append((model.reference, error))
    if failed and not read:
        raise failed[0][1]
    pairs = [(name, each) for (name, _), each in zip(read, told_apart(read), strict=True)]
    for name, each in pairs:
        if not judge(each, name, budgets):
            raise UsageError(f"no budget covers '{name}'", hint="give one as an option, such as --max-params 5M")
    timed = [each for name, each in pairs if any(v.budget.figure == "latency_ms" for v in judge(each, name, budgets))]
    measurements = tuple((time or _time_quickly)(timed)) if timed else ()
    latencies = {m.model: latency.median for m in measurements if (latency := m.latency())}
    verdicts = [verdict for name, each in pairs for verdict in judge(each, name, budgets, latencies.get(each.graph.name))]
    asked = {each.budget for each in verdicts if each.budget.figure == PREDICTED}
    known, why = _predict([each for _, each in pairs], options, calibration) if asked else (None, "")
    verdicts = settle(verdicts, {each.model: each for each in known.predictions} if known else {}, why)
    verdicts += [verdict for name in refused for verdict in leave_out(name, budgets, NAMES_CODE)]
    verdicts += [verdict for name, error in failed for verdict in leave_out(name, budgets, error.message)]
    return Audit(tuple(verdicts), measurements, tuple(error for _, error in failed), known, tuple(replaced))


def _predict(profiles: Sequence[Profile], options: Options | None, calibration: Known) -> tuple[Predictions | None, str]:
    """The predicted times of the networks; without a calibration of this machine None, and the reason."""
    from cnnprof.api.predict import Predictions, find_calibration, predictor_of
    from cnnprof.measure.options import Options

    how = options or Options()
    try:
        known = find_calibration(how, calibration)
    except UnavailableError as error:
        if calibration is not None:
            raise
        return None, f"{error.message}; {error.hint}"
    predictor = predictor_of(known, how)
    return Predictions(tuple(map(predictor.predict, profiles)), known), ""


NAMES_CODE = "its code was not run: pyproject.toml names it, and --run-code allows it"


def _expand_budgets(
    budgets: Sequence[Budget], project: Project | None, settings: Mapping[str, Any] | None = None
) -> list[tuple[Model, Budget | None]]:
    """Every network that a budget names, with the first that does. Raises SpecError for a file outside of the project."""
    found: dict[str, tuple[Model, Budget | None]] = {}
    for budget in budgets:
        with _blaming(budget):
            for model in sources.expand(budget.models, settings):
                if project and model.file and not project.holds(model.file):
                    raise SpecError(
                        f"'{model.reference}' lies outside of the project", hint=f"name it: cnnprof check {model.reference}"
                    )
                found.setdefault(model.reference, (model, budget))
    return list(found.values())


@contextmanager
def _blaming(budget: Budget | None) -> Iterator[None]:
    """An error without a place of its own is in the line that names the budget's models."""
    try:
        yield
    except CnnprofError as error:
        error.place = error.place or (budget.models_at if budget else None)
        raise


def _time_quickly(profiles: Sequence[Profile]) -> Sequence[Measurement]:
    from cnnprof.measure.bench import Job, Options, run

    jobs = [Job(each.graph.name, each.graph, each.graph.input_shape[0]) for each in profiles]
    return run(jobs, Options(processes=3, rounds=5), lambda _: None)
