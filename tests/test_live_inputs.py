"""Inputs of torch modules: of any number, rank and kind, as their `forward` wants them."""

from __future__ import annotations

import os
import zipfile

import pytest
import torch
from live_modules import CONV, IMAGE, MACS, Of, figures, net
from torch import nn

import cnnprof
from cnnprof.errors import CnnprofError, UsageError
from cnnprof.network.inputs import Input, parse_inputs, read_inputs

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("3x160x160", (Input(size=(3, 160, 160)),)),
        ("13", (Input(size=(13,)),)),
        ("a=3x8x8 b.c=128:long", (Input("a", (3, 8, 8)), Input("b.c", (128,), "int64"))),
        ("x=some/batch.pt", (Input("x", file="some/batch.pt"),)),
        (
            "x=my files/a batch.pt y=3 z=b.npy",
            (Input("x", file="my files/a batch.pt"), Input("y", (3,)), Input("z", file="b.npy")),
        ),
    ],
)
def test_inputs_are_read(text, inputs):
    assert parse_inputs(text) == inputs
    assert parse_inputs(" ".join(map(str, inputs))) == inputs


@pytest.mark.parametrize("text", ["", "0x3", "3x", "x3", "3*8", "a=", "=3", "1.5", "-3", "3x8x8:int65", "a b", "3x99999999999"])
def test_what_is_no_input_is_one_message(text):
    with pytest.raises(UsageError, match=r"is not an input size|unknown number format"):
        parse_inputs(text)


@pytest.mark.parametrize("given", [3.5, [], (0, 3), (True, 3), object(), ((),), {"a": None}])
def test_what_no_input_can_be_is_one_message(given):
    with pytest.raises(UsageError, match="an input is a size such as"):
        read_inputs(given)


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.rgb, self.depth = nn.Conv2d(3, 4, 3), nn.Conv2d(1, 4, 3)

    def forward(self, rgb, *, depth, scale=1.0):
        return self.rgb(rgb) + scale * self.depth(depth)


@pytest.mark.parametrize(
    "given",
    [
        {"rgb": (3, 8, 8), "depth": (1, 8, 8)},
        {"rgb": "3x8x8", "depth": torch.zeros(1, 1, 8, 8)},
        "rgb=3x8x8 depth=1x8x8",
        {"depth": (1, 8, 8), "rgb": (3, 8, 8)},
        "3x8x8 depth=1x8x8",
    ],
)
def test_inputs_by_name(given):
    profile = cnnprof.profile(Two(), given)
    # 4 x 3 x 9 + 4 and 4 x 9 + 4 weights; 36 positions.
    assert (profile.totals.params, profile.totals.macs) == (112 + 40, 36 * 4 * 9 * 4)
    assert set(profile.graph.inputs) == {"rgb", "depth"}


def test_the_batch_is_that_of_a_tensor():
    profile = cnnprof.profile(net(), torch.zeros(5, 3, 8, 8))
    assert profile.graph.input_shape == (5, 3, 8, 8)
    assert cnnprof.profile(net(), IMAGE, batch=5).totals.macs == profile.totals.macs == 5 * (MACS + 720)


@pytest.mark.parametrize("size", [(7,), (7, 5), (7, 5, 3), (2, 7, 5, 3, 4)])
def test_inputs_of_any_rank(size):
    module = nn.Linear(size[-1], 2)
    positions = torch.Size(size[:-1]).numel()
    assert figures(module, size) == (2 * size[-1] + 2, positions * 2 * size[-1])


def test_inputs_in_dictionaries_and_lists():
    nested = Of(lambda self, batch: self.conv(batch["images"][0]) + batch["images"][1].mean(), conv=nn.Conv2d(3, 4, 3))
    nested.forward = lambda batch: nested.function(nested, batch)
    for given in ({"batch": {"images": [IMAGE, (1, 2)]}}, "batch.images.0=3x8x8 batch.images.1=1x2"):
        assert figures(nested, given) == (CONV, MACS)


def test_dictionaries_in_order():
    module = Of(lambda self, batch: self.conv(batch["x"]) + batch["more"][0].mean(), conv=nn.Conv2d(3, 4, 3))
    given = {"x": IMAGE, "more": [(2, 2)]}
    assert figures(module, [given]) == (CONV, MACS)
    module.forward = lambda batch: module.function(module, batch)
    assert figures(module, given) == (CONV, MACS)


def test_tensors_in_files(tmp_path):
    torch.save(torch.zeros(2, 3, 8, 8), tmp_path / "x.pt")
    import numpy

    numpy.save(tmp_path / "x.npy", numpy.zeros((2, 3, 8, 8), "float32"))
    for name in ("x.pt", "x.npy"):
        assert cnnprof.profile(net(), f"input={tmp_path / name}").graph.input_shape == (2, 3, 8, 8)
    (tmp_path / "bad.pt").write_bytes(b"no tensor")
    torch.save({"a": 1}, tmp_path / "dict.pt")
    for name, message in (("bad.pt", "holds no tensor"), ("dict.pt", "of type dict"), ("gone.pt", "is not there")):
        with pytest.raises(UsageError, match=message):
            cnnprof.profile(net(), f"input={tmp_path / name}")


def test_a_file_cannot_run_code(tmp_path):
    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save(Harm(), tmp_path / "harm.pt")
    with pytest.raises(UsageError, match="holds no tensor alone: other objects would run as code"):
        cnnprof.profile(net(), f"input={tmp_path / 'harm.pt'}")
    assert not (tmp_path / "ran").exists()


def test_a_file_that_would_not_end_or_fill_the_memory_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.pt")
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(70 * 2**20))
    for name, message in (("pipe.pt", "is no file"), ("bomb.pt", "would unpack to 73,400,320")):
        with pytest.raises(CnnprofError, match=message):
            cnnprof.profile(net(), f"input={tmp_path / name}")


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ((3, 8, 8), "forward takes rgb and depth, and one input is given", "--input rgb=3x8x8 depth=3x8x8"),
        ({"rgb": (3, 8, 8), "dept": (1, 8, 8)}, "forward has no parameter 'dept'", "did you mean 'depth'"),
        ([(3, 8, 8), (1, 8, 8)], "forward takes rgb and depth, and 2 inputs are given", "--input rgb=3x8x8"),
        ({"rgb": (4, 8, 8), "depth": (1, 8, 8)}, r"rgb: its filters take 3 channels", None),
    ],
)
def test_wrong_inputs_are_one_message(given, message, hint):
    with pytest.raises(CnnprofError, match=message) as caught:
        cnnprof.profile(Two(), given)
    assert hint is None or hint in (caught.value.hint or "")


def test_a_name_that_no_parameter_has_is_said_where_there_is_one():
    """A network of a single input may take a dictionary; this one does not."""
    with pytest.raises(CnnprofError) as caught:
        cnnprof.profile(nn.Embedding(20, 4), "tokens=6:int64")
    assert "forward has no parameter 'tokens'" in caught.value.hint
    assert "--input input=6:int64" in caught.value.hint


def test_gradients_within_forward_are_said():
    """Forces as the gradient of an energy."""

    def forces(self, x):
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            return torch.autograd.grad(self.conv(x).sum(), x)[0]

    with pytest.raises(CnnprofError) as caught:
        cnnprof.profile(Of(forces, conv=nn.Conv2d(3, 4, 3)), IMAGE)
    assert "its forward takes gradients" in caught.value.hint
    assert caught.value.place.file.endswith("test_live_inputs.py")
