"""`cnnprof.compare`: networks side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cnnprof.api.bench import Tell, time_jobs
from cnnprof.api.profile import Network, Notify, Size, as_models, profile_each
from cnnprof.api.result import Result
from cnnprof.errors import UsageError, did_you_mean
from cnnprof.record import record

if TYPE_CHECKING:
    from cnnprof.charts import Chart
    from cnnprof.measure.options import Job, Options
    from cnnprof.report import Report
    from cnnprof.timing.measurements import Measurement
    from cnnprof.views.entry import Entry


@record(repr=False)
class Comparison(Result):
    """Several networks, with measurements if they were timed; ratios are relative to `baseline`."""

    entries: tuple[Entry, ...]
    baseline: str

    def report(self, sort: str | None = None) -> Report:
        """The report of `cnnprof compare`."""
        from cnnprof.views.comparison import show_comparison

        return show_comparison(self.entries, self.baseline, sort)

    def chart(self, x: str = "macs", y: str = "top1", size: str = "params", colour: str = "family") -> Chart:
        """The chart of `cnnprof plot compare`, whose options these are."""
        from cnnprof.views.bubbles import chart_comparison

        return chart_comparison(self.entries, self.baseline, x, y, size, colour)

    def jobs(self, batch: int) -> list[Job]:
        """The networks, ready to be measured."""
        from cnnprof.measure.options import Job

        graphs = [entry.profile.graph for entry in self.entries]
        return [Job(graph.name, graph, batch) for graph in graphs]

    def measured(self, measurements: Sequence[Measurement]) -> Comparison:
        """The same with what was measured of its `jobs`."""
        by_name = {measurement.model: measurement for measurement in measurements}
        entries = tuple(replace(entry, measurement=by_name.get(entry.name)) for entry in self.entries)
        return replace(self, entries=entries)

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(entry.profile.graph.name for entry in self.entries)}>"


def compare(
    networks: Network | Sequence[Network],
    baseline: str | None = None,
    input_shape: Size = None,
    batch: int = 1,
    settings: Mapping[str, Any] | None = None,
    fit: str | None = None,
    options: Options | None = None,
    notify: Notify = lambda _: None,
    on_progress: Tell = lambda _: None,
) -> Comparison:
    """Several networks side by side.

    Args:
        networks: references, globs or Models.
        baseline: the network that ratios are relative to, the first if left out.
        input_shape: it, `batch` and `settings` are as for `load`, for all networks.
        batch: images in one run.
        settings: values that override the networks' own, by name.
        fit: also find the largest batches that fit, into `8GB`, `cuda:0` or a card.
        options: also measure the networks, so.
        notify: told what is being read.
        on_progress: told how far the measurement is.

    Returns:
        A Comparison: `entries`, one a network.

    Raises:
        CnnprofError: as `load` for any of them.
        UsageError: no network is named, or the baseline is none of them.
    """
    models = as_models(networks, settings)
    profiles = profile_each(models, input_shape, batch, notify)
    names = [each.graph.name for each in profiles]
    by_reference = dict(zip((model.reference for model in models), names, strict=True))
    chosen = names[0] if baseline is None else by_reference.get(baseline, baseline)
    if chosen not in names:
        raise UsageError(
            f"the baseline '{baseline}' is not one of the networks",
            hint=did_you_mean(chosen, names) or f"one of {', '.join(names)}",
        )
    from cnnprof.views.entry import Entry

    entries = [Entry.of(each) for each in profiles]
    if fit is not None:
        from cnnprof.api.fitting import fit_each

        fits = fit_each(models, fit, input_shape, notify)
        entries = [replace(entry, fits=found) for entry, found in zip(entries, fits, strict=True)]
    comparison = Comparison(tuple(entries), chosen)
    return comparison.measured(time_jobs(comparison.jobs(batch), options, on_progress)[0]) if options else comparison
