"""Where a network runs: how a run is timed there, how its memory is read, what the device is called.

Timing logic sees only the `Device` protocol, so that it is tested with a fake one. torch is imported when a device is opened.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol

from cnnprof.errors import UnavailableError, UsageError
from cnnprof.footprint.execution import CUBLAS_BYTES, HOPPER_CUBLAS_BYTES, Execution, device_kind
from cnnprof.footprint.instruction_set import InstructionSet
from cnnprof.measure.options import Options
from cnnprof.measure.system_info import core_count
from cnnprof.torch_bridge.requirements import require_torch

Run = Callable[[], object]


class Timing(NamedTuple):
    """Seconds of one run: by the device's own clock, and by the wall clock from its start to the device's last result."""

    seconds: float
    wall: float


class Device(Protocol):
    """A device, as the timing logic needs it."""

    name: str
    warmup_seconds: float
    """The least time for its clocks to rise."""

    def clock(self) -> float:
        """Seconds of the wall clock, for budgets and warm-up."""

    def time(self, run: Run) -> Timing:
        """Run once, to the end, and say how long it took."""

    def mark(self) -> Any:
        """A point in the device's time, to be read later by `seconds_between`."""

    def seconds_between(self, marks: Sequence[tuple[Any, Any]]) -> list[float]:
        """Seconds from the first to the second of each pair of marks, once the device is done."""

    def peak_growth(self, run: Run) -> int | None:
        """Run once and say how many bytes it held at most beyond those held before; None without a record."""

    def release(self) -> None:
        """Give back what a failed network held."""

    def facts(self) -> dict[str, Any]:
        """The facts about the device in a measurement's environment."""


class CpuDevice:
    """The processor, timed by the wall clock; memory from the allocator's record."""

    name = "cpu"
    warmup_seconds = 0.0
    clock = staticmethod(time.perf_counter)

    def __init__(self) -> None:
        import torch

        torch.set_flush_denormal(True)

    def time(self, run: Run) -> Timing:
        """Run once and say how long it took."""
        start = time.perf_counter()
        run()
        seconds = time.perf_counter() - start
        return Timing(seconds, seconds)

    def mark(self) -> float:
        """Now."""
        return time.perf_counter()

    def seconds_between(self, marks: Sequence[tuple[float, float]]) -> list[float]:
        """Seconds by the wall clock."""
        return [end - start for start, end in marks]

    def peak_growth(self, run: Run) -> int | None:
        """The highest sum of allocations less frees during a run, from the memory events of torch's profiler."""
        # torch.profiler, which is built on it, imports torch's compiler to ask it one thing: as long again as torch takes.
        from torch.autograd.profiler import profile

        with profile(profile_memory=True, use_kineto=True) as record:
            run()
        assert record.kineto_results is not None
        events = [event for event in record.kineto_results.events() if event.name() == "[memory]"]
        held = peak = 0
        for event in sorted(events, key=lambda event: event.start_ns()):
            held += event.nbytes()
            peak = max(peak, held)
        return peak

    def release(self) -> None:
        """Python frees what nothing refers to."""

    def facts(self) -> dict[str, Any]:
        """Denormal numbers count as zero, so that a decaying activation does not slow a loop down."""
        return {"flush_denormal": True}


class CudaDevice:
    """A CUDA device, timed by events, synchronised once at the end of a run; `torch` is the module, or a fake of it."""

    warmup_seconds = 0.5
    clock = staticmethod(time.perf_counter)

    def __init__(self, index: int, torch: Any) -> None:
        self.name = f"cuda:{index}"
        self._cuda = torch.cuda
        self._cuda.set_device(index)
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        self._facts = {
            "device_name": self._cuda.get_device_name(index),
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
            "cudnn_benchmark": True,
            "tf32": False,
        }

    def time(self, run: Run) -> Timing:
        """The device's time between two events around the run, and the wall clock's until it has finished."""
        start, end = (self._cuda.Event(enable_timing=True) for _ in range(2))
        self._cuda.synchronize()
        begin = self.clock()
        start.record()
        run()
        end.record()
        self._cuda.synchronize()
        return Timing(start.elapsed_time(end) / 1e3, self.clock() - begin)

    def mark(self) -> Any:
        """An event that the device passes when it gets there."""
        event = self._cuda.Event(enable_timing=True)
        event.record()
        return event

    def seconds_between(self, marks: Sequence[tuple[Any, Any]]) -> list[float]:
        """Seconds by the device's clock, after one synchronisation."""
        self._cuda.synchronize()
        return [start.elapsed_time(end) / 1e3 for start, end in marks]

    def peak_growth(self, run: Run) -> int | None:
        """The caching allocator's peak of live bytes during a run, less what was live before."""
        self._cuda.synchronize()
        before = self._cuda.memory_allocated()
        self._cuda.reset_peak_memory_stats()
        run()
        self._cuda.synchronize()
        return int(self._cuda.max_memory_allocated() - before)

    def release(self) -> None:
        """Hand cached blocks back, so that the next network finds room."""
        self._cuda.empty_cache()

    def facts(self) -> dict[str, Any]:
        """The card and the settings that decide which kernels run."""
        return self._facts


class MpsDevice:
    """Apple's GPU: the wall clock up to its synchronisation. It keeps no record of a peak."""

    name = "mps"
    warmup_seconds = 0.5
    clock = staticmethod(time.perf_counter)

    def __init__(self, torch: Any) -> None:
        self._mps = torch.mps

    def time(self, run: Run) -> Timing:
        """Run once, wait for the device, and say how long both took."""
        self._mps.synchronize()
        start = self.clock()
        run()
        self._mps.synchronize()
        seconds = self.clock() - start
        return Timing(seconds, seconds)

    def mark(self) -> float:
        """Now, with nothing left to do: it has no other way to say what took how long."""
        self._mps.synchronize()
        return self.clock()

    def seconds_between(self, marks: Sequence[tuple[float, float]]) -> list[float]:
        """Seconds by the wall clock."""
        return [end - start for start, end in marks]

    def peak_growth(self, run: Run) -> int | None:  # noqa: ARG002 (the protocol's)
        """None: there is no such record."""
        return None

    def release(self) -> None:
        """Hand cached blocks back."""
        self._mps.empty_cache()

    def facts(self) -> dict[str, Any]:
        """The name under which the device is known."""
        return {"device_name": "Apple GPU (MPS)"}


def processor_set() -> InstructionSet:
    """The instruction set of oneDNN's kernels here: the processor's, or torch's word where nothing lists its flags."""
    from cnnprof.footprint import instruction_set

    if instruction_set.CPU_INFO.exists() or instruction_set.of_this_machine() == "arm64":
        return instruction_set.of_this_machine()
    import torch

    words: dict[str, InstructionSet] = {"AVX512": "avx512", "AVX2": "avx2"}
    return instruction_set.limited(words.get(torch.backends.cpu.get_cpu_capability(), "sse41"))


def as_run(options: Options) -> Execution:
    """The run as memory rules take it, as it is measured here; raises as `check_device` does, and for a device not known."""
    kind = device_kind(options.device)
    if kind is None:
        raise UsageError(f"nothing is known of memory on '{options.device}'", hint="devices are cpu, cuda and cuda:1, ...")
    check_device(options.device, options.threads)
    amp = options.dtype == "amp"
    return Execution(
        kind,
        "fp32" if options.dtype == "amp" else options.dtype,
        options.layout,
        options.threads,
        amp="" if not amp else "bf16" if kind == "cpu" else "fp16",
        cublas_bytes=cublas_bytes(options.device),
        isa=processor_set(),
    )


def check_device(name: str, threads: int = 1) -> None:
    """Raise UsageError if there is no device of such a name, UnavailableError if this machine, or its torch, has none.

    UsageError as well for more `threads` than there are cores: they would wait for one another.
    """
    if threads > core_count():
        cores = f"{core_count()} cores" if core_count() > 1 else "one core"
        raise UsageError(f"{threads} threads are more than this process has cores ({cores})", hint=f"--threads {core_count()}")
    matched = re.fullmatch(r"(cpu|cuda|mps)(?::(\d+))?", name)
    if not matched or (matched[2] and matched[1] != "cuda"):
        raise UsageError(f"unknown device '{name}'", hint="devices are cpu, cuda (or cuda:1, ...) and mps")
    if find_spec("torch") is None:
        raise UnavailableError("measuring needs torch, which is not installed", hint="pip install 'cnnprof[torch]'")
    if matched[1] == "cpu":
        return
    require_torch()
    import torch

    if matched[1] == "mps":
        if not torch.backends.mps.is_available():
            raise UnavailableError(f"no MPS device on this machine (torch {torch.__version__})", hint="use --device cpu")
        return
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        why = (
            "this torch is built without CUDA"
            if torch.version.cuda is None
            else f"this torch is built for CUDA {torch.version.cuda}"
        )
        raise UnavailableError(f"no CUDA device on this machine ({why}: {torch.__version__})", hint="use --device cpu")
    if int(matched[2] or 0) >= count:
        raise UnavailableError(f"no CUDA device {matched[2]}: this machine has {count}, numbered from 0")


def cublas_bytes(name: str) -> int:
    """Bytes of the workspace that torch gives cuBLAS on the device, which is there (see `Execution`)."""
    if not name.startswith("cuda"):
        return CUBLAS_BYTES
    import torch

    with torch.cuda.device(name):
        if hasattr(torch.backends.cuda, "cublas_workspace_size"):
            return torch.backends.cuda.cublas_workspace_size()
    return HOPPER_CUBLAS_BYTES if torch.cuda.get_device_capability(name)[0] == 9 else CUBLAS_BYTES


def open_device(name: str) -> Device:
    """The device of that name, ready to run. Raises as `check_device` does."""
    check_device(name)
    if name == "cpu":
        return CpuDevice()
    import torch

    return MpsDevice(torch) if name == "mps" else CudaDevice(int(name.partition(":")[2] or 0), torch)
