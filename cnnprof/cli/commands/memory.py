"""`cnnprof memory`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import typer

from cnnprof.cli.measured import MemoryDevice, MemoryDtype, RunOptions, measured, memory_kind
from cnnprof.cli.options import Fits, Name, NetworkOptions, of_network, reported
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting
from cnnprof.errors import MeasurementError, UsageError
from cnnprof.reports import FORMATS, PICTURES

PANEL = "Costs"

Optimizer = Annotated[str, typer.Option(help="sgd, momentum, adam, adamw or none.")]


@measured("device", "dtype", "layout", "threads", "isa", device=MemoryDevice, dtype=MemoryDtype)
@of_network()
def show_memory_of(
    name: Name,
    train: Annotated[bool, typer.Option("--train", help="Show a training step over time, not an inference.")] = False,
    optimizer: Optimizer = "sgd",
    fit: Fits = None,
    checkpoint: Annotated[
        Literal["stage"] | None,
        typer.Option(help="Show what gradient checkpointing saves in training, and what it computes again."),
    ] = None,
    measure: Annotated[bool, typer.Option("--measure", help="Run it, and show the allocator's record beside.")] = False,
    amp: Annotated[
        Literal["bf16", "fp16"] | None, typer.Option(help="Under torch.autocast: weights in fp32, computed in this format.")
    ] = None,
    workspace: Annotated[bool, typer.Option(help="Count what kernels hold for themselves.")] = True,
    top: Annotated[int, typer.Option(help="Show this many of the largest tensors.", min=1)] = 10,
    *,
    run: RunOptions,
    network: NetworkOptions,
    out: Destination,
) -> None:
    """What a network holds in memory, layer by layer, in inference and in training, and the largest batch that fits.

    Examples:

      cnnprof memory resnet50 --batch 8

      cnnprof memory vgg16 --train --optimizer adam --batch 32 --fit 8GB

      cnnprof memory torchvision:mobilenet_v3_large --measure

      cnnprof memory mobilenet_v1@width=0.25 --dtype int8 --fit STM32H743

      cnnprof memory resnet50 --train -o step.svg
    """
    from cnnprof.api.memory import memory, read_optimizer

    chosen, int8 = read_optimizer(optimizer), run.dtype == "int8"
    if int8:
        run = _of_int8(run)
    _check(run, amp, measure, workspace)
    own = not (amp or int8 or run.given("dtype"))
    execution = replace(run.execution(measure, workspace=workspace, amp=amp or ""), as_written=own)
    how = run.options(optimizer=chosen, dtype="amp" if amp else run.dtype) if measure else None
    with waiting(f"reading {name}") as say:
        found = memory(
            network.model(name),
            network.input_shape,
            network.batch,
            run=execution,
            optimizer=chosen,
            fit=fit,
            checkpoint=bool(checkpoint),
            measured=how,
            notify=say,
            int8=int8,
        )
    out.emit(found.report("train" if train else "infer", top))
    if any(record.error for record in found.records):
        raise typer.Exit(MeasurementError.exit_code)


def _check(run: RunOptions, amp: str | None, measure: bool, workspace: bool) -> None:
    """Raises UsageError for options that do not go together, and for a device whose kernels' memory is not known."""
    kind = memory_kind(run.device)
    if amp and run.dtype != "fp32":
        raise UsageError(f"--amp does not go with --dtype {run.dtype}", hint="autocast keeps weights in fp32")
    usual = "bf16" if kind == "cpu" else "fp16"
    if measure and amp and amp != usual:
        raise UsageError(f"--measure does not go with --amp {amp} on {kind}", hint=f"torch's own format there is {usual}")
    if measure and not workspace:
        raise UsageError("--measure does not go with --no-workspace", hint="the allocator's record has the workspace in it")


def _of_int8(run: RunOptions) -> RunOptions:
    """The usual run, of whose format nothing is taken. Raises UsageError for what int8 depends on as little as it is known."""
    given = run.given("device", "layout", "threads", "isa", "train", "optimizer", "checkpoint", "measure", "amp", "workspace")
    if given:
        raise UsageError(
            f"--{given[0]} does not go with --dtype int8",
            hint="int8 is computed for an inference, without what kernels take: nothing is trained or measured",
        )
    return replace(run, dtype="fp32")


command = reported((*FORMATS, *PICTURES))(show_memory_of)
