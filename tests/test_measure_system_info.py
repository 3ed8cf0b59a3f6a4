"""What is said of the machine, and which disturbances become warnings."""

import os
import sys
from collections import namedtuple

import psutil
import pytest

from cnnprof.measure import system_info
from cnnprof.measure.system_info import Stolen, find_disturbances, machine

STEADY = [[0.010] * 20, [0.010] * 20]
CALM = [[0.2, 0, 0], [0.2, 0, 0]]
ON_CPU = {"device": "cpu", "threads": 1, "cores": 2}


def test_nothing_to_warn_of():
    assert find_disturbances(STEADY, CALM, ON_CPU) == ()


@pytest.mark.parametrize(
    ("spent", "expected"),
    [
        ([[0.1, 0, 0], [0.2, 0, 0]], "a core for only 75% of the time"),
        ([[0.2, 0, 60], [0.2, 0, 0]], "took the core away 1.5 times a run"),
        ([[0.2, 80_000, 0], [0.2, 0, 0]], "2000 page faults a run"),
    ],
)
def test_what_the_process_was_denied(spent, expected):
    (warning,) = find_disturbances(STEADY, spent, ON_CPU)
    assert expected in warning
    # On a GPU the processor has nothing to do meanwhile.
    assert find_disturbances(STEADY, spent, ON_CPU | {"device": "cuda:0"}) == ()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"threads": 2, "parallel_cost": 600.0}, "600 times as long with 2 threads as with one"),
        ({"group": 1}, "only those of one group can be compared"),
        ({"stolen": 0.25}, "host took 25% of the processor time"),
    ],
)
def test_what_the_machine_did(environment, expected):
    (warning,) = find_disturbances(STEADY, CALM, ON_CPU | environment)
    assert expected in warning


def test_an_ordinary_parallel_cost_is_no_warning():
    assert find_disturbances(STEADY, CALM, ON_CPU | {"threads": 2, "parallel_cost": 2.0}) == ()


def test_outliers_are_flagged():
    times = [[0.010] * 15 + [0.030] * 4, [0.010] * 20]
    (warning,) = find_disturbances(times, [[0.27, 0, 0], [0.2, 0, 0]], ON_CPU)
    assert warning == "4 of 39 runs are outliers, the slowest 3.0 times the median"
    assert find_disturbances([[0.010] * 19 + [0.030], [0.010] * 20], CALM, ON_CPU) == ()


def test_one_process_is_one_sample():
    (warning,) = find_disturbances(STEADY[:1], CALM[:1], ON_CPU)
    assert "one process only" in warning


def test_no_runs_no_warnings():
    assert find_disturbances([], [], ON_CPU) == ()


def test_the_machine_by_name():
    found = machine()
    assert found["device_name"]
    assert found["cores"] >= 1
    assert found["load_average"] >= 0
    assert {"os", "python"} <= found.keys()


def test_processors_as_linux_names_them(tmp_path, monkeypatch):
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nmodel name\t: Fast CPU @ 3 GHz\nprocessor\t: 1\nmodel name\t: Fast CPU @ 3 GHz\n")
    monkeypatch.setattr(system_info, "CPU_INFO", file)
    assert system_info.cpu_name() == "Fast CPU @ 3 GHz"
    monkeypatch.setattr(system_info, "CPU_INFO", tmp_path / "none")
    assert system_info.cpu_name()


@pytest.mark.skipif(not psutil.LINUX, reason="reads /proc")
def test_stolen_time_is_a_share_of_all_time(tmp_path, monkeypatch):
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    # user nice system idle iowait irq softirq steal guest guest_nice
    (tmp_path / "stat").write_text("cpu  100 0 0 100 0 0 0 10 5 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
    stolen = Stolen()
    (tmp_path / "stat").write_text("cpu  130 0 0 150 0 0 0 30 9 0\n")
    assert stolen.share() == pytest.approx(20 / 100)


def test_stolen_time_where_nobody_counts_it(monkeypatch):
    times = namedtuple("scputimes", "user nice system idle")
    monkeypatch.setattr(psutil, "cpu_times", iter([times(1, 0, 1, 1), times(2, 0, 2, 2)]).__next__)
    assert Stolen().share() == 0


@pytest.mark.parametrize("gone", ["resource", "cpu_affinity"])
def test_the_machine_where_the_system_has_less(monkeypatch, gone):
    """As on Windows, which has no `resource`, and on macOS, where psutil knows no affinity."""
    if gone == "resource":
        monkeypatch.setitem(sys.modules, "resource", None)
        seconds, faults, switches = system_info.usage()
        assert seconds > 0
        assert faults >= 0
        assert switches >= 0
    else:
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
        monkeypatch.delattr(psutil.Process, "cpu_affinity")
        assert system_info.core_count() == psutil.cpu_count()
    assert system_info.machine()["device_name"]
