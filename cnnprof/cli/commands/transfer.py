"""`cnnprof transfer`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import typer

from cnnprof.cli.commands.memory import Optimizer
from cnnprof.cli.options import (
    Fit,
    Format,
    Input,
    Json,
    MemoryDevice,
    Name,
    Output,
    Quick,
    Set,
    Threads,
    memory_kind,
    only_measured,
    parse_input,
    parse_settings,
)
from cnnprof.cli.output import choose_format, emit
from cnnprof.cli.progress import waiting

PANEL = "Costs"


def command(
    context: typer.Context,
    name: Name,
    classes: Annotated[int, typer.Option(help="Outputs of the new classifier.", min=1)],
    batch: Annotated[int, typer.Option(help="Images in one step.", min=1)] = 32,
    optimizer: Optimizer = "sgd",
    freeze: Annotated[
        list[str] | None,
        typer.Option(help="Add a row that does not train these layers; may be given several times.", metavar="PATTERN"),
    ] = None,
    classifier: Annotated[
        str | None, typer.Option(help="The layer to replace.", show_default="the last one with weights")
    ] = None,
    fit: Fit = None,
    bench: Annotated[bool, typer.Option("--bench", help="Measure the time of a step.")] = False,
    quick: Quick = False,
    device: MemoryDevice = "cpu",
    dtype: Annotated[Literal["fp32", "fp16", "bf16"], typer.Option(help="Number format of weights and tensors.")] = "fp32",
    threads: Threads = 1,
    input: Input = None,  # noqa: A002 - the option's name
    set: Set = None,  # noqa: A002 - the option's name
    format: Format = None,  # noqa: A002 - the option's name
    json: Json = False,
    output: Output = None,
) -> None:
    """What it costs to train a network for other classes, by which of its layers are trained.

    Examples:

      cnnprof transfer resnet50 --classes 102 --fit 8GB

      cnnprof transfer vgg16 --classes 10 --optimizer adam --freeze 'stage[1-3]*'

      cnnprof transfer torchvision:mobilenet_v3_small --classes 5 --batch 8 --bench --quick
    """
    from cnnprof.footprint.execution import Execution
    from cnnprof.footprints import transfer

    chosen = choose_format(format, json, output)
    run, how = Execution(memory_kind(device), dtype, threads=threads), None
    if bench:
        from cnnprof.cli.measuring import options
        from cnnprof.measure.devices import cublas_bytes

        how = options(device=device, dtype=dtype, threads=threads, quick=quick, mode="train", optimizer=optimizer)
        run = replace(run, cublas_bytes=cublas_bytes(device))
    else:
        only_measured(context, "--bench", "quick")
    with waiting(f"reading {name}"):
        found = transfer(
            name, classes, parse_settings(set), parse_input(input), batch, run, optimizer, classifier, freeze or (), fit
        )
    code = 0
    if how:
        from cnnprof.cli.measuring import measure
        from cnnprof.measure.options import Job

        measured = measure([Job(row.strategy.name, row.profile.graph, batch) for row in found.rows], how)
        by_name = {measurement.model: measurement for measurement in measured.measurements}
        found = replace(found, rows=tuple(replace(row, measurement=by_name.get(row.strategy.name)) for row in found.rows))
        code = measured.exit_code
    emit(found.report(), chosen, output)
    raise typer.Exit(code)
