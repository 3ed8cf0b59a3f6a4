"""The results of measurements and cross-checks, as plain data; statistics are derived from the raw times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Literal

from cnnprof.record import pick, record
from cnnprof.timing import intervals as statistics
from cnnprof.timing.intervals import Interval

Status = Literal["ok", "partial", "failed"]


@record
class Latency:
    """How long one run takes, in milliseconds, over all runs.

    `ci95` is the median's 95% interval. It stands for `ci95_over`: "processes" if it comes from the spread between worker
    processes; "runs" if there was one process only, and then says nothing about the next process; None for too few runs.
    """

    median: float
    mean: float
    min: float
    p05: float
    p95: float
    p99: float
    iqr: float
    ci95: Interval | None
    ci95_over: Literal["processes", "runs"]
    runs: int

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON types."""
        return pick(self)


@record
class Measurement:
    """One network timed on one device.

    Args:
        model: the network's name.
        device: as torch names it, `cpu` or `cuda:0`.
        dtype: `fp32`, `fp16`, `bf16` or `amp`.
        batch: images in one run.
        mode: `infer` or `train` (forward, backward and the optimizer's step).
        times: seconds of every run, one tuple a worker process, in the order taken; by the device's clock where it has one.
        processes: which worker process each of `times` comes from; what two measurements of one run are paired by.
        input_shape: (C, H, W).
        wall_times: the same runs by the wall clock, where `times` are the device's.
        phases: of training steps, the seconds of `forward` (with the loss), `backward` and `step`, as `times` has the whole.
        peak_bytes: the most memory a run held, weights and input included; None where the device keeps no record.
        environment: what the figures hold for: device name, torch version, threads and so on.
        status: `ok`, `partial` (interrupted) or `failed`.
        error: why it failed.
        warnings: what disturbed the run.
        twin: a second copy of another network of the run, which shows what noise alone does.
    """

    model: str
    device: str
    dtype: str
    batch: int
    mode: Literal["infer", "train"]
    times: tuple[tuple[float, ...], ...]
    processes: tuple[int, ...] = ()
    input_shape: tuple[int, ...] = ()
    wall_times: tuple[tuple[float, ...], ...] = ()
    phases: Mapping[str, tuple[tuple[float, ...], ...]] = field(default_factory=dict)
    peak_bytes: int | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    status: Status = "ok"
    error: str | None = None
    warnings: tuple[str, ...] = ()
    twin: bool = False

    @property
    def runtime(self) -> str:
        """The library that ran it: `torch` or `onnxruntime`."""
        return str(self.environment.get("runtime", "torch")).partition(" ")[0]

    def latency(self) -> Latency | None:
        """The runs' statistics; None if there were none."""
        runs = [seconds * 1e3 for process in self.times for seconds in process]
        if not runs:
            return None
        medians = [statistics.median(process) * 1e3 for process in self.times if process]
        several = len(medians) > 1
        return Latency(
            median=statistics.median(runs),
            mean=statistics.mean(runs),
            min=min(runs),
            p05=statistics.percentile(runs, 5),
            p95=statistics.percentile(runs, 95),
            p99=statistics.percentile(runs, 99),
            iqr=statistics.interquartile_range(runs),
            ci95=statistics.geometric_interval(medians) if several else statistics.median_interval(runs),
            ci95_over="processes" if several else "runs",
            runs=len(runs),
        )

    def phase_ms(self) -> dict[str, float]:
        """The median of each phase over all runs, in milliseconds; empty where runs have no phases."""
        return {
            name: statistics.median([seconds * 1e3 for process in times for seconds in process])
            for name, times in self.phases.items()
        }

    def throughput(self) -> float | None:
        """Images a second at the median latency; None if there were no runs."""
        latency = self.latency()
        return self.batch * 1e3 / latency.median if latency else None

    def to_dict(self) -> dict[str, Any]:
        """The measurement as JSON types, every raw time included."""
        latency = self.latency()
        return {
            **pick(self, "model", "device", "dtype", "batch", "mode", "input_shape"),
            "latency_ms": latency.to_dict() if latency else None,
            "throughput_img_s": self.throughput(),
            "peak_memory_bytes": self.peak_bytes,
            **pick(self, "runtime", "status", *(["error"] if self.error else []), "warnings", "processes"),
            "times_ms": _milliseconds(self.times),
            "wall_times_ms": _milliseconds(self.wall_times),
            **({"phases_ms": self.phase_ms()} if self.phases else {}),
            **({"phase_times_ms": {k: _milliseconds(times) for k, times in self.phases.items()}} if self.phases else {}),
            "environment": dict(self.environment),
            **({"twin": True} if self.twin else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Measurement:
        """The measurement that `to_dict` wrote. Raises KeyError, TypeError or ValueError on anything else."""
        texts, batch = [data[key] for key in ("model", "device", "dtype", "mode", "status")], data["batch"]
        if not all(isinstance(text, str) for text in texts) or type(batch) is not int or batch < 1:
            raise TypeError("names are texts, and a batch is a number above 0")
        if len(data["processes"]) != len(data["times_ms"]):
            raise ValueError("there is a number of a process for each process's times")
        return cls(
            **{key: data[key] for key in ("model", "device", "dtype", "batch", "mode", "status")},
            input_shape=tuple(data["input_shape"]),
            times=_seconds(data["times_ms"]),
            processes=tuple(data["processes"]),
            wall_times=_seconds(data["wall_times_ms"]),
            phases={name: _seconds(times) for name, times in data.get("phase_times_ms", {}).items()},
            peak_bytes=data["peak_memory_bytes"],
            environment=dict(data["environment"]),
            error=data.get("error"),
            warnings=tuple(data["warnings"]),
            twin=data.get("twin", False),
        )


def _milliseconds(seconds: Sequence[Sequence[float]]) -> list[list[float]]:
    return [[value * 1e3 for value in process] for process in seconds]


def _seconds(milliseconds: Sequence[Sequence[float]]) -> tuple[tuple[float, ...], ...]:
    """Raises TypeError or ValueError for what no clock says: a process without times, or a time that is not above 0."""
    for process in milliseconds:
        if not process or not all(0 < value < math.inf for value in process):
            raise ValueError("times are above 0, and every process has some")
    return tuple(tuple(value / 1e3 for value in process) for process in milliseconds)


@record
class Finding:
    """Something about the installation: `ok`, `absent` or `broken`, what is known of it, and what to do."""

    what: str
    status: Literal["ok", "absent", "broken"]
    detail: str
    hint: str = ""


@record
class Reason:
    """One part of the difference between two counters: what the other one counts that we do not (or not: negative)."""

    text: str
    amount: int


@record
class Check:
    """One row of a cross-check: our figure beside another counter's, in `unit` (empty where there is only one way to count).

    `reasons` add up to the difference wherever it is explained; what is left is `unexplained`. `notes` say what qualifies the
    row: operations that the other tool passes over, layers that disagree, or why it could not count (`theirs` is then None).
    `broke` tells a tool that failed from one that is not installed.
    """

    what: str
    tool: str
    unit: str
    ours: int
    theirs: int | None
    reasons: tuple[Reason, ...] = ()
    notes: tuple[str, ...] = ()
    broke: bool = False

    @property
    def unexplained(self) -> int | None:
        """The part of the difference that no reason accounts for; None if the other tool gave no figure."""
        if self.theirs is None:
            return None
        return self.theirs - self.ours - sum(reason.amount for reason in self.reasons)

    @property
    def closed(self) -> bool:
        """Whether nothing of the difference is left unexplained."""
        return self.unexplained == 0

    def to_dict(self) -> dict[str, Any]:
        """The row as JSON types."""
        return pick(self, "what", "tool", "unit", "ours", "theirs", "reasons", "unexplained", "notes")
