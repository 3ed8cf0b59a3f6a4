"""`cnnprof.transfer`: what it takes to train a network for other classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from cnnprof.api.fitting import on_capacity, read_capacity
from cnnprof.api.memory import check_optimizer
from cnnprof.api.profile import Network, Profile, as_model, profile
from cnnprof.api.result import Result
from cnnprof.errors import UsageError
from cnnprof.footprint.capacity import largest_batch
from cnnprof.footprint.execution import USUAL, Execution
from cnnprof.footprint.training import training
from cnnprof.network.analysis import analyze
from cnnprof.record import record
from cnnprof.report import Report
from cnnprof.transfer_learning import Strategy, StrategyCost, strategies


@record(repr=False)
class Transfer(Result):
    """The strategies of transfer learning for one network: `rows`, each with its profile and footprint of a training step."""

    profile: Profile
    classes: int
    run: Execution
    optimizer: str
    rows: tuple[StrategyCost, ...]

    def report(self) -> Report:
        """The report of `cnnprof transfer`."""
        from cnnprof.views.transfer import show_transfer

        return show_transfer(self.profile, self.classes, self.run, self.optimizer, self.rows)

    def __repr__(self) -> str:
        return f"<Transfer of {self.profile.graph.name} to {self.classes} classes: {len(self.rows)} strategies>"


def transfer(
    reference: Network,
    classes: int,
    settings: Mapping[str, Any] | None = None,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 32,
    run: Execution = USUAL,
    optimizer: str = "sgd",
    classifier: str | None = None,
    freeze: str | Sequence[str] = (),
    fit: str | None = None,
) -> Transfer:
    """What training a network for other classes costs, by which of its layers are trained.

    Args:
        classes: outputs of the new classifier.
        classifier: the layer that it replaces, where it is not found.
        freeze: patterns of layers that are not to be trained; they add a row.
        reference: the network; it and the other arguments are as for `memory`.
    """
    check_optimizer(optimizer)
    if classes < 1:
        raise UsageError(f"a classifier has at least one class, not {classes}")
    patterns = [freeze] if isinstance(freeze, str) else freeze
    capacity = read_capacity(fit, run.device) if fit is not None else None
    model = as_model(reference, settings)
    by_batch: dict[int, list[Strategy]] = {}

    def at(size: int) -> list[Strategy]:
        if size not in by_batch:
            analyzed = profile(model, input_shape=input_shape, batch=size)
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
    return Transfer(profile(model, input_shape=input_shape, batch=batch), classes, run, optimizer, tuple(rows))
