"""`cnnprof memory`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from cnnprof.cli.measured import MemoryDevice, RunOptions, measured, memory_kind
from cnnprof.cli.options import Fit, Name, NetworkOptions, of_network, reported
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting
from cnnprof.errors import MeasurementError, UsageError
from cnnprof.reports import FORMATS, PICTURES

PANEL = "Costs"

Optimizer = Annotated[str, typer.Option(help="sgd, momentum, adam, adamw or none.")]


@measured("device", "dtype", "layout", "threads", "isa", device=MemoryDevice)
@of_network()
def show_memory_of(
    name: Name,
    train: Annotated[bool, typer.Option("--train", help="Show a training step over time, not an inference.")] = False,
    optimizer: Optimizer = "sgd",
    fit: Fit = None,
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

      cnnprof memory resnet50 --train -o step.svg
    """
    from cnnprof.api.memory import memory

    kind = memory_kind(run.device)
    if amp and run.dtype != "fp32":
        raise UsageError(f"--amp does not go with --dtype {run.dtype}", hint="autocast keeps weights in fp32")
    usual = "bf16" if kind == "cpu" else "fp16"
    if measure and amp and amp != usual:
        raise UsageError(f"--measure does not go with --amp {amp} on {kind}", hint=f"torch's own format there is {usual}")
    if measure and not workspace:
        raise UsageError("--measure does not go with --no-workspace", hint="the allocator's record has the workspace in it")
    execution = run.execution(measure, workspace=workspace, amp=amp or "")
    how = run.options(optimizer=optimizer, dtype="amp" if amp else run.dtype) if measure else None
    with waiting(f"reading {name}") as say:
        found = memory(
            network.model(name),
            network.input_shape,
            network.batch,
            run=execution,
            optimizer=optimizer,
            fit=fit,
            checkpoint=bool(checkpoint),
            measured=how,
            notify=say,
        )
    out.emit(found.report("train" if train else "infer", top))
    if any(record.error for record in found.records):
        raise typer.Exit(MeasurementError.exit_code)


command = reported((*FORMATS, *PICTURES))(show_memory_of)
