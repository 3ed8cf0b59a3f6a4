"""The real module behind a graph: torchvision's, timm's or the user's own; for any other graph a built one."""

from __future__ import annotations

import torch
from torch import nn

from cnnprof.network.graph import Graph
from cnnprof.network.inputs import Inputs, parse_inputs
from cnnprof.torch_bridge.build import build
from cnnprof.torch_bridge.feeding import DEFAULT, Fed, bind, make_tensors
from cnnprof.torch_bridge.files import module_in
from cnnprof.torch_bridge.running import finished, is_unfinished
from cnnprof.torch_bridge.user import user_model
from cnnprof.torch_bridge.zoo import timm_model, torchvision_model


def instantiate(graph: Graph) -> nn.Module:
    """The module that the graph's origin names, with random weights on the CPU, for the graph's input shape.

    No other part of the graph is looked at to choose it: names and facts are texts, which a file may have brought.
    Raises CnnprofError if it cannot be made, and UnavailableError where a package is missing.
    """
    origin = graph.origin
    if origin is None or origin.kind == "onnx":
        return build(graph)
    match origin.kind:
        case "torchvision":
            return torchvision_model(origin.name, origin.settings, graph.input_shape)
        case "timm":
            return timm_model(origin.name, origin.settings, graph.input_shape)
        case "python":
            inputs = parse_inputs(" ".join(origin.inputs)) if origin.inputs else DEFAULT
            module = user_model(origin.name, origin.settings)
            if is_unfinished(module):
                module = finished(module, *bind(inputs, make_tensors(inputs, graph.input_shape[0], torch.empty(0))))
            return _fed(module, inputs)
        case "exported":
            return _fed(module_in(origin.name), parse_inputs(" ".join(origin.inputs)) if origin.inputs else DEFAULT)
    raise ValueError(f"no module comes from {origin.kind}")


def _fed(module: nn.Module, inputs: Inputs) -> nn.Module:
    """The module, taking its inputs in order."""
    return module if len(inputs) == 1 and not (inputs[0].name or inputs[0].dtype) else Fed(module, inputs)


def is_built(graph: Graph) -> bool:
    """Whether the module is built from the graph, and neither a package's nor a user's own."""
    return graph.origin is None or graph.origin.kind == "onnx"


def is_users(graph: Graph) -> bool:
    """Whether the module comes from a user's own code."""
    return graph.origin is not None and graph.origin.kind in ("python", "exported")
