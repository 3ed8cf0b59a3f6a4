"""`cnnprof.memory`: what a network holds while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from cnnprof.api.fitting import fit_both, read_capacity
from cnnprof.api.profile import Network, Profile, as_model, profile
from cnnprof.api.result import Result
from cnnprof.errors import UsageError, did_you_mean
from cnnprof.footprint.capacity import Fit
from cnnprof.footprint.checkpointing import checkpoint as checkpoint_stages
from cnnprof.footprint.execution import USUAL, Execution
from cnnprof.footprint.liveness import AllocatorRecord, Checkpointed, Footprint, inference
from cnnprof.footprint.training import OPTIMIZERS, training
from cnnprof.record import record
from cnnprof.report import Report


@record(repr=False)
class Memory(Result):
    """What a network holds: `inference` and `training` footprints, the batches that fit, and what was measured."""

    profile: Profile
    run: Execution
    optimizer: str
    inference: Footprint
    training: Footprint
    fits: tuple[Fit, ...] = ()
    records: tuple[AllocatorRecord, ...] = ()
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
    reference: Network,
    settings: Mapping[str, Any] | None = None,
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
    capacity = read_capacity(fit, run.device) if fit is not None else None
    model = as_model(reference, settings)
    analyzed = profile(model, input_shape=input_shape, batch=batch)
    graph, costs = analyzed.graph, analyzed.costs
    fits = fit_both(capacity, partial(model.graph, input_shape), run, optimizer) if capacity else ()
    what_if = checkpoint_stages(graph, costs, run, optimizer) if checkpoint else None
    infer, train = inference(graph, costs, run), training(graph, costs, run, optimizer)
    return Memory(analyzed, run, optimizer, infer, train, fits, checkpointed=what_if)


def check_optimizer(name: str) -> None:
    """Raise UsageError for an optimizer that is not known."""
    if name not in OPTIMIZERS:
        raise UsageError(
            f"unknown optimizer '{name}'", hint=did_you_mean(name, OPTIMIZERS) or f"one of {', '.join(OPTIMIZERS)}"
        )
