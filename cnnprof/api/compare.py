"""`cnnprof.compare`: networks side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cnnprof.api.accuracy import state
from cnnprof.api.bench import time_jobs
from cnnprof.api.figures import Form, entries_of, in_form, resolve_each
from cnnprof.api.profile import Network, Size
from cnnprof.api.result import Result
from cnnprof.errors import CnnprofError, UsageError, suggest
from cnnprof.footprint.formats import FORMATS, NumberFormat
from cnnprof.network.pruning import check_share
from cnnprof.notify import Notify, quiet
from cnnprof.record import record
from cnnprof.sources._types import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from cnnprof.api.predict import Known
    from cnnprof.charts import Chart
    from cnnprof.measure.options import Job, Options
    from cnnprof.measure.worker_run import Tell
    from cnnprof.report import Report
    from cnnprof.timing.calibrations import Calibration
    from cnnprof.timing.measurements import Measurement
    from cnnprof.views.choice import Choice
    from cnnprof.views.entry import Entry


@record(repr=False)
class Comparison(Result):
    """Several networks, with measurements if they were timed; ratios are relative to `baseline`.

    Predicted times rest on `calibration`.
    """

    entries: tuple[Entry, ...]
    baseline: str
    calibration: Calibration | None = None

    def report(self, sort: str | None = None, choice: Choice | None = None) -> Report:
        """The report of `cnnprof compare`.

        Args:
            sort: the column whose best come first; the order of the entries if left out.
            choice: which columns and rows to show, and what decides who dominates whom.

        Returns:
            A Report: a table with a row a network.

        Raises:
            UsageError: there is no such column.
        """
        from cnnprof.views.choice import NONE
        from cnnprof.views.comparison import show_comparison

        return show_comparison(self.entries, self.baseline, sort, choice or NONE, self.calibration)

    def chart(self, x: str = "macs", y: str = "top1", size: str = "params", colour: str = "family") -> Chart:
        """The chart of `cnnprof plot compare`: networks as bubbles.

        Args:
            x: the figure below, such as macs, params, latency.
            y: the figure at the left.
            size: the figure that a bubble's area stands for.
            colour: family, source or year.

        Returns:
            A Chart; names beside as many bubbles as find room.

        Raises:
            UsageError: there is no such figure, or no network has it.
        """
        from cnnprof.views.bubbles import chart_comparison

        return chart_comparison(self.entries, self.baseline, x, y, size, colour, self.calibration)

    def explorer(self) -> Chart | None:
        """The chart of a page, whose reader chooses the axes; None where no two figures are known."""
        from cnnprof.views.bubbles import explore_comparison

        return explore_comparison(self.entries, self.baseline)

    def page(self, chapters: bool = True) -> Report:
        """The report of `cnnprof report`.

        Args:
            chapters: whether every network has a chapter of its own.

        Returns:
            A Report, to be written as html.
        """
        from datetime import date

        from cnnprof.environment import environment
        from cnnprof.views.model import CONVENTION
        from cnnprof.views.page import show_page

        sources = dict.fromkeys(entry.accuracy.source for entry in self.entries if entry.accuracy)
        about = [(name, str(value)) for name, value in environment().items()]
        about += [
            ("date", date.today().isoformat()),
            ("counted", CONVENTION),
            ("accuracies", "; ".join(sources) or "none known"),
        ]
        return show_page(self.entries, self.baseline, about, chapters, self.calibration)

    def jobs(self, batch: int) -> list[Job]:
        """The networks, ready to be measured.

        Args:
            batch: images in one run.

        Returns:
            A job for each network that could be read.
        """
        from cnnprof.measure.options import Job

        graphs = [entry.profile.graph for entry in self.entries if not entry.error]
        return [Job(graph.name, graph, batch) for graph in graphs]

    @property
    def failures(self) -> list[CnnprofError]:
        """Why networks could not be read."""
        return [entry.error for entry in self.entries if entry.error]

    def measured(self, measurements: Sequence[Measurement]) -> Comparison:
        """The same with what was measured.

        Args:
            measurements: of its `jobs`.

        Returns:
            A Comparison; of a network without a measurement nothing is shown.
        """
        by_name = {measurement.model: measurement for measurement in measurements}
        entries = tuple(replace(entry, measurement=by_name.get(entry.name)) for entry in self.entries)
        return replace(self, entries=entries)

    def predicted(self, options: Options, given: Known = None) -> Comparison:
        """The same with what the networks are going to take.

        Args:
            options: device, number format, threads and layout.
            given: what predictions rest on, the machine's own calibration if left out.

        Returns:
            A Comparison, whose `calibration` is what they rest on.

        Raises:
            UnavailableError: there is no calibration for the machine and way to run.
        """
        from cnnprof.api.predict import find_calibration, predictor_of

        known = find_calibration(options, given)
        predictor = predictor_of(known, options)
        predicted = [e if e.error else replace(e, prediction=predictor.predict(e.profile)) for e in self.entries]
        return replace(self, entries=tuple(predicted), calibration=known)

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(entry.name for entry in self.entries)}>"


def compare(
    networks: Network,
    baseline: str | None = None,
    input_shape: Size = None,
    batch: int = 1,
    settings: Settings = None,
    fit: str | Sequence[str] | None = None,
    options: Options | None = None,
    accuracy_from: str | None = None,
    accuracies: Path | None = None,
    dtype: NumberFormat = "fp32",
    formats: bool = False,
    prune: Sequence[float] = (),
    notify: Notify = quiet,
    on_progress: Tell = quiet,
) -> Comparison:
    """Several networks side by side.

    Args:
        networks: references, globs, torch modules or Models; a single one may stand without a list.
        baseline: the network that ratios are relative to, the first if left out.
        input_shape: it, `batch` and `settings` are as for `load`, for all networks.
        batch: images in one run.
        settings: values that override the networks' own, by name.
        fit: also find the largest batches that fit, into `8GB`, `cuda:0` or a card.
        options: also measure the networks, so.
        accuracy_from: one source of accuracies for all: torchvision-v1, torchvision-v2, paper, timm or a CSV file.
        accuracies: a CSV file of the user's own, which goes before what others state.
        dtype: the number format that bytes are of.
        formats: show every network in each number format.
        prune: shares of its widths that each network is shown without, too: 0.5 for one with half of them.
        notify: told what is being read.
        on_progress: told how far the measurement is.

    Returns:
        A Comparison: `entries`, one a network.

    Raises:
        CnnprofError: as `load` for any of them.
        UsageError: no network is named, or the baseline is none of them.
    """
    models = resolve_each(networks, settings)
    if not models:
        raise UsageError("no network is named")
    for share in prune:
        check_share(share)
    given = [Form(each) for each in FORMATS] if formats else [Form(dtype)]
    forms = [replace(form, prune=share) for share in (None, *prune) for form in given]
    entries = entries_of(models, input_shape, batch, notify, forms)
    models = [model for model in models for _ in forms]
    entries = state(entries, models, accuracy_from, accuracies, own_input=input_shape is None)
    names = [entry.name for entry in entries]
    by_reference = {model.reference: name for model, name in reversed([*zip(models, names, strict=True)])}
    chosen = next(e.name for e in entries if not e.error) if baseline is None else by_reference.get(baseline, baseline)
    if chosen not in names:
        raise UsageError(
            f"the baseline '{baseline}' is not one of the networks",
            hint=suggest(chosen, names),
        )
    if fit:
        from cnnprof.api.fitting import fit_each

        formed = [in_form(model, form) for model, form in zip(models, forms * (len(models) // len(forms)), strict=True)]
        read = [(model, entry) for model, entry in zip(formed, entries, strict=True) if not entry.error]
        dtypes: list[NumberFormat | None] = [entry.figures.get("dtype") for _, entry in read]
        fits = iter(fit_each([model for model, _ in read], fit, input_shape, notify, dtypes))
        entries = [entry if entry.error else replace(entry, fits=next(fits)) for entry in entries]
    comparison = Comparison(tuple(entries), chosen)
    return comparison.measured(time_jobs(comparison.jobs(batch), options, on_progress)[0]) if options else comparison
