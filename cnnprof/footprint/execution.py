"""How a network is run, as far as the memory it takes depends on that."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Literal, cast, get_args

from cnnprof.errors import UsageError
from cnnprof.footprint.instruction_set import INSTRUCTION_SETS, USUAL_SET, InstructionSet
from cnnprof.network.graph import NUMBER_BYTES, Graph
from cnnprof.record import record

Mode = Literal["infer", "train"]
"""An inference, or a training step."""

DeviceType = Literal["cpu", "cuda"]

Dtype = Literal["fp32", "fp16", "bf16", "fp64"]
"""The format of weights and tensors."""

RunDtype = Literal["fp32", "fp16", "bf16", "amp"]
"""The formats that a measurement can run in; `amp` is torch.autocast with the one that it has for the device."""

RUN_DTYPES: tuple[RunDtype, ...] = get_args(RunDtype)

Amp = Literal["", "fp16", "bf16"]
"""The half format of torch.autocast; empty without it."""

Autocast = Literal["half", "single", "single on cuda", "single on cpu", "widest"]
"""The format that torch.autocast computes in: half precision, fp32, fp32 on one device only, or the widest of the inputs'."""

Layout = Literal["nchw", "channels_last", "permuted", "sliced", "cropped"]
"""How a tensor lies: of a layer's input also `permuted`, neither of the first two, `sliced`, a part of the channels of `nchw`,
and `cropped`, a part of its rows or columns."""

ImageLayout = Literal["nchw", "channels_last"]
"""How a network's input and weights lie."""

Optimizer = Literal["sgd", "momentum", "adam", "adamw", "none"]
"""How a training step ends; not at all for `none`."""

ELEMENT_BYTES = NUMBER_BYTES
"""Bytes of a number of each format that weights and tensors can have."""

RUN_BYTES = {**ELEMENT_BYTES, "amp": 4}
"""The same of what a measurement can run in: torch.autocast leaves weights and most tensors in fp32."""

DTYPES: tuple[Dtype, ...] = get_args(Dtype)

CHOICES = {
    "device": get_args(DeviceType),
    "dtype": DTYPES,
    "layout": get_args(Layout),
    "amp": get_args(Amp),
    "isa": INSTRUCTION_SETS,
}
"""The values that each of these fields of an `Execution` can have."""

CUBLAS_BYTES = (2 * 4096 + 8 * 16) * 1024
HOPPER_CUBLAS_BYTES = 8 * 4096 * 1024
"""The memory that torch gives cuBLAS to work in, unless `CUBLAS_WORKSPACE_CONFIG` says otherwise (pytorch issue 95668).

`:4096:2:16:8`: two buffers of 4,096 KiB and eight of 16; on Hopper eight of 4,096 (aten/src/ATen/cuda/CublasHandlePool.cpp).
"""


def device_kind(name: str) -> DeviceType | None:
    """`cuda` of `cuda:1`; None for a device of whose kernels nothing is known."""
    found = re.fullmatch(r"(cpu|cuda)(:\d+)?", name)
    if not found or (found[1] == "cpu" and found[2]):
        return None
    return "cuda" if found[1] == "cuda" else "cpu"


@record
class Execution:
    """One way to run a network.

    Args:
        device: `cpu` or `cuda`, whose kernels the workspace rules are about.
        dtype: the format of weights and tensors: `fp32`, `fp16`, `bf16` or `fp64`.
        layout: how the network's input lies, `nchw` or `channels_last`; of a layer its own input's.
        threads: processor threads an operation may use.
        workspace: whether what kernels hold for themselves counts.
        amp: the half format that torch.autocast computes in, or "".
        reorders_weights: of a layer, whether its tensors are in channels_last and its weights are not.
        as_written: weights have the formats that the network was written with, whatever those are, and not `dtype`.
        isa: the processor's instruction set, on which its kernels' workspace depends: `sse41`, `avx2`, `avx512`, `avx512_bf16`,
            `amx` or `arm64`. It does not follow the machine: `footprint.instruction_set.of_this_machine` says what that has.
        cublas_bytes: what cuBLAS is given to work in on a CUDA device, in each thread that calls it.

    Raises UsageError for a device, format or layout of which nothing is known.
    """

    device: DeviceType = "cpu"
    dtype: Dtype = "fp32"
    layout: Layout = "nchw"
    threads: int = 1
    workspace: bool = True
    amp: Amp = ""
    reorders_weights: bool = False
    cublas_bytes: int = CUBLAS_BYTES
    isa: InstructionSet = USUAL_SET
    as_written: bool = False

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise UsageError(
                    f"nothing is known of memory with the {name} '{getattr(self, name)}'",
                    hint=f"one of {', '.join(choice or 'none' for choice in choices)}",
                )

    def format_under_autocast(self, rule: Autocast, given: Collection[Dtype]) -> Dtype:
        """The number format that a layer with such inputs computes in; `rule` is the class
        that autocast has for it (`Autocast`)."""
        if not self.amp:
            return self.dtype
        if rule == "half":
            return self.amp
        single = rule in ("single", f"single on {self.device}")
        return self.dtype if single or not given or self.dtype in given else self.amp

    @property
    def wide(self) -> bool:
        """Whether the processor's registers hold 64 bytes, as AVX-512's do."""
        return self.isa in ("avx512", "avx512_bf16", "amx")

    @property
    def element_bytes(self) -> int:
        """Bytes of one number."""
        return ELEMENT_BYTES[self.dtype]


USUAL = Execution()
"""The usual way to run: the processor, one thread, fp32, torch's own layout."""


def as_written(graph: Graph, run: Execution = USUAL) -> Execution:
    """That way to run, in the number formats that the network is written in."""
    return replace(run, dtype=cast("Dtype", graph.number_format), as_written=not graph.is_single)
