"""The largest batches that fit into a memory of some size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cnnprof.api.profile import Notify, Size
from cnnprof.errors import CnnprofError
from cnnprof.footprint.capacity import Capacity, Fit, largest_batch, parse_capacity
from cnnprof.footprint.execution import USUAL, Device, Execution
from cnnprof.footprint.liveness import inference
from cnnprof.footprint.training import training
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph
from cnnprof.network.results import Analysis
from cnnprof.sources import Model


def read_capacity(text: str, device: Device) -> Capacity:
    """The memory that a user names; what is free on a device is asked of it, and what cuBLAS is given there."""
    text = text.strip()
    capacity = parse_capacity(text, device, _free)
    if not text.startswith("cuda"):
        return capacity
    from cnnprof.measure.devices import cublas_bytes

    return replace(capacity, cublas_bytes=cublas_bytes(text))


def fit_both(capacity: Capacity, model: Model, input_shape: Size, run: Execution, optimizer: str) -> tuple[Fit, Fit]:
    """The largest batch that fits into that memory in inference, and in training."""
    run = on_capacity(capacity, run)
    one = analyze(model.graph(input_shape))
    profiles, scales = {1: one}, _scales(one.graph, model, input_shape)

    def at(batch: int) -> Analysis:
        if batch not in profiles:
            profiles[batch] = _rebatched(one.graph, batch) if scales else analyze(model.graph(input_shape, batch))
        return profiles[batch]

    return (
        largest_batch(lambda batch: inference(at(batch).graph, at(batch).costs, run).peak_bytes, capacity, "infer"),
        largest_batch(lambda batch: training(at(batch).graph, at(batch).costs, run, optimizer).peak_bytes, capacity, "train"),
    )


def fit_each(
    models: Sequence[Model], text: str, input_shape: Size = None, notify: Notify = lambda _: None
) -> list[tuple[Fit, Fit]]:
    """For each network the largest batches that fit into the memory of that name: inference, and training with SGD."""
    capacity = read_capacity(text, USUAL.device)
    fits = []
    for model in models:
        notify(f"fitting {model.reference} into {capacity.name}")
        fits.append(fit_both(capacity, model, input_shape, USUAL, "sgd"))
    return fits


def on_capacity(capacity: Capacity | None, run: Execution) -> Execution:
    """The same way to run, on the device that the memory is of."""
    return replace(run, device=capacity.device, cublas_bytes=max(run.cublas_bytes, capacity.cublas_bytes)) if capacity else run


def _rebatched(graph: Graph, batch: int) -> Analysis:
    return analyze(graph.with_batch(batch))


def _scales(graph: Graph, model: Model, input_shape: Size) -> bool:
    """Whether the same layers are the network for another batch, too; some of a captured one may know the batch."""
    try:
        twice = _rebatched(graph, 2)
    except CnnprofError:
        return False
    return [cost.output for cost in twice.costs] == [cost.output for cost in analyze(model.graph(input_shape, 2)).costs]


def _free(device: str) -> int | None:
    from cnnprof.measure.devices import check_device
    from cnnprof.measure.fitting import free_memory

    if device != "cpu":
        check_device(device)
    return free_memory(device)
