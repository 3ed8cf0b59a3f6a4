"""Gradient checkpointing by stage: what is kept, what runs again, and what torch's own checkpoint takes."""

import json
from contextlib import nullcontext
from functools import partial

import pytest
from processor import here
from shell import cnnprof

import cnnprof as package
from cnnprof.errors import UsageError
from cnnprof.footprint.checkpointing import checkpoint, stages
from cnnprof.footprint.saved_tensors import save_tensors
from cnnprof.network.analysis import analyze


def test_a_stage_keeps_its_input_alone():
    profile = package.profile("resnet18", batch=2)
    kept = save_tensors(profile.graph, profile.costs, checkpointed=stages(profile.graph, profile.costs))
    names = [cost.node.name for cost in profile.costs]
    # The sum at a stage's end is written over its last normalization.
    ends = {f"stage{number}.basic2.bn2" for number in (1, 2, 3)}
    assert {"maxpool1", *ends} <= kept.freed.keys()
    assert {name for name in {*kept.freed, *kept.extra} if name.startswith("stage")} == ends
    first = next(iter(kept.recompute.values()))
    assert [names[step] for step in first.steps] == [name for name in names if name.startswith("stage1.")]


def test_what_runs_again_by_hand():
    profile = package.profile("lenet5", batch=2)
    macs = {cost.node.name: cost.macs for cost in profile.costs}
    # C1, C3, C5 and F6 each end in a squashing function, which keeps its output, and run again with it.
    extra = sum(count for name, count in macs.items() if "." in name)
    assert checkpoint(profile.graph, profile.costs).extra_macs == extra


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("vgg16", {"stage1", "stage2", "stage3", "stage4", "stage5", "stage6", "stage7"}),
        ("resnet50", {"stage1", "stage2", "stage3", "stage4"}),
        ("densenet121", {"stage1", "stage2", "stage3", "stage4"}),
    ],
)
def test_stages_are_blocks(name, labels):
    profile = package.profile(name)
    assert {profile.costs[segment.start].node.path[0] for segment in stages(profile.graph, profile.costs)} == labels


def test_a_network_without_blocks_has_no_stages():
    with pytest.raises(UsageError, match="alexnet has no stages to checkpoint"):
        package.memory("alexnet", checkpoint=True)


def test_the_command_shows_it():
    found = json.loads(cnnprof("memory", "resnet18", "--batch", 8, "--checkpoint", "stage", "--json").out)
    assert found["checkpointed"]["peak_bytes"] < found["memory"]["training"]["peak_bytes"]
    assert 0 < found["checkpointed"]["extra_macs"] < found["totals"]["macs"]
    assert "Gradient checkpointing" in cnnprof("memory", "resnet18", "--checkpoint", "stage", COLUMNS="80").out
    assert cnnprof("memory", "resnet18", "--checkpoint", "block").code == 2


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "batch", "size", "optimizer"),
    [
        ("resnet18", 8, (3, 128, 128), "sgd"),
        ("vgg16", 4, (3, 64, 64), "sgd"),
        ("mobilenet_v2", 3, (3, 160, 128), "adam"),
        ("densenet121", 2, (3, 97, 131), "momentum"),
    ],
)
def test_torch_takes_what_is_predicted(name, batch, size, optimizer):
    import torch

    from cnnprof.measure.devices import open_device
    from cnnprof.measure.workload import TrainingStep
    from cnnprof.torch_bridge.build import build

    graph = package.load(name, input_shape=size, batch=batch)
    costs = analyze(graph).costs
    network = build(graph).train()
    x = torch.randn(graph.input_shape)
    step = TrainingStep(_by_stage(network, stages(graph, costs)), (x,), nullcontext, optimizer)
    step()
    own = sum(tensor.numel() * tensor.element_size() for tensor in (*network.parameters(), *network.buffers(), x))
    recorded = own + step.state_bytes + open_device("cpu").peak_growth(step)
    assert checkpoint(graph, costs, here(), optimizer).footprint.peak_bytes == pytest.approx(recorded, rel=0.01)


def _by_stage(network, segments):
    """A module that runs a built network with its stages under torch.utils.checkpoint."""
    import torch
    from torch.utils.checkpoint import checkpoint

    class ByStage(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, x):
            tensors, at = {"input": x}, 0
            for segment in [*segments, range(len(network.steps), len(network.steps))]:
                _run(network.steps[at : segment.start], tensors)
                steps = network.steps[segment.start : segment.stop]
                if steps:
                    entering = sorted({name for step in steps for name in step.inputs if name in tensors})
                    arguments = [tensors[name] for name in entering]
                    out = checkpoint(partial(_stage, steps, entering), *arguments, use_reentrant=False)
                    del arguments
                    for name in {name for step in steps for name in step.done} & tensors.keys():
                        del tensors[name]
                    tensors[steps[-1].output] = out
                    del out
                at = segment.stop
            return tensors[network.steps[-1].output]

    return ByStage()


def _stage(steps, names, *arguments):
    tensors = dict(zip(names, arguments, strict=True))
    _run(steps, tensors)
    return tensors[steps[-1].output]


def _run(steps, tensors):
    for step in steps:
        tensors[step.output] = step.module(*[tensors[name] for name in step.inputs])
        for name in step.done:
            del tensors[name]
