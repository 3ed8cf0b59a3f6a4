"""Journals and cache entries that were made to harm: what is read from a file runs no code and is no defect."""

from __future__ import annotations

import json
from dataclasses import fields
from hashlib import sha256
from pathlib import Path

import pytest
from repositories import has_run

from cnnprof import sources
from cnnprof.errors import CnnprofError
from cnnprof.measure.journal import resume_journal
from cnnprof.measure.options import Job, Options
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph, Origin
from cnnprof.sources._cache import recall_graph, recall_names

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
    from cnnprof.measure.worker_run import Series

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
