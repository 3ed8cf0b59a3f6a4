"""Kernels whose highest rates are a machine's ceilings, run in a worker process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from cnnprof.footprint.execution import ImageLayout, RunDtype
from cnnprof.measure.devices import Device
from cnnprof.measure.task import Reporter
from cnnprof.measure.workload import DTYPES, LAYOUTS
from cnnprof.timing.roofline import CONVOLUTION, DEPTHWISE, MATMUL, MEMORY, RateKind

MATMUL_SIZES = (256, 512, 1024, 2048)
CONVOLUTIONS = (
    # batch, channels in and out, kernel, stride, input: a grid from stems to last stages, and the shapes that kernels like best
    (1, 3, 64, 7, 2, 224),
    (1, 64, 64, 3, 1, 224),
    (1, 64, 128, 3, 1, 112),
    (1, 64, 64, 3, 1, 56),
    (1, 128, 128, 3, 1, 28),
    (1, 256, 256, 3, 1, 14),
    (1, 512, 512, 3, 1, 7),
    (1, 256, 256, 3, 1, 56),
    (1, 512, 512, 3, 1, 28),
    (1, 192, 384, 3, 1, 13),
    (1, 128, 32, 3, 1, 28),
    (1, 64, 192, 5, 1, 28),
    (1, 64, 256, 1, 1, 56),
    (1, 256, 64, 1, 1, 56),
    (1, 512, 128, 1, 1, 28),
    (1, 256, 1024, 1, 1, 14),
    (1, 1024, 256, 1, 1, 14),
    (1, 512, 2048, 1, 1, 7),
    (8, 256, 256, 3, 1, 14),
    (8, 256, 1024, 1, 1, 14),
)
DEPTHWISE_CONVOLUTIONS = (
    # batch, channels, kernel, stride, input: from MobileNet's first to its last, and the larger windows of later networks
    (1, 32, 3, 1, 112),
    (1, 96, 3, 2, 112),
    (1, 144, 3, 1, 56),
    (1, 192, 3, 1, 28),
    (1, 384, 3, 1, 14),
    (1, 960, 3, 1, 7),
    (1, 240, 5, 1, 28),
    (1, 672, 5, 1, 14),
    (1, 96, 7, 1, 56),
    (1, 384, 7, 1, 14),
    (8, 384, 3, 1, 14),
)
WORKING_SETS = tuple(2**power for power in range(14, 29, 2))
"""Bytes, from a first-level cache to main memory."""

SECONDS_A_KERNEL = 0.4
CALLS = 100


class Kernel(NamedTuple):
    """A run, and how much it does: FLOPs, or bytes moved."""

    kind: RateKind
    what: str
    amount: float
    run: Callable[[], object]
    size: int = 0


def measure_ceilings(device: Device, dtype: RunDtype, layout: ImageLayout, report: Reporter) -> None:
    """Run every kernel for a while and report the highest rate it reached."""
    with torch.inference_mode():
        for kernel in kernels(device.name, dtype, layout):
            fastest = best(kernel.run, device, SECONDS_A_KERNEL)
            rate = kernel.amount / fastest
            report({"event": "rate", "kind": kernel.kind, "what": kernel.what, "rate": rate, "size": kernel.size})
        small, relu = torch.zeros(1, device=device.name), nn.ReLU(inplace=True)
        report({"event": "overhead", "seconds": best(lambda: [relu(small) for _ in range(CALLS)], device, 0.2) / CALLS})


def best(run: Callable[[], object], device: Device, seconds: float) -> float:
    """The shortest time of a run within some seconds, at least three of them, after one that does not count."""
    device.time(run)
    end = device.clock() + seconds
    times: list[float] = []
    while len(times) < 3 or device.clock() < end:
        times.append(device.time(run).seconds)
    return min(times)


def kernels(device: str, dtype: RunDtype, layout: ImageLayout) -> Iterator[Kernel]:
    """Every kernel, each on tensors that are made when its turn comes."""
    for size in MATMUL_SIZES:
        a, b = (torch.rand(size, size, device=device, dtype=DTYPES[dtype]) for _ in range(2))
        yield Kernel(MATMUL, f"{size}x{size}", 2 * size**3, partial(torch.matmul, a, b))
    shapes = [(CONVOLUTION, 1, *shape) for shape in CONVOLUTIONS]
    shapes += [
        (DEPTHWISE, width, batch, width, width, window, stride, size)
        for batch, width, window, stride, size in DEPTHWISE_CONVOLUTIONS
    ]
    for kind, groups, batch, into, out, window, stride, size in shapes:
        conv = nn.Conv2d(into, out, window, stride, window // 2, groups=groups, bias=False)
        x = torch.rand(batch, into, size, size)
        where: dict[str, Any] = {"device": device, "dtype": DTYPES[dtype], "memory_format": LAYOUTS[layout]}
        conv, x = conv.to(**where), x.to(**where)
        macs = conv(x).numel() * into // groups * window**2
        what = f"{window}x{window}, {into} to {out} at {batch}x{size}x{size}"
        yield Kernel(kind, what, 2 * macs, partial(conv, x))
    for size in WORKING_SETS:
        yield from _moves(size, device, DTYPES[dtype])


def _moves(size: int, device: str, dtype: torch.dtype) -> Iterator[Kernel]:
    """Ways to move a working set of so many bytes: read it, copy a half, change it, add two thirds into the last."""
    numbers = size // dtype.itemsize

    def make(count: int) -> Tensor:
        return torch.ones(count, device=device, dtype=dtype)

    matrix, vector = make(numbers // 64 * 64).view(64, -1), make(numbers // 64)
    yield Kernel(MEMORY, "read", size, lambda: torch.mv(matrix, vector), size)
    source, target = make(numbers // 2), make(numbers // 2)
    yield Kernel(MEMORY, "copy", size, lambda: target.copy_(source), size)
    changed = make(numbers)
    yield Kernel(MEMORY, "change in place", 2 * size, lambda: changed.clamp_(min=0), size)
    first, second, third = (make(numbers // 3) for _ in range(3))
    yield Kernel(MEMORY, "add", 3 * (numbers // 3) * dtype.itemsize, lambda: torch.add(first, second, out=third), size)
