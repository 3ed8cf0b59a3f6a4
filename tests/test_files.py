"""Files as networks: each kind that can be read gives the network's figures, each other one message with a way on."""

from __future__ import annotations

import json
import os
import zipfile

import pytest
from shell import cnnprof

KERAS = {
    "class_name": "Sequential",
    "config": {
        "name": "net",
        "layers": [
            {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 32, 32, 3]}},
            {"class_name": "Conv2D", "config": {"name": "conv", "filters": 8, "kernel_size": [3, 3]}},
            {"class_name": "GlobalAveragePooling2D", "config": {"name": "pool"}},
            {"class_name": "Dense", "config": {"name": "fc", "units": 3}},
        ],
    },
}
PARAMS, MACS = 8 * 28 + 3 * 9, 8 * 27 * 30**2 + 24


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """One network in every kind of file: a convolution, global pooling and a classifier."""
    import torch
    from torch import nn

    folder = tmp_path_factory.mktemp("files")
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)).eval()
    image = torch.rand(1, 3, 32, 32)
    torch.export.save(torch.export.export(net, (image,)), folder / "net.pt2")
    torch.jit.save(torch.jit.trace(net, image), folder / "net.pt")
    torch.onnx.export(net, (image,), folder / "net.onnx", dynamo=True, optimize=False, external_data=False, verbose=False)
    (folder / "net.json").write_text(json.dumps(KERAS))
    torch.save(net, folder / "pickled.pt")
    torch.save(net.state_dict(), folder / "weights.pth")
    (folder / "half.pt").write_bytes((folder / "net.pt").read_bytes()[:900])
    (folder / "yolo.yaml").write_text("nc: 80\nbackbone:\n  - [-1, 1, Conv, [64, 3, 2]]\nhead:\n  - [-1, 1, Detect, [nc]]\n")
    for name in ("net.h5", "net.safetensors", "net.tflite", "net.cfg", "net.prototxt"):
        (folder / name).write_bytes(b"\0" * 16)
    return folder


@pytest.mark.torch
@pytest.mark.parametrize("name", ["net.pt2", "net.json"])
def test_a_folder_may_have_a_blank_in_its_name(files, tmp_path, name):
    folder = tmp_path / "my networks"
    folder.mkdir()
    (folder / name).write_bytes((files / name).read_bytes())
    result = cnnprof("summary", folder / name, "--input", "3x32x32", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["totals"]["params"] == PARAMS
    gone = cnnprof("summary", folder / "gone.onnx")
    assert f"there is no file '{folder / 'gone.onnx'}'" in gone.err


@pytest.mark.torch
@pytest.mark.parametrize("name", ["net.pt2", "net.pt", "net.onnx", "net.json"])
def test_each_kind_gives_the_same_figures(files, name):
    result = cnnprof("summary", name, "--input", "3x32x32", "--json", cwd=files)
    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert (report["totals"]["params"], report["totals"]["macs"]) == (PARAMS, MACS)
    assert report["totals"]["uncounted"] == []
    assert report["model"]["source"] == name


@pytest.mark.torch
def test_figures_of_an_exported_graph_have_its_own_names(files):
    import torch

    figures = json.loads(cnnprof("summary", "net.pt2", "--format", "node-data", cwd=files).out)["results"]
    called = [node.name for node in torch.export.load(files / "net.pt2").graph.nodes if node.op == "call_function"]
    assert {*figures} == {*called}


@pytest.mark.torch
@pytest.mark.parametrize(
    "command",
    [
        ("compare", "net.onnx", "net.pt2", "--input", "3x32x32"),
        ("diff", "net.onnx", "net.json"),
        ("explain", "net.onnx:0"),
        ("memory", "net.onnx"),
        ("check", "net.onnx", "--max-params", "1K"),
        ("import", "net.onnx"),
    ],
)
def test_what_a_graph_can_do_a_file_can(files, command):
    result = cnnprof(*command, cwd=files)
    assert result.code == 0, result.err


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pickled.pt", ["a pickled module (torch.nn.modules.", "to read it is to run", "net.py:Net"]),
        ("weights.pth", ["a checkpoint: weights without the network", "net.py:Net"]),
        ("half.pt", ["no file that torch wrote, or only a part of one"]),
        ("net.h5", ["a Keras model in HDF5", ".save('net.keras')"]),
        ("net.safetensors", ["weights (safetensors) without the network"]),
        ("net.tflite", ["a TensorFlow Lite model", "tf2onnx"]),
        ("net.cfg", ["a darknet configuration", "as a spec"]),
        ("net.prototxt", ["a Caffe network", "as a spec"]),
        ("yolo.yaml", ["this is a model of Ultralytics'", "format=onnx"]),
        ("missing.onnx", ["there is no file 'missing.onnx'"]),
    ],
)
def test_what_cannot_be_read_says_what_it_is_and_the_way_on(files, name, words):
    result = cnnprof("summary", name, cwd=files)
    assert result.code == 3
    assert result.out == ""
    for word in words:
        assert word in result.err


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "entry", "words"),
    [
        ("net.keras", "config.json", "'net.keras' holds no Keras configuration"),
        ("net.pt", "net/data.pkl", "'net.pt' is no file that torch wrote, or only a part of one"),
    ],
)
def test_an_archive_in_a_compression_that_python_lacks(tmp_path, name, entry, words):
    path = tmp_path / name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, json.dumps(KERAS))
    data = bytearray(path.read_bytes())
    # The method of an entry: 8 bytes behind the start of its local header, 10 behind that of its central one (APPNOTE 4.3).
    for place in (8, data.index(b"PK\1\2") + 10):
        data[place : place + 2] = (98).to_bytes(2, "little")
    path.write_bytes(data)
    with zipfile.ZipFile(path) as archive, pytest.raises(NotImplementedError):
        archive.read(entry)
    result = cnnprof("summary", name, cwd=tmp_path)
    assert (result.code, result.out) == (3, "")
    assert words in result.err


def test_files_have_no_settings(tmp_path):
    (tmp_path / "net.json").write_text(json.dumps(KERAS))
    result = cnnprof("summary", "net.json", "--set", "width=2", cwd=tmp_path)
    assert (result.code, result.out) == (3, "")
    assert "has no setting 'width'" in result.err


@pytest.mark.torch
def test_files_with_several_inputs(tmp_path):
    """A picture and its depth; the file says their names and sizes, or the command does."""
    import torch
    from torch import nn

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.rgb, self.depth = nn.Conv2d(3, 4, 3), nn.Conv2d(1, 4, 3)

        def forward(self, rgb, depth):
            return self.rgb(rgb) + self.depth(depth)

    net, inputs = Two().eval(), (torch.rand(1, 3, 8, 8), torch.rand(1, 1, 8, 8))
    torch.export.save(torch.export.export(net, inputs), tmp_path / "two.pt2")
    torch.jit.save(torch.jit.trace(net, inputs), tmp_path / "two.pt")
    named = "rgb=3x8x8 depth=1x8x8"
    for name, given in (("two.pt2", ()), ("two.pt2", ("--input", named)), ("two.pt", ("--input", named))):
        totals = json.loads(cnnprof("summary", name, *given, "--json", cwd=tmp_path).out)["totals"]
        assert (totals["params"], totals["macs"]) == (112 + 40, 36 * 4 * 36)
    from cnnprof.sources import resolve
    from cnnprof.torch_bridge.instantiate import instantiate

    graph = resolve(str(tmp_path / "two.pt2")).graph()
    with torch.no_grad():
        assert torch.equal(instantiate(graph).eval()(*inputs), net(*inputs))
    missing = cnnprof("summary", "two.pt", "--input", "3x8x8", cwd=tmp_path)
    assert "hint: name each with its size: --input rgb=3x8x8 depth=3x8x8" in missing.err


@pytest.mark.torch
@pytest.mark.parametrize("name", ["net.onnx", "net.json"])
def test_files_are_read_once_until_they_change(files, tmp_path, name, monkeypatch):
    from cnnprof.sources import resolve

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / name
    path.write_bytes((files / name).read_bytes())

    def read():
        return resolve(str(path)).graph((3, 32, 32))

    first = read()
    reader = "cnnprof.onnx_bridge.read.read" if name == "net.onnx" else "cnnprof.keras_bridge.read.read"
    monkeypatch.setattr(reader, lambda *_: pytest.fail("it is read again"))
    again = read()
    assert (again.nodes, again.input_shape, again.origin) == (first.nodes, first.input_shape, first.origin)
    os.utime(path, ns=(1, 1))
    with pytest.raises(pytest.fail.Exception, match="it is read again"):
        read()


def _overlapping(path):
    """One entry of 10 kB that the directory names 100 times."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/code/a.py", b"#" * 10_000)
        archive.filelist *= 100


def _inflated(path, size):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("net/data.pkl", b"\x80\x02.")
        with archive.open("net/code/a.py", "w") as stream:
            for _ in range(size // 2**20):
                stream.write(b"#" * 2**20)


@pytest.mark.torch
@pytest.mark.parametrize("name", ["net.pt", "net.pt2"])
def test_archives_that_unpack_to_more_than_they_say(tmp_path, name):
    """Zeros deflate to a thousandth; torch's own files hold code that deflates to a fifth, and weights as they are."""
    _inflated(tmp_path / name, 80 * 2**20)
    result = cnnprof("summary", name, cwd=tmp_path)
    assert (result.code, result.out) == (3, "")
    assert f"'{name}' is not opened: its " in result.err
    assert f"would unpack to {80 * 2**20 + 3:,}" in result.err.replace("\n", " ")
    _overlapping(tmp_path / name)
    result = cnnprof("summary", name, cwd=tmp_path)
    assert (result.code, result.out) == (3, "")
    assert "its entries lie over each other (1,000,000 bytes in a file of 1" in result.err


@pytest.mark.torch
def test_zeros_for_weights_are_no_bomb(tmp_path):
    """A network of 100 MB whose weights are all zero: torch stores them as they are."""
    import torch
    from torch import nn

    net = nn.Sequential(nn.Flatten(), nn.Linear(2500, 10_000, bias=False)).eval()
    nn.init.zeros_(net[1].weight)
    torch.jit.save(torch.jit.trace(net, torch.zeros(1, 2500)), tmp_path / "net.pt")
    result = cnnprof("summary", "net.pt", "--input", "2500", "--json", cwd=tmp_path)
    assert json.loads(result.out)["totals"]["macs"] == 25_000_000
