"""Work and memory grow as networks and catalogues do: counted in calls and bytes, which no other program disturbs."""

import cProfile
import pstats
import tracemalloc

import pytest

import cnnprof
from cnnprof.reports import Style, render
from cnnprof.sources import _catalogue

SIZES = (75, 300)
MOST = 1.15 * SIZES[1] / SIZES[0]
"""Four times as much takes four times the work, and a little for what only the larger one has."""

CHAIN = "  - conv 3x3 4 bn relu\n"
BLOCKS = "  - {repeat: %d, do: [{add: [conv 3x3 4 relu, identity]}]}\n"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNPROF_CACHE", str(tmp_path / "cache"))


def calls(work):
    profile = cProfile.Profile()
    profile.runcall(work)
    return pstats.Stats(profile).total_calls


def most_bytes(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def network(folder, kind, blocks):
    file = folder / f"{kind}{blocks}.yaml"
    body = CHAIN * blocks if kind == "chain" else BLOCKS % blocks
    file.write_text("input: 3x8x8\nlayers:\n  - conv 1x1 4\n" + body)
    return str(file)


def seen_whole(reference):
    render(cnnprof.profile(reference).report(by="layer", top=None), "json", Style(100))
    memory = cnnprof.memory(reference)
    assert memory.training.peak_bytes > memory.inference.peak_bytes
    cnnprof.diff(reference, reference).to_dict()


@pytest.mark.parametrize("kind", ["chain", "blocks"])
def test_work_and_memory_grow_with_the_layers(kind, tmp_path):
    seen_whole(network(tmp_path, kind, 3))  # what is imported and compiled once
    files = [network(tmp_path, kind, size) for size in SIZES]
    small, large = (calls(lambda file=file: seen_whole(file)) for file in files)
    assert 2 < large / small < MOST
    small, large = (most_bytes(lambda file=file: seen_whole(file)) for file in files)
    assert 2 < large / small < MOST


def variants(folder, count):
    file = folder / f"v{count}.yaml"
    rows = "".join(f"  v{count}_{number}: {{k: {number % 50 + 1}}}\n" for number in range(count))
    file.write_text(f"input: 3x8x8\nsettings: {{k: 4}}\nvariants:\n{rows}layers: [conv 3x3 k, gap, fc 10]\n")
    return str(file)


def test_work_and_memory_grow_with_the_variants(tmp_path):
    cnnprof.load(f"{variants(tmp_path, 3)}#v3_2")
    files = [(variants(tmp_path, size), f"v{size}_{size - 1}") for size in SIZES]
    small, large = (calls(lambda file=file, name=name: cnnprof.load(f"{file}#{name}")) for file, name in files)
    assert large / small < MOST
    small, large = (most_bytes(lambda file=file, name=name: cnnprof.load(f"{file}#{name}@k=3")) for file, name in files)
    assert large / small < MOST


def test_a_catalogue_is_looked_at_once_for_all_names(tmp_path, monkeypatch):
    folder = tmp_path / "nets"
    folder.mkdir()
    (tmp_path / "pyproject.toml").write_text('[tool.cnnprof]\npaths = ["nets"]\n')
    monkeypatch.chdir(tmp_path)
    for number in range(20):
        variants(folder, number + 1)
    names = [f"v{count}_{number}" for count in range(1, 21) for number in range(count)][::9]
    looked = []
    scan = _catalogue._scan
    monkeypatch.setattr(_catalogue, "_scan", lambda folders: looked.append(folders) or scan(folders))
    comparison = cnnprof.compare(names)
    assert [entry.name for entry in comparison.entries] == names
    # Once as names become networks, once as they are read; each time the project's folder and, where nothing is there, the own.
    assert len(looked) <= 4
    # What is asked for later is looked for again.
    (folder / "new.yaml").write_text("input: 3x8x8\nlayers: [relu]\n")
    assert cnnprof.load("new").name == "new"
