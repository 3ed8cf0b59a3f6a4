"""ONNX files that torch exports, against the module that they are of."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

import cnnprof
from cnnprof.network.analysis import analyze
from cnnprof.onnx_bridge.read import read
from cnnprof.torch_bridge.capture import capture

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("exporter", ["script", "dynamo"])
def test_what_torch_exports_counts_as_what_it_runs(exporter, tmp_path, monkeypatch):
    """Separable convolutions, a gate, attention over tokens: parameters, products and the output's sizes."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
            self.dw = nn.Conv2d(8, 8, 3, padding=1, groups=8)
            self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 2, 1), nn.SiLU(), nn.Conv2d(2, 8, 1), nn.Sigmoid())
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
            self.norm = nn.LayerNorm(8)
            self.fc = nn.Linear(8, 5)

        def forward(self, x):
            x = self.dw(self.stem(x))
            x = torch.nn.functional.interpolate(x * self.gate(x), scale_factor=2.0)
            x = x.flatten(2).transpose(1, 2)
            return self.fc(self.norm(x + self.attention(x, x, x, need_weights=False)[0]).mean(1))

    net = Net().eval()
    for tensor in net.parameters():
        tensor.data.normal_()
    path = tmp_path / "net.onnx"
    image = torch.rand(1, 3, 16, 16)
    monkeypatch.setattr(torch.backends.mha, "get_fastpath_enabled", lambda: False)
    with torch.no_grad():
        if exporter == "dynamo":
            torch.onnx.export(net, (image,), path, dynamo=True, optimize=False, external_data=False, verbose=False)
        else:
            how = torch.onnx.TrainingMode.PRESERVE
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                torch.onnx.export(net, (image,), path, dynamo=False, do_constant_folding=False, training=how)
    ours, theirs = analyze(read(path)), analyze(capture(net, (1, 3, 16, 16)))
    assert ours.totals.uncounted == ()
    assert (ours.totals.params, ours.totals.macs) == (theirs.totals.params, theirs.totals.macs)
    assert ours.costs[-1].output == (1, 5)


def test_what_learns_and_what_is_stored_beside_it(tmp_path):
    """A fixed filter as a convolution's weight is no parameter; queries that learn are, also in front of a linear layer."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.q = nn.Conv2d(3, 6, 3, bias=False), nn.Linear(6, 5, bias=False)
            self.register_buffer("blur", torch.rand(6, 1, 3, 3), persistent=False)
            self.queries = nn.Parameter(torch.rand(1, 4, 6))

        def forward(self, x):
            y = torch.nn.functional.conv2d(self.conv(x), self.blur, groups=6).mean((2, 3))
            return self.q(self.queries) + self.q(y)[:, None]

    net, image, path = Net().eval(), torch.rand(1, 3, 9, 9), tmp_path / "net.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, (image,), path, dynamo=True, optimize=False, external_data=False, verbose=False)
    totals = analyze(read(path)).totals
    assert totals.params == 6 * 27 + 6 * 5 + 4 * 6 == sum(p.numel() for p in net.parameters())
    assert totals.macs == 7 * 7 * 6 * 27 + 5 * 5 * 6 * 9 + (4 + 1) * 6 * 5 == analyze(capture(net, (1, 3, 9, 9))).totals.macs


@pytest.mark.parametrize("form", ["gemm", "expanded", "repeated", "buffer"])
def test_what_the_older_exporter_does_not_tell_is_said(form, tmp_path):
    """Queries of 4 x 6, or a buffer of as many numbers, through a linear layer of 6 to 5; a convolution gives the others."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.q = nn.Conv2d(3, 6, 3), nn.Linear(6, 5)
            self.queries = nn.Parameter(torch.rand(4, 6), requires_grad=True)
            self.register_buffer("table", torch.rand(4, 6))

        def forward(self, x):
            y = self.conv(x).mean((2, 3))
            z = self.table if form == "buffer" else self.queries
            z = z.expand(3, 4, 6) if form == "expanded" else z.repeat(3, 1, 1) if form == "repeated" else z
            return self.q(z).sum(-2) + self.q(y)

    net, path = Net().eval(), tmp_path / "net.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, (torch.rand(1, 3, 8, 8),), path, dynamo=False, do_constant_folding=False)
    ours, theirs = analyze(read(path)), analyze(capture(net, (1, 3, 8, 8)))
    assert ours.totals.params == 6 * 28 + 35 + 24 == theirs.totals.params + (24 if form == "buffer" else 0)
    assert (ours.totals.macs, ours.totals.uncounted) == (theirs.totals.macs, ())
    assert "24 of the parameters may be buffers" in ours.graph.facts.about
    assert cnnprof.profile(path, (3, 8, 8)).to_dict()["model"]["about"] == ours.graph.facts.about


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_recurrent_layers_have_torchs_sizes(kind, tmp_path):
    net, path = getattr(nn, kind)(7, 6, batch_first=True, bidirectional=True).eval(), tmp_path / "net.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, (torch.rand(2, 5, 7),), path, dynamo=False)
    ours, theirs = (
        [(cost.output, cost.macs) for cost in each.costs if cost.macs]
        for each in (
            analyze(read(path)),
            analyze(capture(net, (2, 5, 7))),
        )
    )
    assert sorted(ours) == sorted(theirs)


@pytest.mark.parametrize("exporter", ["script", "dynamo"])
def test_equal_tensors_of_an_untrained_network_count_for_each_layer(exporter, tmp_path):
    """Exporters store ones and zeros of norms once; a norm that runs twice, and a matrix that two layers share, count once."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.f, self.g, self.tied = (nn.Linear(8, 8) for _ in range(3))
            self.a, self.b, self.again = (nn.LayerNorm(8) for _ in range(3))
            self.tied.weight = self.f.weight

        def forward(self, x):
            return self.again(self.b(self.g(self.again(self.a(self.tied(self.f(x)))))))

    net, path = Net().eval(), tmp_path / "net.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        how = {"external_data": False, "verbose": False} if exporter == "dynamo" else {}
        torch.onnx.export(net, (torch.rand(2, 8),), path, dynamo=exporter == "dynamo", **how)
    # Two matrices, three biases, three norms of a scale and a shift.
    assert analyze(read(path)).totals.params == 2 * 64 + 3 * 8 + 3 * 16 == sum(p.numel() for p in net.parameters())
