"""The Python API: what the commands do, as functions, with results that are data, JSON, text and notebook tables at once.

Views are imported by the result that shows itself with one, so that a summary starts without the others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cnnprof import sources
from cnnprof.errors import CnnprofError, SpecError, UsageError, did_you_mean
from cnnprof.footprint.analysis import MemoryAnalysis
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph
from cnnprof.record import record

if TYPE_CHECKING:
    from cnnprof.footprint.capacity import Fit
    from cnnprof.judging.alignment import Pair
    from cnnprof.judging.budgets import Budget, Verdict
    from cnnprof.measure.bench import Job, Options, Progress
    from cnnprof.report import Report
    from cnnprof.timing.measurements import Measurement
    from cnnprof.views.comparison import Entry

Notify = Callable[[str], None]


class Shown(ABC):
    """A result that can be looked at: `to_dict` for JSON, `print` for text, an HTML table in a notebook."""

    @abstractmethod
    def report(self) -> Report:
        """What the command of the same name prints."""

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON types under the stable names."""
        return dict(self.report().data)

    def __str__(self) -> str:
        from cnnprof.reports import Style, render

        return render(self.report(), "table", Style())

    def _repr_html_(self) -> str:
        from cnnprof.reports.html import fragment

        return fragment(self.report())


@record(repr=False)
class Profile(MemoryAnalysis, Shown):
    """One network: `graph`, `costs` (one a layer) and `totals`."""

    def report(
        self,
        by: str | None = None,
        depth: int | None = None,
        sort: str | None = None,
        top: int | None = None,
        check: bool = False,
        fits: Sequence[Fit] = (),
    ) -> Report:
        """The report of `cnnprof summary`, whose options these are. `check` runs the network under other counters."""
        from cnnprof.views.summary import summarize

        checks = None
        if check:
            from cnnprof.measure.checks import check as cross_check

            checks = cross_check(self.graph, self)
        return summarize(self, by, depth, sort, top, checks, fits)

    def __repr__(self) -> str:
        return f"<Profile {self.graph.name}: {self.totals.params:,} params, {self.totals.macs:,} MACs>"


@record(repr=False)
class Comparison(Shown):
    """Several networks, with measurements if they were timed; ratios are relative to `baseline`."""

    entries: tuple[Entry, ...]
    baseline: str

    def report(self, sort: str | None = None) -> Report:
        """The report of `cnnprof compare`."""
        from cnnprof.views.comparison import show_comparison

        return show_comparison(self.entries, self.baseline, sort)

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(entry.profile.graph.name for entry in self.entries)}>"


@record(repr=False)
class Benchmark(Shown):
    """Measured latencies; `interrupted` if not all runs were made."""

    measurements: tuple[Measurement, ...]
    interrupted: bool = False

    def report(self) -> Report:
        """The report of `cnnprof bench`."""
        from cnnprof.views.benchmark import show_measurements

        return show_measurements(self.measurements)

    def __repr__(self) -> str:
        return f"<Benchmark of {', '.join(measurement.model for measurement in self.measurements)}>"


@record(repr=False)
class Audit(Shown):
    """Networks held to budgets: `verdicts`, one a network and budget."""

    verdicts: tuple[Verdict, ...]
    measurements: tuple[Measurement, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no budget of level `error` is exceeded."""
        return not any(verdict.status == "error" for verdict in self.verdicts)

    def report(self) -> Report:
        """The report of `cnnprof check`."""
        from cnnprof.views.budgets import show_verdicts

        return show_verdicts(self.verdicts, self.measurements)

    def __repr__(self) -> str:
        held = sum(verdict.status == "ok" for verdict in self.verdicts)
        return f"<Audit: {held} of {len(self.verdicts)} budgets hold>"


@record(repr=False)
class Difference(Shown):
    """Two networks with their layers aligned: `pairs` of a layer and what stands in its place in the other."""

    before: Profile
    after: Profile
    pairs: tuple[Pair, ...]

    @property
    def different(self) -> bool:
        """Whether anything is not the same."""
        from cnnprof.judging.alignment import differ

        return differ(self.before, self.after, self.pairs)

    def report(self, by: str | None = None) -> Report:
        """The report of `cnnprof diff`."""
        from cnnprof.views.difference import show_difference

        return show_difference(self.before, self.after, self.pairs, by)

    def __repr__(self) -> str:
        verdict = "different" if self.different else "the same"
        return f"<Difference {self.before.graph.name} -> {self.after.graph.name}: {verdict}>"


def load(
    reference: str,
    settings: Mapping[str, str] | None = None,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
) -> Graph:
    """The graph of a network: a spec's name, a file or a source's name, as on the command line.

    Args:
        settings: overrides, as text or numbers.
        input_shape: (C, H, W) instead of the network's own.
        batch: images in one run.
    """
    texts = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in (settings or {}).items()}
    return sources.load(reference, texts, input_shape, batch)


def profile(
    reference: str,
    settings: Mapping[str, str] | None = None,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
) -> Profile:
    """Shapes, parameters, operations and memory of a network; arguments as for `load`."""
    analyzed = analyze(load(reference, settings, input_shape, batch))
    return Profile(analyzed.graph, analyzed.costs)


def compare(
    references: Sequence[str],
    baseline: str | None = None,
    settings: Mapping[str, str] | None = None,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
    notify: Notify = lambda _: None,
) -> Comparison:
    """Several networks side by side; `baseline` is one of them, the first if left out."""
    expanded = sources.expand(references)
    profiles = profile_each(expanded, settings, input_shape, batch, notify)
    names = [each.graph.name for each in profiles]
    chosen = names[0] if baseline is None else dict(zip(expanded, names, strict=True)).get(baseline, baseline)
    if chosen not in names:
        raise UsageError(
            f"the baseline '{baseline}' is not one of the networks",
            hint=did_you_mean(chosen, names) or f"one of {', '.join(names)}",
        )
    from cnnprof.views.comparison import Entry

    return Comparison(tuple(Entry(each) for each in profiles), chosen)


def diff(
    before: str,
    after: str,
    settings: Mapping[str, str] | None = None,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
) -> Difference:
    """What changed from one network to another; arguments as for `load`."""
    first, second = pair(before, after, settings, input_shape, batch)
    from cnnprof.judging.alignment import align

    return Difference(first, second, tuple(align(first, second)))


def pair(
    a: str,
    b: str,
    settings: Mapping[str, str] | None = None,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
    notify: Notify = lambda _: None,
) -> list[Profile]:
    """The profiles of two networks, which may be the same; arguments as for `load`."""
    named = []
    for reference in (a, b):
        notify(f"reading {reference}")
        named.append((reference, profile(reference, settings, input_shape, batch)))
    return _told_apart(named)


def to_spec(graph: Graph, compact: bool = True) -> str:
    """A spec that reproduces the graph, compact or with one line a layer.

    Raises CnnprofError with a list of what the language cannot say.
    """
    from cnnprof.sources.specs import write_text

    return write_text(graph, compact)


def check(
    references: Sequence[str] | None = None,
    limits: Mapping[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
    time: Callable[[Sequence[Profile]], Sequence[Measurement]] | None = None,
) -> Audit:
    """Hold networks to budgets: `limits` by name (`{"max-params": "5M"}`) and those of the nearest pyproject.toml.

    Args:
        references: the networks; those that pyproject.toml has budgets for if left out.
        time: measures those that have a budget for latency; `bench`, short, if left out.
    """
    from cnnprof.config import find_project
    from cnnprof.judging.budgets import budgets_of, judge, read_budgets

    project = find_project()
    written = read_budgets(project) if project else []
    budgets = [*budgets_of(limits or {}), *written]
    if not budgets:
        raise UsageError("no budget is given", hint="as in --max-params 5M, or under [[tool.cnnprof.budget]] in pyproject.toml")
    named: dict[str, Budget | None] = (
        _expand_budgets(written) if references is None else dict.fromkeys(sources.expand(references))
    )
    if not named:
        if project and written:
            raise SpecError("no network is named", project.place_of("budget"), 'give a budget a model, as in model = "resnet*"')
        raise UsageError("no network is named", hint="name one, or give a budget in pyproject.toml a model")
    read = []
    for name, budget in named.items():
        with _blaming(budget):
            read.append((name, profile(name, settings, input_shape, batch)))
    pairs = list(zip(named, _told_apart(read), strict=True))
    for name, each in pairs:
        if not judge(each, name, budgets):
            raise UsageError(f"no budget covers '{name}'", hint="give one as an option, such as --max-params 5M")
    timed = [each for name, each in pairs if any(v.budget.figure == "latency_ms" for v in judge(each, name, budgets))]
    measurements = tuple((time or _time_quickly)(timed)) if timed else ()
    latencies = {m.model: latency.median for m in measurements if (latency := m.latency())}
    verdicts = [verdict for name, each in pairs for verdict in judge(each, name, budgets, latencies.get(each.graph.name))]
    return Audit(tuple(verdicts), measurements)


def _expand_budgets(budgets: Sequence[Budget]) -> dict[str, Budget | None]:
    """Every network that a budget names, with the first that does."""
    found: dict[str, Budget | None] = {}
    for budget in budgets:
        with _blaming(budget):
            names = sources.expand(budget.models)
        found |= {name: budget for name in names if name not in found}
    return found


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


def profile_each(
    references: Sequence[str],
    settings: Mapping[str, str] | None,
    input_shape: tuple[int, ...] | None,
    batch: int,
    notify: Notify = lambda _: None,
) -> list[Profile]:
    """The profiles of all networks that the references and globs name; those that share a name are told apart by reference."""
    expanded = sources.expand(references)
    if not expanded:
        raise UsageError("no network is named")
    profiles = []
    for number, reference in enumerate(expanded, 1):
        notify(f"reading {reference} ({number} of {len(expanded)})")
        profiles.append(profile(reference, settings, input_shape, batch))
    return _told_apart(list(zip(expanded, profiles, strict=True)))


def _told_apart(named: list[tuple[str, Profile]]) -> list[Profile]:
    """Those that share a name bear their references instead."""
    taken = Counter(each.graph.name for _, each in named)
    return [
        replace(each, graph=replace(each.graph, name=reference)) if taken[each.graph.name] > 1 else each
        for reference, each in named
    ]


def bench(
    references: Sequence[str],
    batches: Sequence[int] = (1,),
    settings: Mapping[str, str] | None = None,
    input_shape: tuple[int, ...] | None = None,
    options: Options | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Benchmark:
    """Time networks on a device; `options` says which, and how (see `cnnprof.measure.bench.Options`).

    Ctrl-C ends it, and what was measured is returned.
    """
    from cnnprof.measure.bench import Interrupted, Options, run
    from cnnprof.measure.options import add_twin

    jobs = add_twin(jobs_of(references, batches, settings, (input_shape,)))
    try:
        return Benchmark(tuple(run(jobs, options or Options(), on_progress)))
    except Interrupted as stopped:
        return Benchmark(tuple(stopped.measurements), interrupted=True)


def jobs_of(
    references: Sequence[str],
    batches: Sequence[int] = (1,),
    settings: Mapping[str, str] | None = None,
    input_shapes: Sequence[tuple[int, ...] | None] = (None,),
    notify: Notify = lambda _: None,
) -> list[Job]:
    """The networks at every batch size and input size, ready to be measured; of several input sizes, names bear them."""
    from cnnprof.measure.options import Job

    jobs = []
    for batch in batches:
        for shape in input_shapes:
            mark = f" ({'x'.join(map(str, shape))})" if shape and len(input_shapes) > 1 else ""
            some = profile_each(references, settings, shape, batch, notify)
            jobs += [Job(each.graph.name + mark, each.graph, batch) for each in some]
    return jobs
