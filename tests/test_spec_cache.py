"""Specs from the cache: the same graph to the last place, never an older one, and nothing of YAML at the second call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from cnnprof import api
from cnnprof.errors import CnnprofError
from cnnprof.sources import _catalogue, specs
from cnnprof.spec import elaborate

SPEC = """
input: 3x{size}x{size}
settings: {{width: 8, parts: 2}}
layers:
  - conv 3x3 width
  - repeat: 2
    as: unit
    do:
      - conv 3x3 {channels} relu
  - fc 10
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("CNNPROF_CACHE", str(tmp_path / "cache"))
    _catalogue._defined.cache_clear()
    return tmp_path / "cache"


@pytest.fixture
def spec(tmp_path) -> Path:
    path = tmp_path / "net.yaml"
    write(path)
    return path


def write(path: Path, size: int = 32, channels: int = 16) -> None:
    path.write_text(SPEC.format(size=size, channels=channels))


def forge(entry: Path, head: str, answer: object) -> None:
    """Write an entry whose checksum is right whatever its answer is."""
    body = json.dumps(answer)
    entry.write_text(json.dumps(json.loads(head) | {"checksum": sha256(body.encode()).hexdigest()}, separators=(",", ":")))
    entry.write_text(entry.read_text() + "\n" + body)


def forbid(monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("the kept graph was not used")

    monkeypatch.setattr("cnnprof.spec.elaborate", fail)


@pytest.mark.parametrize(
    ("name", "settings", "shape", "batch"),
    [
        ("resnet50", {}, None, 1),
        ("mobilenet_v1", {"width": "0.5"}, None, 2),
        ("mobilenet_v1", {"width": 0.5}, (3, 160, 160), 1),
        ("googlenet", {}, None, 1),
        ("googlenet", {}, (3, 64, 64), 1),
        ("lenet5", {"paper": "true"}, None, 1),
        ("regnet_y_400mf", {"classes": 10}, None, 3),
    ],
)
def test_a_kept_graph_is_the_graph(monkeypatch, name, settings, shape, batch):
    first = specs.load(name, settings, shape, batch)
    family, variant = specs.find(name)
    assert first == elaborate(family, variant, settings, shape, batch)
    forbid(monkeypatch)
    again = specs.load(name, settings, shape, batch)
    assert again == first
    assert [node.place for node in again] == [node.place for node in first]
    assert [type(value) for value in again.facts.settings.values()] == [type(value) for value in first.facts.settings.values()]


def test_an_edit_is_seen_at_once_even_if_size_and_time_stay(spec):
    before = api.profile(str(spec)).totals.params
    status = spec.stat()
    write(spec, channels=24)
    os.utime(spec, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert spec.stat().st_size == status.st_size
    assert api.profile(str(spec)).totals.params > before
    write(spec)
    assert api.profile(str(spec)).totals.params == before


def test_a_new_variant_has_its_name_at_once(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text('[tool.cnnprof]\npaths = ["nets"]\n')
    (tmp_path / "nets").mkdir()
    path = tmp_path / "nets" / "own.yaml"
    monkeypatch.chdir(tmp_path)
    text = "input: 3x8x8\nsettings: {w: 4}\nvariants:\n  one: {w: 4}\nlayers:\n  - conv 3x3 w\n"
    path.write_text(text)
    assert api.load("one").nodes[0].layer.out_channels == 4
    path.write_text(text.replace("one: {w: 4}", "two: {w: 6}"))
    assert api.load("two").nodes[0].layer.out_channels == 6
    with pytest.raises(CnnprofError, match="unknown network 'one'"):
        api.load("one")
    path.unlink()
    with pytest.raises(CnnprofError, match="unknown network 'two'"):
        api.load("two")


def test_what_is_asked_of_one_file_is_kept_apart(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text("input: 3x8x8\nsettings: {w: 4}\nvariants:\n  a: {w: 4}\n  b: {w: 6}\nlayers:\n  - conv 3x3 w\n")
    asked = [(f"{path}#a", {}), (f"{path}#b", {}), (f"{path}#a", {"w": 6}), (f"{path}#a", {"w": "6"})]
    for _ in range(2):
        graphs = [api.load(reference, settings=settings) for reference, settings in asked]
        assert [(graph.name, graph.nodes[0].layer.out_channels) for graph in graphs] == [("a", 4), ("b", 6), ("a", 6), ("a", 6)]


def test_a_moved_file_is_called_what_it_is_called(spec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert api.load(str(spec)).facts.source == "net.yaml"
    moved = spec.with_name("folder")
    moved.mkdir()
    spec = spec.rename(moved / spec.name)
    graph = api.load(str(spec))
    assert graph.facts.source == os.path.join("folder", "net.yaml")
    assert {node.place.file for node in graph} == {str(spec)}


def test_a_mistake_that_the_analysis_finds_has_its_place_at_the_second_call(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text("input: 3x8x8\nlayers:\n  - conv 9x9 4 pad 0\n")
    errors = []
    for _ in range(2):
        with pytest.raises(CnnprofError) as raised:
            api.profile(str(path))
        errors.append(str(raised.value))
    assert errors[0] == errors[1]
    assert f"{path}:3:" in errors[0]


def test_entries_that_do_not_add_up_are_made_again(spec, cache):
    right = api.profile(str(spec)).totals
    (entry,) = cache.iterdir()
    head, _, body = entry.read_text().partition("\n")
    answer = json.loads(body)

    kept = entry.read_text()
    for wrong in (kept[:-9], kept.replace('"out_channels":16', '"out_channels":17')):
        entry.write_text(wrong)
        assert api.profile(str(spec)).totals == right
    for change in ({"places": []}, {"placed": [0]}, {"placed": ["x"] * len(answer["placed"])}, {"nodes": None}, {"facts": 7}):
        forge(entry, head, answer | change)
        assert api.profile(str(spec)).totals == right


def test_an_index_that_names_other_files_is_made_again(cache, spec):
    first = specs.names()
    (entry,) = cache.iterdir()
    head, _, body = entry.read_text().partition("\n")
    answer = json.loads(body)
    outside = {f"../{spec.name}": ["lenet5"]}
    for wrong in (
        outside,
        answer | outside,
        {key: ["a", "../x"] for key in answer},
        dict.fromkeys(answer, "lenet5"),
        [],
    ):
        forge(entry, head, wrong)
        _catalogue._defined.cache_clear()
        assert specs.names() == first


def test_the_source_of_a_kept_spec_is_not_taken_from_the_entry(spec, cache):
    api.load(str(spec))
    (entry,) = cache.iterdir()
    head, _, body = entry.read_text().partition("\n")
    answer = json.loads(body)
    forge(entry, head, answer | {"facts": answer["facts"] | {"source": "python:os:system"}})
    assert api.load(str(spec)).facts.source == spec.name


def test_values_whose_text_does_not_say_all_are_not_kept(cache):
    import numpy as np

    api.load("lenet5")
    kept = sorted(cache.iterdir())
    many = np.arange(8, 8 * 5001, 8)
    assert (specs.load("mobilenet_v2", None, (3, many, many)).input_shape[2] == many).all()
    assert len([entry for entry in cache.iterdir() if entry not in kept]) == 0


def test_a_folder_that_cannot_be_written_does_not_matter(spec, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CNNPROF_CACHE", str(tmp_path / "file" / "cache"))
    assert api.profile(str(spec)) == api.profile(str(spec))


def test_many_writers_leave_whole_entries(spec, cache):
    with ThreadPoolExecutor(8) as pool:
        graphs = list(pool.map(lambda _: api.load(str(spec)), range(32)))
    assert all(graph == graphs[0] for graph in graphs)
    assert len(list(cache.iterdir())) == 1


def test_the_second_call_needs_no_yaml(tmp_path):
    code = (
        "import sys; from cnnprof import api; api.profile('resnet50').to_dict(); "
        "print(*(name for name in ('yaml', 'cnnprof.spec') if name in sys.modules))"
    )
    environment = os.environ | {"CNNPROF_CACHE": str(tmp_path / "own")}
    seen = [subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True).stdout for _ in "12"]
    assert [text.split() for text in seen] == [["yaml", "cnnprof.spec"], []]
