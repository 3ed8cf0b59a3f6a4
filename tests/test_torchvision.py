"""All classification models of torchvision against figures that nobody here computed.

Parameters against `num_params` and multiply-accumulates against `_ops` of every entry of the weights' metadata, at the entry's
own input size; operations, module by module, against torch's own counter on meta tensors.
"""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from cnnprof.network.analysis import analyze
from cnnprof.network.results import Analysis
from cnnprof.torch_bridge.at_once import AtOnce
from cnnprof.torch_bridge.capture import capture
from cnnprof.torch_bridge.meta import on_meta
from cnnprof.torch_bridge.requirements import import_torchvision
from cnnprof.torch_bridge.zoo import torchvision_model

pytestmark = [pytest.mark.torch, pytest.mark.slow]

HEADS = {"googlenet": 6_379_984, "inception_v3": 3_326_696}
"""Parameters of the training-only heads. googlenet: 13,004,888 with both heads, 6,624,904 without."""


MODELS = import_torchvision().models
NAMES = sorted(MODELS.list_models(module=MODELS))


def captured(name: str) -> dict[int, tuple[torch.nn.Module, Analysis]]:
    """The model at every input size of its weights, as a module and its profile."""
    found = {}
    for entry in MODELS.get_model_weights(name):
        size = entry.transforms.keywords["crop_size"]
        if size not in found:
            with on_meta():
                module = torchvision_model(name, {}, (1, 3, size, size))
            found[size] = module, analyze(capture(module, (1, 3, size, size), name))
    return found


def test_there_are_80_models_with_115_entries():
    assert len(NAMES) == 80
    assert sum(len(MODELS.get_model_weights(name)) for name in NAMES) == 115


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_what_torch_and_its_metadata_say(name):
    """Every operation is counted, in each module as torch's counter does; parameters are the module's and the metadata's."""
    by_size = captured(name)
    for module, profile in by_size.values():
        assert not profile.graph.uncounted
        everything = sum(parameter.numel() for parameter in module.parameters())
        assert profile.totals.params + profile.totals.aux_params == everything
        assert profile.totals.aux_params == HEADS.get(name, 0)
    for entry in MODELS.get_model_weights(name):
        _, profile = by_size[entry.transforms.keywords["crop_size"]]
        # inception_v3's figure counts its head, googlenet's does not.
        params = profile.totals.params + (HEADS[name] if name == "inception_v3" else 0)
        assert (params, round(profile.totals.macs / 1e9, 3)) == (entry.meta["num_params"], entry.meta["_ops"]), entry.name
    size, (module, profile) = next(iter(by_size.items()))
    theirs = theirs_by_module(module, size)
    ours = ours_by_module(profile)
    assert {path: ours.get(path) for path in theirs} == theirs


def theirs_by_module(module: torch.nn.Module, size: int) -> dict[str, int]:
    """Operations of the module and each of its parts that has any, by path."""
    module = module.to("meta").eval()
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.inference_mode(), FlopCounterMode(display=False, depth=None) as counter, AtOnce():
            module(torch.empty(1, 3, size, size, device="meta"))
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
    by_path = {
        path.partition(".")[2]: sum(counts.values())
        for path, counts in counter.get_flop_counts().items()
        if path != "Global" and sum(counts.values())
    }
    assert by_path[""] == counter.get_total_flops()
    return by_path


def ours_by_module(profile: Analysis) -> dict[str, int]:
    """The same from the graph's names: a multiply-accumulate is two operations."""
    found: dict[str, int] = {}
    for cost in profile.costs:
        if not cost.node.aux:
            for depth in range(len(cost.node.path) + 1):
                path = ".".join(cost.node.path[:depth])
                found[path] = found.get(path, 0) + 2 * cost.macs
    return found
