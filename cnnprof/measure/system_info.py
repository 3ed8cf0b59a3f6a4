"""The system that a measurement runs on, and its disturbances: the machine, the process's settings, the system's counters."""

from __future__ import annotations

import ctypes
import os
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cnnprof.timing.intervals import median, percentile

# malloc.h of glibc
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4

CPU_INFO = Path("/proc/cpuinfo")
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")

SLOW_START = 10
"""A parallel region may cost this many times the same work on one thread before a warning says so."""


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed memory for the next run, which saves the page faults; False where there is no glibc.

    Left alone it returns every large tensor to the system and takes it back in the next layer: a fifth of VGG's time.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1) and mallopt(_M_TOP_PAD, 64 * 2**20))


def usage() -> tuple[float, ...]:
    """The process's seconds of processor time, page faults and involuntary context switches so far."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        process = psutil.Process()
        spent, memory = process.cpu_times(), process.memory_info()
        return spent.user + spent.system, getattr(memory, "num_page_faults", 0), process.num_ctx_switches().involuntary
    # psutil reads files for the same figures, and counts no page faults on Linux.
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_minflt + used.ru_majflt, used.ru_nivcsw


def core_count() -> int:
    """Cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    import psutil

    process = psutil.Process()
    return len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else psutil.cpu_count() or 1  # macOS has none


def machine() -> dict[str, Any]:
    """The processor and what else is known of the machine; what cannot be read is left out."""
    import psutil

    found = {
        "device_name": cpu_name(),
        "cores": core_count(),
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_average": round(psutil.getloadavg()[0], 2),
        "governor": _first_line(GOVERNOR),
    }
    return {key: value for key, value in found.items() if value is not None}


def cpu_name() -> str:
    """The processor's model name."""
    try:
        text = CPU_INFO.read_text(errors="replace")
    except OSError:
        text = ""
    entries = (line.partition(":") for line in text.splitlines())
    names = [value.strip() for key, _, value in entries if key.strip() in ("model name", "Model", "cpu model")]
    return names[0] if names else platform.processor() or platform.machine()


def _first_line(path: Path) -> str | None:
    try:
        return path.read_text().strip().split("\n")[0]
    except OSError:
        return None


class Stolen:
    """The share of processor time that a virtual machine's host gives to others from here on."""

    def __init__(self) -> None:
        self._start = self._seconds()

    def share(self) -> float:
        """Stolen time over all time of all cores; 0 where the system does not say."""
        total, stolen = (now - then for now, then in zip(self._seconds(), self._start, strict=True))
        return stolen / total if total else 0.0

    @staticmethod
    def _seconds() -> tuple[float, float]:
        import psutil

        times = psutil.cpu_times()._asdict()
        # user and nice include guest times (proc_stat(5)).
        return sum(times.values()) - times.get("guest", 0) - times.get("guest_nice", 0), times.get("steal", 0.0)


class Watch:
    """The disturbances of this process from here on, for `timing.doubts.disturbance`."""

    def __init__(self) -> None:
        self._begin, self._used, self._stolen = time.perf_counter(), usage(), Stolen()

    def found(self, reports: int = 0) -> dict[str, float]:
        """Processor time over wall time, what the host of a virtual machine took, and lost cores a second.

        Args:
            reports: events that woke the process which follows this one: where there is one core, each takes it away once.
        """
        seconds = time.perf_counter() - self._begin
        cpu, _, switches = (now - then for now, then in zip(usage(), self._used, strict=True))
        return {"share": cpu / seconds, "stolen": self._stolen.share(), "switches": max(0.0, switches - reports) / seconds}


def parallel_cost(threads: int) -> float:
    """How many times longer adding a number to 1 MiB of floats takes with `threads` threads than with one."""
    import torch

    def typical() -> float:
        times = []
        for _ in range(30):
            start = time.perf_counter()
            values.add_(1.0)
            times.append(time.perf_counter() - start)
        return median(times)

    values = torch.zeros(2**18)
    torch.set_num_threads(1)
    alone = typical()
    torch.set_num_threads(threads)
    return typical() / alone


def find_disturbances(
    times: Sequence[Sequence[float]], spent: Sequence[Sequence[float]], environment: Mapping[str, Any]
) -> tuple[str, ...]:
    """Warnings for the reader of a measurement.

    Args:
        times: seconds of every run, one sequence a process.
        spent: for each process the sums over its runs of processor seconds, page faults and involuntary context switches.
        environment: as the worker reported it.
    """
    runs = sum(len(process) for process in times)
    seconds = sum(map(sum, times))
    if not runs:
        return ()
    found = []
    cpu, faults, switches = (sum(column) for column in zip(*spent, strict=True))
    if environment.get("parallel_cost", 0) > SLOW_START:
        times_as_long = f"{environment['parallel_cost']:.0f} times as long with {environment['threads']} threads as with one"
        found.append(
            f"a small operation takes {times_as_long}: another process holds a core, and times with several threads say more "
            "about that than about the network"
        )
    if environment.get("device") == "cpu":
        if cpu < 0.9 * seconds:
            found.append(f"the process had a core for only {cpu / seconds:.0%} of the time")
        if switches > 20 * seconds and switches > runs / 2:
            found.append(f"another process took the core away {switches / runs:.1f} times a run")
        if faults > 1000 * runs:
            found.append(f"{faults / runs:.0f} page faults a run: memory was taken from the system anew")
    if environment.get("stolen", 0) > 0.02:
        found.append(f"the virtual machine's host took {environment['stolen']:.0%} of the processor time")
    outliers = sum(_outliers(process) for process in times)
    if outliers > max(1, runs / 20):
        slowest = max(max(process) / median(process) for process in times if process)
        found.append(f"{outliers} of {runs} runs are outliers, the slowest {slowest:.1f} times the median")
    if "group" in environment:
        found.append("memory has no room for all networks at once: only those of one group can be compared")
    if len([process for process in times if process]) == 1:
        found.append("one process only: the interval says nothing about the next process")
    return tuple(found)


def _outliers(times: Sequence[float]) -> int:
    """Runs above the upper quartile by over three times the interquartile range (Tukey's far out values)."""
    if not times:
        return 0
    upper = percentile(times, 75)
    fence = upper + 3 * (upper - percentile(times, 25))
    return sum(seconds > fence for seconds in times)
