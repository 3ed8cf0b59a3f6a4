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
from cnnprof.torch_bridge.capture import capture
from cnnprof.torch_bridge.meta import on_meta
from cnnprof.torch_bridge.requirements import import_torchvision
from cnnprof.torch_bridge.zoo import torchvision_model

pytestmark = [pytest.mark.torch, pytest.mark.slow]

HEADS = {"googlenet": 6_379_984, "inception_v3": 3_326_696}
"""Parameters of the training-only heads. googlenet: 13,004,888 with both heads, 6,624,904 without."""


@pytest.fixture(scope="module")
def models():
    return import_torchvision().models


@pytest.fixture(scope="module")
def captured(models):
    """Every model at every input size of its weights, once: name -> size -> (module, profile)."""
    found: dict = {}
    for name in models.list_models(module=models):
        for entry in models.get_model_weights(name):
            size = entry.transforms.keywords["crop_size"]
            if size not in found.setdefault(name, {}):
                with on_meta():
                    module = torchvision_model(name, {}, (1, 3, size, size))
                found[name][size] = module, analyze(capture(module, (1, 3, size, size), name))
    return found


def entries(models, captured):
    for name, sizes in captured.items():
        for entry in models.get_model_weights(name):
            yield f"{name} {entry.name}", entry, sizes[entry.transforms.keywords["crop_size"]][1]


def test_there_are_80_models_with_115_entries(models, captured):
    assert len(captured) == 80
    assert len(list(entries(models, captured))) == 115


def test_every_operation_is_counted(captured):
    assert {name: p.graph.uncounted for name, sizes in captured.items() for _, p in sizes.values() if p.graph.uncounted} == {}


def test_parameters_are_those_of_the_module(captured):
    for name, sizes in captured.items():
        for module, profile in sizes.values():
            everything = sum(parameter.numel() for parameter in module.parameters())
            assert profile.totals.params + profile.totals.aux_params == everything, name
            assert profile.totals.aux_params == HEADS.get(name, 0), name


def test_parameters_are_those_of_the_metadata(models, captured):
    # inception_v3's figure counts its head, googlenet's does not.
    stated = {label: entry.meta["num_params"] for label, entry, _ in entries(models, captured)}
    ours = {label: profile.totals.params for label, _, profile in entries(models, captured)}
    ours["inception_v3 IMAGENET1K_V1"] += HEADS["inception_v3"]
    assert ours == stated


def test_multiply_accumulates_are_those_of_the_metadata(models, captured):
    stated = {label: entry.meta["_ops"] for label, entry, _ in entries(models, captured)}
    assert {label: round(profile.totals.macs / 1e9, 3) for label, _, profile in entries(models, captured)} == stated


def test_operations_are_those_of_torchs_counter_in_every_module(captured):
    for name, sizes in captured.items():
        size, (module, profile) = next(iter(sizes.items()))
        theirs = theirs_by_module(module, size)
        ours = ours_by_module(profile)
        assert {path: ours.get(path) for path in theirs} == theirs, name


def theirs_by_module(module: torch.nn.Module, size: int) -> dict[str, int]:
    """Operations of the module and each of its parts that has any, by path."""
    module = module.to("meta").eval()
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.inference_mode(), FlopCounterMode(display=False, depth=None) as counter:
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
