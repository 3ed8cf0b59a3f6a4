"""A reshape in a spec copies where torch's does: beside the module that is built, the allocator, capture and import."""

import json

import pytest
from processor import TOLERANCE, here, predicted, recorded
from shell import cnnprof
from spec_texts import build, layers, read
from sympy import Symbol

from cnnprof import api
from cnnprof.design_space.entries import entries
from cnnprof.network.analysis import analyze
from cnnprof.network.dims import Split
from cnnprof.network.layers.arrangement import Flatten, Reshape
from cnnprof.sources._writing import _layers, _plain, write_text
from cnnprof.spec import elaborate

BATCHES = (1, 2, 8)

CHAINS = {
    "conv 3x3 8 | permute (2,3,1) | reshape (16,32)": [True, True, True],
    "conv 3x3 8 | permute (2,3,1) | reshape (64,8)": [False, False, False],  # rows and columns still lie one behind the other
    "conv 3x3 8 | permute (2,3,1) | flatten | fc 5": [True, True, True],
    "conv 3x3 8 | permute (2,3,1) | permute (3,1,2) | flatten": [False, False, False],  # back where it was
    "conv 3x3 8 | permute (2,3,1) | relu | flatten": [True, True, True],  # an activation leaves the axes as they lie
    "conv 3x3 8 | permute (2,3,1) | softmax | flatten": [False, False, False],
    "conv 3x3 8 | gap | permute (2,3,1) | flatten": [False, False, False],  # axes of one entry
    "conv 3x3 8 | take 2 5 | reshape (24,8)": [False, False, False],
    "conv 3x3 8 | op Slice dim=3 start=1 length=4 | reshape (64,4)": [False, False, False],
    "conv 3x3 8 | op Slice dim=3 start=1 length=4 | flatten": [True, True, True],
    "conv 3x3 8 | op Slice dim=1 start=2 length=3 | op Reshape size=(N*3,8,8)": [
        False,
        True,
        True,
    ],  # one image lies in one piece
    "conv 3x3 8 | op Permute dims=(1,0,2,3) | op Reshape size=(8,N*64)": [False, True, True],  # ... and is before all channels
    "conv 3x3 8 | gap | op Expand size=(N,8,3,3) | flatten": [True, True, True],
    "conv 3x3 12 | pixelshuffle 2 | flatten": [False, False, False],
    "conv 3x3 8 | shuffle 2 | reshape (2,4,8,8)": [False, False, False],
    "tokens | permute (2,1) | reshape (3,4,16)": [False, False, False],
    "tokens | attention 3 | permute (2,1) | reshape (3,8,8)": [False, False, False],
    "tokens | fc 6 | image 4x16 | conv 1x1 4 | flatten": [
        False,
        True,
        True,
    ],  # tokens are an image in channels_last, if several
}
"""Steps on 3x8x8, and whether the last reshape of each copies at those batches."""


def last_reshape(graph):
    return next(node for node in reversed(graph.nodes) if isinstance(node.layer, (Flatten, Reshape)))


@pytest.mark.parametrize(("steps", "copies"), CHAINS.items())
def test_where_a_reshape_copies_is_known_without_torch(steps, copies):
    for batch, copied in zip(BATCHES, copies, strict=True):
        graph = build(f"input: 3x8x8\nlayers:\n  - {steps}\n", batch=batch)
        node = last_reshape(graph)
        assert node.layer.writes == copied
        cost = next(each for each in analyze(graph).costs if each.node.name == node.name)
        assert (cost.activations > 0) == copied


@pytest.mark.torch
@pytest.mark.parametrize("steps", CHAINS)
@pytest.mark.parametrize("batch", BATCHES)
def test_the_module_of_a_spec_copies_there(steps, batch):
    import torch

    from cnnprof.torch_bridge.build import build as build_module

    graph = build(f"input: 3x8x8\nlayers:\n  - {steps}\n", batch=batch)
    module = build_module(graph).eval()
    copied = {}
    for name, part in module.named_modules():
        part.register_forward_hook(
            lambda _, given, made, name=name: copied.__setitem__(
                name, made.untyped_storage().data_ptr() != given[0].untyped_storage().data_ptr()
            )
        )
    with torch.no_grad():
        module(torch.ones(graph.input_shape))
    reshapes = [node for node in graph if isinstance(node.layer, (Flatten, Reshape))]
    assert {node.name: copied[node.name] for node in reshapes} == {node.name: node.layer.writes for node in reshapes}


@pytest.mark.torch
@pytest.mark.parametrize("layout", ["nchw", "channels_last"])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(
    "steps",
    [
        "conv 3x3 32 | flatten | relu",
        "permute (2,3,1) | flatten | fc 4",
        "conv 3x3 32 | permute (3,1,2) | permute (2,3,1) | flatten | relu",
        "conv 3x3 32 | reshape (4,8,24,24) | permute (2,1,3,4) | reshape (32,24,24) | relu",
        "conv 3x3 32 | take 4 12 | reshape (64,72) | relu",
        "tokens | permute (2,1) | reshape (4,4,108) | permute (2,1,3) | flatten | relu",
        "tokens | fc 8 | attention 2 window=6 shift=3 | image | flatten | relu",
    ],
)
def test_the_allocator_has_what_is_predicted(steps, batch, layout):
    graph = api.load(steps, input_shape=(3, 24, 24), batch=batch)
    measured = recorded(graph, "infer", layout=layout)
    assert predicted(graph, "infer", "none", here(layout=layout)) == pytest.approx(measured, rel=TOLERANCE)


NETWORKS = """
import torch
from torch import nn


class Shuffle(nn.Module):
    '''A channel shuffle written by hand, of some channels (Zhang et al. 2017).'''

    def __init__(self):
        super().__init__()
        self.stem, self.end = nn.Conv2d(3, 24, 3, padding=1), nn.Conv2d(12, 8, 1)

    def forward(self, x):
        x = self.stem(x)[:, 6:18]
        n, c, h, w = x.shape
        x = x.reshape(n, 3, c // 3, h, w).transpose(1, 2).reshape(n, c, h, w)
        return self.end(x).flatten(1)


class Heads(nn.Module):
    '''Boxes and classes of two levels, as SSD has them (Liu et al. 2016).'''

    def __init__(self):
        super().__init__()
        self.levels = nn.ModuleList([nn.Conv2d(3, 16, 3, 2, 1), nn.Conv2d(16, 16, 3, 2, 1)])
        self.boxes = nn.ModuleList(nn.Conv2d(16, 4 * 6, 3, padding=1) for _ in range(2))

    def forward(self, x):
        found = []
        for level, box in zip(self.levels, self.boxes):
            x = level(x).relu()
            y = box(x)
            n, _, h, w = y.shape
            found.append(y.view(n, -1, 4, h, w).permute(0, 3, 4, 1, 2).reshape(n, -1, 4))
        return torch.cat(found, 1)


class Grid(nn.Module):
    '''Predictions of a cell side by side, as YOLO reads them, and flat behind that.'''

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 21, 3, 4)

    def forward(self, x):
        x = self.stem(x)
        n, c, h, w = x.shape
        return x.view(n, 3, 7, h, w).permute(0, 1, 3, 4, 2).contiguous().view(n, -1, 7).transpose(1, 2).flatten(1)


class Halves(nn.Module):
    '''Parts of the channels that are put among the samples.'''

    def __init__(self):
        super().__init__()
        self.stem, self.end = nn.Conv2d(3, 8, 3), nn.Linear(3, 5)

    def forward(self, x):
        a, b = self.stem(x).chunk(2, 1)
        y = a.reshape(-1, *a.shape[2:]).mean((1, 2)).view(x.shape[0], -1)
        return self.end((y + b.mean((2, 3)))[:, :3])
"""


@pytest.mark.torch
@pytest.mark.parametrize("name", ["Shuffle", "Heads", "Grid", "Halves"])
def test_an_import_copies_as_the_module_does(name, tmp_path):
    (tmp_path / "net.py").write_text(NETWORKS)
    done = cnnprof("import", f"net.py:{name}", "--input", "3x32x32", "-o", "net.yaml", cwd=tmp_path)
    assert done.code == 0, done.err
    for batch in BATCHES:
        theirs = api.profile(f"{tmp_path}/net.py:{name}", input_shape=(3, 32, 32), batch=batch)
        ours = api.profile(f"{tmp_path}/net.yaml", batch=batch)
        assert _layers(_plain(ours.graph)) == _layers(_plain(theirs.graph))
        assert ours.totals.activations == theirs.totals.activations
        assert ours.totals.peak_inference_bytes == theirs.totals.peak_inference_bytes
    same = cnnprof("diff", f"net.py:{name}", "net.yaml", "--input", "3x32x32", "--exit-code", cwd=tmp_path)
    assert same.code == 0, same.out


def test_a_layer_by_its_type_copies_as_it_says():
    said = layers("conv 3x3 4", "op Flatten copy=true", "op Reshape size=(N,64,64) copy=false", shape="3x32x32")
    assert [node.layer.writes for node in said.nodes[1:]] == [True, False]
    assert not layers("conv 3x3 4", "op Flatten").nodes[-1].layer.writes
    assert layers("conv 3x3 4", "permute (2,3,1)", "op Flatten").nodes[-1].layer.writes
    view = layers("conv 3x3 4", "permute (2,3,1)", "op Flatten copy=false")
    assert not view.nodes[-1].layer.writes
    for graph in (said, view):
        assert _layers(build(write_text(graph, compact=True))) == _layers(_plain(graph))


def test_a_sweep_has_the_figures_of_each_point():
    steps = ["conv 3x3 8", "maxpool k=k s=k p0", "permute (2,3,1)", "flatten"]
    text = "\n".join(["input: 3 x res x res", "settings: {res: 8, k: 1}", "layers:", *(f"  - {step}" for step in steps), ""])
    graphs = {(res, k): build(text, settings={"res": res, "k": k}) for res in (4, 8, 12) for k in (1, 4)}
    assert {point for point, graph in graphs.items() if not graph.nodes[-1].layer.writes} == {(4, 4)}
    with pytest.raises(Split):
        elaborate(read(text), None, {"res": entries([4, 8, 12]), "k": 4})
    together = elaborate(read(text), None, {"res": entries([4, 8, 12]), "k": 1})
    assert together.nodes[-1].layer.writes


def test_sizes_may_be_symbols():
    n, h = Symbol("n", integer=True, positive=True), Symbol("h", integer=True, positive=True)

    def last(steps, **sizes):
        return elaborate(read(f"input: 3x8x8\nlayers:\n  - {steps}\n"), None, None, **sizes).nodes[-1].layer.writes

    assert last("conv 3x3 8 | permute (2,3,1) | flatten", input_shape=(3, 4 * h, 4 * h), batch=n)
    assert not last("conv 3x3 8 | permute (2,3,1) | permute (3,1,2) | flatten", input_shape=(3, 4 * h, h), batch=n)
    assert not last("conv 3x3 8 | take 0 4 | flatten", input_shape=(3, 2 * h, h), batch=n)


def test_json_has_the_copy():
    done = cnnprof("summary", "conv 3x3 8 | permute (2,3,1) | flatten", "--input", "3x8x8", "--json")
    assert [layer["activations"] for layer in json.loads(done.out)["layers"]] == [512, 0, 512]
