"""`cnnprof list`, `show`, `schema`, `doctor`, `--help`, `--version` and completion as a user meets them."""

import json
import os
import subprocess
import sys

import pytest
from shell import cnnprof, process

from cnnprof import __version__

COMMANDS = ["summary", "compare", "bench", "list", "show", "doctor", "schema"]


def test_list_shows_families_and_figures():
    data = json.loads(cnnprof("list", "resnet[15]*", "--json").out)
    models = {model["model"]: model for model in data["models"]}
    assert {"resnet18", "resnet50", "resnet101", "resnet152"} <= set(models)
    assert models["resnet50"]["params"] == 25_557_032
    assert models["resnet50"]["year"] == 2015
    assert models["resnet50"]["family"] == "ResNet"


@pytest.mark.torch
def test_list_has_torchvisions_names():
    out = cnnprof("list").out
    assert "swin_t" in out
    assert "lenet5" in out
    names = cnnprof("list", "torchvision:*").out
    assert "torchvision:resnet50" in names
    assert "lenet5" not in names


def test_show_prints_facts_and_spec():
    out = cnnprof("show", "mobilenet_v2").out
    assert "arXiv:1801.04381" in out
    assert "layers:" in out
    data = json.loads(cnnprof("show", "mobilenet_v2", "--json").out)
    assert data["model"]["name"] == "mobilenet_v2"
    assert data["spec"].count("layers:") == 1


def test_schema_is_a_json_schema(tmp_path):
    import jsonschema

    schema = json.loads(cnnprof("schema").out)
    jsonschema.Draft7Validator.check_schema(schema)
    path = tmp_path / "schema.json"
    assert process("schema", "-o", path).code == 0
    assert json.loads(path.read_text()) == schema


@pytest.mark.torch
def test_doctor_names_what_is_installed():
    done = cnnprof("doctor", "--json")
    assert done.code == 0
    findings = {finding["item"]: finding for finding in json.loads(done.out)["findings"]}
    assert findings["torch"]["status"] == "ok"
    assert findings["torch with torchvision"]["status"] == "ok"
    assert findings["bundled specs"]["status"] == "ok"


def test_an_own_spec_is_found_and_wins(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.cnnprof]\npaths = ["nets"]\n')
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "lenet5.yaml").write_text("name: Mine\ninput: 1x8x8\nlayers:\n  - conv 3x3 2\n")
    (tmp_path / "below").mkdir()
    data = json.loads(cnnprof("summary", "lenet5", "--json", cwd=tmp_path / "below").out)
    # 2 (3*3*1 + 1)
    assert data["totals"]["params"] == 20
    (tmp_path / "nets" / "copy.yaml").write_text("name: Copy\ninput: 1x8x8\nvariants:\n  lenet5: {}\nlayers:\n  - conv 3x3 2\n")
    done = cnnprof("summary", "lenet5", cwd=tmp_path)
    assert done.code == 3
    assert "copy.yaml" in done.err
    assert "lenet5.yaml" in done.err


def test_help_and_version():
    assert cnnprof("--version").out == f"cnnprof {__version__}\n"
    top = cnnprof("--help", COLUMNS="100").out
    for command in COMMANDS:
        assert command in top
        text = cnnprof(command, "--help", COLUMNS="100").out
        assert f"cnnprof {command}" in text.partition("Examples")[2], f"{command} --help has an example"


def test_completion_offers_names():
    environment = os.environ | {
        "_CNNPROF_COMPLETE": "complete_bash",
        "COMP_WORDS": "cnnprof summary mobilenet_v3_",
        "COMP_CWORD": "2",
    }
    result = subprocess.run([sys.executable, "-m", "cnnprof"], capture_output=True, text=True, env=environment, timeout=60)
    assert set(result.stdout.split()) == {"mobilenet_v3_large", "mobilenet_v3_small"}
