"""Repositories, journals and cache entries that were made to harm: what is read from a file runs no code and is no defect."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import fields
from hashlib import sha256
from pathlib import Path

import pytest
from shell import cnnprof as run

import cnnprof
from cnnprof import sources
from cnnprof.config import find_project
from cnnprof.errors import CnnprofError, SpecError
from cnnprof.measure.journal import resume_journal
from cnnprof.measure.options import Job, Options
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph, Origin
from cnnprof.sources._cache import recall_graph, recall_names

SPEC = "input: 3x8x8\nlayers:\n  - conv 3x3 4\n"
CODE = "from pathlib import Path\nPath('{mark}').write_text('ran')\ndef b(): raise SystemExit\nresnet50 = b\n"


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    """A folder to be looked at; `ran` exists in it once its code has been executed."""
    monkeypatch.setenv("CNNPROF_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "a.py").write_text(CODE.format(mark=folder / "ran"))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    return folder


def project(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.cnnprof]\n{text}")


def has_run(folder: Path) -> bool:
    return (folder / "ran").exists()


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
    assert type(instantiate(sent)).__name__ == "Network"
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


@pytest.mark.parametrize("model", ["../secret.yaml", "{outside}/secret.yaml", "link.yaml", "../repository/../secret.yaml"])
def test_a_budget_reads_nothing_outside_of_its_project(repository, model):
    secret = repository.parent / "secret.yaml"
    secret.write_text("password: 12345\n")
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


NET = "squeezenet1_1"
PACKAGES = ("pyyaml",)
QUESTION = {"reference": f"torchvision:{NET}", "settings": {}, "input": None, "batch": 1}


def seal(path: Path, answer: object) -> None:
    """Write the entry anew, its checksum right whatever the answer is."""
    asked = json.loads(path.read_text().partition("\n")[0])["asked"]
    body = answer if isinstance(answer, str) else json.dumps(answer, separators=(",", ":"))
    head = {"asked": asked, "checksum": sha256(body.encode()).hexdigest()}
    path.write_text(json.dumps(head, separators=(",", ":")) + "\n" + body)


@pytest.fixture
def entry(repository) -> tuple[Path, dict]:
    """A kept graph: its file, and its answer."""
    graph = sources.load("lenet5")
    recall_graph(QUESTION, PACKAGES, lambda: graph)
    graphs = (each for each in (repository.parent / "cache").glob("*.json") if '{"graph":' in each.read_text())
    (path,) = graphs
    return path, json.loads(path.read_text().partition("\n")[2])


def recalled() -> tuple[Graph, bool]:
    """The graph for the question, and whether it was made again."""
    made = []
    graph = recall_graph(QUESTION, PACKAGES, lambda: made.append(1) or sources.load("lenet5"))
    return graph, bool(made)


def test_a_forged_entry_does_not_say_whose_module_it_is(repository, entry):
    path, answer = entry
    for source in ("python:a:b", "a.py:b", "timm:x"):
        answer["facts"]["source"] = source
        answer["facts"]["settings"] = {"checkpoint_path": "'evil.pth'"}
        answer["origin"] = {"kind": "python", "name": "a.py:b", "settings": {}}
        seal(path, answer)
        graph, again = recalled()
        assert not again
        assert graph.origin is None
    assert not has_run(repository)


@pytest.mark.torch
def test_a_forged_entry_of_a_torchvision_model_makes_that_model(repository, monkeypatch):
    from cnnprof.torch_bridge.instantiate import instantiate

    real = sources.load(f"torchvision:{NET}")
    cache = repository.parent / "cache"
    for path in cache.glob("*.json"):
        answer = json.loads(path.read_text().partition("\n")[2])
        if isinstance(answer, dict):
            answer["origin"] = {"kind": "python", "name": "a.py:b", "settings": {}}
            answer["facts"]["source"] = "python:a.py:b"
            answer["facts"]["settings"] = {"num_classes": "3"}
            seal(path, answer)
    forged = sources.load(f"torchvision:{NET}")
    assert forged.facts.source == "python:a.py:b", "the entry was read"
    assert forged.origin == real.origin == Origin("torchvision", NET, {})
    assert type(instantiate(forged)).__name__ == "SqueezeNet"
    assert not has_run(repository)


def paths_in(value: object, at: tuple = ()) -> list[tuple]:
    """The way to every value of the answer; of long lists, to the first two."""
    if isinstance(value, dict):
        return [at, *(way for key in value for way in paths_in(value[key], (*at, key)))]
    if isinstance(value, list):
        return [at, *(way for number, item in enumerate(value[:2]) for way in paths_in(item, (*at, number)))]
    return [at]


OTHERS = [None, True, 10**400, float("nan"), "python:a:b", [[]], {"a": 1}]


def test_every_field_of_another_type_is_a_graph_or_made_again(entry):
    path, answer = entry
    kept = read = 0
    for way in paths_in(answer):
        for other in OTHERS:
            changed = json.loads(json.dumps(answer))
            if not way:
                changed = other
            else:
                parent = changed
                for step in way[:-1]:
                    parent = parent[step]
                parent[way[-1]] = other
            seal(path, changed)
            graph, again = recalled()
            read += 1
            kept += not again
            assert analyze(graph).totals.params >= 0
            assert graph.origin is None
    assert read > 200
    assert kept < read / 3


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        '{"nodes":' * 50_000,
        "9" * 5_000,
        '{"name":' + "9" * 5_000 + "}",
        "\ud800".encode("utf-8", "replace").decode(),
    ],
)
def test_deep_and_huge_entries_are_made_again(entry, body):
    path, _ = entry
    seal(path, body)
    assert recalled()[1]


def test_every_field_has_a_check():
    from cnnprof.network.graph import Accuracy, Facts, Figure, Node
    from cnnprof.network.layers import LAYERS
    from cnnprof.sources import _validation

    for kind in (*LAYERS.values(), Graph, Node, Facts, Figure, Accuracy):
        assert len(_validation._rules(kind)) == len(fields(kind))


def test_deep_settings_in_an_entry_are_made_again(entry):
    path, answer = entry
    answer["facts"]["settings"] = {"x": "(" * 5_000 + ")" * 5_000}
    seal(path, answer)
    assert recalled()[1]


@pytest.mark.parametrize("name", ["python:a:b", "a.py:b", "../x.yaml", "x@y=1", "", "a b"])
def test_forged_names_of_models_are_not_taken(repository, name):
    recall_names("x", PACKAGES, lambda: ["a"])
    (path,) = (repository.parent / "cache").glob("*.json")
    seal(path, [name])
    assert recall_names("x", PACKAGES, lambda: ["b"]) == ["b"]


@pytest.fixture
def journal(tmp_path) -> tuple[Path, list[Job], dict, dict]:
    """A journal with one result, and the two lines of it."""
    from cnnprof.measure import bench
    from cnnprof.measure.journal import start_journal
    from cnnprof.measure.turn import Series

    jobs, options = [Job("lenet5", sources.load("lenet5"), 1)], Options()
    path = tmp_path / "run.jsonl"
    started = start_journal(path, jobs, options)
    series = Series(0, {"device": "cpu"}, [0.1, 0.2], [0.1, 0.2])
    started.append([(0, series, bench._measurement(jobs[0], options, [series], "partial"))])
    head, row = map(json.loads, path.read_text().splitlines())
    return path, jobs, head, row


def test_every_field_of_a_journal_may_be_another_type(journal):
    path, jobs, head, row = journal
    taken = 0
    for lines, at in (([head, row], 0), ([head, row], 1)):
        for way in paths_in(lines[at]):
            for other in OTHERS:
                changed = json.loads(json.dumps(lines))
                parent: object = changed
                for step in (at, *way)[:-1]:
                    parent = parent[step]
                parent[(at, *way)[-1]] = other
                path.write_text("\n".join(map(json.dumps, changed)) + "\n")
                try:
                    resumed = resume_journal(path, jobs, Options())
                except CnnprofError:
                    continue
                taken += 1
                for _, series in resumed.kept:
                    assert all(0 < seconds < 1e9 for seconds in series.times)
    assert taken


@pytest.mark.parametrize("line", ["[" * 100_000, '{"job":' * 50_000, '{"job":0,"process":' + "9" * 5_000 + "}"])
def test_deep_and_huge_lines_of_a_journal_are_skipped(journal, line):
    path, jobs, head, row = journal
    path.write_text("\n".join([json.dumps(head), line, json.dumps(row)]) + "\n")
    resumed = resume_journal(path, jobs, Options())
    assert resumed.skipped == [2]
    assert len(resumed.kept) == 1
    path.write_text(line + "\n")
    with pytest.raises(CnnprofError, match="is no journal"):
        resume_journal(path, jobs, Options())
