"""Jobs, the networks to be measured, and the options of how they are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Literal, get_args

from cnnprof.errors import UsageError, read_word
from cnnprof.footprint.execution import RUN_DTYPES, ImageLayout, Mode, Optimizer, RunDtype
from cnnprof.network.graph import Graph
from cnnprof.record import record

CHOICES = {
    "dtype": RUN_DTYPES,
    "mode": get_args(Mode),
    "layout": get_args(ImageLayout),
    "optimizer": get_args(Optimizer),
}
"""The values that each of these options can have."""

Way = Literal["eager", "compiled", "CUDA graph"]
WAYS: tuple[Way, ...] = get_args(Way)
"""As torch runs it, through torch.compile, or recorded once and replayed without the processor's share in every launch."""

SECONDS_A_JOB = 20.0
"""The time budget where none is given."""


@record
class Options:
    """How to measure.

    Args:
        device: `cpu`, `cuda`, `cuda:1`, `mps`.
        dtype: `fp32`, `fp16`, `bf16`, or `amp` (torch.autocast with the dtype it has for the device).
        threads: processor threads an operation may use.
        mode: `infer`, or `train`: forward, cross-entropy, backward, the optimizer's step.
        layout: `nchw` or `channels_last`.
        optimizer: of a training step: sgd, momentum, adam or adamw, or `none` for no step.
        processes: fresh worker processes; statistics are across them.
        rounds: in each process, every network is timed at least this often, unless the whole run's time is up.
        precision: go on with further processes until every interval's half-width is below this part of its middle.
        warmup_runs: runs before the first that counts, at least.
        warmup_seconds: seconds of them, at least.
        budget_seconds: time for all of it. None for about 20 seconds a job, or a round in each process.
        timeout: seconds for one step of one network (building it, one warm-up, one run) before its process is ended.
        mallopt: let glibc keep freed memory between runs.
        seed: of the order within rounds; turn k uses `seed + k`.

    Raises:
        UsageError: there is no such number format, mode, layout or optimizer, or a number is not above 0.
    """

    device: str = "cpu"
    dtype: RunDtype = "fp32"
    threads: int = 1
    mode: Mode = "infer"
    layout: ImageLayout = "nchw"
    optimizer: Optimizer = "sgd"
    processes: int = 5
    rounds: int = 20
    precision: float | None = None
    warmup_runs: int = 3
    warmup_seconds: float = 0.3
    budget_seconds: float | None = None
    timeout: float = 300.0
    mallopt: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            read_word(getattr(self, name), choices, f"unknown {name} '{getattr(self, name)}'")
        for name in ("threads", "processes", "rounds", "warmup_runs"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("budget_seconds", "precision", "timeout"):
            if getattr(self, name) is not None and getattr(self, name) <= 0:
                raise UsageError(f"{name} must be above 0, not {getattr(self, name)}")


@record
class Job:
    """A network to measure; `batch` takes the place of the graph's.

    A `twin` repeats another job, to show what noise does. `way` is how it is run.
    """

    name: str
    graph: Graph
    batch: int
    twin: bool = False
    way: Way = "eager"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled with the graph as JSON types, which are checked where they are read."""
        return _job, (self.name, self.graph.to_dict(), self.batch, self.twin, self.way)

    def digest(self) -> str:
        """A short text that differs for networks that compute differently."""
        data = self.graph.to_dict()
        what = [data["input_shape"], data["nodes"], data["outputs"], data["facts"]["source"]]
        return sha256(json.dumps(what).encode()).hexdigest()[:16]


def _job(name: str, graph: Mapping[str, Any], *others: Any) -> Job:
    return Job(name, Graph.from_dict(graph), *others)


def add_ways(jobs: Sequence[Job], ways: Sequence[Way]) -> list[Job]:
    """The jobs, each with its network run in these ways behind it, as rows of their own.

    Raises UsageError for a way that there is not.
    """
    known = [read_word(way, WAYS, f"a network is not run '{way}'") for way in ways]
    return [each for job in jobs for each in (job, *(replace(job, name=f"{job.name} ({way})", way=way) for way in known))]


def add_twin(jobs: Sequence[Job]) -> list[Job]:
    """The jobs with the first one twice, if there is anything to compare.

    All ratios are relative to the first. Only a second copy shows all that makes two like networks differ: where the process's
    memory lies, what ran before, and how long the run was. (Two halves of one copy's runs share the first of these, which is
    the largest: intervals over pooled runs cover 57% to 75%, see `timing.intervals`.)
    """
    first, *others = jobs
    compared = any(job.batch == first.batch for job in others)
    return [first, replace(first, twin=True), *others] if compared else [*jobs]
