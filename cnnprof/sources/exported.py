"""Networks in files that torch wrote with their code: `torch.export.save` (.pt2) and TorchScript (.pt)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cnnprof.network.graph import Graph, Origin
from cnnprof.network.inputs import read_inputs
from cnnprof.sources._files import no_names, no_settings
from cnnprof.sources._shared import shown
from cnnprof.sources._types import Settings

names = no_names


def load(path: str, settings: Settings = None, inputs: Any = None, batch: int = 1, real: bool = False) -> Graph:
    """The graph of the module that the file holds.

    Args:
        path: the file.
        settings: none; the file has the network as it is.
        inputs: what it is fed with (see `network.inputs.read_inputs`), 3x224x224 if it is not given and the file does not say.
        batch: images in one run.
        real: run it on the processor with random numbers, not on tensors without data.

    Raises CnnprofError for a file that holds no module, such as one of weights, UnavailableError without torch.
    """
    no_settings(path, settings)
    from cnnprof.torch_bridge.requirements import require_torch

    require_torch()
    from cnnprof.torch_bridge.capture import capture
    from cnnprof.torch_bridge.feeding import DEFAULT
    from cnnprof.torch_bridge.files import inputs_of, module_in

    module = module_in(path)
    given = read_inputs(inputs)
    fed, batch = (given, batch) if given else inputs_of(module, batch) or (DEFAULT, batch)
    graph = capture(module, fed, path, batch, real=real)
    facts = replace(graph.facts, family=type(module).__name__, source=shown(path))
    return replace(graph, facts=facts, origin=Origin("exported", path, inputs=tuple(map(str, fed))))
