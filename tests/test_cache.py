"""The cache of captured graphs: what is kept, what is trusted, and that a second look needs no torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from cnnprof.cache import cache_folder as folder
from cnnprof.errors import UnavailableError
from cnnprof.network.graph import INPUT, Accuracy, Facts, Figure, Graph, Node
from cnnprof.network.layers.activation import ReLU
from cnnprof.network.layers.convolution import Conv
from cnnprof.sources import _cache
from cnnprof.sources._cache import recall_graph, recall_names, versions

GRAPH = Graph(
    "net",
    (1, 3, 8, 8),
    (
        Node("conv", Conv(4, (3, 3), (2, 2), groups=1, bias=False), (INPUT,), trainable=False),
        Node("head", ReLU(inplace=True), ("conv",), aux=True),
    ),
    ("conv",),
    Facts("Net", "torchvision:net", settings={"a": (1, 2)}, published={"macs": Figure(4.0, 1.0, "4", "why", "where")}),
    ("conv: aten.thing",),
    {"aux": 7},
)
OTHER = Graph("other", (1, 3, 8, 8), (), (INPUT,), Facts(accuracy=Accuracy(1.0, None, "paper")))
QUESTION = {"reference": "torchvision:net", "settings": {}, "input": None, "batch": 1}
PACKAGES = ("pyyaml",)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("CNNPROF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def unwanted() -> Graph:
    raise AssertionError("the kept graph was not used")


def entry(cache: Path) -> Path:
    (path,) = cache.iterdir()
    return path


def test_a_graph_is_made_once():
    assert recall_graph(QUESTION, PACKAGES, lambda: GRAPH) == GRAPH
    kept = recall_graph(QUESTION, PACKAGES, unwanted)
    assert kept.to_dict() == GRAPH.to_dict()
    assert kept.nodes == GRAPH.nodes


def test_the_oldest_entries_make_room(cache, monkeypatch):
    monkeypatch.setattr(_cache, "_KEPT", 2)
    cache.mkdir()
    other = cache / "calibrations.json"
    other.write_text("{}")
    for age, batch in ((300, 1), (200, 2), (100, 3)):
        recall_graph({**QUESTION, "batch": batch}, PACKAGES, lambda: GRAPH)
        newest = max(cache.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        os.utime(newest, (newest.stat().st_atime, newest.stat().st_mtime - age))
    assert other.exists()
    assert len(list(cache.iterdir())) == 1 + 2
    made = []
    for batch in (2, 3, 1):
        recall_graph({**QUESTION, "batch": batch}, PACKAGES, lambda batch=batch: made.append(batch) or GRAPH)
    assert made == [1]


@pytest.mark.parametrize(
    "change", [{"reference": "torchvision:other"}, {"settings": {"a": "1"}}, {"input": [3, 4, 4]}, {"batch": 2}]
)
def test_another_question_is_another_entry(cache, change):
    recall_graph(QUESTION, PACKAGES, lambda: GRAPH)
    assert recall_graph({**QUESTION, **change}, PACKAGES, lambda: OTHER) == OTHER
    assert len(list(cache.iterdir())) == 2


def test_another_version_is_another_entry(monkeypatch):
    recall_graph(QUESTION, PACKAGES, lambda: GRAPH)
    monkeypatch.setattr(_cache, "_version", lambda package: "99")
    assert recall_graph(QUESTION, PACKAGES, lambda: OTHER) == OTHER


def test_changed_code_is_another_entry(monkeypatch):
    recall_graph(QUESTION, PACKAGES, lambda: GRAPH)
    monkeypatch.setattr(_cache, "_fingerprint", lambda: "changed")
    assert recall_graph(QUESTION, PACKAGES, lambda: OTHER) == OTHER


def sealed(path: Path, body: str) -> str:
    """An entry whose checksum is right whatever its answer is."""
    asked = json.loads(path.read_text().partition("\n")[0])["asked"]
    head = {"asked": asked, "checksum": sha256(body.encode()).hexdigest()}
    return json.dumps(head, separators=(",", ":")) + "\n" + body


def changed(path: Path, change) -> str:
    answer = json.loads(path.read_text().partition("\n")[2])
    change(answer)
    return sealed(path, json.dumps(answer))


DAMAGE = {
    "empty": lambda path: "",
    "cut off": lambda path: path.read_text()[:-40],
    "cut off in its head": lambda path: path.read_text()[:40],
    "without a head": lambda path: path.read_text().partition("\n")[2],
    "one figure changed": lambda path: path.read_text().replace('"out_channels":4', '"out_channels":5'),
    "not JSON": lambda path: sealed(path, "{]"),
    "a list": lambda path: sealed(path, "[]"),
    "a number": lambda path: sealed(path, "7"),
    "nothing": lambda path: sealed(path, "null"),
    "nested too deep": lambda path: sealed(path, "[" * 100_000),
    "nodes of the wrong type": lambda path: changed(path, lambda answer: answer.update(nodes=5)),
    "facts missing": lambda path: changed(path, lambda answer: answer.pop("facts")),
    "an unknown layer": lambda path: changed(path, lambda answer: answer["nodes"][0]["layer"].update(type="Hologram")),
    "an unknown argument": lambda path: changed(path, lambda answer: answer["nodes"][0]["layer"].update(colour=1)),
    "an unknown input": lambda path: changed(path, lambda answer: answer["nodes"][0].update(inputs=["nobody"])),
    "an unknown output": lambda path: changed(path, lambda answer: answer.update(outputs=["nobody"])),
    "a name twice": lambda path: changed(path, lambda answer: answer["nodes"].append(answer["nodes"][0])),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_entry_is_made_again(cache, damage):
    recall_graph(QUESTION, PACKAGES, lambda: GRAPH)
    path = entry(cache)
    good, bad = path.read_text(), DAMAGE[damage](path)
    assert bad != good
    path.write_text(bad)
    assert recall_graph(QUESTION, PACKAGES, lambda: GRAPH) == GRAPH
    assert path.read_text() == good


def test_an_entry_that_is_not_text_is_made_again(cache):
    recall_graph(QUESTION, PACKAGES, lambda: GRAPH)
    entry(cache).write_bytes(os.urandom(1000))
    assert recall_graph(QUESTION, PACKAGES, lambda: GRAPH) == GRAPH


def test_the_entry_of_another_model_is_not_taken_for_ours(cache):
    recall_graph(QUESTION, PACKAGES, lambda: GRAPH)
    ours = entry(cache)
    recall_graph({**QUESTION, "reference": "torchvision:other"}, PACKAGES, lambda: OTHER)
    (other,) = [path for path in cache.iterdir() if path != ours]
    other.replace(ours)
    assert recall_graph(QUESTION, PACKAGES, lambda: GRAPH) == GRAPH


def test_where_nothing_can_be_written_the_work_is_done_again(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("CNNPROF_CACHE", str(blocked / "cache"))
    for _ in range(2):
        assert recall_graph(QUESTION, PACKAGES, lambda: GRAPH) == GRAPH
    assert blocked.read_text() == "not a folder"


def test_no_half_entry_is_left_where_writing_fails(cache, monkeypatch):
    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert recall_graph(QUESTION, PACKAGES, lambda: GRAPH) == GRAPH
    assert list(cache.iterdir()) == []


def test_names_are_listed_once():
    assert recall_names("x", PACKAGES, lambda: ["b", "a"]) == ["b", "a"]
    assert recall_names("x", PACKAGES, lambda: ["never"]) == ["b", "a"]


@pytest.mark.parametrize("body", ["[1]", '{"a":1}', "null"])
def test_names_of_the_wrong_type_are_listed_again(cache, body):
    recall_names("x", PACKAGES, lambda: ["a"])
    path = entry(cache)
    path.write_text(sealed(path, body))
    assert recall_names("x", PACKAGES, lambda: ["b"]) == ["b"]


def test_a_package_that_is_not_installed_is_one_message():
    with pytest.raises(UnavailableError, match=r"nothing_of_this_name is not installed\n.*pip install nothing_of_this_name"):
        versions(["nothing_of_this_name"])


def test_versions_are_those_of_the_installed_packages():
    from importlib.metadata import version

    assert versions(["pytest", "hypothesis"])["pytest"] == version("pytest")
    # Not found under this spelling among the metadata folders, so asked of importlib.metadata.
    assert versions(["PyYAML"])["PyYAML"] == version("pyyaml")


def test_the_folder_is_the_platforms(monkeypatch, tmp_path):
    monkeypatch.delenv("CNNPROF_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(sys, "platform", "linux")
    assert folder() == tmp_path / "xdg/cnnprof"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert folder() == tmp_path / ".cache/cnnprof"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert folder() == tmp_path / "Library/Caches/cnnprof"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert folder() == tmp_path / "local/cnnprof/Cache"


ASK = """
import sys
from cnnprof.network.analysis import analyze
from cnnprof.sources.torchvision import load, names
print(analyze(load("squeezenet1_1")).totals.params, "alexnet" in names())
print(sorted({name.partition(".")[0] for name in sys.modules} & {"torch", "torchvision", "numpy"}))
"""


@pytest.mark.torch
def test_a_second_look_imports_no_torch():
    first, second = (
        subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True).stdout.splitlines()
        for _ in range(2)
    )
    assert first == ["1235496 True", "['numpy', 'torch', 'torchvision']"]
    assert second == ["1235496 True", "[]"]


def test_a_graph_of_several_inputs_is_kept_with_all_of_them():
    nodes = (Node("joined", ReLU(), ("right",)),)
    graph = Graph("two", (1, 3, 8, 8), nodes, ("joined",), input_name="left", further_inputs={"right": (1, 4)}, warnings=("w",))
    recall_graph(QUESTION, PACKAGES, lambda: graph)
    assert recall_graph(QUESTION, PACKAGES, unwanted) == graph
