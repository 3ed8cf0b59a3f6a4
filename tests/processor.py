"""The processor that the tests run on, and the memory that a network takes on it: predicted, and as its allocator has it."""

from typing import Any
from unittest.mock import patch

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
    import torch

    from cnnprof.measure.devices import open_device
    from cnnprof.measure.memory import record

    # Memory does not depend on weights' values, and drawing a hundred million of them at random takes as long as a step.
    drawn = {name: lambda tensor, *_, **__: tensor.fill_(0.01) for name in ("uniform_", "normal_")}
    with patch.multiple(torch.Tensor, **drawn):
        return record(graph, open_device("cpu"), dtype, mode, layout, optimizer)["peak_bytes"]
