"""The Python API of memory: `cnnprof.memory("resnet50", batch=8)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from cnnprof import api
from cnnprof.errors import CnnprofError, UsageError, did_you_mean
from cnnprof.footprint.capacity import Fit, Room, largest_batch, parse_room
from cnnprof.footprint.checkpointing import checkpoint as checkpoint_stages
from cnnprof.footprint.execution import USUAL, Execution
from cnnprof.footprint.liveness import Checkpointed, Footprint, Record, inference
from cnnprof.footprint.training import OPTIMIZERS, training
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph
from cnnprof.network.results import Analysis
from cnnprof.record import record
from cnnprof.report import Report
from cnnprof.transfer_learning import Row, Strategy, strategies

Load = Callable[[int], Graph]
"""The graph for a batch."""


@record(repr=False)
class Memory(api.Shown):
    """What a network holds: `inference` and `training` footprints, the batches that fit, and what was measured."""

    profile: api.Profile
    run: Execution
    optimizer: str
    inference: Footprint
    training: Footprint
    fits: tuple[Fit, ...] = ()
    records: tuple[Record, ...] = ()
    checkpointed: Checkpointed | None = None

    def report(self, mode: str = "infer", top: int = 10) -> Report:
        """The report of `cnnprof memory`; `mode` (`infer` or `train`) is whose timeline and tensors are shown."""
        from cnnprof.views.memory import show_memory

        footprints = {"infer": self.inference, "train": self.training}
        if mode not in footprints:
            raise UsageError(f"'{mode}' is no mode", hint=f"one of {', '.join(footprints)}")
        return show_memory(
            self.profile, footprints, self.run, self.optimizer, mode, top, self.fits, self.records, self.checkpointed
        )

    def __repr__(self) -> str:
        peaks = f"{self.inference.peak_bytes:,} bytes in inference, {self.training.peak_bytes:,} in training"
        return f"<Memory of {self.profile.graph.name}: {peaks}>"


def memory(
    reference: str,
    settings: Mapping[str, str] | None = None,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
    run: Execution = USUAL,
    optimizer: str = "sgd",
    fit: str | None = None,
    checkpoint: bool = False,
) -> Memory:
    """What a network holds while it runs.

    Args:
        reference: the network; it, `settings`, `input_shape` and `batch` are as for `cnnprof.load`.
        run: device, number format, layout and threads.
        optimizer: sgd, momentum, adam, adamw or none.
        fit: also find the largest batches that fit, into `8GB`, `cuda:0` or a card (see `memory.capacity`).
        checkpoint: also what a training step takes with its stages under gradient checkpointing.
    """
    check_optimizer(optimizer)
    room = read_room(fit, run.device) if fit is not None else None
    profile = api.profile(reference, settings, input_shape, batch)
    graph, costs = profile.graph, profile.costs
    fits = fit_both(room, partial(api.load, reference, settings, input_shape), run, optimizer) if room else ()
    what_if = checkpoint_stages(graph, costs, run, optimizer) if checkpoint else None
    infer, train = inference(graph, costs, run), training(graph, costs, run, optimizer)
    return Memory(profile, run, optimizer, infer, train, fits, checkpointed=what_if)


@record(repr=False)
class Transfer(api.Shown):
    """The strategies of transfer learning for one network: `rows`, each with its profile and footprint of a training step."""

    profile: api.Profile
    classes: int
    run: Execution
    optimizer: str
    rows: tuple[Row, ...]

    def report(self) -> Report:
        """The report of `cnnprof transfer`."""
        from cnnprof.views.transfer import show_transfer

        return show_transfer(self.profile, self.classes, self.run, self.optimizer, self.rows)

    def __repr__(self) -> str:
        return f"<Transfer of {self.profile.graph.name} to {self.classes} classes: {len(self.rows)} strategies>"


def transfer(
    reference: str,
    classes: int,
    settings: Mapping[str, str] | None = None,
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
    room = read_room(fit, run.device) if fit is not None else None
    by_batch: dict[int, list[Strategy]] = {}

    def at(size: int) -> list[Strategy]:
        if size not in by_batch:
            profile = api.profile(reference, settings, input_shape, size)
            by_batch[size] = strategies(profile, classes, classifier, patterns)
        return by_batch[size]

    def peak(number: int, size: int) -> int:
        each = analyze(at(size)[number].graph)
        return int(training(each.graph, each.costs, _in(room, run), optimizer).peak_bytes)

    rows = []
    for number, strategy in enumerate(at(batch)):
        each = analyze(strategy.graph)
        fitted = largest_batch(partial(peak, number), room, "train") if room else None
        rows.append(Row(strategy, each, training(each.graph, each.costs, run, optimizer), fitted))
    return Transfer(api.profile(reference, settings, input_shape, batch), classes, run, optimizer, tuple(rows))


def check_optimizer(name: str) -> None:
    """Raise UsageError for an optimizer that is not known."""
    if name not in OPTIMIZERS:
        raise UsageError(
            f"unknown optimizer '{name}'", hint=did_you_mean(name, OPTIMIZERS) or f"one of {', '.join(OPTIMIZERS)}"
        )


def read_room(text: str, device: str) -> Room:
    """The room that a user names; what is free on a device is asked of it, and what cuBLAS is given there."""
    text = text.strip()
    room = parse_room(text, device, _free)
    if not text.startswith("cuda"):
        return room
    from cnnprof.measure.devices import cublas_bytes

    return replace(room, cublas_bytes=cublas_bytes(text))


def fit_both(room: Room, load: Load, run: Execution, optimizer: str) -> tuple[Fit, Fit]:
    """The largest batch that fits into the room in inference, and in training."""
    run = _in(room, run)
    one = analyze(load(1))
    profiles, scales = {1: one}, _scales(one.graph, load)

    def at(batch: int) -> Analysis:
        if batch not in profiles:
            profiles[batch] = _rebatched(one.graph, batch) if scales else analyze(load(batch))
        return profiles[batch]

    return (
        largest_batch(lambda batch: inference(at(batch).graph, at(batch).costs, run).peak_bytes, room, "infer"),
        largest_batch(lambda batch: training(at(batch).graph, at(batch).costs, run, optimizer).peak_bytes, room, "train"),
    )


def fit_named(
    references: Sequence[str],
    text: str,
    settings: Mapping[str, str] | None,
    input_shape: tuple[int, ...] | None,
    notify: api.Notify = lambda _: None,
) -> list[tuple[Fit, Fit]]:
    """For each network the largest batches that fit into the room of that name: inference, and training with SGD."""
    room = read_room(text, USUAL.device)
    fits = []
    for reference in references:
        notify(f"fitting {reference} into {room.name}")
        fits.append(fit_both(room, partial(api.load, reference, settings, input_shape), USUAL, "sgd"))
    return fits


def _in(room: Room | None, run: Execution) -> Execution:
    """The same way to run, on the device that the room is of."""
    return replace(run, device=room.device, cublas_bytes=max(run.cublas_bytes, room.cublas_bytes)) if room else run


def _rebatched(graph: Graph, batch: int) -> Analysis:
    return analyze(replace(graph, input_shape=(batch, *graph.input_shape[1:])))


def _scales(graph: Graph, load: Load) -> bool:
    """Whether the same layers are the network for another batch, too; some of a captured one may know the batch."""
    try:
        twice = _rebatched(graph, 2)
    except CnnprofError:
        return False
    return [cost.output for cost in twice.costs] == [cost.output for cost in analyze(load(2)).costs]


def _free(device: str) -> int | None:
    from cnnprof.measure.devices import check_device
    from cnnprof.measure.fitting import free_memory

    if device != "cpu":
        check_device(device)
    return free_memory(device)
