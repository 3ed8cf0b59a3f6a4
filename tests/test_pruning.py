"""Pruned networks: every bundled one fits together, and torch counts what is computed."""

import json

import pytest
from shell import cnnprof
from spec_texts import build

from cnnprof.errors import CnnprofError
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph, Node
from cnnprof.network.layers.arrangement import Rearrange
from cnnprof.network.layers.convolution import Conv
from cnnprof.network.pruning import prune
from cnnprof.network.widths import behind, cut, divided, join, keep, narrowed, need, own, times
from cnnprof.sources import specs

SHARES = [0.3, 0.5, 0.75]


@pytest.mark.parametrize("path", sorted({*specs.names().values()}), ids=lambda path: path.stem)
def test_every_bundled_network_can_be_pruned(path):
    failed = {}
    for graph in [specs.load(name) for name, file in specs.names().items() if file == path]:
        whole = analyze(graph)
        for share in SHARES:
            try:
                pruned = analyze(prune(graph, share))
            except CnnprofError as error:
                failed[graph.name, share] = error.message
                continue
            shapes = [{cost.node.name: cost.output for cost in each.costs} for each in (whole, pruned)]
            assert [shapes[0][name] for name in graph.outputs] == [shapes[1][name] for name in graph.outputs], graph.name
            # All that the four blocks do is returned; of every other network, something is narrower.
            assert pruned.totals.params < whole.totals.params or pruned.totals == whole.totals, graph.name
            for before, after in zip(whole.costs, pruned.costs, strict=True):
                assert all(a <= b for a, b in zip(after.output, before.output, strict=True)), (graph.name, after.node.name)
    assert failed == {}


def test_half_of_a_vision_transformer_is_the_next_smaller_one():
    # ViT-B has tokens of 768, ViT-S of 384, both four times that in between and 12 layers; arithmetic knows no number of heads.
    half, small = analyze(prune(specs.load("vit_b16"), 0.5)).totals, analyze(specs.load("vit_s16")).totals
    assert (half.params, half.macs) == (small.params, small.macs)


def test_tokens_are_a_multiple_of_the_heads():
    # 0.7 * 768 = 537.6; the nearest multiple of 8 and of 12 heads is 528, in heads of 44.
    pruned = {cost.node.name: cost for cost in analyze(prune(specs.load("vit_b16"), 0.3)).costs}
    assert pruned["stage1.encoder1.add1"].output == (1, 197, 528)
    assert pruned["stage1.encoder1.split1"].output == (1, 197, 3, 12, 44)


def test_groups_of_res2net_keep_one_width():
    # 26 channels a group: 13, and in multiples of 8: 16; the four of them are what the first convolution makes.
    pruned = {cost.node.name: cost for cost in analyze(prune(specs.load("res2net50_26w_4s"), 0.5)).costs}
    assert pruned["stage1.bottle2neck1.all.conv1"].output[1] == 64
    assert pruned["stage1.bottle2neck1.group_2"].output[1] == 16
    assert pruned["stage1.bottle2neck1.group_2"].node.layer.start == 16


def test_pieces_of_a_width_are_cut_where_a_sum_needs_it():
    text = "input: 3x16x16\nlayers: [conv 3x3 64, {add: [conv 1x1 64, {concat: [conv 1x1 40, conv 1x1 24]}]}, fc 10]"
    pruned = analyze(prune(build(text), 0.5))
    # 64 is read by all three; the sum's 64 are 40 + 24, of which 20 -> 24 and 12 -> 16 are left.
    assert [cost.output[1] for cost in pruned.costs if cost.macs] == [32, 40, 24, 16, 10]


def test_runs():
    whole, left, right = own(64), own(40), own(24)
    join(whole, behind([left, right]))
    assert [narrowed(axis, 0.5) for axis in (whole, left, right, times(left, 49))] == [40, 24, 16, 49 * 24]
    before, after = cut(whole, 40)
    assert (narrowed(before, 0.5), narrowed(after, 0.5)) == (24, 16)
    keep(right)
    assert narrowed(whole, 0.5) == 24 + 24
    heads = divided(own(768), 12)
    assert narrowed(heads, 0.5) == 32
    assert divided(own(10), 4) is None
    three = own(60)
    need(three, 3)
    assert narrowed(three, 0.5) == 24, "30 is nearest to 24 among the multiples of 8 and 3, or as near to 48 as not"
    assert narrowed(own(13), 0.04) == 8, "no width grows"


def test_what_cannot_be_pruned_says_why():
    conv, repeat = Conv(32, (1, 1)), Rearrange("repeat", (1, 64, 8, 8))
    nodes = (Node("conv", conv, ("input",)), Node("twice", repeat, ("conv",)), Node("last", Conv(10, (1, 1)), ("twice",)))
    with pytest.raises(CnnprofError, match=r"odd cannot be pruned: twice \(repeat\) has its sizes written into it"):
        prune(Graph("odd", (1, 3, 8, 8), nodes, ("last",)), 0.5)


@pytest.mark.torch
def test_a_network_that_cannot_be_pruned_is_a_row_with_its_reason(tmp_path):
    pytest.importorskip("torch")
    (tmp_path / "twice.py").write_text(
        "import torch\n\n\nclass Twice(torch.nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.conv, self.last = torch.nn.Conv2d(3, 32, 3), torch.nn.Conv2d(64, 10, 1)\n\n"
        "    def forward(self, x):\n        return self.last(self.conv(x).repeat(1, 2, 1, 1))\n"
    )
    done = cnnprof("compare", "resnet18", f"{tmp_path / 'twice.py'}:Twice", "--prune", "0.5", "--json")
    assert done.code == 3
    models = json.loads(done.out)["models"]
    assert [bool(entry.get("error")) for entry in models] == [False, False, False, True]
    assert models[1]["accuracy"] is None


@pytest.mark.torch
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize(
    "name",
    [
        "dpn68",
        "ghostnet_100",
        "res2net50_26w_4s",
        "shufflenet_v1_g3",
        "shake_shake_26_2x32d",
        "swin_tiny",
        "vit_ti16",
        "yolov8n",
    ],
)
def test_torch_counts_the_same(name, share):
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    from cnnprof.torch_bridge.at_once import AtOnce
    from cnnprof.torch_bridge.build import build as built

    graph = prune(specs.load(name), share)
    totals = analyze(graph).totals
    module = built(graph).eval().requires_grad_(False).to("meta")
    assert sum(parameter.numel() for parameter in module.parameters()) == totals.params
    with FlopCounterMode(display=False) as counter, torch.no_grad(), AtOnce():
        module(torch.empty(graph.input_shape, device="meta"))
    assert counter.get_total_flops() == 2 * totals.macs
