"""Specs that `cnnprof import` writes hold at every batch, or say for which one they do."""

import pytest
import torch
from spec_texts import build
from torch import nn

from cnnprof import api
from cnnprof.errors import CnnprofError, SpecError
from cnnprof.footprint.analysis import analyze_memory
from cnnprof.network.graph import Graph, Node
from cnnprof.network.layers.activation import Softmax
from cnnprof.network.layers.arrangement import Reshape
from cnnprof.network.layers.convolution import Conv
from cnnprof.sources import Model, _writing
from cnnprof.sources._writing import _layers, _plain, write_text
from cnnprof.spec import elaborate
from cnnprof.spec.batches import PerBatch, sum_text
from cnnprof.spec.family import parse_family
from cnnprof.spec.reader import Source

pytestmark = pytest.mark.torch
SIZE = (3, 24, 24)
BATCHES = (1, 2, 3, 7)


class ChannelAttention(nn.Module):
    """ECA-Net (Wang et al. 2020): a 1-D convolution over the channels, and the gates expanded over the image."""

    def __init__(self, channels):
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 3)
        self.conv = nn.Conv1d(1, 1, 5, padding=2, bias=False)

    def forward(self, x):
        x = self.stem(x)
        y = self.conv(x.mean((2, 3)).view(x.shape[0], 1, -1))
        return x * y.view(x.shape[0], -1, 1, 1).sigmoid().expand_as(x)


class Windows(nn.Module):
    """Attention within windows, which lie along the batch (Liu et al. 2021)."""

    def __init__(self, channels):
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 3, padding=1)
        self.blocks = nn.ModuleList(WindowAttention(channels, 8) for _ in range(4))

    def forward(self, x):
        x = self.stem(x).permute(0, 2, 3, 1)
        for block in self.blocks:
            x = x + block(x)
        return x.mean((1, 2))


class WindowAttention(nn.Module):
    def __init__(self, channels, size):
        super().__init__()
        self.size, self.qkv, self.out = size, nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)

    def forward(self, x):
        batch, height, width, channels = x.shape
        s = self.size
        x = x.view(batch, height // s, s, width // s, s, channels).transpose(2, 3).reshape(-1, s * s, channels)
        q, k, v = self.qkv(x).view(-1, s * s, 3, channels).unbind(2)
        x = self.out((q @ k.transpose(1, 2)).softmax(-1) @ v)
        x = x.view(batch, height // s, width // s, s, s, channels).transpose(2, 3)
        return x.reshape(batch, height, width, channels)


class Tokens(nn.Module):
    """A class token before the patches (Dosovitskiy et al. 2021), and a query that is repeated for each image."""

    def __init__(self, channels):
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 8, stride=8)
        self.token = nn.Parameter(torch.zeros(1, 1, channels))
        self.query = nn.Parameter(torch.zeros(1, 2, channels))
        self.head = nn.Linear(channels, 5)

    def forward(self, x):
        x = self.stem(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.token.expand(x.shape[0], -1, -1), x), 1)
        x = self.query.repeat(x.shape[0], 1, 1) @ x.transpose(1, 2)
        return self.head(torch.zeros(x.shape[0], x.shape[1], self.head.in_features, device=x.device) + x.mean(-1, keepdim=True))


class MixedKernels(nn.Module):
    """A kernel for each image, of one convolution in as many groups as there are images (CondConv: Yang et al. 2019)."""

    def __init__(self, channels):
        super().__init__()
        self.kernels = nn.Parameter(torch.zeros(4, channels * 3 * 9))
        self.route = nn.Linear(3, 4)
        self.channels = channels

    def forward(self, x):
        batch = x.shape[0]
        kernels = self.route(x.mean((2, 3))).sigmoid() @ self.kernels
        y = x.reshape(1, batch * 3, *x.shape[2:])
        y = nn.functional.conv2d(y, kernels.view(batch * self.channels, 3, 3, 3), groups=batch)
        return y.view(batch, self.channels, *y.shape[2:])


class Encoder(nn.Module):
    """torch's own attention, which sees the tokens first and the batch behind them."""

    def __init__(self, channels):
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 8, stride=8)
        self.layers = nn.ModuleList(nn.MultiheadAttention(channels, 2, batch_first=True) for _ in range(3))

    def forward(self, x):
        x = self.stem(x).flatten(2).transpose(1, 2)
        for layer in self.layers:
            x = x + layer(x, x, x, need_weights=False)[0]
        return x[:, 0]


class Ghosts(nn.Module):
    """Images among themselves: the first half of the batch, joined by one more."""

    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(3, channels, 3)

    def forward(self, x):
        return torch.cat((self.conv(x), torch.zeros(1, self.conv.out_channels, 22, 22, device=x.device)))


NETWORKS = (ChannelAttention, Windows, Tokens, MixedKernels, Encoder, Ghosts)


@pytest.mark.parametrize("how", [{}, {"flat": True}, {"compact": False}], ids=["folded", "flat", "expanded"])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_written_spec_is_the_network_at_every_batch(network, how, tmp_path):
    model = Model.of(network(16))
    text = api.to_spec(model, input_shape=SIZE, **how)
    assert "\nbatch: 1" not in text
    path = tmp_path / "net.yaml"
    path.write_text(text)
    for batch in BATCHES:
        theirs, ours = api.profile(model, SIZE, batch), api.profile(str(path), batch=batch)
        assert _layers(_plain(ours.graph)) == _layers(_plain(theirs.graph))
        assert [each.output for each in ours.costs][-1] == [each.output for each in theirs.costs][-1]
        assert (ours.totals.params, ours.totals.ops) == (theirs.totals.params, theirs.totals.ops)
        assert ours.training.peak_bytes == theirs.training.peak_bytes


class OneAlone(nn.Module):
    """Code that takes a single image."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4 * 22 * 22, 5)

    def forward(self, x):
        return self.fc(self.conv(x).view(1, 4 * 22 * 22))


class Halves(nn.Module):
    """A size that no line through batches says."""

    def forward(self, x):
        return x[: (x.shape[0] + 1) // 2] + 1


@pytest.mark.parametrize("network", [OneAlone, Halves])
def test_a_network_of_one_batch_says_so(network, tmp_path):
    model = Model.of(network())
    text = api.to_spec(model, input_shape=SIZE)
    assert "\nbatch: 1\n" in text
    path = tmp_path / "net.yaml"
    path.write_text(text)
    assert api.profile(str(path)).totals.ops == api.profile(model, SIZE).totals.ops
    with pytest.raises(SpecError, match="is written for a batch of 1, and for no other") as caught:
        api.profile(str(path), batch=4)
    assert "--batch 1" in caught.value.hint


def test_a_network_that_no_file_can_hold_is_said_to_be_too_large(monkeypatch):
    monkeypatch.setattr(_writing, "MAX_BYTES", 2000)
    nodes = [Node("layer0", Softmax(-1), ("input",))]
    for number in range(1, 200):
        nodes.append(Node(f"layer{number}", Softmax(-1 - number % 3), (nodes[-1].name,)))
    graph = Graph("deep", (1, 3, 8, 8), tuple(nodes), (nodes[-1].name,))
    with pytest.raises(CnnprofError, match=r"deep is too large for a spec: [\d,]+ bytes, and one has at most 2,000"):
        write_text(graph, compact=True, flat=True)


def test_what_is_too_large_by_far_is_written_once(monkeypatch):
    monkeypatch.setattr(_writing, "MAX_BYTES", 100)
    written = []
    monkeypatch.setattr(_writing, "write_folded", lambda *_, **__: written.append("x") or "x" * 201)
    with pytest.raises(CnnprofError, match="ChannelsLast is too large for a spec: 201 bytes, and one has at most 100"):
        api.to_spec(ChannelsLast(8), input_shape=SIZE)
    assert written == ["x"]


class Products(nn.Module):
    """A product whose operands lie as they are in a batch of one, and are copied in one of several."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)

    def forward(self, x):
        x = self.conv(x).permute(0, 2, 1, 3)
        return x @ x.mT


def test_the_largest_batch_of_a_module_is_that_of_its_layers_at_that_batch():
    model = Model.of(Products())
    fit = api.memory(model, SIZE, fit="16MB").fits[0]
    peaks = [api.memory(model, SIZE, batch).inference.peak_bytes for batch in (fit.batch, fit.batch + 1)]
    assert peaks[0] == fit.peak_bytes <= 16e6 < peaks[1]


def test_a_graph_alone_is_written_for_its_batch_where_a_size_may_hold_it():
    conv = Node("conv", Conv(4, (3, 3), padding=(1, 1)), ("input",))
    seen = Node("seen", Reshape((2, 4, 64)), ("conv",))
    assert "batch:" not in write_text(Graph("a", (2, 3, 8, 8), (conv,), ("conv",)), compact=True)
    assert "\nbatch: 2\n" in write_text(Graph("b", (2, 3, 8, 8), (conv, seen), ("seen",)), compact=True)


@pytest.mark.parametrize("said", ["0", "-1", "two", "1.5", "[1]", "²"])
def test_a_batch_that_is_none(said):
    with pytest.raises(SpecError, match="'batch' is N, or the one number of samples") as caught:
        build(f"input: 3x8x8\nbatch: {said}\nlayers: [gap]\n")
    assert caught.value.place.line == 2


def test_a_view_of_all_that_is_there_is_no_layer():
    steps = ("gap", "op Expand size=(N,3,1,1) -> x", "op Reshape size=(2,3,1,1)", "op Slice dim=1 start=0 length=3", "fc 2")
    text = "input: 3x8x8\nlayers:\n" + "".join(f"  - {step}\n" for step in steps)
    family = parse_family(Source("text", text), "net")
    assert [node.layer.type for node in elaborate(family, batch=2)] == ["AdaptiveAvgPool2d", "Flatten", "Linear"]
    with pytest.raises(CnnprofError):
        elaborate(family, batch=3)


@pytest.mark.parametrize(
    ("size", "text"), [((1, 0), "N"), ((4, 0), "N*4"), ((0, 3), "3"), ((2, 5), "N*2+5"), ((1, -1), "N-1"), ((0, 0), "0")]
)
def test_sizes_of_a_batch_read_as_sums(size, text):
    assert str(PerBatch(*size)) == text
    assert sum_text(*map(str, size)) == text


class ChannelsLast(nn.Module):
    """A block whose norms and linear layers have channels last (Liu et al. 2022), and what went into it, a view, at hand."""

    def __init__(self, channels):
        super().__init__()
        self.stem, self.first, self.norm = nn.Conv2d(3, channels, 3, padding=1), nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.pool = nn.Conv2d(channels, channels, 3, padding=1)
        self.wide, self.narrow = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)

    def forward(self, x):
        x = self.first(self.stem(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        y = self.pool(x)
        return y + self.narrow(nn.functional.gelu(self.wide(self.norm(y.permute(0, 2, 3, 1))))).permute(0, 3, 1, 2)


def test_what_a_view_of_it_holds_is_held_where_the_view_is_none():
    module = ChannelsLast(16)
    text = api.to_spec(module, input_shape=SIZE)
    assert "ln | conv 1x1 64 | gelu | conv 1x1 16" in text
    assert "held: {ln1: " in text
    without = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("held"))
    graphs = build(text, batch=8), build(without, batch=8), api.load(module, SIZE, 8)
    ours, bare, theirs = (analyze_memory(graph).inference.peak_bytes for graph in graphs)
    assert bare < ours == theirs
