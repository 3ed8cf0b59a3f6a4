"""A torch module that a program holds, as a network: no reference leads to it, and it is left as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cnnprof.network.graph import Graph
from cnnprof.network.inputs import Inputs


def capture_live(module: Any, inputs: Inputs, name: str, batch: int, real: bool = False) -> Graph:
    """The graph of what the module does in eval mode; 3x224x224 stands for inputs that are not given, `real` is for data.

    Where it is to run again, in a worker process, it is built from its layers. Raises CnnprofError if it cannot be run.
    """
    from cnnprof.torch_bridge.requirements import require_torch

    require_torch()
    from cnnprof.torch_bridge.capture import capture
    from cnnprof.torch_bridge.feeding import DEFAULT

    graph = capture(module, inputs or DEFAULT, name, batch, real=real)
    return replace(graph, facts=replace(graph.facts, family=type(module).__name__, source="a module of the program"))
