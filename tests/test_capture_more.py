"""Operations beyond those of common networks: quantized layers, products of three, torchvision's operators; and their bytes."""

from __future__ import annotations

import warnings

import pytest
import torch
from live_modules import Of
from torch import nn
from torch.nn import functional

import cnnprof
from cnnprof.counting.gaps import find_gaps
from cnnprof.torch_bridge.requirements import import_torchvision

pytestmark = pytest.mark.torch

IMAGE, WORDS = (3, 8, 8), (24, 8)
MACS = 36 * 4 * 27


def ones(*size, **more):
    return nn.Parameter(torch.ones(*size, **more))


def recurrent(kind, gates, **more):
    directions = 2 if more.get("bidirectional") else 1
    # For each of 24 words: gates x 16 outputs of 8 inputs and 16 states.
    return Of(lambda self, x: self.r(x)[0], r=kind(8, 16, batch_first=True, **more)), 24 * gates * 16 * 24 * directions


def on_data(module):
    """The same where it reads a value, so that it runs with data."""
    inner = module.function
    module.function = lambda self, x: inner(self, x) if x.sum() > -1e9 else x
    return module


LSTM, GRU, RNN = nn.LSTM, nn.GRU, nn.RNN
CASES = {
    **{
        f"{kind.__name__} {more} {data}": (lambda k=kind, g=gates, m=more: recurrent(k, g, **m), WORDS, data)
        for kind, gates in ((LSTM, 4), (GRU, 3), (RNN, 1))
        for more in ({}, {"bidirectional": True})
        for data in (False, True)
    },
    "projected": (lambda: (recurrent(LSTM, 4, proj_size=5)[0], 24 * (64 * 13 + 16 * 5)), WORDS, True),
    "cell": (lambda: (Of(lambda self, x: self.r(x)[0], r=nn.LSTMCell(8, 16)), 64 * 24), (8,), False),
    "bilinear": (lambda: (Of(lambda self, x: self.b(x, x), b=nn.Bilinear(8, 8, 5)), 5 * 8 * 8), (8,), False),
    "bilinear on data": (lambda: (Of(lambda self, x: self.b(x, x), b=nn.Bilinear(8, 8, 5)), 24 * 5 * 8 * 8), WORDS, True),
    "einsum of three": (
        lambda: (
            Of(lambda self, x: torch.einsum("nc,ck,kd->nd", x, self.a, self.b), a=ones(8, 6), b=ones(6, 5)),
            8 * 6 + 6 * 5,
        ),
        (8,),
        False,
    ),
    "addbmm": (
        lambda: (Of(lambda self, x: torch.addbmm(self.m, x, self.w), m=ones(4, 5), w=ones(1, 8, 5)), 4 * 8 * 5),
        (4, 8),
        False,
    ),
    "checkpointed": (
        lambda: (
            Of(lambda self, x: torch.utils.checkpoint.checkpoint(self.c, x, use_reentrant=False), c=nn.Conv2d(3, 4, 3)),
            MACS,
        ),
        IMAGE,
        False,
    ),
    "int8 weights": (
        lambda: (
            Of(
                lambda self, x: functional.linear(x, self.w.float()),
                w=nn.Parameter(torch.ones(5, 8, dtype=torch.int8), requires_grad=False),
            ),
            40,
        ),
        (8,),
        False,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_products_of_every_kind(name):
    make, given, data = CASES[name]
    module, macs = make()
    profile = cnnprof.profile(on_data(module) if data else module, given)
    assert profile.totals.macs == macs
    assert profile.totals.params == sum(parameter.numel() for parameter in module.parameters())
    assert profile.totals.uncounted == ()
    assert bool(profile.graph.facts.about) == data


def test_decompositions_compute_what_torch_does():
    from cnnprof.torch_bridge.decompositions import addbmm, bilinear

    torch.manual_seed(0)
    a, b, weight, bias = torch.rand(2, 7, 3), torch.rand(2, 7, 4), torch.rand(5, 3, 4), torch.rand(5)
    assert torch.allclose(bilinear(a, b, weight, bias), functional.bilinear(a, b, weight, bias), atol=1e-5)
    added, first, second = torch.rand(3, 5), torch.rand(4, 3, 6), torch.rand(4, 6, 5)
    ours = addbmm(added, first, second, beta=2, alpha=3)
    assert torch.allclose(ours, torch.addbmm(added, first, second, beta=2, alpha=3), atol=1e-4)


@pytest.mark.parametrize(("groups", "offset_groups", "masked"), [(1, 1, True), (2, 1, False), (1, 2, True), (2, 4, True)])
def test_deformable_convolutions(groups, offset_groups, masked):
    ops = import_torchvision().ops
    taps = 3 * 3
    module = Of(
        lambda self, x: self.conv(x, self.offset(x), self.mask(x).sigmoid() if masked else None),
        conv=ops.DeformConv2d(4, 8, 3, padding=1, groups=groups),
        offset=nn.Conv2d(4, 2 * taps * offset_groups, 3, padding=1),
        mask=nn.Conv2d(4, taps * offset_groups, 3, padding=1),
    )
    totals = cnnprof.profile(module, (4, 6, 5)).totals
    beside = (3 if masked else 2) * taps * offset_groups * 4 * taps * 30
    assert totals.macs == 8 * 4 // groups * taps * 30 + beside
    assert totals.uncounted == ()


def test_a_deformable_convolution_without_offsets_is_one():
    from cnnprof.torch_bridge.decompositions import deform_conv2d

    torch.manual_seed(0)
    x, weight, bias = torch.rand(2, 4, 7, 6), torch.rand(6, 2, 3, 3), torch.rand(6)
    plain = functional.conv2d(x, weight, bias, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2)
    offset = torch.zeros(2, 18, *plain.shape[2:])
    ours = deform_conv2d(x, weight, offset, torch.zeros(1), bias, 2, 1, 1, 2, 1, 2, 2, 1, False)
    assert torch.allclose(ours, plain, atol=1e-4)


def quantized(*layers, size=IMAGE):
    """The layers in int8, by torch's own tools."""
    from torch.ao import quantization

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = nn.Sequential(quantization.QuantStub(), *layers, quantization.DeQuantStub()).eval()
        module.qconfig = quantization.get_default_qconfig("x86")
        quantization.prepare(module, inplace=True)
        module(torch.rand(1, *size))
        return quantization.convert(module, inplace=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("layers", "size", "params", "macs"),
    [
        ((nn.Conv2d(3, 4, 3),), IMAGE, 4 * 28, MACS),
        ((nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2, bias=False),), (4, 8, 8), 8 * 2 * 9, 16 * 8 * 18),
        ((nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)), IMAGE, 4 * 28 + 725, MACS + 720),
    ],
)
def test_layers_in_int8(layers, size, params, macs):
    totals = cnnprof.profile(quantized(*layers, size=size), size).totals
    assert (totals.params, totals.macs, totals.uncounted) == (params, macs, ())
    biases = sum(each.bias.numel() for each in layers if getattr(each, "bias", None) is not None)
    # A weight is one byte, a bias four.
    assert totals.param_bytes == params - biases + 4 * biases


@pytest.mark.filterwarnings("ignore")
def test_fused_layers_in_int8():
    from torch.ao import quantization

    module = nn.Sequential(quantization.QuantStub(), nn.Conv2d(3, 4, 3), nn.ReLU(), quantization.DeQuantStub()).eval()
    module = quantization.fuse_modules(module, [["1", "2"]])
    module.qconfig = quantization.get_default_qconfig("x86")
    quantization.prepare(module, inplace=True)
    module(torch.rand(1, *IMAGE))
    profile = cnnprof.profile(quantization.convert(module), IMAGE)
    assert [cost.node.layer.type for cost in profile.costs] == ["Copy", "Conv2d", "ReLU", "Copy"]
    assert (profile.totals.params, profile.totals.macs) == (112, MACS)


@pytest.mark.filterwarnings("ignore")
def test_linear_layers_that_are_quantized_as_they_run():
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)).eval()
    module = torch.ao.quantization.quantize_dynamic(plain, {nn.Linear}, dtype=torch.qint8)
    totals = cnnprof.profile(module, IMAGE).totals
    assert (totals.params, totals.macs, totals.uncounted) == (112 + 725, MACS + 720, ())
    assert totals.param_bytes == 4 * 112 + 720 + 4 * 5


@pytest.mark.parametrize(("dtype", "size"), [(torch.float16, 2), (torch.bfloat16, 2), (torch.float32, 4), (torch.float64, 8)])
def test_bytes_follow_the_weights(dtype, size):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).to(dtype)
    totals = cnnprof.profile(module, IMAGE).totals
    assert totals.param_bytes == size * (112 + 8)
    assert totals.activation_bytes == size * totals.activations


def test_bytes_of_weights_of_several_formats():
    module = nn.Sequential(nn.Conv2d(3, 4, 3).half(), Of(lambda self, x: self.c(x.float()), c=nn.Conv2d(4, 5, 1)))
    assert cnnprof.profile(module, IMAGE).totals.param_bytes == 2 * 112 + 4 * 25
    assert cnnprof.profile(nn.Linear(8, 5, dtype=torch.complex64), "8:complex64").totals.param_bytes == 8 * 45


@pytest.mark.parametrize(
    ("network", "convention", "activations"),
    [
        # timm's results-imagenet.csv has 6.68 M for mobilenetv2_100, pycls's model zoo 11.3 M for R-50.
        ("mobilenet_v2", "timm", 6_679_112),
        ("resnet50", "timm", 11_114_984),
        # timm has 17.06 M for swin_tiny_patch4_window7_224, 6.90 M for densenet121 and 13.44 M for convnext_tiny.
        ("torchvision:swin_t", "timm", 17_055_352),
        ("torchvision:densenet121", "timm", 6_900_200),
        ("torchvision:convnext_tiny", "timm", 13_435_624),
        # 196 patches; 12 times of 197 tokens: q, k and v, 12 heads' scores and their sums, 768, 3,072, 768; 1,000 classes.
        ("torchvision:vit_b_16", "timm", 196 * 768 + 12 * 197 * (2304 + 12 * 197 + 768 + 768 + 3072 + 768) + 1000),
        ("resnet50", "pycls", 11_315_688),
        ("mobilenet_v2", "pycls", 6_679_112),
    ],
)
def test_activations_of_other_conventions(network, convention, activations):
    gaps = find_gaps(cnnprof.profile(network), convention)
    assert sum(gap.theirs for gap in gaps) == activations
    assert sum(gap.ours for gap in gaps) == cnnprof.profile(network).totals.activations


def test_a_lower_bound_is_never_ok():
    module = Of(lambda self, x: torch.cdist(self.f(x), self.f(x)), f=nn.Linear(8, 4))
    audit = cnnprof.check(module, {"max-params": "1M", "max-macs": "1M", "max-peak": "1GB"}, WORDS)
    assert {verdict.status for verdict in audit.verdicts} == {"unknown"}
    assert "cdist" in str(audit)
    assert {entry["status"] for entry in audit.to_dict()["budgets"]} == {"unknown"}
    assert all("lower bound" in (entry["reason"] or "") for entry in audit.to_dict()["budgets"])
    over = cnnprof.check(module, {"max-params": "10"}, WORDS)
    assert [verdict.status for verdict in over.verdicts] == ["error"]
    assert not over.passed


def test_results_are_tables_of_pandas():
    frame = cnnprof.profile("lenet5").to_pandas()
    assert frame["params"].sum() == 61_706
    assert [*cnnprof.compare(["resnet18", "resnet34"]).to_pandas()["model"]] == ["resnet18", "resnet34"]
    assert cnnprof.diff("resnet18", "resnet34").to_pandas()["params_change"].sum() == 21_797_672 - 11_689_512


HARD = """
import torch
from torch import nn


class Lazy(nn.Sequential):
    def __init__(self):
        super().__init__(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(5))


class Late(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = None

    def forward(self, x):
        self.fc = self.fc or nn.Linear(x[0].numel(), 5).to(x.device)
        return self.fc(x.flatten(1))


class State(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(8, 16, batch_first=True)

    def forward(self, x):
        return self.rnn(x.flatten(1, 2), (torch.zeros(1, len(x), 16), torch.zeros(1, len(x), 16)))[0]


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.conv = nn.Embedding(10, 4), nn.Conv2d(3, 4, 3)

    def forward(self, *, tokens, image):
        return self.table(tokens).mean(1) + self.conv(image).mean((2, 3))


def packed():
    return torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Flatten(), nn.Linear(192, 5)).eval(), {nn.Linear})
"""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "given"),
    [("Lazy", IMAGE), ("Late", IMAGE), ("State", IMAGE), ("packed", IMAGE), ("Named", "tokens=12:int64 image=3x8x8")],
)
def test_modules_that_are_made_again_are_the_same(tmp_path, name, given):
    """What the file makes, measured or counted by others, is what was counted here."""
    from cnnprof.measure.checks import check
    from cnnprof.network.graph import Graph
    from cnnprof.torch_bridge.instantiate import instantiate

    (tmp_path / "hard.py").write_text(HARD)
    profile = cnnprof.profile(f"{tmp_path / 'hard.py'}:{name}", given)
    parameters, by_torch, _ = check(profile.graph, profile)
    assert parameters.closed
    assert by_torch.theirs in (None, by_torch.ours)
    again = instantiate(Graph.from_dict(profile.graph.to_dict())).eval()
    with torch.inference_mode():
        again(*[torch.rand(shape) for shape in profile.graph.inputs.values()])
