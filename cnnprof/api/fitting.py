"""The largest batches that fit into a memory of some size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cnnprof.api.profile import Size
from cnnprof.errors import CnnprofError
from cnnprof.footprint.capacity import Capacity, Fit, largest_batch, parse_capacity
from cnnprof.footprint.execution import USUAL, DeviceType, Execution, Optimizer, as_written
from cnnprof.footprint.formats import NumberFormat, sizes_in
from cnnprof.footprint.instruction_set import of_this_machine
from cnnprof.footprint.liveness import inference
from cnnprof.footprint.training import training
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph
from cnnprof.network.results import Analysis
from cnnprof.notify import Notify, quiet
from cnnprof.sources import Model


def read_capacity(text: str, device: DeviceType) -> Capacity:
    """The memory that a user names; what is free on a device is asked of it, and what cuBLAS is given there."""
    text = text.strip()
    capacity = parse_capacity(text, device, _free)
    if not text.startswith("cuda"):
        return capacity
    from cnnprof.measure.devices import cublas_bytes

    return replace(capacity, cublas_bytes=cublas_bytes(text))


def read_capacities(sizes: str | Sequence[str], device: DeviceType) -> dict[str, Capacity]:
    """The memories that a user names, one or several of them, by these names."""
    return {text: read_capacity(text, device) for text in ([sizes] if isinstance(sizes, str) else sizes)}


def fit_both(capacity: Capacity, model: Model, input_shape: Size, run: Execution, optimizer: Optimizer) -> tuple[Fit, ...]:
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
    models: Sequence[Model],
    sizes: str | Sequence[str],
    input_shape: Size = None,
    notify: Notify = quiet,
    dtypes: Sequence[NumberFormat | None] | None = None,
) -> list[tuple[Fit, ...]]:
    """The largest batches of networks that fit into memories, in inference and in training with SGD.

    Args:
        models: the networks.
        sizes: the memories: `8GB`, `cuda:0`, a card; one or several.
        input_shape: (C, H, W) instead of the networks' own.
        notify: told which network is being fitted.
        dtypes: the networks' number formats, None for those that they are written in; in int8, and on a microcontroller,
            nothing is trained.

    Returns:
        For each network a Fit for each memory and mode.

    Raises:
        CnnprofError: as `load`.
        UsageError: there is no such size or card.
    """
    capacities = [(capacity, _run_in(text)) for text, capacity in read_capacities(sizes, USUAL.device).items()]
    fits = []
    asked: Sequence[NumberFormat | None] = dtypes or [None] * len(models)
    for model, dtype in zip(models, asked, strict=True):
        notify(f"fitting {model.reference} into {', '.join(capacity.name for capacity, _ in capacities)}")
        fits.append(fit_in_all(capacities, model, input_shape, dtype))
    return fits


def _run_in(text: str) -> Execution:
    """How networks are run in that memory: where it is this machine's own, by its processor's kernels."""
    return replace(USUAL, isa=of_this_machine()) if text.strip() == "cpu" else USUAL


def fit_in_all(
    capacities: Sequence[tuple[Capacity, Execution]],
    model: Model,
    input_shape: Size,
    dtype: NumberFormat | None,
    optimizer: Optimizer = "sgd",
) -> tuple[Fit, ...]:
    """The largest batches that fit into each of these memories, where the network is run so; arguments as for `fit_each`."""
    found: list[Fit] = []
    if dtype is None:
        graph = model.graph(input_shape)
        capacities = [(capacity, as_written(graph, run)) for capacity, run in capacities]
        dtype = capacities[0][1].dtype if capacities else "fp32"
    for capacity, run in capacities:
        if dtype == "int8" or capacity.flash_bytes:
            found.append(_fit_inference(capacity, model, input_shape, dtype))
        else:
            found += fit_both(capacity, model, input_shape, replace(run, dtype=dtype), optimizer)
    return tuple(found)


def _fit_inference(capacity: Capacity, model: Model, input_shape: Size, dtype: NumberFormat) -> Fit:
    """The largest batch of an inference without what kernels hold for themselves; weights lie in flash where there is one."""

    def held(batch: int) -> tuple[int, int]:
        """The bytes of weights, and of all else."""
        analysis = analyze(model.graph(input_shape, batch))
        if dtype == "int8":
            sizes = sizes_in(analysis, dtype)
            return sizes.param_bytes, sizes.peak_inference_bytes - sizes.param_bytes
        footprint = inference(analysis.graph, analysis.costs, Execution(dtype=dtype, workspace=False))
        weights = int(footprint.parameter_bytes + footprint.buffer_bytes)
        return weights, int(footprint.peak_bytes) - weights

    weights, _ = held(1)
    beside = 0 if capacity.flash_bytes else weights
    found = largest_batch(lambda batch: beside + held(batch)[1], capacity, "infer")
    if not capacity.flash_bytes:
        return found
    return replace(found, batch=found.batch if weights <= capacity.flash_bytes else 0, flash_bytes=weights)


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
    two = model.graph(input_shape, 2)
    same = [node.layer for node in two] == [node.layer for node in graph]
    return same and [cost.output for cost in twice.costs] == [cost.output for cost in analyze(two).costs]


def _free(device: str) -> int | None:
    from cnnprof.measure.devices import check_device
    from cnnprof.measure.fitting import free_memory

    if device != "cpu":
        check_device(device)
    return free_memory(device)
