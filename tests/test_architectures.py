"""The bundled specs: exact totals, and the published figures that they stand beside."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml
from mobile_and_inception_totals import INCEPTION, MOBILE
from modern_totals import MODERN, MODERN_FAMILIES, MODERN_OUTPUTS
from residual_totals import RESIDUAL

from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Accuracy, Graph
from cnnprof.network.results import Analysis
from cnnprof.sources import specs

TOTALS = {
    # C1 6(25+1), C3 16(6*25+1), C5 120(16*25+1), F6 84(120+1), output 10(84+1); MACs 117,600 + 240,000 + 48,000 + 10,080 + 840
    "lenet5": (61_706, 416_520),
    # C1 156, S2 12, C3 60*25+16, S4 32, C5 48,120, F6 10,164 (LeCun et al. 1998, section II.B); C3 takes 60*25*100 MACs
    "lenet5_paper": (60_000, 325_680),
    # convolutions 105,415,200 + 223,948,800 + 149,520,384 + 112,140,288 + 74,760,192 MACs, fully connected 58,621,952
    "alexnet_paper": (60_965_224, 724_406_816),
    # without groups conv2, conv4 and conv5 take twice the MACs and weights: 307,200 + 663,552 + 442,368 more of these
    "alexnet_one_tower": (62_378_344, 1_135_256_096),
    # from here to squeezenet, where no other source is named: torchvision's `num_params`, and MACs that agree with its `_ops`
    "alexnet": (61_100_840, 714_188_480),
    "vgg11": (132_863_336, 7_609_090_048),
    "vgg13": (133_047_848, 11_308_466_176),
    "vgg16": (138_357_544, 15_470_264_320),
    "vgg19": (143_667_240, 19_632_062_464),
    # two parameters more for each of the 2,752 to 5,504 filters
    "vgg11_bn": (132_868_840, 7_609_090_048),
    "vgg13_bn": (133_053_736, 11_308_466_176),
    "vgg16_bn": (138_365_992, 15_470_264_320),
    "vgg19_bn": (143_678_248, 19_632_062_464),
    "googlenet": (6_624_904, 1_498_376_192),
    # Table 1 of the paper, row by row; first layer 64(3*49+1) parameters and 112*112*64*147 MACs
    "googlenet_paper": (6_998_552, 1_582_671_872),
    # 27,161,264 (torchvision's `num_params`) less the head's 3,326,696
    "inception_v3": (23_834_568, 5_713_216_096),
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet34": (21_797_672, 3_663_761_408),
    "resnet50": (25_557_032, 4_089_184_256),
    "resnet101": (44_549_160, 7_801_405_440),
    "resnet152": (60_192_808, 11_513_626_624),
    # the stride in the first 1x1 of stages 3, 4 and 5 spares each of them three quarters of 56*56*256*128 MACs
    "resnet50_v1": (25_557_032, 4_089_184_256 - 3 * 77_070_336),
    "resnet101_v1": (44_549_160, 7_801_405_440 - 3 * 77_070_336),
    "resnet152_v1": (60_192_808, 11_513_626_624 - 3 * 77_070_336),
    "resnext50_32x4d": (25_028_904, 4_230_479_872),
    "resnext101_32x8d": (88_791_336, 16_414_015_488),
    "resnext101_64x4d": (83_455_272, 15_460_270_080),
    "wide_resnet50_2": (68_883_240, 11_398_021_120),
    "wide_resnet101_2": (126_886_696, 22_753_050_624),
    # He et al. 2015, Table 6: 0.27 M to 19.4 M. A further n (depth = 6n + 2) is two 3x3 convolutions with BatchNorm in each
    # stage: 2(9(16*16 + 32*32 + 64*64) + 2(16 + 32 + 64)) = 97,216 parameters, 3*2*32*32*9*16*16 = 14,155,776 MACs
    "resnet20": (269_722, 40_551_040),
    "resnet32": (269_722 + 2 * 97_216, 40_551_040 + 2 * 14_155_776),
    "resnet44": (269_722 + 4 * 97_216, 40_551_040 + 4 * 14_155_776),
    "resnet56": (269_722 + 6 * 97_216, 40_551_040 + 6 * 14_155_776),
    "resnet110": (269_722 + 15 * 97_216, 40_551_040 + 15 * 14_155_776),
    "resnet1202": (269_722 + 197 * 97_216, 40_551_040 + 197 * 14_155_776),
    "densenet121": (7_978_856, 2_834_161_664),
    "densenet161": (28_681_000, 7_727_907_072),
    "densenet169": (14_149_480, 3_359_843_328),
    "densenet201": (20_013_928, 4_291_365_888),
    "squeezenet1_0": (1_248_424, 818_924_576),
    "squeezenet1_1": (1_235_496, 349_151_936),
    # Howard et al. 2017, Tables 6 and 7: 4.2 M / 569 M and so on; parameters do not depend on the image
    "mobilenet_v1": (4_231_976, 568_740_352),
    "mobilenet_v1_075": (2_585_560, 325_400_448),
    "mobilenet_v1_050": (1_331_592, 149_497_088),
    "mobilenet_v1_025": (470_072, 41_030_272),
    "mobilenet_v1_192": (4_231_976, 418_121_728),
    "mobilenet_v1_160": (4_231_976, 290_675_200),
    "mobilenet_v1_128": (4_231_976, 186_400_768),
    "mobilenet_v2": (3_504_872, 300_774_272),
    # torchvision's mobilenet_v2(width_mult=1.4) and so on
    "mobilenet_v2_140": (6_108_776, 582_195_824),
    "mobilenet_v2_130": (5_386_792, 509_374_560),
    "mobilenet_v2_075": (2_636_424, 209_069_792),
    "mobilenet_v2_050": (1_968_680, 97_131_840),
    "mobilenet_v2_035": (1_677_128, 59_285_808),
    "mobilenet_v2_192": (3_504_872, 221_316_608),
    "mobilenet_v2_160": (3_504_872, 154_083_200),
    "mobilenet_v2_128": (3_504_872, 99_074_048),
    "mobilenet_v2_096": (3_504_872, 56_289_152),
    # parameters as in the authors' Caffe model and in pytorchcv
    "nin_cifar10": (966_986, 222_486_528),
    "zfnet": (62_357_608, 1_168_032_896),
    "zfnet_512": (107_627_624, 2_476_704_896),
    **INCEPTION,
    **MOBILE,
    **RESIDUAL,
    **MODERN,
}
"""Parameters and multiply-accumulates, training-only heads left out."""

FAMILIES = {
    "alexnet",
    "convnext",
    "densenet",
    "densenet_cifar",
    "dpn",
    "efficientnet",
    "fractalnet",
    "googlenet",
    "inception_module",
    "inception_resnet",
    "mnasnet",
    "mobilenet_v1",
    "mobilenet_v2",
    "mobilenet_v3",
    "nasnet_a",
    "nin",
    "preact_resnet",
    "regnet",
    "regnet_rule",
    "resnet",
    "resnet_cifar",
    "resnext_cifar",
    "senet",
    "shake_shake",
    "shufflenet_v1",
    "shufflenet_v2",
    "squeezenet",
    "vgg",
    "wide_resnet",
}
"""Names of files, each of which stands for its default variant."""


def profile(name: str) -> Analysis:
    return analyze(specs.load(name))


def test_every_spec_has_its_totals_here() -> None:
    assert {*specs.names()} == {*TOTALS} | FAMILIES | MODERN_FAMILIES


@pytest.mark.parametrize("name", TOTALS)
def test_parameters_and_macs_are_exact(name: str) -> None:
    totals = profile(name).totals
    assert (totals.params, totals.macs) == TOTALS[name]
    assert totals.uncounted == ()


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_a_network_is_sent_to_a_process_as_it_is(name: str) -> None:
    graph = specs.load(name)
    sent = Graph.from_dict(json.loads(json.dumps(graph.to_dict(), allow_nan=False)))
    assert [(node.layer, node.inputs) for node in sent] == [(node.layer, node.inputs) for node in graph]


@pytest.mark.parametrize("name", TOTALS)
def test_network_knows_its_paper_and_ends_in_classes(name: str) -> None:
    graph = specs.load(name)
    assert graph.facts.year
    assert graph.facts.paper
    output = {"inception_naive": (1, 672, 28, 28), "inception_reduced": (1, 480, 28, 28)} | MODERN_OUTPUTS
    classes = 10 if graph.input_shape[2] == 32 else 1000
    assert analyze(graph).costs[-1].output == output.get(name, (1, classes))


def published(graph: Graph) -> list[tuple[str, float, float, float, str | None]]:
    """Key, published and computed figure, how far apart they may be, and why."""
    totals = analyze(graph).totals
    computed = {"params": totals.params, "macs": totals.macs}
    return [(key, f.value, computed[key], f.tolerance, f.why) for key, f in graph.facts.published.items()]


@pytest.mark.parametrize("name", TOTALS)
def test_published_figures_agree_within_their_tolerance(name: str) -> None:
    for key, stated, computed, tolerance, _ in published(specs.load(name)):
        assert abs(stated - computed) <= tolerance, key


@pytest.mark.parametrize("name", TOTALS)
def test_a_figure_that_misses_its_own_precision_says_why(name: str) -> None:
    graph = specs.load(name)
    for key, stated, computed, _, why in published(graph):
        figure = graph.facts.published[key]
        digits = figure.text.rstrip("kMGT").partition(".")[2]
        unit = {"k": 1e3, "M": 1e6, "G": 1e9}.get(figure.text[-1], 1)
        own = 0 if unit == 1 else 0.5 * unit / 10 ** len(digits)
        assert bool(why) is (abs(stated - computed) > own), f"{key}: {stated:,.0f} beside {computed:,.0f}"
        assert figure.where


@pytest.mark.parametrize(
    ("name", "top1", "top5", "source", "dataset"),
    [
        ("resnet50", 76.13, 92.862, "torchvision IMAGENET1K_V1, 1 crop", "ImageNet-1K"),
        ("resnet50_v1", 75.3, 92.2, "github.com/KaimingHe/deep-residual-networks, 1 crop", "ImageNet-1K"),
        ("densenet121", 74.98, 92.29, "Table 3 of the paper, 1 crop", "ImageNet-1K"),
        ("alexnet_paper", 59.3, 81.8, "Table 2 of the paper, 1 CNN, 10 crops", "ImageNet-1K"),
        ("googlenet_paper", None, 89.93, "Table 3 of the paper, 1 model, 1 crop", "ImageNet-1K"),
        ("lenet5_paper", 99.05, None, "section III of the paper, without distortions", "MNIST"),
        ("resnet20", 91.25, None, "Table 6 of the paper", "CIFAR-10"),
        ("mobilenet_v1_050", 63.7, None, "Tables 6 and 7 of the paper, 1 crop", "ImageNet-1K"),
    ],
)
def test_accuracy_has_its_condition(name: str, top1: float | None, top5: float | None, source: str, dataset: str) -> None:
    accuracy = specs.load(name).facts.accuracy
    assert replace(accuracy, input=None) == Accuracy(top1, top5, source, dataset)


@pytest.mark.parametrize("path", sorted({*specs.names().values()}), ids=lambda path: path.stem)
def test_file_fits_the_schema_that_it_names(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=cnnprof.schema.json\n")
    jsonschema.validate(yaml.safe_load(text), json.loads(specs.read_schema()))


def test_first_layers_of_the_lectures_tables() -> None:
    conv1 = profile("alexnet_one_tower").costs[0]
    assert conv1.params == 96 * (11 * 11 * 3 + 1) == 34_944
    assert conv1.output == (1, 96, 55, 55)
    pool = next(cost for cost in profile("lenet5").costs if cost.node.layer.type == "AvgPool2d")
    assert pool.ops.add + pool.ops.div == 4 * 6 * 14 * 14 == 4_704


@pytest.mark.parametrize(
    ("name", "heads"), [("googlenet", 6_379_984), ("googlenet_paper", 6_379_728), ("inception_v3", 3_326_696)]
)
def test_training_heads_are_counted_apart(name: str, heads: int) -> None:
    assert profile(name).totals.aux_params == heads


def test_identity_shortcuts_of_cifar_networks_hold_no_weights() -> None:
    shortcuts = [cost for cost in profile("resnet56").costs if "shortcut" in cost.node.name]
    assert len(shortcuts) == 4
    assert sum(cost.params + cost.macs for cost in shortcuts) == 0


def test_lenet5_paper_connects_ten_of_sixteen_maps() -> None:
    third = next(cost for cost in profile("lenet5_paper").costs if cost.node.layer.type == "PartialConv2d")
    assert third.params == 1_516


@pytest.mark.parametrize("name", ["nin_cifar10", "preact_resnet164", "nasnet_a_cifar_6_768", "fractalnet20", "vgg16_cifar10"])
def test_a_cifar_network_keeps_its_form_at_another_size(name):
    small, large = specs.load(name), specs.load(name, input_shape=(3, 64, 64))
    assert [node.layer.type for node in large] == [node.layer.type for node in small]
