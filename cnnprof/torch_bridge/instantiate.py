"""The real module behind a graph: torchvision's, timm's or the user's own; for any other graph a built one."""

from __future__ import annotations

from torch import nn

from cnnprof.network.graph import Graph
from cnnprof.torch_bridge.build import build
from cnnprof.torch_bridge.user import user_model
from cnnprof.torch_bridge.zoo import timm_model, torchvision_model


def instantiate(graph: Graph) -> nn.Module:
    """The module that the graph's source names, with random weights on the CPU, for the graph's input shape.

    Raises CnnprofError if it cannot be made, and UnavailableError where a package is missing.
    """
    source, settings = graph.facts.source, graph.facts.settings
    prefix, _, name = source.partition(":")
    if prefix == "torchvision":
        return torchvision_model(name, settings, graph.input_shape)
    if prefix == "timm":
        return timm_model(name, settings, graph.input_shape)
    if is_users(graph):
        return user_model(source.removeprefix("python:"), settings)
    return build(graph)


def is_built(graph: Graph) -> bool:
    """Whether the module is built from the graph, and neither a package's nor a user's own."""
    return graph.facts.source.partition(":")[0] not in ("torchvision", "timm") and not is_users(graph)


def is_users(graph: Graph) -> bool:
    """Whether the module comes from a user's own code."""
    return graph.facts.source.startswith("python:") or ".py:" in graph.facts.source
