"""Energy counters: NVIDIA's by NVML, Intel's and AMD's by RAPL. Where there is none, the reason is the answer, and never zero.

NVML's counter moves about every 100 ms and its sensors look a quarter of the time (arXiv:2312.02741), so windows are seconds
long and figures are for comparing. RAPL's counters are of the whole package, wrap around, and are for root only; virtual
machines lack them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from cnnprof.errors import MeasurementError
from cnnprof.measure.devices import Device
from cnnprof.measure.options import Job, Options
from cnnprof.measure.session import describe_failure
from cnnprof.measure.task import Event, Reporter, follow
from cnnprof.record import record
from cnnprof.timing.energy import Energy

POWERCAP = Path("/sys/class/powercap")

WINDOWS = 3
WINDOW_SECONDS = 5.0
LOOK_SECONDS = 1.0
"""A counter is looked at this often, so that none wraps around unseen."""


class Meter(Protocol):
    """A counter of energy."""

    name: str

    def joules(self) -> float:
        """Joules since some moment; it only grows."""

    def temperature(self) -> float | None:
        """Degrees Celsius, where they are known."""


class RaplMeter:
    """All packages of the processor."""

    name = "RAPL, whole processor package"

    def __init__(self, zones: list[Path]) -> None:
        self._zones = [(zone / "energy_uj", int((zone / "max_energy_range_uj").read_text())) for zone in zones]
        self._last = [int(file.read_text()) for file, _ in self._zones]
        self._sum = 0

    def joules(self) -> float:
        """Joules by which the counters have grown, wrapping included."""
        for number, (file, most) in enumerate(self._zones):
            now = int(file.read_text())
            grown = now - self._last[number]
            self._sum += grown if grown >= 0 else grown + most + 1
            self._last[number] = now
        return self._sum / 1e6

    def temperature(self) -> float | None:
        """RAPL knows none."""
        return None


class NvmlMeter:
    """A GPU, by NVML's total since the driver was loaded (Volta and later); `nvml` is the module pynvml, or a fake of it."""

    name = "NVML, whole GPU"

    def __init__(self, nvml: Any, index: int) -> None:
        nvml.nvmlInit()
        self._nvml, self._handle = nvml, nvml.nvmlDeviceGetHandleByIndex(index)
        self.joules()

    def joules(self) -> float:
        """The counter, which is in millijoules."""
        return float(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)) / 1e3

    def temperature(self) -> float | None:
        """Of the GPU's core."""
        return float(self._nvml.nvmlDeviceGetTemperature(self._handle, self._nvml.NVML_TEMPERATURE_GPU))


def open_meter(device: str) -> Meter | str:
    """The counter of a device, or why there is none."""
    kind, _, index = device.partition(":")
    if kind == "cuda":
        return _open_nvml(int(index or 0))
    if kind != "cpu":
        return f"no energy counter is known for {kind}"
    zones = sorted(zone for zone in POWERCAP.glob("intel-rapl:*") if zone.name.count(":") == 1)
    if not zones:
        return f"this machine has no RAPL counters ({POWERCAP}): virtual machines lack them"
    try:
        return RaplMeter(zones)
    except (OSError, ValueError) as error:
        return f"RAPL counters cannot be read ({getattr(error, 'strerror', None) or error}): they are for root only"


def _open_nvml(index: int) -> Meter | str:
    try:
        import pynvml
    except ImportError:
        return "NVML needs nvidia-ml-py: pip install nvidia-ml-py"
    try:
        return NvmlMeter(pynvml, index)
    except pynvml.NVMLError as error:
        return f"NVML gives no energy: {error}"


def measure_energies(jobs: Sequence[Job], options: Options) -> list[Energy | str]:
    """The energy of a run of every job, one after the other in a fresh process; or why there is no figure."""
    meter = open_meter(options.device)
    if isinstance(meter, str):
        return [meter] * len(jobs)
    found: list[Energy | str | None] = [None] * len(jobs)

    def hear(event: Event) -> None:
        match event["event"]:
            case "energy":
                found[event["job"]] = Energy.from_dict(event["energy"])
            case "no energy":
                found[event["job"]] = event["why"]

    try:
        ended = follow(MeterEnergy(options, tuple(jobs)), hear)
    except MeasurementError as error:
        ended = error.message
    return [ended or "" if each is None else each for each in found]


@record
class MeterEnergy:
    """The task: prepare each network, warm it up, and measure what its runs take."""

    options: Options
    jobs: tuple[Job, ...]

    def work(self, device: Device, report: Reporter) -> None:
        """Events: `energy` or `no energy` for each job, and a `window` at the beginning of each."""
        for number, job in enumerate(self.jobs):
            meter = open_meter(device.name)
            if isinstance(meter, str):
                report({"event": "no energy", "job": number, "why": meter})
                continue
            try:
                report({"event": "energy", "job": number, "energy": self._energy(job, device, meter, report).to_dict()})
            except Exception as error:
                report({"event": "no energy", "job": number, "why": describe_failure(error)})

    def _energy(self, job: Job, device: Device, meter: Meter, report: Reporter) -> Energy:
        from cnnprof.measure.workload import prepare

        def wait() -> None:
            report({"event": "window"})
            device.time(lambda: None)

        run = prepare(job.graph, job.batch, device.name, self.options, job.way).run
        device.time(run)
        return measure_energy(run, wait, meter)


@record
class Window:
    """The energy and the runs of a stretch of time."""

    runs: int
    seconds: float
    joules: float


def measure_energy(
    run: Callable[[], object],
    wait: Callable[[], object],
    meter: Meter,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Energy:
    """One idle window, then three of runs: joules a run, gross and less what idling takes.

    Args:
        run: the workload.
        wait: waits until the device has done what it was given.
        meter: the counter.
        clock: seconds.
        sleep: to idle.
    """
    idle = _window(lambda: sleep(LOOK_SECONDS / 10), wait, meter, clock)
    windows = [_window(run, wait, meter, clock) for _ in range(WINDOWS)]
    power = idle.joules / idle.seconds
    return Energy(
        counter=meter.name,
        gross=tuple(each.joules / each.runs for each in windows),
        net=tuple((each.joules - power * each.seconds) / each.runs for each in windows),
        idle_watts=power,
        temperature=meter.temperature(),
    )


def _window(act: Callable[[], object], wait: Callable[[], object], meter: Meter, clock: Callable[[], float]) -> Window:
    """Act again and again for the length of a window."""
    wait()
    before, begin = meter.joules(), clock()
    looked, runs = begin, 0
    while clock() - begin < WINDOW_SECONDS:
        act()
        runs += 1
        if clock() - looked >= LOOK_SECONDS:
            meter.joules()
            looked = clock()
    wait()
    return Window(runs, clock() - begin, meter.joules() - before)
