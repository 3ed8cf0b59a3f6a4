"""Exported programs (.pt2) of strangers: what would run as code is refused before torch reads the file."""

from __future__ import annotations

import io
import zipfile

import pytest
import torch
from torch import nn

from cnnprof.errors import CnnprofError
from cnnprof.network.analysis import analyze
from cnnprof.sources import resolve

pytestmark = pytest.mark.torch


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2)

    def forward(self, x):
        return self.conv(x).flatten(1)


class Harm:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (open, (self.mark, "w"))


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    """The entries of a program whose image may have any size."""
    path = tmp_path_factory.mktemp("exported") / "net.pt2"
    sizes = {0: torch.export.Dim("n", min=2), 2: torch.export.Dim("h", min=9)}
    torch.export.save(torch.export.export(Net(), (torch.rand(4, 3, 16, 16),), dynamic_shapes=(sizes,)), path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(tmp_path, entries):
    path = tmp_path / "net.pt2"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return str(path)


def test_expressions_of_open_sizes_are_no_code(tmp_path, entries):
    assert any(b"FloorDiv(" in data for data in entries.values())
    totals = analyze(resolve(written(tmp_path, entries)).graph((3, 33, 16), 2)).totals
    # 16 x 7 positions of 4 filters of 27 weights, of two images.
    assert (totals.params, totals.macs) == (112, 2 * 16 * 7 * 4 * 27)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"torch.ops.aten.conv2d.default", b"os.system"),
        (b"torch.ops.aten.conv2d.default", b"torch.os.system"),
        (b"Symbol('", b"__import__('os').getpid() + Symbol('"),
        (b"Symbol('", b"eval('1') + Symbol('"),
        (b"Symbol('", b"sympify('1 + 1') + Symbol('"),
    ],
)
def test_a_program_that_names_code_is_refused(tmp_path, entries, old, new):
    changed = {name: data.replace(old, new) if name.endswith(".json") else data for name, data in entries.items()}
    assert changed != entries
    with pytest.raises(CnnprofError, match="is not opened: beside torch's operators it holds"):
        resolve(written(tmp_path, changed)).graph()


def test_pickled_objects_are_refused_and_do_not_run(tmp_path, entries):
    stream = io.BytesIO()
    torch.save(Harm(str(tmp_path / "ran")), stream)
    samples = {name: stream.getvalue() if "sample_inputs" in name else data for name, data in entries.items()}
    opaque = entries | {"net/data/constants/opaque_obj_0": b"\x80\x02."}
    for changed in (samples, opaque):
        with pytest.raises(CnnprofError, match="pickled object"):
            resolve(written(tmp_path, changed)).graph()
    assert not (tmp_path / "ran").exists()
