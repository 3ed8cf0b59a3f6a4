"""Cross-checks: our figures, torch's counter and fvcore, and what closes the gaps."""

import logging

import pytest
import torch
from torch import nn

from cnnprof.errors import UnavailableError
from cnnprof.measure import checks
from cnnprof.measure.checks import check, check_module
from cnnprof.measure.counters import count_with_fvcore, count_with_torch
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import INPUT, Facts, Graph, Node
from cnnprof.network.layers import layer_from_dict
from cnnprof.timing.measurements import Reason
from cnnprof.torch_bridge.build import build
from cnnprof.torch_bridge.capture import capture
from cnnprof.torch_bridge.zoo import torchvision_model

pytestmark = pytest.mark.torch

X = (2, 3, 8, 8)


def chain(*layers, shape=X, aux=()):
    """A graph of layers one after the other, as dicts with a `name` each."""
    nodes = []
    before = INPUT
    for fields in layers:
        name = fields.pop("name")
        nodes.append(Node(name, layer_from_dict(fields), (before,), aux=name in aux))
        before = INPUT if name in aux else name
    return Graph("chain", shape, tuple(nodes), (before,))


def small():
    return chain(
        {"name": "stem.conv", "type": "Conv", "out_channels": 4, "kernel_size": [3, 3], "bias": False},
        {"name": "stem.bn", "type": "BatchNorm"},
        {"name": "up", "type": "ConvTranspose", "out_channels": 4, "kernel_size": [2, 2], "stride": [2, 2]},
        {"name": "pool", "type": "AdaptiveAvgPool", "output_size": [1, 1]},
        {"name": "flat", "type": "Flatten"},
        {"name": "fc", "type": "Linear", "out_features": 10},
    )


def test_a_small_network_by_hand():
    parameters, by_torch, by_fvcore = check(small(), analyze(small()))
    # 108 + 8 + 4 x 16 + 4 + 50
    assert (parameters.ours, parameters.theirs, parameters.closed) == (234, 234, True)
    # Convolution 2 x 4 x 36 x 27, transposed 2 x 4 x 36 inputs of 4 x 4, linear 2 x 40.
    macs = 7776 + 4608 + 80
    assert (by_torch.ours, by_torch.theirs, by_torch.notes) == (2 * macs, 2 * macs, ())
    assert by_fvcore.ours == macs
    assert by_fvcore.reasons == (
        Reason("2 for each element of BatchNorm (1 layer)", 2 * 2 * 4 * 36),
        Reason("the input elements of adaptive average pooling (1 layer)", 2 * 4 * 144),
    )
    assert by_fvcore.closed


@pytest.mark.parametrize(
    ("name", "theirs", "reasons"),
    [
        # Published beside one another: 4111.513 M by fvcore, 4089.184 M exact.
        ("resnet50", 4_111_512_576, {"BatchNorm (53 layers)": 22_227_968, "pooling (1 layer)": 100_352}),
        # 25 LayerNorms over 197 x 768 elements; 12 layers of 2 x 197^2 x 768 in fused attention.
        ("vit_b_16", 16_867_412_736, {"LayerNorm (25 layers)": 18_912_000, "fused attention (12 layers)": -715_327_488}),
        (
            "maxvit_t",
            5_608_201_264,
            {
                "BatchNorm (34 layers)": 28_449_792,
                "pooling (12 layers)": 3_637_760,
                "LayerNorm (45 layers)": 18_065_920,
                "four digits (44 products)": 1072,
            },
        ),
    ],
)
def test_every_gap_to_fvcore_is_closed(name, theirs, reasons):
    module = torchvision_model(name, {}, (1, 3, 224, 224))
    parameters, by_torch, by_fvcore = check_module(module, analyze(capture(module, (1, 3, 224, 224), name)))
    assert parameters.closed
    assert by_torch.ours == by_torch.theirs
    assert by_torch.notes == ()
    assert by_fvcore.theirs == theirs
    assert by_fvcore.closed
    assert [reason.amount for reason in by_fvcore.reasons] == [*reasons.values()]
    assert all(reason.text.endswith(end) for reason, end in zip(by_fvcore.reasons, reasons, strict=True))


def test_operations_that_fvcore_passes_over_are_named():
    graph = chain({"name": "act", "type": "GELU"}, {"name": "pool", "type": "MaxPool", "kernel_size": [2, 2], "stride": [2, 2]})
    note = "fvcore passes over aten::gelu 1x, aten::max_pool2d 1x"
    assert check(graph, analyze(graph))[2].notes == (note,)


def test_auxiliary_heads_are_a_reason():
    graph = chain(
        {"name": "head", "type": "Conv", "out_channels": 2, "kernel_size": [1, 1]},
        {"name": "conv", "type": "Conv", "out_channels": 2, "kernel_size": [3, 3]},
        aux=("head",),
    )
    parameters, by_torch, by_fvcore = check(graph, analyze(graph))
    assert (parameters.ours, parameters.theirs) == (56, 64)
    assert parameters.reasons == (Reason("auxiliary heads, which only training runs", 8),)
    assert by_torch.closed
    assert by_fvcore.closed


def test_fvcore_leaves_out_what_no_output_is_computed_from():
    """As WaveNet's last residual: a trace drops it, the network's own code runs it."""
    conv = layer_from_dict({"type": "Conv", "out_channels": 4, "kernel_size": [1, 1], "bias": False})
    norm = layer_from_dict({"type": "BatchNorm"})
    lost = Node("lost", conv, (INPUT,)), Node("norm", norm, ("lost",)), Node("kept", conv, (INPUT,))
    graph = Graph("net", X, lost, ("kept",))
    row = check(graph, analyze(graph))[-1]
    # 2 images of 8 x 8 positions, 3 x 4 weights each; batch normalization at 2 for each of 4 channels.
    assert (row.ours, row.theirs, row.unexplained) == (2 * 2 * 64 * 12, 2 * 64 * 12, 0)
    assert row.reasons[-1] == Reason("layers that no output is computed from (2 layers)", -(2 * 64 * 12 + 2 * 2 * 64 * 4))


def test_a_layer_that_differs_is_named_and_the_gap_stays_open():
    wide = chain({"name": "a.conv", "type": "Conv", "out_channels": 8, "kernel_size": [1, 1]})
    narrow = chain({"name": "a.conv", "type": "Conv", "out_channels": 4, "kernel_size": [1, 1]})
    parameters, by_torch, by_fvcore = check_module(build(wide), analyze(narrow))
    # 2 x 64 positions of 3 products for 4 or 8 filters
    assert by_torch.notes == ("a.conv: 3,072 here, 6,144 there",)
    assert by_torch.unexplained == 3072
    assert by_fvcore.unexplained == 1536
    assert parameters.unexplained == 16


def test_without_fvcore_the_row_says_so(monkeypatch):
    def missing(module, shape):
        raise UnavailableError("fvcore cannot be imported: no module")

    monkeypatch.setattr(checks, "count_with_fvcore", missing)
    _, by_torch, by_fvcore = check(small(), analyze(small()))
    assert by_torch.closed
    assert (by_fvcore.theirs, by_fvcore.notes) == (None, ("fvcore cannot be imported: no module",))
    assert not by_fvcore.broke


def test_a_network_that_fvcore_cannot_trace():
    class Fails(nn.Module):
        def forward(self, x):
            if not x.is_meta:
                raise RuntimeError("only shapes, please")
            return x

    graph = Graph("fails", X, (), (INPUT,), Facts())
    by_fvcore = check_module(Fails(), analyze(graph))[2]
    assert by_fvcore.theirs is None
    assert by_fvcore.notes == ("it cannot count this network: only shapes, please",)
    assert by_fvcore.broke


def test_counting_changes_nothing(caplog):
    module = build(small()).train()
    module.stem.bn.eval()
    state = {name: value.clone() for name, value in module.state_dict().items()}
    names = [
        (name, part.training, len(part._forward_hooks), len(part._forward_pre_hooks)) for name, part in module.named_modules()
    ]
    forward = torch.bmm
    with caplog.at_level(logging.DEBUG):
        count_with_torch(module, X)
        count_with_fvcore(module, X)
    after = [
        (name, part.training, len(part._forward_hooks), len(part._forward_pre_hooks)) for name, part in module.named_modules()
    ]
    assert after == names
    assert module.state_dict().keys() == state.keys()
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
    assert torch.bmm is forward
    assert not [record for record in caplog.records if record.name.startswith("fvcore")]
    assert logging.root.manager.disable == logging.NOTSET


def test_a_module_without_data_is_counted_and_left_as_it_was():
    with torch.device("meta"):
        module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten()).train()
    assert count_with_torch(module, (1, 3, 8, 8)).total == 2 * 12 * 64
    assert module.training
    assert all(parameter.requires_grad for parameter in module.parameters())


def test_a_module_in_half_precision_is_counted():
    module = nn.Conv2d(3, 4, 1).half()
    assert count_with_torch(module, (1, 3, 8, 8)).total == 2 * 12 * 64
    assert count_with_fvcore(module, (1, 3, 8, 8)).total == 12 * 64
