"""What is shared says nothing of where files lie on this machine."""

import json

import pytest
from shell import cnnprof

from cnnprof.sources._shared import without_way

NET = "input: 3x8x8\nlayers:\n  - conv 3x3 4\n  - fc 3\n"
CODE = "from torch import nn\ndef build():\n    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 3))\n"


@pytest.fixture
def places(tmp_path):
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "net.yaml").write_text(NET)
        (tmp_path / folder / "net.py").write_text(CODE)
    return tmp_path


@pytest.mark.parametrize("form", ["json", "html", "markdown", "csv", "latex"])
@pytest.mark.parametrize(
    "command",
    [
        ["compare", "{}/here/net.yaml", "{}/there/net.yaml", "../there/net.yaml@input=3x16x16", "{}/here/none.yaml"],
        ["summary", "{}/there/net.yaml"],
        ["memory", "../there/net.yaml"],
        ["sweep", "{}/there/net.yaml", "batch=1,2"],
        pytest.param(["compare", "{}/there/net.py:build", "../there/net.yaml", "--input", "3x8x8"], marks=pytest.mark.torch),
    ],
    ids=" ".join,
)
def test_no_format_has_a_way_from_the_root(places, form, command):
    done = cnnprof(*(word.format(places) for word in command), "--format", form, cwd=places / "here")
    assert done.out
    assert str(places) not in done.out


def test_files_of_one_name_are_told_apart_and_found_by_their_paths(places):
    other = places / "there" / "net.yaml"
    done = cnnprof("compare", "net.yaml", other, places / "net.yaml", "--baseline", other, "--json", cwd=places / "here")
    data = json.loads(done.out)
    assert [entry["model"]["name"] for entry in data["models"]] == ["net.yaml", "net.yaml (2)", "net.yaml (3)"]
    assert data["baseline"] == "net.yaml (2)"


@pytest.mark.parametrize(
    ("reference", "shown"),
    [
        ("/a/b/net.yaml#tiny@width=0.5", "net.yaml#tiny@width=0.5"),
        ("python:/a/net.py:build", "python:net.py:build"),
        ("../net.onnx", "net.onnx"),
        ("sub/net.yaml", "sub/net.yaml"),
        ("torchvision:resnet18@input=64", "torchvision:resnet18@input=64"),
        ("python:pkg.module:build", "python:pkg.module:build"),
    ],
)
def test_references_without_the_way(reference, shown, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert without_way(reference) == shown
