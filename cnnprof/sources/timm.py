"""timm's models, where timm is installed: captured once, then read from the cache. Nothing is downloaded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cnnprof.accuracies import timm_checkpoints
from cnnprof.network.graph import Graph, Origin
from cnnprof.sources._cache import ask, recall_graph, recall_names
from cnnprof.sources._settings import parse_settings
from cnnprof.sources._types import InputSize, Settings

_PACKAGES = ("timm", "torch", "torchvision")


def names() -> list[str]:
    """Every model of the installed timm. Raises UnavailableError if there is none."""
    return recall_names("timm", _PACKAGES, _list_names)


def load(name: str, settings: Settings = None, input_shape: InputSize = None, batch: int = 1) -> Graph:
    """The graph of `timm.create_model(NAME)` in eval mode.

    Args:
        name: as timm knows it, with or without the tag of its weights.
        settings: keyword arguments of `timm.create_model`, as values or text.
        input_shape: (C, H, W) where the model's own is not wanted.
        batch: images in one run.

    Raises CnnprofError for an unknown name or setting, UnavailableError without timm.
    """
    given = parse_settings(settings or {})
    question = ask(f"timm:{name}", given, input_shape, batch)
    graph = recall_graph(question, _PACKAGES, lambda: _capture(name, given, input_shape, batch))
    graph = replace(graph, origin=Origin("timm", name, given))
    stated = None if given else timm_checkpoints().get(name)
    # A checkpoint may be measured at another size than it is made for: what is stated holds for that size alone.
    if stated is None or tuple(graph.input_shape[1:]) != stated.accuracy.input:
        return graph
    return replace(graph, facts=replace(graph.facts, accuracy=stated.accuracy))


def _list_names() -> list[str]:
    from cnnprof.torch_bridge.zoo import import_timm

    return list(import_timm().list_models())


def _capture(name: str, settings: dict[str, Any], input_shape: tuple[int, ...] | None, batch: int) -> Graph:
    from cnnprof.torch_bridge.capture import capture
    from cnnprof.torch_bridge.zoo import timm_input, timm_model

    shape = (batch, *(input_shape or timm_input(name)))
    module = timm_model(name, settings, shape, meta=True)
    own = "x".join(map(str, timm_input(name)))
    graph = capture(module, shape, f"timm:{name}", hint=f"its own input is {own}")
    facts = replace(graph.facts, family=type(module).__name__, source=f"timm:{name}", settings=settings)
    return replace(graph, facts=facts)
