"""Energy: counters that wrap, machines without one, and what is subtracted for idling; all with counters made for the test."""

import json
import sys
from importlib import import_module
from itertools import takewhile
from types import SimpleNamespace

import pytest
from shell import cnnprof

import cnnprof as package
from cnnprof.measure import energy
from cnnprof.measure.energy import MeterEnergy, NvmlMeter, RaplMeter, measure_energies, measure_energy, open_meter
from cnnprof.measure.options import Job, Options
from cnnprof.network.graph import Graph, Origin
from cnnprof.timing.energy import Energy
from cnnprof.timing.measurements import Measurement
from cnnprof.views.benchmark import show_measurements

pytestmark = pytest.mark.torch


def zone(folder, name, joules, most=1000):
    path = folder / name
    path.mkdir()
    (path / "energy_uj").write_text(f"{joules}\n")
    (path / "max_energy_range_uj").write_text(f"{most}\n")
    return path


def test_packages_add_up_and_wrap(tmp_path):
    first, second = zone(tmp_path, "intel-rapl:0", 900), zone(tmp_path, "intel-rapl:1", 5)
    meter = RaplMeter([first, second])
    assert meter.joules() == 0
    (first / "energy_uj").write_text("100")
    (second / "energy_uj").write_text("7")
    # From 900 over 1000, and the step to 0, to 100; and 2.
    assert meter.joules() == pytest.approx(203e-6)
    assert meter.joules() == pytest.approx(203e-6)


def test_subzones_are_part_of_their_package(tmp_path, monkeypatch):
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    zone(tmp_path, "intel-rapl:0", 1)
    zone(tmp_path, "intel-rapl:0:0", 1)
    assert len(open_meter("cpu")._zones) == 1


def test_a_machine_without_counters_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(energy, "POWERCAP", tmp_path / "none")
    assert "has no RAPL counters" in open_meter("cpu")
    assert open_meter("mps") == "no energy counter is known for mps"
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert "pip install nvidia-ml-py" in open_meter("cuda:0")


def test_counters_that_cannot_be_read_say_so(tmp_path, monkeypatch):
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    (zone(tmp_path, "intel-rapl:0", 1) / "energy_uj").write_text("")
    assert "cannot be read" in open_meter("cpu")


class FakeNvml:
    NVML_TEMPERATURE_GPU = 0

    class NVMLError(Exception):
        pass

    def __init__(self, millijoules):
        self.millijoules = iter(millijoules)

    def nvmlInit(self):  # noqa: N802 (NVML's name)
        pass

    def nvmlDeviceGetHandleByIndex(self, index):  # noqa: N802 (NVML's name)
        return index

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):  # noqa: N802 (NVML's name)
        value = next(self.millijoules)
        if value is None:
            raise self.NVMLError("Not Supported")
        return value

    def nvmlDeviceGetTemperature(self, handle, sensor):  # noqa: N802 (NVML's name)
        return 55


def test_nvml_counts_in_millijoules(monkeypatch):
    meter = NvmlMeter(FakeNvml([1000, 2500]), 0)
    assert (meter.joules(), meter.temperature()) == (2.5, 55.0)
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml([None]))
    assert open_meter("cuda") == "NVML gives no energy: Not Supported"


class Bench:
    """A clock that runs take half a second of, and a counter of 10 W at rest and 30 W at work."""

    name = "fake"

    def __init__(self):
        self.now, self.sum = 0.0, 0.0

    def spend(self, seconds, watts):
        self.now += seconds
        self.sum += seconds * watts

    def joules(self):
        return self.sum

    def temperature(self):
        return None


def test_idle_power_is_subtracted():
    bench = Bench()
    found = measure_energy(
        run=lambda: bench.spend(0.5, 30),
        wait=lambda: None,
        meter=bench,
        clock=lambda: bench.now,
        sleep=lambda s: bench.spend(s, 10),
    )
    assert found.gross == pytest.approx((15, 15, 15))
    assert found.net == pytest.approx((10, 10, 10))
    assert found.idle_watts == pytest.approx(10)
    assert bench.now == pytest.approx(20, abs=0.2)
    assert Energy.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def job(network):
    return Job(network, Graph(network, (1, 3, 8, 8), (), (), origin=Origin("python", f"measured_networks:{network}")), 1)


def test_the_workers_side(tmp_path, monkeypatch):
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    monkeypatch.setattr(energy, "WINDOW_SECONDS", 0.01)
    zone(tmp_path, "intel-rapl:0", 1)
    events = []
    device = SimpleNamespace(name="cpu", time=lambda run: run())
    MeterEnergy(Options(), (job("Small"), job("Greedy"))).work(device, events.append)
    windows = len([*takewhile(lambda event: event == {"event": "window"}, events)])
    assert windows == 2 * 4
    del events[:windows]
    assert (events[0]["event"], events[0]["energy"]["gross"]) == ("energy", (0.0,) * 3)
    assert events[1]["event"] == "no energy"
    assert "memory" in events[1]["why"] or "size" in events[1]["why"]


def test_no_process_is_started_without_a_counter(tmp_path, monkeypatch):
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    monkeypatch.setattr(energy, "follow", None)
    first, second = measure_energies([job("Small")] * 2, Options())
    assert first == second
    assert "has no RAPL counters" in first


def test_unavailable_is_a_word_and_never_zero():
    timed = Measurement("a", "cpu", "fp32", 1, "infer", ((0.01,), (0.01,)), (0, 1))
    known = Energy("RAPL", (2.0, 2.5, 3.0), (1.0, 1.5, 1.25), 10.0)
    report = show_measurements([timed, timed], energies=[known, "no counter"])
    assert [row["energy_j"] for row in report.sections[0].rows] == [2.5, "unavailable"]
    assert [row["net_energy_j"] for row in report.sections[0].rows] == [1.25, "unavailable"]
    assert report.data["results"][1]["energy"] == {"unavailable": "no counter"}
    assert "energy is unavailable: no counter" in report.notes
    assert "energy" not in show_measurements([timed]).data["results"][0]


@pytest.mark.usefixtures("brisk")
def test_the_option():
    done = cnnprof("bench", "lenet5", "--energy", "--quick", "--json")
    (result,) = json.loads(done.out)["results"]
    assert done.code == 0
    assert result["energy"].get("unavailable") or result["energy"]["joules"] > 0


def test_a_stop_keeps_what_was_timed(monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    timed = (SimpleNamespace(twin=False),)
    monkeypatch.setattr(energy, "measure_energies", stop)
    monkeypatch.setattr(import_module("cnnprof.api.bench"), "time_jobs", lambda *_: (timed, False))
    found = package.bench("lenet5", energy=True)
    assert (found.measurements, found.interrupted, found.energies) == (timed, True, None)
