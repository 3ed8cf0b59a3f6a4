"""The bundled specs against the same networks in timm and pytorchcv: parameters, and what torch's own counter counts.

The twins run on meta tensors, where the counter sees every convolution and matrix product; it counts two operations for a
multiply-accumulate.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest

from cnnprof.network.analysis import analyze
from cnnprof.sources import specs

torch = pytest.importorskip("torch")
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from cnnprof.torch_bridge.at_once import AtOnce  # noqa: E402
from cnnprof.torch_bridge.requirements import import_torchvision  # noqa: E402

pytestmark = pytest.mark.torch

TIMM = {
    "efficientnet_b0": "efficientnet_b0",
    "efficientnet_b4": "efficientnet_b4",
    "inception_v3": "inception_v3",
    "inception_v4": "inception_v4",
    "inception_resnet_v2": "inception_resnet_v2",
    "convnextv2_atto": "convnextv2_atto",
    "dla34": "dla34",
    "dla102": "dla102",
    "ese_vovnet39b": "ese_vovnet39b",
    "mobilevit_s": "mobilevit_s",
    "mixer_b16": "mixer_b16_224",
    "poolformer_s12": "poolformer_s12",
    "ghostnet_100": "ghostnet_100",
    "hrnet_w18": "hrnet_w18",
    "mnasnet1_0": "mnasnet_100",
    "mobilenet_v4_conv_s": "mobilenetv4_conv_small",
    "mobilenet_v4_conv_m": "mobilenetv4_conv_medium",
    "res2net50_26w_4s": "res2net50_26w_4s",
    "mobilenet_v1": "mobilenetv1_100",
    "nasnet_a_large": "nasnetalarge",
}
PYTORCHCV = {
    "inception_v2": "bninception",
    "inception_resnet_v1": "inceptionresnetv1",
    "nin_cifar10": "nin_cifar10",
    "mobilenet_v1_075": "mobilenet_w3d4",
    "mobilenet_v1_050": "mobilenet_wd2",
    "mobilenet_v1_025": "mobilenet_wd4",
    "shufflenet_v1_g1": "shufflenet_g1_w1",
    "shufflenet_v1_g2": "shufflenet_g2_w1",
    "shufflenet_v1_g3": "shufflenet_g3_w1",
    "shufflenet_v1_g4": "shufflenet_g4_w1",
    "shufflenet_v1_g8": "shufflenet_g8_w1",
    "shufflenet_v1_g1_x0_5": "shufflenet_g1_wd2",
    "shufflenet_v1_g3_x0_5": "shufflenet_g3_wd2",
    "shufflenet_v1_g1_x0_25": "shufflenet_g1_wd4",
    "shufflenet_v1_g3_x0_25": "shufflenet_g3_wd4",
}


def timm_model(name: str) -> Any:
    import_torchvision()
    import timm

    return timm.create_model(name)


def pytorchcv_model(name: str) -> Any:
    import_torchvision()
    from pytorchcv.model_provider import get_model

    return get_model(name)


def count(model: Any, shape: tuple[int, ...]) -> tuple[int, int]:
    """Parameters and multiply-accumulates of a model on meta tensors."""
    with FlopCounterMode(display=False) as counter, torch.no_grad(), AtOnce():
        model.eval()(torch.empty(shape, device="meta"))
    return sum(weights.numel() for weights in model.parameters()), counter.get_total_flops() // 2


loaded = lru_cache(maxsize=1)(specs.load)


def counted(name: str) -> tuple[int, int]:
    totals = analyze(loaded(name)).totals
    return totals.params, totals.macs


@pytest.mark.parametrize("name", TIMM)
def test_twin_of_timm(name: str) -> None:
    with torch.device("meta"), AtOnce():
        model = timm_model(TIMM[name])
    assert count(model, loaded(name).input_shape) == counted(name)


@pytest.mark.parametrize("name", PYTORCHCV)
def test_twin_of_pytorchcv(name: str) -> None:
    with torch.device("meta"), AtOnce():
        model = pytorchcv_model(PYTORCHCV[name])
    assert count(model, loaded(name).input_shape) == counted(name)


def test_nasnet_mobile_is_pytorchcvs_without_the_rows_that_it_drops() -> None:
    with torch.device("meta"), AtOnce():
        model = pytorchcv_model("nasnet_4a1056")
    dropped = 0

    def see(module: Any, args: Any, output: Any) -> None:
        """Where the network pads in front and drops a row and a column later, its convolutions have made these, too."""
        nonlocal dropped
        size = output.shape[-1]
        per_position = sum(conv.weight.numel() for conv in (module.conv.dw_conv, module.conv.pw_conv))
        dropped += ((size + 1) ** 2 - size**2) * per_position

    for module in model.modules():
        if type(module).__name__ == "NasDwsConv" and module.extra_padding:
            module.register_forward_hook(see)
    params, macs = count(model, (1, 3, 224, 224))
    assert (params, macs - dropped) == counted("nasnet_a_mobile")
