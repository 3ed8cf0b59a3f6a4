"""Layers aligned by structure: what was inserted, taken out or changed shows as just that."""

import random
from itertools import permutations

import pytest

import cnnprof
from cnnprof import Difference
from cnnprof.judging.alignment import ADDED, CHANGED, REMOVED, SAME, Change, align, alike
from cnnprof.sources import spec_names


def aligned(before, after, **options):
    return align(cnnprof.profile(before, **options), cnnprof.profile(after, **options))


def kinds(pairs):
    """What became of each layer, the same ones left out."""
    return [(pair.kind, pair.cost.node.name) for pair in pairs if pair.kind != SAME]


BLOCK = {"input_shape": (3, 32, 32)}


def test_the_same_network_is_the_same():
    pairs = aligned("resnet18", "resnet18")
    assert {pair.kind for pair in pairs} == {SAME}
    assert all(pair.before.node.name == pair.after.node.name for pair in pairs)


def test_a_kernel_changed_among_equal_layers():
    pairs = aligned("conv 3x3 8 | conv 3x3 8 | conv 3x3 8", "conv 3x3 8 | conv 5x5 8 | conv 3x3 8", **BLOCK)
    assert kinds(pairs) == [(CHANGED, "conv2")]
    assert pairs[1].changes == (Change("kernel_size", (3, 3), (5, 5)), Change("padding", (1, 1), (2, 2)))
    assert pairs[1].difference("params") == 8 * 8 * (25 - 9)
    assert pairs[1].difference("macs") == 32 * 32 * 8 * 8 * (25 - 9)


def test_a_layer_inserted_and_taken_out():
    short, long = "conv 3x3 8 | relu | maxpool 2x2", "conv 3x3 8 bn | relu | maxpool 2x2 | dropout 0.5"
    added = aligned(short, long, **BLOCK)
    # With a norm behind it, the convolution has no bias.
    assert kinds(added) == [(CHANGED, "conv1"), (ADDED, "bn1"), (ADDED, "dropout1")]
    assert kinds(aligned(long, short, **BLOCK)) == [(CHANGED, "conv1"), (REMOVED, "bn1"), (REMOVED, "dropout1")]
    assert added[1].difference("params") == 2 * 8


def test_what_only_follows_from_the_input_is_a_change_of_its_layer():
    pairs = aligned("conv 3x3 8 | conv 3x3 8", "conv 3x3 16 | conv 3x3 8", **BLOCK)
    assert pairs[0].changes == (Change("out_channels", 8, 16), Change("output", (8, 32, 32), (16, 32, 32)))
    assert pairs[1].changes == (Change("input", (8, 32, 32), (16, 32, 32)),)
    assert pairs[1].difference("params") == 8 * 9 * 8


def test_another_activation_is_a_change():
    pairs = aligned("conv 3x3 8 | relu", "conv 3x3 8 | silu", **BLOCK)
    assert pairs[1].changes == (Change("type", "ReLU", "SiLU"),)


def test_other_wiring_of_the_same_layers(tmp_path):
    text = "input: 3x8x8\nlayers: [conv 3x3 4 -> a, conv 3x3 4 -> b, conv 3x3 4 -> c, {JOIN: [FIRST, SECOND]}]\n"
    names = []
    for join, first, second in (
        ("add", "a", "c"),
        ("add", "b", "c"),
        ("add", "c", "a"),
        ("concat", "a", "c"),
        ("concat", "c", "a"),
    ):
        path = tmp_path / f"{join}_{first}{second}.yaml"
        path.write_text(text.replace("JOIN", join).replace("FIRST", first).replace("SECOND", second))
        names.append(str(path))
    a_c, b_c, c_a, ac_cat, ca_cat = names
    assert [pair.changes for pair in aligned(a_c, b_c)][-1] == (Change("inputs", ("a", "c"), ("b", "c")),)
    assert kinds(aligned(a_c, c_a)) == []  # a sum does not mind the order; a concatenation does
    assert kinds(aligned(ac_cat, ca_cat)) == [(CHANGED, "concat1")]


@pytest.mark.parametrize(
    ("before", "after"),
    [("resnet50", "resnet101"), ("densenet121", "densenet161"), ("alexnet", "alexnet_paper"), ("lenet5", "vgg16")],
)
def test_differences_add_up_and_no_layer_is_lost(before, after):
    a, b = cnnprof.profile(before), cnnprof.profile(after)
    pairs = align(a, b)
    for figure in ("params", "macs", "activations"):
        assert sum(pair.difference(figure) for pair in pairs) == getattr(b.totals, figure) - getattr(a.totals, figure)
    assert [pair.before for pair in pairs if pair.before] == [cost for cost in a.costs if not cost.node.aux]
    assert [pair.after for pair in pairs if pair.after] == [cost for cost in b.costs if not cost.node.aux]


def test_a_deeper_network_has_more_blocks_and_else_the_same():
    # 17 more bottlenecks of ten layers in the third stage.
    assert kinds(aligned("resnet50", "resnet101")) == [
        (ADDED, f"stage3.bottleneck{number}.{layer}")
        for number in range(7, 24)
        for layer in ("conv1", "bn1", "relu1", "conv2", "bn2", "relu2", "conv3", "bn3", "add1", "relu3")
    ]


def test_a_wider_network_keeps_every_layer():
    pairs = aligned("densenet121", "densenet121@k=48")
    assert all(pair.before and pair.after for pair in pairs)


@pytest.mark.torch
@pytest.mark.parametrize("name", ["vgg16", "resnet50", "mobilenet_v2"])
def test_a_spec_and_torchvision_are_the_same(name):
    assert kinds(aligned(name, f"torchvision:{name}")) == []


def test_networks_with_nothing_in_common():
    assert not alike(aligned("lenet5", "mobilenet_v2"))
    assert not alike(aligned("inline:relu", "maxpool 2x2", **BLOCK))
    assert alike(aligned("relu | tanh", "inline:relu", **BLOCK))
    assert alike(aligned("resnet18", "resnet50"))


def test_long_networks_of_very_different_length():
    pairs = aligned("resnet1202", "resnet110")
    assert {pair.kind for pair in pairs} == {SAME, REMOVED}
    assert sum(pair.kind == SAME for pair in pairs) == len(cnnprof.load("resnet110"))


@pytest.mark.torch
def test_any_two_networks_can_be_compared():
    """A sample of 300 ordered pairs, of specs and of captured networks, which have stored tensors in the place of layers."""
    captured = [f"torchvision:{name}" for name in ("swin_t", "convnext_tiny", "vit_b_16", "mobilenet_v3_small", "googlenet")]
    names = [*random.Random(0).sample(spec_names(), 25), *captured]
    profiles = [cnnprof.profile(name) for name in names]
    for before, after in random.Random(1).sample([*permutations(profiles, 2)], 300):
        difference = Difference(before, after, tuple(align(before, after)))
        assert len(difference.to_dict()["layers"]) == len(difference.pairs)
        assert str(difference)
        assert sum(pair.difference("params") for pair in difference.pairs) == after.totals.params - before.totals.params
