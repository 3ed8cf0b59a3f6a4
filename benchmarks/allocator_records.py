"""What torch's allocator records of inferences and training steps: renews tests/data/allocator_records.csv.

    python benchmarks/allocator_records.py [--isa avx2] [--missing] [NETWORK ...]

A row is one network (or block), its input, batch, mode, optimizer, number format, layout, threads and instruction set, the
most bytes that were allocated at a time, and torch's version. Instruction sets below the processor's are taken by
ONEDNN_MAX_CPU_ISA in a process of its own; rows of those that this machine cannot take stay as they are.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.instruction_set import INSTRUCTION_SETS, of_this_machine

RECORDS = Path(__file__).resolve().parent.parent / "tests" / "data" / "allocator_records.csv"
LIMITS = {"sse41": ("SSE41", "default"), "avx2": ("AVX2", "avx2"), "avx512": ("AVX512_CORE", "avx512")}
"""What ONEDNN_MAX_CPU_ISA and ATEN_CPU_CAPABILITY are for each instruction set."""

SPECS = """
    alexnet alexnet_paper convnext_tiny densenet121 dpn68 efficientnet_b0 fractalnet20 googlenet inception_resnet_v1
    inception_v2 inception_v3 inception_v4 lenet5 lenet5_paper mnasnet1_0 mobilenet_v1 mobilenet_v2 mobilenet_v3_large
    nasnet_a_mobile nin preact_resnet50 regnet_y_400mf resnet18 resnet50 resnet20 resnext50_32x4d shake_shake_26_2x32d
    shufflenet_v1_g3 shufflenet_v2_x1_0 squeezenet1_0 vgg16 wrn_16_8 xception zfnet
"""
TORCHVISION = """
    alexnet vgg11 vgg16_bn resnet18 resnet50 resnext50_32x4d wide_resnet50_2 googlenet inception_v3 squeezenet1_0 squeezenet1_1
    densenet121 densenet169 mobilenet_v2 mobilenet_v3_small mobilenet_v3_large shufflenet_v2_x0_5 shufflenet_v2_x1_0 mnasnet0_5
    mnasnet1_0 efficientnet_b0 efficientnet_b3 efficientnet_v2_s regnet_x_400mf regnet_y_400mf regnet_y_3_2gf convnext_tiny
    swin_t swin_v2_t maxvit_t vit_b_16
"""
NETWORKS = (*SPECS.split(), *(f"torchvision:{name}" for name in TORCHVISION.split()))
"""Those that `make crosscheck-memory` measures, too."""

BLOCKS = {
    "conv 3x3 8 | upsample 2 bilinear | conv 3x3 8": "3x80x80",
    "conv 3x3 48 s2 g3 | relu | gap | fc 10": "12x40x40",
    "conv 5x5 18 s2 p2 g2 | relu | conv 3x3 20 g2 | gap | fc 10": "6x64x64",
    "conv 3x3 64 s2 g4 | gap | fc 10": "64x56x56",
    "conv 1x1 240 nobias g3 | bn | gap | fc 3": "960x7x7",
    "deconv 4x4 64 s2 p1 g4 | gap | fc 10": "64x16x16",
    "deconv 3x3 64 | relu | gap | fc 10": "64x16x16",
    "deconv 2x2 20 s2 p0 g4 | gap | fc 10": "20x24x24",
    "conv 3x3 4 | lrn 9 | conv 3x3 4 | gap | fc 10": "3x40x40",
    "conv 3x3 64 | conv 3x3 256 s2 d2 p2 | gap | fc 5": "3x31x31",
    "conv 3x3 32 | dw 5x5 | dw 3x3 s2 | dw 7x7 s2 | gap | fc 5": "3x56x56",
    "conv 3x3 32 | dw 3x3 d2 p2 | conv 3x3 32 d2 p2 g2 | gap | fc 5": "3x40x40",
    "conv 3x3 36 | conv 3x3 24 g3 | conv 3x3 64 g2 | gap | fc 5": "3x40x40",
    "conv 3x3 96 | conv 1x1 160 s2 | gap | fc 5": "3x32x32",
    "conv 3x3 24 | deconv 4x4 24 s2 p1 g24 | gap | fc 5": "3x20x20",
    "conv 3x3 16 | grn | gap | fc 5": "3x40x40",
    "conv 7x7 2 g2 | conv 5x5 4 g2 | gap | fc 5": "16x11x11",
    "conv 3x3 14 g7 | conv 5x5 21 g7 p2 | gap | fc 5": "7x20x20",
    "conv 5x5 12 | dw 3x3 prelu | conv 1x1 100 prelu | conv 7x7 20 s3 d1 | gap | fc 5": "3x45x61",
    "conv 4x4 48 s4 p0 | tokens | attention 3 | gap | fc 5": "3x64x80",
    "conv 5x5 7 p0 | tanh | maxpool 2x2 | conv 5x5 33 p0 | tanh | maxpool 2x2 | conv 5x5 90 p0 | fc 10": "1x32x32",
}
"""Small networks of kernels that differ between instruction sets: narrow, grouped, depthwise, dilated and transposed ones."""

NOT_HALF = ("lrn", "grn", "attention", "deconv 3x3 64", "deconv 4x4 64")
"""Blocks that torch does not run in bf16, and those whose half-precision kernels are predicted less well."""

SMALL = ("lenet5", "lenet5_paper", "resnet20", "squeezenet1_0", "mobilenet_v2", "torchvision:shufflenet_v2_x0_5")
"""Networks for SSE4.1, which processors of the last ten years go beyond."""

MIDDLE = (
    "lenet5",
    "lenet5_paper",
    "alexnet_paper",
    "resnet20",
    "shufflenet_v1_g3",
    "torchvision:mobilenet_v3_small",
    "torchvision:squeezenet1_1",
)
"""Networks that are recorded for a few images, too, which kernels divide otherwise among threads than one or many."""

HALF = ("resnet18", "mobilenet_v2", "densenet121", "seresnext50_32x4d")


class Case(NamedTuple):
    """One run whose memory is recorded; `isa` is the instruction set, `input` the shape without the batch, or empty."""

    network: str
    input: str
    batch: int
    mode: str
    optimizer: str
    dtype: str
    layout: str
    threads: int
    isa: str

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The input's shape, or None for the network's own."""
        return tuple([int(size) for size in self.input.split("x")]) if self.input else None

    @property
    def execution(self) -> Execution:
        """The run as memory rules know it."""
        amp = self.dtype == "amp"
        return Execution(
            dtype="fp32" if amp else self.dtype,
            layout=self.layout,
            threads=self.threads,
            amp="bf16" if amp else "",
            isa=self.isa,
        )


def cases(isa: str) -> Iterator[Case]:
    """Everything that is recorded with one instruction set."""
    for network in SMALL if isa == "sse41" else NETWORKS:
        for threads in (1, 2):
            yield Case(network, "", 1, "infer", "none", "fp32", "nchw", threads, isa)
            yield Case(network, "", 2, "train", "sgd", "fp32", "nchw", threads, isa)
    for network in SMALL[:2] if isa == "sse41" else MIDDLE:
        for batch in (4, 5, 7, 8):
            for threads in (1, 2):
                yield Case(network, "", batch, "infer", "none", "fp32", "nchw", threads, isa)
        yield Case(network, "", 6, "train", "momentum", "fp32", "nchw", 2, isa)
    for network, shape in BLOCKS.items():
        for batch, threads in ((1, 1), (3, 2), (6, 1)):
            yield Case(network, shape, batch, "infer", "none", "fp32", "nchw", threads, isa)
            yield Case(network, shape, batch, "train", "momentum", "fp32", "nchw", threads, isa)
    if isa == "sse41":
        return
    for network, shape in BLOCKS.items():
        if not any(word in network for word in NOT_HALF):
            yield Case(network, shape, 1, "infer", "none", "bf16", "nchw", 1, isa)
            yield Case(network, shape, 3, "train", "momentum", "amp", "nchw", 2, isa)
    for network in HALF:
        for dtype in ("amp", "bf16"):
            yield Case(network, "3x128x128", 3, "infer", "none", dtype, "nchw", 1, isa)
        yield Case(network, "3x96x96", 4, "train", "adam", "amp", "nchw", 1, isa)
        yield Case(network, "3x96x96", 2, "infer", "none", "fp32", "channels_last", 1, isa)


def measured(asked: Sequence[Case]) -> Iterator[int | str]:
    """The bytes of each case, or why there are none; all are of one instruction set, and run in one process that has it."""
    (isa,) = {case.isa for case in asked}
    limit, capability = LIMITS.get(isa, ("", ""))
    limits = {"ONEDNN_MAX_CPU_ISA": limit, "ATEN_CPU_CAPABILITY": capability} if limit else {}
    # Threads that wait for others of their process do not keep those of other processes waiting; the profiler logs no steps.
    environment = os.environ | limits | {"OMP_WAIT_POLICY": "PASSIVE", "KINETO_LOG_LEVEL": "6"}
    with subprocess.Popen(
        [sys.executable, __file__, "--serve"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        for case in asked:
            print(json.dumps(case), file=worker.stdin, flush=True)
            answer = worker.stdout.readline()
            if not answer:
                raise RuntimeError(f"the process that runs {case.network} ended")
            yield json.loads(answer)
        worker.stdin.close()


def serve() -> None:
    """In the process: the bytes of each case that is asked for, or why there are none, a line each."""
    import torch

    import cnnprof
    from cnnprof.measure.devices import open_device
    from cnnprof.measure.memory import record

    warnings.simplefilter("ignore")
    device = open_device("cpu")
    for line in sys.stdin:
        case = Case(*json.loads(line))
        torch.set_num_threads(case.threads)
        graph = cnnprof.load(case.network, input_shape=case.shape, batch=case.batch)
        answer: int | str
        try:
            answer = record(graph, device, case.dtype, case.mode, case.layout, case.optimizer)["peak_bytes"]
        except (RuntimeError, ValueError) as error:
            answer = str(error)
        print(json.dumps(answer), flush=True)


def read() -> dict[Case, tuple[int, str]]:
    """The recorded bytes and torch's version, by case."""
    with RECORDS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = {}
    for row in rows:
        case = Case._make(int(row[name]) if name in ("batch", "threads") else row[name] for name in Case._fields)
        found[case] = (int(row["bytes"]), row["torch"])
    return found


def write(records: dict[Case, tuple[int, str]]) -> None:
    """The file of records, in order."""
    order = {isa: number for number, isa in enumerate(INSTRUCTION_SETS)}
    with RECORDS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*Case._fields, "bytes", "torch"))
        for case in sorted(records, key=lambda case: (order[case.isa], *case)):
            writer.writerow((*case, *records[case]))


def available() -> Iterable[str]:
    """The instruction sets that this machine can take."""
    here = of_this_machine()
    if here == "arm64":
        return (here,)
    return (*(isa for isa in LIMITS if INSTRUCTION_SETS.index(isa) < INSTRUCTION_SETS.index(here)), here)


def main() -> None:
    """Measure again what the machine can measure, and say which rows changed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK")
    parser.add_argument("--isa", choices=tuple(available()), action="append")
    parser.add_argument("--missing", action="store_true", help="measure only what has no row yet")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve()
        return
    import torch

    records = read() if RECORDS.exists() else {}
    for isa in given.isa or available():
        asked = [case for case in cases(isa) if not given.networks or case.network in given.networks]
        asked = [case for case in asked if not (given.missing and case in records)]
        for case, size in zip(asked, measured(asked) if asked else (), strict=True):
            if isinstance(size, str):
                raise SystemExit(f"{case}: {size}")
            before = records.get(case)
            records[case] = (size, torch.__version__)
            if before is None or before[0] != size:
                print(*case, size, "before" if before else "new", *(before[:1] if before else ()), flush=True)
        write(records)


if __name__ == "__main__":
    main()
