"""The reasons that bundled specs give for published figures which are not theirs: each is worked out, and gives that figure."""

import pytest

from cnnprof.network.analysis import analyze
from cnnprof.network.results import Analysis
from cnnprof.sources import specs


def profile(name: str) -> Analysis:
    return analyze(specs.load(name))


def stated(name: str, key: str = "macs") -> str:
    return specs.load(name).facts.published[key].text


@pytest.mark.parametrize(("name", "figure"), [("hrnet_w18", "3.99G"), ("hrnet_w32", "8.31G"), ("hrnet_w48", "16.1G")])
def test_hrnets_giga_is_a_power_of_two(name: str, figure: str) -> None:
    assert stated(name) == figure
    digits = len(figure[:-1].partition(".")[2])
    assert f"{profile(name).totals.macs / 2**30:.{digits}f}G" == figure


@pytest.mark.parametrize("size", [192, 160, 128])
def test_the_first_convolution_of_mobilenets_that_are_narrower_by_a_quarter_is_not_counted(size: int) -> None:
    name = f"mobilenet_v1_075_{size}"
    first, *others = profile(name).costs
    assert first.node.name == "conv1"
    assert f"{sum(cost.macs for cost in others) / 1e6:.0f}M" == stated(name)


@pytest.mark.parametrize("name", ["ghostnet_050", "ghostnet_100", "ghostnet_130"])
def test_ghostnets_first_code_has_3x3_convolutions_in_its_shortcuts(name: str) -> None:
    found = profile(name)
    saved = 0
    for cost, after in zip(found.costs, found.costs[2:], strict=False):
        # What follows a depthwise convolution and its normalization: a 1x1 in a shortcut, the excitation's pooling elsewhere.
        if getattr(cost.node.layer, "kernel_size", ()) == (5, 5) and after.node.layer.type == "Conv2d":
            saved += cost.macs * (25 - 9) // 25
    assert saved
    assert f"{(found.totals.macs - saved) / 1e6:.0f}M" == stated(name)


def test_convnexts_layer_normalizations_are_counted_as_fvcore_counts_them() -> None:
    found = profile("convnextv2_tiny")
    normalized = sum(cost.activations for cost in found.costs if cost.node.layer.type == "LayerNorm")
    assert f"{(found.totals.macs + 5 * normalized) / 1e9:.2f}G" == stated("convnextv2_tiny")


def test_mobilenet_v4_without_one_feed_forward_block_has_the_stated_figures() -> None:
    found = profile("mobilenet_v4_conv_m")
    # 256 maps to 1,024 and back on 8x8 positions, each with a normalization.
    params, macs = 2 * 256 * 1024 + 2 * (1024 + 256), 8 * 8 * 2 * 256 * 1024
    assert f"{(found.totals.params - params) / 1e6:.1f}M" == stated("mobilenet_v4_conv_m", "params")
    assert f"{(found.totals.macs - macs) / 1e9:.1f}G" == stated("mobilenet_v4_conv_m")


@pytest.mark.parametrize("name", ["mixer_s16", "mixer_b16"])
def test_mixers_are_counted_without_their_classes(name: str) -> None:
    found = profile(name)
    head = found.costs[-1]
    assert head.output == (1, 1000)
    assert f"{(found.totals.params - head.params) / 1e6:.0f}M" == stated(name, "params")


@pytest.mark.parametrize("name", ["deeplab_v3_resnet50", "deeplab_v3_resnet101"])
def test_deeplab_is_counted_with_its_head_for_training(name: str) -> None:
    found = profile(name)
    head = sum(cost.macs for cost in found.costs if cost.node.aux)
    assert f"{(found.totals.macs + head) / 1e9:.3f}G" == stated(name)
    assert f"{found.totals.params + found.totals.aux_params:_}" == stated(name, "params")
