"""A user's own torch model, `pkg.module:factory` or `path/to/file.py:factory`; its code may change, so it is never cached."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cnnprof.network.graph import Graph, Origin
from cnnprof.network.inputs import read_inputs
from cnnprof.sources._settings import parse_settings
from cnnprof.sources._shared import without_way
from cnnprof.sources._types import Settings


def names() -> list[str]:
    """None: what a user's code offers is not known before it is imported."""
    return []


def load(reference: str, settings: Settings = None, inputs: Any = None, batch: int = 1, real: bool = False) -> Graph:
    """The graph of the module that the reference names or makes.

    Args:
        reference: `pkg.module:factory` or `path/to/file.py:factory`: a torch module, or a class or function that makes one.
        settings: keyword arguments of the class or function, as values or text.
        inputs: what it is fed with (see `network.inputs.read_inputs`), 3x224x224 if it is not given.
        batch: images in one run.
        real: run it on the processor with random numbers, not on tensors without data.

    Raises CnnprofError if there is no such thing or its code fails, UnavailableError without torch.
    """
    from cnnprof.torch_bridge.requirements import require_torch

    require_torch()
    from cnnprof.torch_bridge.capture import capture
    from cnnprof.torch_bridge.feeding import DEFAULT
    from cnnprof.torch_bridge.user import user_model

    given = parse_settings(settings or {})
    fed = read_inputs(inputs) or DEFAULT
    module = user_model(reference, given)
    shown = without_way(reference)
    graph = capture(module, fed, shown, batch, real=real)
    facts = replace(graph.facts, family=type(module).__name__, source=f"python:{shown}", settings=given)
    return replace(graph, facts=facts, origin=Origin("python", reference, given, tuple(map(str, fed))))
