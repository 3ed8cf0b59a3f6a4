"""Residual, dense and fractal networks against timm, pytorchcv and torchvision, and against sums of their layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cnnprof.sources import specs

torch = pytest.importorskip("torch")

from test_architectures_twins import count, counted, loaded, pytorchcv_model, timm_model  # noqa: E402

from cnnprof.network.analysis import analyze  # noqa: E402
from cnnprof.torch_bridge.at_once import AtOnce  # noqa: E402
from cnnprof.torch_bridge.build import build  # noqa: E402
from cnnprof.torch_bridge.meta import on_meta  # noqa: E402
from cnnprof.torch_bridge.requirements import import_torchvision  # noqa: E402

pytestmark = pytest.mark.torch


def pytorchcv(family: str, **options: Any) -> Any:
    """A network that pytorchcv has no name for."""
    import_torchvision()
    from importlib import import_module

    return getattr(import_module(f"pytorchcv.models.{family}"), f"get_{family}")(num_classes=10, **options)


def fractal(columns: int, channels: list[int]) -> Any:
    import_torchvision()
    from pytorchcv.models.fractalnet_cifar import CIFARFractalNet

    probabilities = [0.0] * len(channels)
    return CIFARFractalNet(channels, columns, probabilities, loc_drop_prob=0.15, glob_drop_ratio=0.5)


def densenet(*depths: int) -> Any:
    return import_torchvision().models.DenseNet(32, depths, 64)


TWINS: dict[str, Callable[[], Any]] = {
    **{f"preact_resnet{n}": lambda n=n: pytorchcv_model(f"preresnet{n}") for n in (50, 101, 152, 200)},
    "preact_resnet164": lambda: pytorchcv_model("preresnet164bn_cifar10"),
    "preact_resnet1001": lambda: pytorchcv_model("preresnet1001_cifar10"),
    "wrn_40_1": lambda: pytorchcv("wrn_cifar", blocks=40, width_factor=1),
    "wrn_40_2": lambda: pytorchcv("wrn_cifar", blocks=40, width_factor=2),
    "wrn_40_4": lambda: pytorchcv("wrn_cifar", blocks=40, width_factor=4),
    "wrn_16_8": lambda: pytorchcv("wrn_cifar", blocks=16, width_factor=8),
    "wrn_28_10": lambda: pytorchcv_model("wrn28_10_cifar10"),
    "resnext29_8x64d": lambda: pytorchcv("resnext_cifar", blocks=29, cardinality=8, bottleneck_width=64),
    "resnext29_16x64d": lambda: pytorchcv_model("resnext29_16x64d_cifar10"),
    **{f"seresnet{n}": lambda n=n: timm_model(f"seresnet{n}") for n in (50, 101, 152)},
    **{f"seresnet{n}_v1": lambda n=n: pytorchcv_model(f"seresnet{n}") for n in (50, 101, 152)},
    "seresnext50_32x4d": lambda: timm_model("seresnext50_32x4d"),
    "seresnext101_32x4d": lambda: timm_model("seresnext101_32x4d"),
    "senet154": lambda: timm_model("senet154"),
    "shake_shake_26_2x32d": lambda: pytorchcv_model("shakeshakeresnet26_2x32d_cifar10"),
    "shake_shake_26_2x96d": lambda: pytorchcv("shakeshakeresnet_cifar", blocks=26, bottleneck=False, first_stage_channels=96),
    "densenet264": lambda: densenet(6, 12, 64, 48),
    "densenet_bc_100_12": lambda: pytorchcv_model("densenet100_k12_bc_cifar10"),
    "densenet_bc_250_24": lambda: pytorchcv_model("densenet250_k24_bc_cifar10"),
    "densenet_bc_190_40": lambda: pytorchcv_model("densenet190_k40_bc_cifar10"),
    "fractalnet20": lambda: pytorchcv_model("fractalnet_cifar10"),
    "fractalnet40": lambda: fractal(4, [16, 32, 64, 128, 128]),
    **{f"dpn{n}": lambda n=n: timm_model(f"dpn{n}") for n in (68, 92, 98, 107, 131)},
    "xception": lambda: timm_model("legacy_xception"),
    **{
        f"regnet_{kind}_{name}": lambda kind=kind, number=number: timm_model(f"regnet{kind}_{number}")
        for kind in "xy"
        for name, number in (("200mf", "002"), ("600mf", "006"), ("4_0gf", "040"), ("6_4gf", "064"), ("12gf", "120"))
    },
}


OUTPUTS = {
    "preact_resnet50": 224,
    "preact_resnet164": 32,
    "wrn_40_1": 32,
    "resnext29_8x64d": 32,
    "seresnet50": 64,
    "seresnext50_32x4d": 64,
    "senet154": 64,
    "shake_shake_26_2x32d": 32,
    "densenet_bc_100_12": 32,
    "dpn68": 64,
}
"""Twins whose weights stand in our order, with an image size that is enough for them."""


@pytest.mark.parametrize("name", TWINS)
def test_twin(name: str) -> None:
    import_torchvision()
    with torch.device("meta"), AtOnce():
        model = TWINS[name]()
    assert count(model, loaded(name).input_shape) == counted(name)


@pytest.mark.parametrize(
    ("name", "layers", "k"), [("densenet_40_12", 12, 12), ("densenet_100_12", 32, 12), ("densenet_100_24", 32, 24)]
)
def test_densenet_without_bottlenecks_is_the_sum_of_its_layers(name: str, layers: int, k: int) -> None:
    maps, size, params, macs = 16, 32, 27 * 16, 32 * 32 * 27 * 16
    for block in range(3):
        for _ in range(layers):
            params += 2 * maps + 9 * maps * k
            macs += size * size * 9 * maps * k
            maps += k
        params += 2 * maps
        if block < 2:
            params += maps * maps
            macs += size * size * maps * maps
            size //= 2
    assert counted(name) == (params + 10 * (maps + 1), macs + 10 * maps)


def test_fractalnet34_has_fifteen_convolutions_a_block() -> None:
    before, size, params, macs = 64, 56, 49 * 3 * 64 + 2 * 64, 112 * 112 * 49 * 3 * 64
    for maps in (128, 256, 512, 1024):
        # Four columns begin with the maps of the block before, and hold 1, 2, 4 and 8 convolutions.
        weights = 9 * (4 * before * maps + 11 * maps * maps)
        params += weights + 15 * 2 * maps
        macs += size * size * weights
        before, size = maps, size // 2
    assert counted("fractalnet34") == (params + 1000 * (before + 1), macs + 1000 * before)


def test_vgg_for_small_images_is_the_sum_of_its_layers() -> None:
    inputs, size, params, macs = 3, 32, 0, 0
    for maps, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            params += (9 * inputs + 1) * maps
            macs += size * size * 9 * inputs * maps
            inputs = maps
        size //= 2
    head = 512 * 4096 + 4096 * 4096 + 4096 * 10
    assert counted("vgg16_cifar10") == (params + head + 4096 + 4096 + 10, macs + head)
    # Scale and shift of 2 (64 + 128) + 3 (256 + 512 + 512) maps.
    assert counted("vgg16_bn_cifar10") == (params + 2 * 4_224 + 512 * 10 + 10, macs + 512 * 10)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("preact_resnet50", 64),
        ("preact_resnet164", 32),
        ("wrn_40_1", 32),
        ("resnext29_8x64d", 32),
        ("seresnet50", 64),
        ("shake_shake_26_2x32d", 32),
        ("densenet_40_12", 32),
        ("densenet_bc_100_12", 32),
        ("fractalnet20", 32),
        ("fractalnet40", 32),
        ("dpn68", 64),
        ("xception", 96),
        ("vgg16_cifar10", 32),
        ("convnext_tiny", 64),
        ("regnet_x_400mf", 64),
        ("regnet_y_400mf", 64),
    ],
)
def test_module_runs_forward_and_backward(name: str, size: int) -> None:
    torch.manual_seed(0)
    graph = specs.load(name, batch=2)
    module = build(graph)
    output = module(torch.rand(2, 3, size, size))
    assert output.shape == analyze(graph).costs[-1].output
    output.square().sum().backward()
    assert torch.isfinite(output).all()
    assert all(torch.isfinite(weights.grad).all() for weights in module.parameters())


@pytest.mark.parametrize(("name", "size"), OUTPUTS.items())
def test_module_computes_what_its_twin_computes(name: str, size: int) -> None:
    import_torchvision()
    torch.manual_seed(0)
    theirs = TWINS[name]().eval()
    with on_meta():
        ours = build(specs.load(name)).eval()
    state = zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True)
    # A classifier may be a 1x1 convolution there.
    ours.load_state_dict({key: weights.reshape(own.shape) for (key, own), weights in state}, assign=True)
    image = torch.rand(2, 3, size, size)
    with torch.no_grad():
        torch.testing.assert_close(ours(image), theirs(image), rtol=1e-3, atol=1e-4)
