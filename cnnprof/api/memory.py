"""`cnnprof.memory`: what a network holds while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cnnprof.api.fitting import fit_in_all, read_capacities
from cnnprof.api.profile import Network, Profile, Size, as_model, profile
from cnnprof.api.result import Result
from cnnprof.errors import UsageError, read_word
from cnnprof.footprint.capacity import Fit
from cnnprof.footprint.checkpointing import checkpoint as checkpoint_stages
from cnnprof.footprint.execution import USUAL, Execution, Mode, Optimizer, as_written
from cnnprof.footprint.formats import int8_inference, int8_scale_bytes
from cnnprof.footprint.liveness import AllocatorRecord, Checkpointed, Footprint, inference
from cnnprof.footprint.training import OPTIMIZERS, training
from cnnprof.network.graph import Graph
from cnnprof.notify import Notify, quiet
from cnnprof.record import record
from cnnprof.report import Report
from cnnprof.sources._types import Settings

if TYPE_CHECKING:
    from cnnprof.measure.options import Options


@record(repr=False)
class Memory(Result):
    """The memory that a network holds: `inference` and `training` footprints, the batches that fit, and what was measured.

    In int8 nothing is trained, and `scale_bytes` of scales come on top.
    """

    profile: Profile
    run: Execution
    optimizer: Optimizer
    inference: Footprint
    training: Footprint | None
    fits: tuple[Fit, ...] = ()
    records: tuple[AllocatorRecord, ...] = ()
    checkpointed: Checkpointed | None = None
    scale_bytes: int | None = None

    def report(self, mode: Mode = "infer", top: int = 10) -> Report:
        """The report of `cnnprof memory`.

        Args:
            mode: whose timeline and tensors are shown, an inference's (`infer`) or a training step's (`train`).
            top: how many of the largest tensors.

        Returns:
            A Report: bytes by kind at the worst moment, the largest tensors, what fits.

        Raises:
            UsageError: there is no such mode, or nothing is trained in it.
        """
        from cnnprof.views.memory import show_memory

        footprints: dict[Mode, Footprint] = {"infer": self.inference, **({"train": self.training} if self.training else {})}
        if mode not in footprints:
            raise UsageError(f"'{mode}' is no mode", hint=f"one of {', '.join(footprints)}")
        how = (self.run, self.optimizer, mode, top)
        return show_memory(self.profile, footprints, *how, self.fits, self.records, self.checkpointed, self.scale_bytes)

    def __repr__(self) -> str:
        step = f", {self.training.peak_bytes:,} in training" if self.training else ""
        return f"<Memory of {self.profile.graph.name}: {self.inference.peak_bytes:,} bytes in inference{step}>"


def memory(
    network: Network,
    input_shape: Size = None,
    batch: int = 1,
    settings: Settings = None,
    run: Execution | None = None,
    optimizer: Optimizer = "sgd",
    fit: str | Sequence[str] | None = None,
    checkpoint: bool = False,
    measured: Options | None = None,
    notify: Notify = quiet,
    int8: bool = False,
) -> Memory:
    """The memory that a network holds while it runs.

    Args:
        network: it, `input_shape`, `batch` and `settings` are as for `load`.
        input_shape: (C, H, W) instead of the network's own.
        batch: images in one run.
        settings: values that override the network's own, by name.
        run: device, number format, layout, threads, instruction set; left out, those that are `measured`, or the usual ones in
            the formats that the network is written in.
        optimizer: sgd, momentum, adam, adamw or none.
        fit: also find the largest batches that fit, into `8GB`, `cuda:0` or a card, or into each of several.
        checkpoint: also what a training step takes with its stages under gradient checkpointing.
        measured: also run the network so, and keep the allocator's records of an inference and a training step.
        notify: told what is being done.
        int8: weights and activations have a byte, whatever `run` says; it is an inference, without what kernels take.

    Returns:
        A Memory: footprints of an inference and a training step, in bytes.

    Raises:
        CnnprofError: as `load`.
        UsageError: there is no such optimizer, size or card, or what int8 is asked of needs training or a measurement.
    """
    read_optimizer(optimizer)
    if int8 and (checkpoint or measured):
        raise UsageError("int8 is computed, and only of an inference: it is neither trained nor measured")
    run = run or replace(as_measured(measured), as_written=not measured)
    model = as_model(network, settings)
    analyzed = profile(model, input_shape, batch)
    graph, costs = analyzed.graph, analyzed.costs
    if run.as_written:
        run = as_written(graph, run)
        measured = replace(measured, dtype=run.dtype) if measured and run.dtype in ("fp16", "bf16") else measured
    capacities = [(each, run) for each in read_capacities(fit, run.device).values()] if fit is not None else []
    fits = fit_in_all(capacities, model, input_shape, "int8" if int8 else run.dtype, optimizer)
    if int8:
        scales = int8_scale_bytes(analyzed)
        return Memory(analyzed, run, optimizer, int8_inference(analyzed), None, fits, scale_bytes=scales)
    what_if = checkpoint_stages(graph, costs, run, optimizer) if checkpoint else None
    infer, train = inference(graph, costs, run), training(graph, costs, run, optimizer)
    records = _record(graph, measured, optimizer, notify) if measured else ()
    return Memory(analyzed, run, optimizer, infer, train, fits, records, what_if)


def _record(graph: Graph, options: Options, optimizer: Optimizer, notify: Notify) -> tuple[AllocatorRecord, ...]:
    """The allocator's records of an inference and of a training step."""
    from cnnprof.measure.memory import record_memory

    records = []
    for mode in ("infer", "train"):
        notify(f"running {graph.name}: {mode}")
        records.append(record_memory(graph, replace(options, mode=mode, optimizer=optimizer)))
    return tuple(records)


def as_measured(options: Options | None) -> Execution:
    """How a network is run that is measured so; the usual way where nothing is."""
    if not options:
        return USUAL
    from cnnprof.measure.devices import as_run

    return as_run(options)


def read_optimizer(name: str) -> Optimizer:
    """The optimizer of a name.

    Args:
        name: sgd, momentum, adam, adamw or none.

    Returns:
        The same, as one of those.

    Raises:
        UsageError: it is none of them.
    """
    return read_word(name, [*OPTIMIZERS], f"unknown optimizer '{name}'")
