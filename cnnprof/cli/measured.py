"""Options of how a network is run, on what device and with what numbers, and their group: `@measured`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from cnnprof.cli.groups import Command, takes
from cnnprof.errors import UsageError, read_word
from cnnprof.footprint.execution import DTYPES, RUN_DTYPES, ImageLayout, RunDtype
from cnnprof.footprint.instruction_set import InstructionSet

if TYPE_CHECKING:
    from cnnprof.footprint.execution import Amp, DeviceType, Execution
    from cnnprof.measure.options import Options

T = TypeVar("T", bound=str)

Dtype = Literal["fp32", "fp16", "bf16"]
Ceilings = Annotated[
    Path | None,
    typer.Option("--calibration", help="Ceilings in a file that calibrate -o wrote.", show_default="those of this machine"),
]


@dataclass(frozen=True)
class RunOptions:
    """On what and how a network is run."""

    context: typer.Context
    device: str = "cpu"
    dtype: RunDtype | Literal["int8"] = "fp32"
    threads: int = 1
    layout: ImageLayout = "nchw"
    quick: bool = False
    isa: InstructionSet | None = None

    def options(self, **more: Any) -> Options:
        """As options of a measurement, with those that are given and not None; raises UnavailableError without the device."""
        from cnnprof.cli.measuring import options

        asked = {name: getattr(self, name) for name in ("device", "dtype", "threads", "layout", "quick")}
        return options(**{**asked, **more})

    def way(self) -> Options:
        """As options that something is predicted for: the device need not be there."""
        from cnnprof.measure.options import Options

        return Options(device=self.device, dtype=self._read(RUN_DTYPES), threads=self.threads, layout=self.layout)

    def execution(self, measure: bool, workspace: bool = True, amp: Amp = "") -> Execution:
        """The way of running that memory depends on; to be measured, with what cuBLAS takes on the device, which must be there.

        Raises UsageError for a device whose kernels' memory is not known, and where an instruction set is to be measured that
        is not the one that kernels have here.
        """
        from cnnprof.footprint import instruction_set
        from cnnprof.footprint.execution import Execution

        kind, isa = memory_kind(self.device), self.isa or instruction_set.of_this_machine()
        found = Execution(kind, self._read(DTYPES), self.layout, self.threads, workspace, amp, isa=isa)
        if not measure:
            return found
        from cnnprof.measure.devices import check_device, cublas_bytes, processor_set

        check_device(self.device)
        here = processor_set()
        if kind == "cpu" and self.isa not in (None, here):
            raise UsageError(
                f"what is measured here has kernels of {here}, not of {self.isa}",
                hint="ONEDNN_MAX_CPU_ISA=AVX2 (or SSE41) in the environment takes those of a lower instruction set",
            )
        found = replace(found, isa=self.isa or here)
        return replace(found, cublas_bytes=cublas_bytes(self.device))

    def _read(self, formats: Sequence[T]) -> T:
        """The number format, one of these; raises UsageError for another."""
        return read_word(self.dtype, formats, f"no network is run in {self.dtype} here")

    def refuse(self, by: str, *names: str) -> None:
        """Raises UsageError if one of these options was given: each says how to measure, and nothing is without `by`."""
        if given := self.given(*names):
            raise UsageError(f"--{given[0]} says how to measure, and nothing is measured without {by}", hint=f"add {by}")

    def given(self, *names: str) -> list[str]:
        """Those of these options that stand in the command line."""
        found = [(name, self.context.get_parameter_source(name)) for name in names]
        return [name for name, source in found if source and source.name == "COMMANDLINE"]


def run(
    context: typer.Context,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps.")] = "cpu",
    dtype: Annotated[Dtype, typer.Option(help="Number format of weights and tensors.")] = "fp32",
    threads: Annotated[int, typer.Option(help="Processor threads an operation may use.", min=1)] = 1,
    layout: Annotated[ImageLayout, typer.Option(help="How tensors lie in memory.")] = "nchw",
    quick: Annotated[
        bool, typer.Option("--quick", help="Three short worker processes instead of five: wider intervals.")
    ] = False,
    isa: Annotated[
        InstructionSet | None,
        typer.Option(help="The processor's instruction set: its kernels' memory depends on it.", show_default="this machine's"),
    ] = None,
) -> RunOptions:
    """The group behind `measured`."""
    return RunOptions(context, device, dtype, threads, layout, quick, isa)


AutocastDtype = Annotated[Literal["fp32", "fp16", "bf16", "amp"], typer.Option(help="Number format; amp is torch.autocast.")]
MemoryDtype = Annotated[
    Literal["fp32", "fp16", "bf16", "int8"],
    typer.Option(help="Number format of weights and tensors; int8 of an inference, without what kernels take."),
]
MemoryDevice = Annotated[str, typer.Option(help="cpu, cuda, cuda:1.")]


def measured(*only: str, **kinds: Any) -> Callable[[Command], Command]:
    """The command takes these options of how a network is run, with annotations in place of the usual ones, and gets `run`."""
    return takes(run, "context", *only, **kinds)


def memory_kind(device: str) -> DeviceType:
    """`cuda` of `cuda:1`. Raises UsageError for a device whose kernels' memory is not known."""
    from cnnprof.footprint.execution import device_kind

    kind = device_kind(device)
    if kind is None:
        raise UsageError(f"nothing is known of memory on '{device}'", hint="devices are cpu, cuda and cuda:1, ...")
    return kind
