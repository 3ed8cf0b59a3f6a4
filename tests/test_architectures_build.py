"""The bundled specs as torch modules: each builds, and with torchvision's state a twin computes what its model does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cnnprof.network.analysis import analyze
from cnnprof.sources import specs

torch = pytest.importorskip("torch")

from cnnprof.torch_bridge.build import build  # noqa: E402
from cnnprof.torch_bridge.meta import on_meta  # noqa: E402
from cnnprof.torch_bridge.requirements import import_torchvision  # noqa: E402

pytestmark = pytest.mark.torch

SIZES = {
    "alexnet": 80,
    "vgg11_bn": 64,
    "googlenet": 96,
    "resnet50": 64,
    "resnext50_32x4d": 64,
    "densenet121": 64,
    "squeezenet1_1": 64,
    "mobilenet_v2": 64,
    "inception_v3": 107,
    "efficientnet_b0": 64,
    "efficientnet_b5": 48,
    "mobilenet_v3_large": 64,
    "mnasnet0_5": 64,
    "shufflenet_v2_x1_0": 64,
}
"""Twins, with an image size that is enough for them and quick."""

RUNS = {
    **dict.fromkeys(("lenet5", "lenet5_paper", "nin_cifar10", "resnet20"), 32),
    "squeezenet1_0": 224,
    "nin_imagenet": 96,
    **dict.fromkeys(("inception_naive", "inception_reduced"), 28),
    "inception_v2": 64,
    **dict.fromkeys(("inception_v4", "inception_resnet_v1", "inception_resnet_v1_paper", "inception_resnet_v2"), 107),
    **dict.fromkeys(("conv_mobilenet", "mobilenet_v1_025_128", "mobilenet_v3_small", "mnasnet0_5", "efficientnet_b0"), 64),
    **dict.fromkeys(("shufflenet_v1_g1", "shufflenet_v1_g3_x2_0", "shufflenet_v1_g8_x0_25", "shufflenet_v2_x0_5"), 64),
    "nasnet_a_mobile": 64,
    "nasnet_a_cifar_6_768": 32,
}
"""Networks to train a step, with an image size that is enough for them and quick."""


@pytest.mark.parametrize("name", specs.names())
def test_module_has_the_specs_parameters(name: str) -> None:
    graph = specs.load(name)
    with on_meta():
        module = build(graph)
    totals = analyze(graph).totals
    assert sum(weights.numel() for weights in module.parameters()) == totals.params + totals.aux_params


@pytest.mark.parametrize("name", RUNS)
def test_module_runs_forward_and_backward(name: str) -> None:
    graph = specs.load(name, input_shape=(specs.load(name).input_shape[1], RUNS[name], RUNS[name]), batch=2)
    torch.manual_seed(0)
    module = build(graph)
    output = module(torch.rand(graph.input_shape))
    assert output.shape == analyze(graph).costs[-1].output
    output.square().sum().backward()
    assert torch.isfinite(output).all()
    assert all(weights.grad is not None and torch.isfinite(weights.grad).all() for weights in module.parameters())


@pytest.mark.parametrize("name", SIZES)
def test_twin_computes_what_torchvision_computes(name: str) -> None:
    torch.manual_seed(0)
    theirs = torchvision_model(name).eval()
    graph = specs.load(name)
    with on_meta():
        ours = build(replace(graph, nodes=tuple(node for node in graph if not node.aux))).eval()
    state = zip(ours.state_dict(), theirs.state_dict().values(), strict=True)
    ours.load_state_dict(dict(state), assign=True)
    image = torch.rand(2, 3, SIZES[name], SIZES[name])
    with torch.no_grad():
        expected = theirs(image)
        assert expected.std() > 1e-3
        torch.testing.assert_close(ours(image), expected)


def torchvision_model(name: str) -> Any:
    """torchvision's model without its heads; random numbers that let a signal through replace its slow initialization."""
    models = import_torchvision().models
    lazy = {"init_weights": False, "aux_logits": False} if name in ("googlenet", "inception_v3") else {}
    with torch.device("meta"):
        model = models.get_model(name, **lazy)
    model.to_empty(device="cpu")
    for part in model.modules():
        for key, weights in part.named_parameters(recurse=False):
            if weights.dim() > 1:
                weights.data.uniform_(-1, 1).mul_((6 / weights[0].numel()) ** 0.5)
            else:
                weights.data.uniform_(0.5, 1.5) if key == "weight" else weights.data.uniform_(-0.1, 0.1)
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.uniform_(-0.1, 0.1)
            # Small variances show a wrong eps.
            part.running_var.uniform_(0.001, 2)
    return model
