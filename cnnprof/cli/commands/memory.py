"""`cnnprof memory`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import typer

from cnnprof.cli.options import (
    Batch,
    Fit,
    Format,
    Input,
    Json,
    MemoryDevice,
    Name,
    Output,
    Set,
    Threads,
    memory_kind,
    parse_input,
    parse_settings,
)
from cnnprof.cli.output import choose_format, emit
from cnnprof.cli.progress import waiting
from cnnprof.errors import MeasurementError, UsageError
from cnnprof.reports import FORMATS, PICTURES

PANEL = "Costs"

Optimizer = Annotated[str, typer.Option(help="sgd, momentum, adam, adamw or none.")]


def command(
    context: typer.Context,
    name: Name,
    train: Annotated[bool, typer.Option("--train", help="Show a training step over time, not an inference.")] = False,
    optimizer: Optimizer = "sgd",
    fit: Fit = None,
    checkpoint: Annotated[
        Literal["stage"] | None,
        typer.Option(help="Show what gradient checkpointing saves in training, and what it computes again."),
    ] = None,
    measure: Annotated[bool, typer.Option("--measure", help="Run it, and show the allocator's record beside.")] = False,
    device: MemoryDevice = "cpu",
    dtype: Annotated[Literal["fp32", "fp16", "bf16"], typer.Option(help="Number format of weights and tensors.")] = "fp32",
    amp: Annotated[
        Literal["bf16", "fp16"] | None, typer.Option(help="Under torch.autocast: weights in fp32, computed in this format.")
    ] = None,
    layout: Annotated[Literal["nchw", "channels_last"], typer.Option(help="How tensors lie in memory.")] = "nchw",
    threads: Threads = 1,
    workspace: Annotated[bool, typer.Option(help="Count what kernels hold for themselves.")] = True,
    top: Annotated[int, typer.Option(help="Show this many of the largest tensors.", min=1)] = 10,
    input: Input = None,  # noqa: A002 - the option's name
    batch: Batch = 1,
    set: Set = None,  # noqa: A002 - the option's name
    format: Format = None,  # noqa: A002 - the option's name
    json: Json = False,
    output: Output = None,
) -> None:
    """What a network holds in memory, layer by layer, in inference and in training, and the largest batch that fits.

    Examples:

      cnnprof memory resnet50 --batch 8

      cnnprof memory vgg16 --train --optimizer adam --batch 32 --fit 8GB

      cnnprof memory torchvision:mobilenet_v3_large --measure

      cnnprof memory resnet50 --train -o step.svg
    """
    from cnnprof.footprint.execution import Execution
    from cnnprof.footprints import memory

    drawn = context.parent is not None and context.parent.info_name == "plot"
    chosen = choose_format(format, json, output, PICTURES if drawn else (*FORMATS, *PICTURES))
    kind = memory_kind(device)
    if amp and dtype != "fp32":
        raise UsageError(f"--amp does not go with --dtype {dtype}", hint="autocast keeps weights in fp32")
    usual = "bf16" if kind == "cpu" else "fp16"
    if measure and amp and amp != usual:
        raise UsageError(f"--measure does not go with --amp {amp} on {kind}", hint=f"torch's own format there is {usual}")
    if measure and not workspace:
        raise UsageError("--measure does not go with --no-workspace", hint="the allocator's record has the workspace in it")
    run = Execution(kind, dtype, layout, threads, workspace, amp or "")
    if measure:
        from cnnprof.measure.devices import check_device, cublas_bytes

        check_device(device)
        run = replace(run, cublas_bytes=cublas_bytes(device))
    with waiting(f"reading {name}") as say:
        found = memory(name, parse_settings(set), parse_input(input), batch, run, optimizer, fit, bool(checkpoint))
        if measure:
            from cnnprof.measure.memory import record_memory
            from cnnprof.measure.options import Options

            records = []
            for mode in ("infer", "train"):
                say(f"running {name}: {mode}")
                how = Options(device, "amp" if amp else dtype, threads, mode, layout, optimizer)
                records.append(record_memory(found.profile.graph, how))
            found = replace(found, records=tuple(records))
    emit(found.report("train" if train else "infer", top), chosen, output)
    if any(record.error for record in found.records):
        raise typer.Exit(MeasurementError.exit_code)
