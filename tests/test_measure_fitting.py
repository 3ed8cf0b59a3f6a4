"""Networks that do not fit into memory together are timed apart."""

import psutil
import pytest

from cnnprof.measure import fitting
from cnnprof.measure.fitting import estimate, free_memory, group
from cnnprof.network.graph import INPUT, Graph, Node
from cnnprof.network.layers import layer_from_dict


def test_all_together_where_there_is_room():
    # 60 held and the larger run of 20 are within 0.6 of 200.
    assert group([(30, 20), (30, 10)], 200) == [[0, 1]]
    assert group([(30, 20), (30, 10)], None) == [[0, 1]]


def test_a_group_holds_all_and_runs_one():
    # Room for 100: 40 + 40 held and 20 more for a run are just within it, a third one is not.
    assert group([(40, 20), (40, 20), (40, 20)], 167) == [[0, 1], [2]]


def test_one_that_fits_nowhere_stands_alone():
    assert group([(10, 1), (1000, 1), (10, 1)], 100) == [[0], [1], [2]]


def test_nothing_to_group():
    assert group([], 100) == [[]]


@pytest.fixture
def graph():
    layer = layer_from_dict({"type": "Conv", "out_channels": 4, "kernel_size": [3, 3], "padding": [1, 1]})
    return Graph("net", (2, 3, 8, 8), (Node("conv", layer, (INPUT,)),), ("conv",))


@pytest.mark.parametrize(("isa", "block"), [("avx2", 8), ("avx512", 16)])
def test_estimates(graph, isa, block, monkeypatch):
    monkeypatch.setattr(fitting, "processor_set", lambda: isa)
    weights = 4 * (4 * 28)
    x, y = 4 * 2 * 3 * 64, 4 * 2 * 4 * 64
    # oneDNN's kernels write the output in a block of as many channels as a register holds before it is laid out.
    blocked = 4 * 2 * block * 64
    assert estimate(graph, 2, training=False) == (weights, x + y + blocked)
    assert estimate(graph, 8, training=False) == (weights, 4 * (x + y + blocked))
    assert estimate(graph, 2, training=True) == (weights, weights + y)
    assert estimate(graph, 2, training=False, device="cuda:1")[1] < x + y + blocked


@pytest.mark.skipif(not psutil.LINUX, reason="reads /proc")
def test_free_memory_as_linux_tells_it(tmp_path, monkeypatch):
    lines = {"MemTotal": 2000, "MemFree": 500, "MemAvailable": 1000}
    lines |= dict.fromkeys(("Buffers", "Cached", "Active", "Inactive", "Shmem"), 0)
    (tmp_path / "meminfo").write_text("".join(f"{name}: {size} kB\n" for name, size in lines.items()))
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    assert free_memory("cpu") == 1_024_000


def test_free_memory_is_less_than_all():
    assert 0 < free_memory("cpu") <= psutil.virtual_memory().total
