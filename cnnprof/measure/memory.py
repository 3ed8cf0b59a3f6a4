"""The allocator's records of an inference or a training step, each in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from cnnprof.errors import MeasurementError, UsageError
from cnnprof.footprint.execution import ImageLayout, Mode, Optimizer, RunDtype
from cnnprof.footprint.liveness import AllocatorRecord
from cnnprof.measure.devices import Device, check_device
from cnnprof.measure.options import Job, Options
from cnnprof.measure.session import describe_failure
from cnnprof.measure.task import Event, Reporter, follow
from cnnprof.network.graph import Graph


def record_memory(graph: Graph, options: Options) -> AllocatorRecord:
    """The memory of one inference or training step (`options.mode`) of the graph, for its batch.

    A network that the device has no room for gives a record that says so. Raises UsageError and UnavailableError before
    anything starts.
    """
    check_device(options.device, options.threads)
    if options.device == "mps":
        raise UsageError("mps keeps no record of memory", hint="use --device cpu or cuda")
    empty = AllocatorRecord(options.mode, options.device)
    found: list[AllocatorRecord] = []

    def hear(event: Event) -> None:
        match event["event"]:
            case "memory":
                found.append(replace(empty, **event["bytes"]))
            case "failed":
                found.append(replace(empty, error=event["error"]))

    try:
        ended = follow(RecordMemory(options, Job(graph.name, graph, int(graph.input_shape[0]))), hear)
    except MeasurementError as error:
        ended = error.message
    return found[0] if found else replace(empty, error=ended)


@dataclass(frozen=True)
class RecordMemory:
    """The task: run the network and report what was recorded, or why that failed."""

    options: Options
    job: Job

    def work(self, device: Device, report: Reporter) -> None:
        """One event: `memory` or `failed`."""
        options = self.options
        report({"event": "run"})
        try:
            found = record(self.job.graph, device, options.dtype, options.mode, options.layout, options.optimizer)
        except Exception as error:
            report({"event": "failed", "error": describe_failure(error)})
        else:
            report({"event": "memory", "bytes": found})


def record(
    graph: Graph, device: Device, dtype: RunDtype, mode: Mode, layout: ImageLayout, optimizer: Optimizer
) -> dict[str, int]:
    """The fields of a `AllocatorRecord`, measured in this process: in the second run, when an optimizer's state is there."""
    from cnnprof.measure.workload import TrainingStep, casting, infer, place, with_batch
    from cnnprof.torch_bridge.instantiate import instantiate

    module = instantiate(graph).train(mode == "train")
    module, x = place(module, with_batch(graph, graph.input_shape[0]), device.name, dtype, layout)
    cast = casting(device.name, dtype)
    step = TrainingStep(module, x, cast, optimizer) if mode == "train" else None
    run = step or partial(infer, module, x, cast)
    run()
    if device.name.startswith("cuda"):
        return _of_cuda(device, run)
    own = sum(tensor.numel() * tensor.element_size() for tensor in (*module.parameters(), *module.buffers(), *x))
    growth = device.peak_growth(run)
    assert growth is not None
    return {"peak_bytes": own + (step.state_bytes if step else 0) + growth}


def _of_cuda(device: Device, run: Any) -> dict[str, int]:
    """The caching allocator's peaks, in a process that has allocated nothing else."""
    import torch

    device.release()
    device.peak_growth(run)
    stats = torch.cuda.memory_stats(device.name)
    kinds = {"peak_bytes": "allocated_bytes", "requested_bytes": "requested_bytes", "reserved_bytes": "reserved_bytes"}
    return {field: int(stats[f"{name}.all.peak"]) for field, name in kinds.items()}
