"""The Python API: what the commands do, as functions, with results that are data, JSON, text and notebook tables at once.

Views are imported by the result that shows itself with one, so that a summary starts without the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cnnprof import sources
from cnnprof.core import results
from cnnprof.core.analysis import analyze
from cnnprof.core.errors import UsageError, did_you_mean
from cnnprof.core.graph import Graph

if TYPE_CHECKING:
    from cnnprof.core.alignment import Pair
    from cnnprof.core.measurements import Measurement
    from cnnprof.core.report import Report
    from cnnprof.measure.bench import Options, Progress
    from cnnprof.views.comparison import Entry

Notify = Callable[[str], None]


class Shown:
    """A result that can be looked at: `to_dict` for JSON, `print` for text, an HTML table in a notebook."""

    def report(self) -> Report:
        """What the command of the same name prints."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON types under the stable names."""
        return dict(self.report().data)

    def __str__(self) -> str:
        from cnnprof.reports import Style, render

        return render(self.report(), "table", Style())

    def _repr_html_(self) -> str:
        from cnnprof.reports.html import fragment

        return fragment(self.report())


@dataclass(frozen=True, repr=False)
class Profile(results.Profile, Shown):
    """One network: `graph`, `costs` (one a layer) and `totals`."""

    def report(
        self,
        by: str | None = None,
        depth: int | None = None,
        sort: str | None = None,
        top: int | None = None,
        check: bool = False,
    ) -> Report:
        """The report of `cnnprof summary`, whose options these are. `check` runs the network under other counters."""
        from cnnprof.views.summary import summarize

        checks = None
        if check:
            from cnnprof.measure.checks import check as cross_check

            checks = cross_check(self.graph, self)
        return summarize(self, by, depth, sort, top, checks)

    def __repr__(self) -> str:
        return f"<Profile {self.graph.name}: {self.totals.params:,} params, {self.totals.macs:,} MACs>"


@dataclass(frozen=True, repr=False)
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


@dataclass(frozen=True, repr=False)
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


@dataclass(frozen=True, repr=False)
class Difference(Shown):
    """Two networks with their layers aligned: `pairs` of a layer and what stands in its place in the other."""

    before: Profile
    after: Profile
    pairs: tuple[Pair, ...]

    @property
    def different(self) -> bool:
        """Whether anything is not the same."""
        from cnnprof.views.difference import differ

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
    texts = {name: str(value) for name, value in (settings or {}).items()}
    return sources.load(reference, texts, input_shape, batch)


def profile(
    reference: str,
    settings: Mapping[str, str] | None = None,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
) -> Profile:
    """Shapes, parameters, operations and memory of a network; arguments as for `load`."""
    analyzed = analyze(load(reference, settings, input_shape, batch))
    return Profile(analyzed.graph, analyzed.costs, analyzed.totals)


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
    first, second = _told_apart([(name, profile(name, settings, input_shape, batch)) for name in (before, after)])
    from cnnprof.core.alignment import align

    return Difference(first, second, tuple(align(first, second)))


def to_spec(graph: Graph, compact: bool = True) -> str:
    """A spec that reproduces the graph, compact or with one line a layer.

    Raises CnnprofError with a list of what the language cannot say.
    """
    from cnnprof.sources.specs import write_text

    return write_text(graph, compact)


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
    """Time networks on a device; `options` says which, and how (see `cnnprof.measure.bench.Options`)."""
    from cnnprof.measure.bench import Job, Options, run

    jobs = [
        Job(each.graph.name, each.graph, batch)
        for batch in batches
        for each in profile_each(references, settings, input_shape, batch)
    ]
    return Benchmark(tuple(run(jobs, options or Options(), on_progress)))
