"""Which blocks of a network are its stages."""

import pytest

import cnnprof
from cnnprof.network.stages import stage_depth, stage_of


def test_a_stage_is_the_beginning_of_a_path():
    assert stage_of("features.3.0.conv", 2) == "features.3"
    assert stage_of("conv1", 2) == "conv1"


@pytest.mark.parametrize(
    ("names", "depth"),
    [
        ([], 1),
        (["conv1", "relu1", "fc1"], 1),
        (["stage1.conv1", "stage1.conv2", "stage2.conv1", "fc1"], 1),
        # Three of four layers in one block are not too many, four of five are.
        (["features.0", "features.1", "features.2", "fc1"], 1),
        (["features.0", "features.1", "features.2", "features.3", "fc1"], 2),
        (["encoder.layers.0.a", "encoder.layers.0.b", "encoder.layers.1.a", "encoder.layers.1.b"], 3),
        # No depth divides what is a single layer.
        (["a.b.c.d.e"], 1),
    ],
)
def test_the_first_depth_at_which_no_block_holds_most(names, depth):
    assert stage_depth(names) == depth


@pytest.mark.torch
def test_a_stage_is_the_same_in_every_command():
    from cnnprof.footprint.checkpointing import stages

    profile = cnnprof.profile("torchvision:vit_b_32")
    last = "encoder.layers.encoder_layer_11"
    by_stage = {row["name"] for row in profile.report(by="stage").sections[1].rows}
    assert last in by_stage
    stretches = stages(profile.graph, profile.costs)
    assert [profile.costs[stretch.start].node.path[2] for stretch in stretches] == [f"encoder_layer_{n}" for n in range(12)]
    (row,) = (each for each in cnnprof.transfer("torchvision:vit_b_32", 10, batch=2).rows if each.strategy.name == "last stage")
    assert row.strategy.trains == f"{last}, encoder.ln, heads.head"
