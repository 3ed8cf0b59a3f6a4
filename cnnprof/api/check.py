"""`cnnprof.check`: networks held to budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cnnprof.api.figures import Unresolved, resolve_each
from cnnprof.api.places import file_of
from cnnprof.api.profile import Network, Profile, Size, profile, told_apart
from cnnprof.api.result import Result
from cnnprof.errors import CnnprofError, SpecError, UnavailableError, UsageError
from cnnprof.notify import quiet
from cnnprof.record import record
from cnnprof.sources import Model
from cnnprof.sources._types import Settings

if TYPE_CHECKING:
    from cnnprof.api.predict import Known, Predictions
    from cnnprof.config import Project
    from cnnprof.judging.budgets import Budget, BudgetVerdict
    from cnnprof.judging.deployment import Deployment
    from cnnprof.measure.options import Options
    from cnnprof.report import Report
    from cnnprof.timing.calibrations import Calibration
    from cnnprof.timing.measurements import Measurement
    from cnnprof.timing.prediction import Prediction


Time = Callable[["Sequence[Profile]", "Mapping[str, Any]"], "Sequence[Measurement]"]


@record(repr=False)
class Audit(Result):
    """Networks held to budgets: `verdicts`, one a network and budget; `failures` say why networks could not be read.

    `replaced` are the budgets of pyproject.toml in whose place a limit was given.
    """

    verdicts: tuple[BudgetVerdict, ...]
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
    settings: Settings = None,
    time: Time | None = None,
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
        time: measures those that have a budget for latency, in the way that is given: those of `device`, `dtype` and `threads`
            that the budgets name; `bench`, short, if left out.
        run_code: also check networks whose code pyproject.toml names; without it their verdicts are `unknown`.
        options: the way to run that times are predicted for.
        calibration: what predictions rest on; what this machine keeps if left out.

    Returns:
        An Audit: `verdicts`, one a network and budget.

    Raises:
        CnnprofError: as `load`; SpecError, with its place, for a mistake in pyproject.toml.
        UsageError: there is no budget, or none for a network.
    """
    from cnnprof.config import find_project
    from cnnprof.judging.budgets import budgets_of, judge, leave_out, read_budgets, settle

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
    held: list[DeployedProfile] = []
    failed: list[tuple[str, Sequence[Budget], CnnprofError]] = []
    read: list[tuple[str, Model, Profile]] = []
    for model, budget in named:
        try:
            with _blaming(budget):
                read.append((model.reference, model, profile(model, input_shape, batch)))
        except CnnprofError as error:  # noqa: PERF203 - the others go on
            theirs = _covering(budgets, model.reference) or ([budget] if budget else [])
            failed.append((model.reference, theirs, error))
    if failed and not read:
        raise failed[0][2]
    names = told_apart([(model.called, each) for _, model, each in read])
    for (reference, model, _), each in zip(read, names, strict=True):
        theirs = _covering(budgets, reference, each.graph.name)
        if not theirs:
            raise UsageError(f"no budget covers '{reference}'", hint="give one as an option, such as --max-params 5M")
        for deployment in dict.fromkeys(budget.deployment for budget in theirs):
            here = [budget for budget in theirs if budget.deployment == deployment]
            try:
                with _blaming(here[0]):
                    held.append(_deployed(model, each, deployment, here, input_shape, batch))
            except CnnprofError as error:
                failed.append((f"{each.graph.name}{deployment.mark}", here, error))
    measurements = _measure(held, time or _time_quickly)
    latencies = {m.model: latency.median for m in measurements if (latency := m.latency())}
    verdicts = [v for each in held for v in judge(each.profile, None, each.budgets, latencies.get(each.name))]
    known, why = _predict(held, options, calibration)
    verdicts = settle(verdicts, {each.model: each for each in known.predictions} if known else {}, why)
    files = {each.name: file_of(each.profile.graph) for each in held}
    verdicts = [replace(verdict, file=files[verdict.model]) for verdict in verdicts]
    verdicts += [verdict for name in refused for verdict in leave_out(name, _covering(budgets, name), NAMES_CODE)]
    verdicts += [verdict for name, theirs, error in failed for verdict in leave_out(name, theirs, error.message)]
    return Audit(tuple(verdicts), measurements, tuple(error for *_, error in failed), known, tuple(replaced))


def _covering(budgets: Sequence[Budget], *names: str) -> list[Budget]:
    """The budgets that are for a network of one of these names; a file's are for all of its variants."""
    files = [name.partition("#")[0] for name in names if "#" in name]
    return [budget for budget in budgets if any(map(budget.covers, (*names, *files)))]


@record
class DeployedProfile:
    """A network in a deployment, and the budgets that are for both."""

    profile: Profile
    deployment: Deployment
    budgets: tuple[Budget, ...]

    @property
    def name(self) -> str:
        """The network's name with its deployment."""
        return self.profile.graph.name

    def asks(self, figure: str) -> bool:
        """Whether a budget is on the figure."""
        return any(budget.figure == figure for budget in self.budgets)


def _deployed(
    model: Model, known: Profile, deployment: Deployment, budgets: Sequence[Budget], input_shape: Size, batch: int
) -> DeployedProfile:
    """The network as it is deployed; `known` as it is asked for everywhere. Raises as `profile`."""
    if deployment.reshapes:
        own = model.having(dict(deployment.settings)) if deployment.settings else model
        own = replace(own, size=deployment.input, _graphs={}) if deployment.input else own
        shape = None if deployment.input else input_shape
        made = profile(own, shape, deployment.batch or batch)
    else:
        own, shape, made = model, input_shape, known
    graph = replace(made.graph, name=f"{known.graph.name}{deployment.mark}")
    held = DeployedProfile(Profile(graph, made.costs), deployment, tuple(budgets))
    if not held.asks("top1"):
        return held
    from cnnprof.api.accuracy import own_accuracy

    stated = own_accuracy(made.graph, own, shape is None) or graph.facts.accuracy
    named = replace(graph, facts=replace(graph.facts, accuracy=stated))
    return replace(held, profile=Profile(named, made.costs))


def _by_way(held: Sequence[DeployedProfile], figure: str) -> Iterator[tuple[dict[str, Any], list[Profile]]]:
    """The networks with a budget for the figure, for each way to run."""
    asked = [each for each in held if each.asks(figure)]
    ways = [each.deployment.way for each in asked]
    for number, way in enumerate(ways):
        if way not in ways[:number]:
            yield way, [each.profile for each in asked if each.deployment.way == way]


def _measure(held: Sequence[DeployedProfile], time: Time) -> tuple[Measurement, ...]:
    """Measurements of those with a budget for latency, one run for each way to run."""
    return tuple(found for way, profiles in _by_way(held, "latency_ms") for found in time(profiles, way))


def _predict(held: Sequence[DeployedProfile], options: Options | None, calibration: Known) -> tuple[Predictions | None, str]:
    """The predicted times of those with a budget for one, and why there are none of some: this machine is not calibrated so.

    Predictions are None without any.
    """
    from cnnprof.api.predict import Predictions, find_calibration, predictor_of
    from cnnprof.measure.options import Options

    found: list[Prediction] = []
    first: Calibration | None = None
    why = ""
    for way, profiles in _by_way(held, "predicted_ms"):
        how = replace(options or Options(), **way)
        try:
            known = find_calibration(how, calibration)
        except UnavailableError as error:
            if calibration is not None:
                raise
            why = why or f"{error.message}; {error.hint}"
            continue
        first = first or known
        found += map(predictor_of(known, how).predict, profiles)
    names = [each.name for each in held]
    found.sort(key=lambda prediction: names.index(prediction.model))
    return Predictions(tuple(found), first) if first else None, why


NAMES_CODE = "its code was not run: pyproject.toml names it, and --run-code allows it"


def _expand_budgets(
    budgets: Sequence[Budget], project: Project | None, settings: Settings = None
) -> list[tuple[Model, Budget | None]]:
    """Every network that a budget names, with the first that does; one that cannot be had says why as it is read."""
    found: dict[str, tuple[Model, Budget | None]] = {}
    for budget in budgets:
        for model in resolve_each(budget.models, settings):
            if project and model.file and not project.holds(model.file):
                hint = f"name it: cnnprof check {model.reference}"
                outside = SpecError(f"'{model.reference}' lies outside of the project", hint=hint)
                found.setdefault(model.reference, (Unresolved(model.reference, "", model.reference, error=outside), budget))
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


def _time_quickly(profiles: Sequence[Profile], way: Mapping[str, Any]) -> Sequence[Measurement]:
    from cnnprof.measure.bench import Job, Options, run

    jobs = [Job(each.graph.name, each.graph, each.graph.input_shape[0]) for each in profiles]
    return run(jobs, Options(processes=3, rounds=5, **way), quiet)
