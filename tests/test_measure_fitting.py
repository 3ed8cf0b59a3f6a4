"""Networks that do not fit into memory together are timed apart."""

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


def test_estimates(graph):
    weights = 4 * (4 * 28)
    x, y = 4 * 2 * 3 * 64, 4 * 2 * 4 * 64
    # oneDNN writes the output in a block of 16 channels before it lays it out.
    blocked = 4 * 2 * 16 * 64
    assert estimate(graph, 2, training=False) == (weights, x + y + blocked)
    assert estimate(graph, 8, training=False) == (weights, 4 * (x + y + blocked))
    assert estimate(graph, 2, training=True) == (weights, weights + y)


def test_free_memory_as_linux_tells_it(tmp_path, monkeypatch):
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:       2000 kB\nMemAvailable:   1000 kB\n")
    monkeypatch.setattr(fitting, "MEMORY_INFO", file)
    assert free_memory("cpu") == 1_024_000
    monkeypatch.setattr(fitting, "MEMORY_INFO", tmp_path / "none")
    assert free_memory("cpu") > 0
