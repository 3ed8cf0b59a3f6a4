"""The bundled detectors against torchvision's: parameters, operations, every convolution in order, and what they compute."""

from __future__ import annotations

from typing import Any

import pytest

from cnnprof.network.analysis import analyze
from cnnprof.sources import specs

torch = pytest.importorskip("torch")
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from cnnprof.torch_bridge.build import build  # noqa: E402
from cnnprof.torch_bridge.requirements import import_torchvision  # noqa: E402

pytestmark = pytest.mark.torch

DETECTORS = ["ssd300_vgg16", "retinanet_resnet50_fpn", "retinanet_resnet50_fpn_v2"]


def torchvisions(name: str) -> Any:
    """torchvision's detector: without weights its normalizations are not frozen."""
    make = getattr(import_torchvision().models.detection, name)
    return make(weights=None, weights_backbone=None).eval()


def predict(model: Any, image: Any) -> dict[str, Any]:
    """Scores and boxes of an image that is of the detector's size already, before boxes are decoded."""
    with torch.no_grad():
        found = model.head(list(model.backbone(image).values()))
    return {"scores": found["cls_logits"], "boxes": found["bbox_regression"]}


def modules_as_they_run(model: Any, image: Any) -> list[tuple[Any, tuple[int, ...]]]:
    """Each call of a module that has weights and no parts, with its output's shape."""
    calls = []
    for module in model.modules():
        if not [*module.children()] and module.state_dict():
            module.register_forward_hook(lambda module, _, output: calls.append((module, tuple(output.shape))))
    predict(model, image)
    return calls


@pytest.mark.parametrize("name", DETECTORS)
def test_detector_is_torchvisions_convolution_by_convolution(name: str) -> None:
    with torch.device("meta"):
        model = torchvisions(name)
    profile = analyze(specs.load(name))
    image = torch.empty(profile.graph.input_shape, device="meta")
    with FlopCounterMode(display=False) as counter:
        predict(model, image)
    params = sum(weights.numel() for weights in model.parameters())
    assert (params, counter.get_total_flops() // 2) == (profile.totals.params, profile.totals.macs)
    calls = [
        (sum(weights.numel() for weights in module.parameters()), shape)
        for module, shape in modules_as_they_run(model, image)
        if isinstance(module, torch.nn.Conv2d)
    ]
    params_of = {cost.node.name: cost.params for cost in profile.costs}
    convolutions = [cost for cost in profile.costs if cost.node.layer.type == "Conv2d"]
    assert calls == [(params_of[cost.node.shared or cost.node.name], cost.output) for cost in convolutions]


@pytest.mark.parametrize(("name", "size"), [(DETECTORS[0], (300, 300)), *((name, (96, 128)) for name in DETECTORS[1:])])
def test_detector_computes_what_torchvisions_computes(name: str, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    theirs, image = torchvisions(name), torch.rand(1, 3, *size)
    modules = dict.fromkeys(module for module, _ in modules_as_they_run(theirs, image))
    state = [tensor for module in modules for tensor in module.state_dict().values()]
    if name == "ssd300_vgg16":
        # Behind ten convolutions with biases: what scales each map of conv4_3.
        theirs.backbone.scale_weight.data.uniform_(10, 20)
        state.insert(20, theirs.backbone.scale_weight.data[:, None, None])
    ours = build(specs.load(name, input_shape=(3, *size))).eval()
    ours.load_state_dict(dict(zip(ours.state_dict(), state, strict=True)))
    with torch.no_grad():
        found = ours(image)
    expected = predict(theirs, image)
    assert found.keys() == expected.keys()
    for output, tensor in expected.items():
        assert tensor.std() > 1e-4
        torch.testing.assert_close(found[output], tensor)
