"""Networks in files that torch wrote with their code: `torch.export.save` (.pt2) and TorchScript (.pt)."""

from __future__ import annotations

from dataclasses import replace

from cnnprof.network.graph import Graph, Origin
from cnnprof.sources._asked import Settings, Size
from cnnprof.sources._files import no_names, no_settings, shown

names = no_names


def load(path: str, settings: Settings = None, input_shape: Size = None, batch: int = 1) -> Graph:
    """The graph of the module that the file holds.

    Args:
        path: the file.
        settings: none; the file has the network as it is.
        input_shape: (C, H, W), 3x224x224 if it is not given and the file does not say.
        batch: images in one run.

    Raises CnnprofError for a file that holds no module, such as one of weights, UnavailableError without torch.
    """
    no_settings(path, settings)
    from cnnprof.torch_bridge.requirements import require_torch

    require_torch()
    from cnnprof.torch_bridge.capture import capture
    from cnnprof.torch_bridge.files import input_of, module_in

    module = module_in(path)
    shape = (batch, *input_shape) if input_shape else input_of(module, batch) or (batch, 3, 224, 224)
    graph = capture(module, shape, path)
    facts = replace(graph.facts, family=type(module).__name__, source=shown(path))
    return replace(graph, facts=facts, origin=Origin("exported", path))
