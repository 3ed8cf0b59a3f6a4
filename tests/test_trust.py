"""Repositories, journals and cache entries that were made to harm: what is read from a file runs no code and is no defect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from repositories import has_run
from shell import cnnprof as run

import cnnprof
from cnnprof import sources
from cnnprof.config import find_project
from cnnprof.errors import CnnprofError, SpecError
from cnnprof.network.graph import Graph

SPEC = "input: 3x8x8\nlayers:\n  - conv 3x3 4\n"


def project(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.cnnprof]\n{text}")


FOLDERS = ["a.py:b", "python:a:b", "python:a", "a.py:", "torchvision:resnet18", "timm:x"]


@pytest.mark.torch
@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("inside", ["", "below"])
def test_a_folder_cannot_name_code(repository, monkeypatch, name, inside):
    from cnnprof.torch_bridge.instantiate import instantiate, is_built

    (repository / name).mkdir()
    (repository / name / "resnet50.yaml").write_text(SPEC)
    project(repository, f'paths = ["{name}"]\n')
    (repository / "below").mkdir()
    monkeypatch.chdir(repository / inside)
    graph = sources.load("resnet50")
    assert graph.input_shape == (1, 3, 8, 8)
    sent = Graph.from_dict(json.loads(json.dumps(graph.to_dict())))
    assert is_built(sent)
    assert type(instantiate(sent)).__name__ == "BuiltNetwork"
    assert not has_run(repository)


@pytest.mark.torch
def test_what_is_only_measured_runs_no_code_of_its_own(repository):
    (repository / "a.py:b").mkdir()
    (repository / "a.py:b" / "resnet50.yaml").write_text(SPEC)
    project(repository, 'paths = ["a.py:b"]\n')
    quick = ("--processes", 1, "--rounds", 1, "--no-noise-floor")
    assert run("bench", "resnet50", *quick, cwd=repository).code == 0
    assert run("summary", "resnet50", "--check", cwd=repository).code == 0
    assert not has_run(repository)


NAMES = ["python:a:b", "a.py:b", "../secret.yaml", "a.py:b@x=1", "nets/x", "torchvision:alexnet", "x*", "conv|conv"]


@pytest.mark.parametrize("name", NAMES)
def test_a_specs_names_are_names_and_nothing_else(repository, name):
    (repository / "nets").mkdir()
    (repository / "nets" / "net.yaml").write_text(f"variants: |\n  name  width\n  {name}  1\n  good  1\n{SPEC}")
    (repository / "nets" / f"{name.replace('/', '_')}.yaml").write_text(SPEC)
    (repository / "secret.yaml").write_text("password: 12345\n")
    project(repository, 'paths = ["nets"]\n')
    assert name not in sources.spec_names()
    for model in sources.expand(["*"]):
        assert not model.runs_code
        assert model.file is None
    for _, graph in sources.specs.catalogue():
        assert "12345" not in str(graph)
    assert not has_run(repository)


@pytest.mark.parametrize(
    "model", ["python:subprocess:getoutput@cmd=touch ran", "a.py:b", "python:a:b", "python:os:system@command=touch ran"]
)
def test_a_budget_does_not_run_code_by_itself(repository, model):
    project(repository, f'[[tool.cnnprof.budget]]\nmodel = "{model}"\nmax-params = "1M"\n')
    result = run("check", cwd=repository)
    assert (result.code, has_run(repository)) == (5, False)
    assert "nobody knows whether the budget holds" in result.out
    assert "--run-code allows it" in result.out
    github = run("check", "--format", "github", cwd=repository)
    assert "::warning file=pyproject.toml,line=4" in github.out
    data = json.loads(run("check", "--json", cwd=repository).out)
    assert data["budgets"][0]["status"] == "unknown"
    assert "--run-code" in data["budgets"][0]["reason"]
    assert not has_run(repository)


@pytest.mark.torch
def test_a_budget_runs_code_where_the_user_allows_it(repository):
    (repository / "net.py").write_text("from torch import nn\ndef make(): return nn.Conv2d(3, 4, 3)\n")
    project(repository, '[[tool.cnnprof.budget]]\nmodel = "net.py:make"\nmax-params = "1M"\n')
    assert [verdict.status for verdict in cnnprof.check().verdicts] == ["unknown"]
    assert [verdict.status for verdict in cnnprof.check(run_code=True).verdicts] == ["ok"]
    assert [verdict.status for verdict in cnnprof.check(["net.py:make"]).verdicts] == ["ok"], "the user named it"


OUTSIDE = ["../secret.yaml", "{outside}/secret.yaml", "link.yaml", "../repository/../secret.yaml"]
OUTSIDE += [
    "../*.yaml",
    "{outside}/s*.yaml",
    "l*.yaml",
    "../secret.json",
    "../secret.onnx",
    "{outside}/secret.keras",
    "../s*.json",
]


@pytest.mark.parametrize("model", OUTSIDE)
def test_a_budget_reads_nothing_outside_of_its_project(repository, model):
    for suffix in ("yaml", "json", "onnx", "keras"):
        secret = (repository.parent / "secret.yaml").with_suffix(f".{suffix}")
        secret.write_text("password: 12345\n")
    secret = repository.parent / "secret.yaml"
    (repository / "link.yaml").symlink_to(secret)
    model = model.format(outside=repository.parent)
    project(repository, f'[[tool.cnnprof.budget]]\nmodel = "{model}"\nmax-params = "1M"\n')
    with pytest.raises(SpecError, match="lies outside of the project") as caught:
        cnnprof.check()
    assert "12345" not in str(caught.value)


@pytest.mark.parametrize("path", ["..", "/", "../secrets", "link"])
def test_paths_stay_in_the_project(repository, path):
    outside = repository.parent / "secrets"
    outside.mkdir()
    (outside / "secret.yaml").write_text("password: 12345\n")
    (repository / "link").symlink_to(outside)
    project(repository, f'paths = ["{path}"]\n')
    with pytest.raises(SpecError, match="outside of the project") as caught:
        sources.load("secret")
    assert "12345" not in str(caught.value)


def test_a_link_out_of_the_project_defines_no_name(repository):
    secret = repository.parent / "secret.yaml"
    secret.write_text("password: 12345\n")
    (repository / "nets").mkdir()
    (repository / "nets" / "leak.yaml").symlink_to(secret)
    (repository / "good.yaml").write_text(SPEC)
    (repository / "nets" / "linked.yaml").symlink_to(repository / "good.yaml")
    project(repository, 'paths = ["nets"]\n')
    assert "leak" not in sources.spec_names()
    assert sources.load("linked").input_shape == (1, 3, 8, 8), "a link within the project is one"
    with pytest.raises(CnnprofError, match="unknown network 'leak'") as caught:
        sources.load("leak")
    assert "12345" not in str(caught.value)


def test_a_project_file_of_somebody_else_above_does_not_count(repository, monkeypatch):
    below = repository / "mine"
    below.mkdir()
    project(repository, 'paths = ["nowhere"]\n')
    monkeypatch.chdir(below)
    assert find_project() is not None
    real = Path.stat
    strangers = repository / "pyproject.toml"

    def stat(self, **more):
        status = real(self, **more)
        return os.stat_result((*status[:4], 4242, *status[5:])) if self == strangers else status

    monkeypatch.setattr(Path, "stat", stat)
    assert find_project() is None
    monkeypatch.chdir(repository)
    assert find_project() is not None, "who works in a folder means its file"


def test_completion_and_lists_run_nothing(repository):
    from cnnprof.cli.options import complete_name

    (repository / "python:a:b").mkdir()
    (repository / "python:a:b" / "a.py:b.yaml").write_text(SPEC)
    project(repository, 'paths = ["python:a:b"]\n')
    complete_name("")
    run("list", cwd=repository)
    run("list", "*", cwd=repository)
    assert not has_run(repository)


@pytest.mark.parametrize("name", ["../secret.csv", "link.csv", "ABSOLUTE"])
@pytest.mark.parametrize("command", [["compare", "lenet5"], ["check", "lenet5", "--min-top1", "50"]])
def test_accuracies_outside_of_the_project_are_not_read(tmp_path, name, command):
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "secret.csv").write_text("root:x:0:0\n")
    (project / "link.csv").symlink_to(tmp_path / "secret.csv")
    named = str(tmp_path / "secret.csv") if name == "ABSOLUTE" else name
    (project / "pyproject.toml").write_text(f'[tool.cnnprof]\naccuracy = "{named}"\n')
    done = run(*command, cwd=project)
    assert done.code == 3
    assert "which lies outside of the project" in done.err
    assert "root:x" not in done.err + done.out


def test_a_pipe_is_no_file_of_accuracies(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    done = run("compare", "lenet5", "--accuracy", "pipe.csv", cwd=tmp_path)
    assert done.code == 2
    assert "cannot read pipe.csv" in done.err


MODULES = ["torch", "yaml", "rich", "typer", "numpy", "json", "random", "sitecustomize", "copy", "cnnprof"]
COMPLETED = {"_CNNPROF_COMPLETE": "complete_bash", "COMP_WORDS": "cnnprof explain own:", "COMP_CWORD": "2"}
LOOKS = [("check", {}), ("summary own", {}), ("explain own:", COMPLETED)]
TIMED = ("bench own --processes 1 --rounds 1 --no-noise-floor", {})


@pytest.mark.parametrize(("words", "environment"), [*LOOKS, pytest.param(*TIMED, marks=pytest.mark.torch)])
def test_modules_that_lie_in_the_folder_are_not_imported(repository, tmp_path_factory, words, environment):
    for name in MODULES:
        (repository / f"{name}.py").write_text((repository / "a.py").read_text())
    (repository / "nets").mkdir()
    (repository / "nets" / "own.yaml").write_text(SPEC)
    project(repository, 'paths = ["nets"]\n[[tool.cnnprof.budget]]\nmodel = "nets/*.yaml"\nmax-params = "1M"\n')
    # As pip installs it: the script's own folder is the first to be searched, and not the one that it is called in.
    script = tmp_path_factory.mktemp("bin") / "script.py"
    script.write_text("from cnnprof.__main__ import main\nmain()\n")
    package = {"PYTHONPATH": str(Path(cnnprof.__file__).parent.parent)}
    command = [sys.executable, str(script), *words.split()]
    done = subprocess.run(command, cwd=repository, env=os.environ | package | environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert not has_run(repository)
