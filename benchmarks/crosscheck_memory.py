"""Predicted memory beside a device's allocator, for many networks: how far each is off, and how they are distributed.

    python benchmarks/crosscheck_memory.py [--isa avx2] [--threads 2] [--batches 3,8] [--sample 20] [--recorded]
                                           [--device cuda] [NAME ...]

Inference and training steps with SGD, momentum and Adam, built from specs and taken from torchvision, in random order: on the
processor at batch 1 and 8 for each instruction set that it can take and one and two threads, each in a process of its own; on
CUDA at batch 1, 16 and 32, where `requested_bytes.all.peak` is the record. With `--recorded` nothing runs, and predictions are
held to tests/data/allocator_records.csv, for every instruction set in it. It ends with the table that the README shows.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from allocator_records import NETWORKS, Case, available, measured, read

import cnnprof
from cnnprof.errors import CnnprofError
from cnnprof.footprint.execution import Execution
from cnnprof.footprint.instruction_set import TITLES, of_this_machine
from cnnprof.footprint.liveness import inference
from cnnprof.footprint.training import training
from cnnprof.measure.devices import check_device, cublas_bytes
from cnnprof.measure.memory import record_memory
from cnnprof.measure.options import Options
from cnnprof.measure.system_info import cpu_name
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph

WAYS = (("infer", "none"), ("train", "sgd"), ("train", "momentum"), ("train", "adam"))
BATCHES = {"cpu": (1, 8), "cuda": (1, 16, 32)}
BAR = 0.01


class Run(NamedTuple):
    """One column of the README's table: where the networks run, and how far off each prediction is."""

    title: str
    threads: int
    errors: list[float]


def main() -> None:
    """Print one line a network and batch, and the distribution; exit with 1 if one is off by more than 1%."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--device", choices=BATCHES, default="cpu")
    parser.add_argument("--isa", choices=tuple(available()), action="append", help="default: AVX2 and what the processor has")
    parser.add_argument("--threads", type=int, choices=(1, 2), action="append", help="default: both")
    parser.add_argument("--batches", type=_batches, metavar="N,N", help="default: 1 and 8, on CUDA 1, 16 and 32")
    parser.add_argument("--sample", type=int, metavar="N", help="so many networks")
    parser.add_argument("--recorded", action="store_true", help="take what was recorded, and run nothing")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    check_device(given.device)
    warnings.simplefilter("ignore")
    names = list(given.names or NETWORKS)
    random.Random(given.seed).shuffle(names)
    names = names[: given.sample]
    print(f"{len(names)} networks in the order of seed {given.seed}")
    batches = given.batches or BATCHES[given.device]
    runs: list[Run] = []
    if given.recorded:
        runs += _recorded(names)
    elif given.device == "cuda":
        runs.append(Run("CUDA", 1, list(_on_cuda(names, batches))))
    else:
        sets = given.isa or dict.fromkeys(("avx2", of_this_machine()))
        ways = [(isa, threads) for isa in sets if isa in available() for threads in given.threads or (1, 2)]
        runs += [Run(TITLES[isa], threads, list(_on_cpu(names, batches, isa, threads))) for isa, threads in ways]
    _show(runs)
    sys.exit(any(max(run.errors) > BAR for run in runs))


def _recorded(names: Sequence[str]) -> list[Run]:
    """The same beside the records of these networks, in fp32."""
    cases = {case: size for case, (size, _) in read().items() if (case.dtype, case.layout) == ("fp32", "nchw")}
    found: dict[tuple[str, int], list[float]] = {}
    for name in names:
        for batch in sorted({case.batch for case in cases if case.network == name}):
            graph = cnnprof.load(name, batch=batch)
            for case in (case for case in cases if (case.network, case.batch) == (name, batch)):
                off = _predicted(graph, case.mode, case.optimizer, case.execution) / cases[case] - 1
                found.setdefault((case.isa, case.threads), []).append(abs(off))
    return [Run(TITLES[isa], threads, errors) for (isa, threads), errors in found.items()]


def _batches(text: str) -> tuple[int, ...]:
    """`3,8` as numbers."""
    return tuple(int(part) for part in text.split(","))


def _on_cpu(names: Sequence[str], batches: Sequence[int], isa: str, threads: int) -> Iterator[float]:
    """How far the predictions of these networks are off, as a part of the record."""
    print(f"\n{TITLES[isa] + f', {threads} threads' * (threads > 1) + ', error in %':36}" + _heading())
    rows = [(name, batch) for name in names for batch in batches]
    cases = [Case(*row[:1], "", row[1], *way, "fp32", "nchw", threads, isa) for row in rows for way in WAYS]
    sizes = measured(cases)
    for name, batch in rows:
        graph, cells = cnnprof.load(name, batch=batch), []
        for (mode, optimizer), size in zip(WAYS, sizes, strict=False):
            if isinstance(size, str):
                # Batch normalization over one value does not train.
                cells.append(f"{'none':>10}")
                continue
            off = _predicted(graph, mode, optimizer, Execution(threads=threads, isa=isa)) / size - 1
            cells.append(f"{100 * off:+10.4f}")
            yield abs(off)
        print(f"{name:30}{batch:6}" + "".join(cells), flush=True)


def _on_cuda(names: Sequence[str], batches: Sequence[int]) -> Iterator[float]:
    """The same on CUDA, whose allocator is asked in a process of its own, in which nothing else was allocated."""
    print(f"\n{'CUDA, error in %':36}" + _heading())
    for name in names:
        for batch in batches:
            graph, cells = cnnprof.load(name, batch=batch), []
            for mode, optimizer in WAYS:
                try:
                    recorded = record_memory(graph, Options(device="cuda", mode=mode, optimizer=optimizer))
                    if recorded.comparable_bytes is None:
                        raise RuntimeError(recorded.error)
                except (CnnprofError, RuntimeError, ValueError) as reason:
                    cells.append(f"{type(reason).__name__:>10}")
                    continue
                execution = Execution("cuda", cublas_bytes=cublas_bytes("cuda"))
                off = _predicted(graph, mode, optimizer, execution) / recorded.comparable_bytes - 1
                cells.append(f"{100 * off:+10.4f}")
                yield abs(off)
            print(f"{name:30}{batch:6}" + "".join(cells), flush=True)


def _heading() -> str:
    return "".join(f"{optimizer if mode == 'train' else mode:>10}" for mode, optimizer in WAYS)


def _predicted(graph: Graph, mode: str, optimizer: str, run: Execution) -> int:
    costs = analyze(graph).costs
    return int((inference(graph, costs, run) if mode == "infer" else training(graph, costs, run, optimizer)).peak_bytes)


def _show(runs: Sequence[Run]) -> None:
    """The distribution of errors of each run: the README's table."""
    print(f"\n{cpu_name()}, torch {torch.__version__}\n")
    print("| kernels | threads | predictions | median error | 90% within | largest |\n|---|---|---|---|---|---|")
    for run in runs:
        errors = sorted(run.errors)
        nine_tenths = errors[int(0.9 * (len(errors) - 1))]
        parts = (f"{100 * error:.4f}%" for error in (statistics.median(errors), nine_tenths, errors[-1]))
        print(f"| {run.title} | {run.threads} | {len(errors)} | {' | '.join(parts)} |")


if __name__ == "__main__":
    main()
