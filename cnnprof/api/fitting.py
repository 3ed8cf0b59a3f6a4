"""The largest batches that fit into a memory of some size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cnnprof.api.profile import Notify, Size
from cnnprof.errors import CnnprofError
from cnnprof.footprint.capacity import Capacity, Fit, largest_batch, parse_capacity
from cnnprof.footprint.execution import USUAL, Device, Execution
from cnnprof.footprint.liveness import Footprint, inference
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


def fit_both(capacity: Capacity, model: Model, input_shape: Size, run: Execution, optimizer: str) -> tuple[Fit, ...]:
    """The largest batch that fits into that memory in inference, and in training; a microcontroller does not train."""
    if capacity.flash_bytes:
        return (_fit_flash(capacity, model, input_shape, run),)
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
    models: Sequence[Model], sizes: str | Sequence[str], input_shape: Size = None, notify: Notify = lambda _: None
) -> list[tuple[Fit, ...]]:
    """For each network the largest batches that fit into the memories of these names: inference, and training with SGD."""
    capacities = [read_capacity(text, USUAL.device) for text in ([sizes] if isinstance(sizes, str) else sizes)]
    fits = []
    for model in models:
        notify(f"fitting {model.reference} into {', '.join(capacity.name for capacity in capacities)}")
        fits.append(tuple(fit for each in capacities for fit in fit_both(each, model, input_shape, USUAL, "sgd")))
    return fits


def _fit_flash(capacity: Capacity, model: Model, input_shape: Size, run: Execution) -> Fit:
    """The largest batch where weights lie in flash; kernels of microcontrollers hold nothing for themselves worth counting."""
    run = replace(run, workspace=False)

    def held(batch: int) -> Footprint:
        analysis = analyze(model.graph(input_shape, batch))
        return inference(analysis.graph, analysis.costs, run)

    one = held(1)
    weights = one.parameter_bytes + one.buffer_bytes

    def peak(batch: int) -> int:
        footprint = one if batch == 1 else held(batch)
        return int(footprint.peak_bytes - footprint.parameter_bytes - footprint.buffer_bytes)

    found = largest_batch(peak, capacity, "infer")
    return replace(found, batch=found.batch if weights <= capacity.flash_bytes else 0, flash_bytes=int(weights))


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
