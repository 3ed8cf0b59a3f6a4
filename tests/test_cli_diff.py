"""`cnnprof diff` as a user runs it: between variants, revisions and sources, by layer, stage and type, and in scripts."""

import csv
import io
import json

import pytest
from shell import cnnprof

NET = """\
input: 3x32x32
layers:
  - conv 3x3 16 relu
  - conv 3x3 32 s2 relu -> body
  - gap | fc 10
"""


@pytest.fixture
def revisions(tmp_path):
    (tmp_path / "old.yaml").write_text(NET)
    (tmp_path / "new.yaml").write_text(NET.replace("3x3 32 s2", "5x5 32 s2"))
    return tmp_path


def test_two_revisions_of_a_file(revisions):
    done = cnnprof("diff", "old.yaml", "new.yaml", cwd=revisions, COLUMNS="120")
    assert done.code == 0
    assert done.out.startswith("old -> new: 6 same, 1 changed\n")
    assert "kernel_size 3x3 -> 5x5; padding 1x1 -> 2x2" in done.out
    assert f"+{16 * 32 * (25 - 9):,}" in done.out


def test_exit_code(revisions):
    assert cnnprof("diff", "old.yaml", "new.yaml", "--exit-code", cwd=revisions).code == 1
    assert cnnprof("diff", "old.yaml", "old.yaml", "--exit-code", cwd=revisions).code == 0
    assert cnnprof("diff", "old.yaml", "old.yaml@x=1", "--exit-code", cwd=revisions).code == 3


def test_json_has_the_changes_and_their_cost(revisions):
    data = json.loads(cnnprof("diff", "old.yaml", "new.yaml", "--json", cwd=revisions).out)
    assert (data["command"], data["identical"], data["aligned"]) == ("diff", False, True)
    # Each of the 32 filters has 16 more positions on 16 channels; the output has 16 * 16 positions.
    assert data["difference"]["params"] == 32 * 16 * 16
    assert data["difference"]["macs"] == 32 * 16 * 16 * 16 * 16
    (changed,) = [layer for layer in data["layers"] if layer["change"] != "same"]
    assert changed["before"] == changed["after"] == "body.conv1"
    assert changed["changes"][0] == {"what": "kernel_size", "before": [3, 3], "after": [5, 5]}
    assert sum(layer["params"] for layer in data["layers"]) == data["difference"]["params"]


@pytest.mark.parametrize("by", ["layer", "stage", "type"])
def test_rows_add_up_to_the_difference(by):
    done = cnnprof("diff", "resnet50", "resnet101", "--by", by, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    # 17 bottlenecks of 1x1 256, 3x3 256 and 1x1 1024 on 1024 channels, with two parameters a channel of each BatchNorm.
    block = 1024 * 256 + 9 * 256 * 256 + 256 * 1024 + 2 * (256 + 256 + 1024)
    assert sum(int(row["params_change"]) for row in rows) == 17 * block


def test_many_changes_show_by_stage():
    done = cnnprof("diff", "resnet50", "resnet101")
    assert "by stage; --by layer shows all 170 layers that are not the same" in done.out
    (line,) = [line.split() for line in done.out.splitlines() if line.startswith(" stage3")]
    assert line[1:6] == ["62", "0", "170", "0", "+18,992,128"]


@pytest.mark.torch
def test_a_spec_and_torchvision():
    assert cnnprof("diff", "resnet18", "torchvision:resnet18", "--exit-code").code == 0
    done = cnnprof("diff", "resnet18", "torchvision:resnet34")
    (line,) = [line.split() for line in done.out.splitlines() if line.startswith(" stage3")]
    assert line[1:5] == ["16", "0", "28", "0"]  # four basic blocks of seven layers, in the spec's stage, not in a `layer3`


def test_networks_with_nothing_to_align():
    done = cnnprof("diff", "lenet5", "mobilenet_v2", "--exit-code")
    assert done.code == 1
    assert "nothing aligns" in done.out
    assert "too little in common" in done.out
    assert "56.80x" in done.out  # 3,504,872 / 61,706: the totals are compared all the same


@pytest.mark.parametrize("form", ["table", "wide", "markdown", "html", "csv"])
def test_every_format(form, revisions):
    done = cnnprof("diff", "old.yaml", "new.yaml", "--format", form, cwd=revisions, COLUMNS="80")
    assert done.code == 0
    assert "body.conv1" in done.out.replace("\\", "")
    assert form != "table" or max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["resnet18"], 2, "after"),
        (["resnet18", "resnet5"], 3, "unknown network 'resnet5'"),
        (["resnet18", "resnet*"], 3, "'resnet*' stands for several networks"),
        (["resnet18", "nowhere.yaml"], 3, "no such file: nowhere.yaml"),
        (["resnet18", "resnet34", "--by", "depth"], 2, "depth"),
        (["resnet18", "conv 3x3 8"], 3, "has no input size of its own"),
    ],
)
def test_mistakes(arguments, code, message):
    done = cnnprof("diff", *arguments, COLUMNS="200")
    assert done.code == code
    assert message in done.err
    assert done.out == ""
