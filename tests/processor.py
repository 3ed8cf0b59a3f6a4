"""The processor that the tests run on, and the memory that a network takes on it: predicted, and as its allocator has it."""

from typing import Any

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.instruction_set import of_this_machine
from cnnprof.footprint.liveness import inference
from cnnprof.footprint.training import training
from cnnprof.network.analysis import analyze

TOLERANCE = 0.01


def here(**how: Any) -> Execution:
    """A run with the kernels that oneDNN has for this processor."""
    return Execution(isa=of_this_machine(), **how)


def predicted(graph, mode, optimizer, run):
    costs = analyze(graph).costs
    return (inference(graph, costs, run) if mode == "infer" else training(graph, costs, run, optimizer)).peak_bytes


def recorded(graph, mode, optimizer="sgd", layout="nchw", dtype="fp32"):
    from cnnprof.measure.devices import open_device
    from cnnprof.measure.memory import record

    return record(graph, open_device("cpu"), dtype, mode, layout, optimizer)["peak_bytes"]
