"""`cnnprof.transfer`: what it takes to train a network for other classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from cnnprof.api.bench import time_jobs
from cnnprof.api.fitting import on_capacity, read_capacity
from cnnprof.api.memory import as_measured, read_optimizer
from cnnprof.api.profile import Network, Profile, Size, as_model, profile
from cnnprof.api.result import Result
from cnnprof.errors import UsageError
from cnnprof.footprint.capacity import largest_batch
from cnnprof.footprint.execution import Execution, Optimizer
from cnnprof.footprint.training import training
from cnnprof.network.analysis import analyze
from cnnprof.notify import quiet
from cnnprof.record import record
from cnnprof.report import Report
from cnnprof.sources._types import Settings
from cnnprof.transfer_learning import Strategy, StrategyCost, strategies

if TYPE_CHECKING:
    from cnnprof.measure.options import Job, Options
    from cnnprof.measure.worker_run import Tell
    from cnnprof.timing.measurements import Measurement


@record(repr=False)
class Transfer(Result):
    """The strategies of transfer learning for one network: `rows`, each with its profile and footprint of a training step."""

    profile: Profile
    classes: int
    run: Execution
    optimizer: Optimizer
    rows: tuple[StrategyCost, ...]

    def report(self) -> Report:
        """The report of `cnnprof transfer`."""
        from cnnprof.views.transfer import show_transfer

        return show_transfer(self.profile, self.classes, self.run, self.optimizer, self.rows)

    def jobs(self, batch: int) -> list[Job]:
        """A step of each row, ready to be measured.

        Args:
            batch: images in one step.

        Returns:
            A job for each row.
        """
        from cnnprof.measure.options import Job

        return [Job(row.strategy.name, row.profile.graph, batch) for row in self.rows]

    def measured(self, measurements: Sequence[Measurement]) -> Transfer:
        """The same with what was measured.

        Args:
            measurements: of its `jobs`.

        Returns:
            A Transfer, whose rows have their measurement.
        """
        by_name = {measurement.model: measurement for measurement in measurements}
        return replace(self, rows=tuple(replace(row, measurement=by_name.get(row.strategy.name)) for row in self.rows))

    def __repr__(self) -> str:
        return f"<Transfer of {self.profile.graph.name} to {self.classes} classes: {len(self.rows)} strategies>"


def transfer(
    network: Network,
    classes: int,
    input_shape: Size = None,
    batch: int = 32,
    settings: Settings = None,
    run: Execution | None = None,
    optimizer: Optimizer = "sgd",
    classifier: str | None = None,
    freeze: str | Sequence[str] = (),
    fit: str | None = None,
    options: Options | None = None,
    on_progress: Tell = quiet,
) -> Transfer:
    """The cost of training a network for other classes, by which of its layers are trained.

    Args:
        network: it, `input_shape` and `settings` are as for `load`.
        classes: outputs of the new classifier.
        input_shape: (C, H, W) instead of the network's own.
        batch: images in one step.
        settings: values that override the network's own, by name.
        run: device, number format, layout, threads and instruction set; left out, those of `options`, or the usual ones.
        optimizer: sgd, momentum, adam, adamw or none.
        classifier: the layer that the new one replaces, where it is not found.
        freeze: patterns of layers that are not to be trained; they add a row.
        fit: also find the largest batch of each row, for `8GB`, `cuda:0` or a card.
        options: also measure a step of each row, so.
        on_progress: told how far the measurement is.

    Returns:
        A Transfer: `rows`, one a strategy.

    Raises:
        CnnprofError: as `load`, and where there is no classifier to replace.
        UsageError: there is no such optimizer, size or card.
    """
    read_optimizer(optimizer)
    run = run or as_measured(options)
    if classes < 1:
        raise UsageError(f"a classifier has at least one class, not {classes}")
    patterns = [freeze] if isinstance(freeze, str) else freeze
    capacity = read_capacity(fit, run.device) if fit is not None else None
    model = as_model(network, settings)
    by_batch: dict[int, list[Strategy]] = {}

    def at(size: int) -> list[Strategy]:
        if size not in by_batch:
            analyzed = profile(model, input_shape, size)
            by_batch[size] = strategies(analyzed, classes, classifier, patterns)
        return by_batch[size]

    def peak(number: int, size: int) -> int:
        each = analyze(at(size)[number].graph)
        return int(training(each.graph, each.costs, on_capacity(capacity, run), optimizer).peak_bytes)

    rows = []
    for number, strategy in enumerate(at(batch)):
        each = analyze(strategy.graph)
        fitted = largest_batch(partial(peak, number), capacity, "train") if capacity else None
        rows.append(StrategyCost(strategy, each, training(each.graph, each.costs, run, optimizer), fitted))
    found = Transfer(profile(model, input_shape, batch), classes, run, optimizer, tuple(rows))
    return found.measured(time_jobs(found.jobs(batch), options, on_progress)[0]) if options else found
