"""`cnnprof bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cnnprof.cli.options import (
    NAMES_HELP,
    Device,
    Dtype,
    Format,
    Input,
    Json,
    Output,
    Quick,
    Set,
    Threads,
    complete_name,
    parse_input,
    parse_settings,
)
from cnnprof.cli.output import choose_format, emit
from cnnprof.cli.progress import waiting
from cnnprof.core.errors import UsageError

SUITE = (
    "lenet5",
    "alexnet",
    "vgg11",
    "googlenet",
    "resnet18",
    "resnet50",
    "densenet121",
    "squeezenet1_1",
    "mobilenet_v1",
    "mobilenet_v2",
)
"""What is timed without a name: the lectures' networks from 1998 to 2018."""


def command(
    names: Annotated[
        list[str] | None,
        typer.Argument(help=NAMES_HELP, autocompletion=complete_name, show_default="a suite from LeNet-5 to MobileNet v2"),
    ] = None,
    device: Device = "cpu",
    batch: Annotated[str, typer.Option(help="Batch sizes, with commas between them.", metavar="1,8,32")] = "1",
    dtype: Dtype = "fp32",
    mode: Annotated[
        Literal["infer", "train"], typer.Option(help="A forward pass, or a training step (forward, backward, SGD).")
    ] = "infer",
    threads: Threads = 1,
    layout: Annotated[Literal["nchw", "channels_last"], typer.Option(help="How tensors lie in memory.")] = "nchw",
    quick: Quick = False,
    processes: Annotated[
        int | None,
        typer.Option(help="Fresh worker processes; intervals are across them.", min=1, show_default="5, quick: 3"),
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(help="Runs of every network in each process, at least.", min=1, show_default="20, quick: 5")
    ] = None,
    budget: Annotated[float | None, typer.Option(help="Seconds for all of it.", min=1, show_default="20 a network")] = None,
    mallopt: Annotated[bool, typer.Option(help="Let glibc keep freed memory between runs, which is steadier.")] = True,
    journal: Annotated[
        Path | None, typer.Option(help="Append each result to this file (JSON lines) as it comes.", show_default=False)
    ] = None,
    input: Input = None,  # noqa: A002 - the option's name
    set: Set = None,  # noqa: A002 - the option's name
    format: Format = None,  # noqa: A002 - the option's name
    json: Json = False,
    output: Output = None,
) -> None:
    """Time networks on this machine, with random weights: median, spread, 95% interval, throughput and peak memory.

    Several fresh processes time all networks in turns, so that what disturbs one disturbs all, and intervals are across
    processes. Ctrl-C ends it and shows what was measured.

    Examples:

      cnnprof bench --quick

      cnnprof bench resnet18 mobilenet_v2 torchvision:resnet18 --batch 1,8

      cnnprof bench resnet50 --device cuda --dtype amp --batch 32 --mode train
    """
    from cnnprof import api
    from cnnprof.cli.measuring import measure, options
    from cnnprof.views.benchmark import show_measurements

    chosen = choose_format(format, json, output)
    how = options(
        quick,
        device=device,
        dtype=dtype,
        mode=mode,
        threads=threads,
        layout=layout,
        processes=processes,
        rounds=rounds,
        budget_seconds=budget,
        mallopt=mallopt,
    )
    batches = parse_batches(batch)
    with waiting("reading the networks") as say:
        settings, input_shape = parse_settings(set), parse_input(input)
        profiles = [(size, api.profile_each(names or SUITE, settings, input_shape, size, say)) for size in batches]
    measured = measure([(each.graph.name, each.graph, size) for size, some in profiles for each in some], how, journal)
    emit(show_measurements(measured.measurements), chosen, output)
    raise typer.Exit(measured.exit_code)


def parse_batches(text: str) -> list[int]:
    """`1,8,32` as numbers. Raises UsageError for anything else."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        raise UsageError(f"'{text}' is not a list of batch sizes", hint="whole numbers above 0, such as --batch 1,8,32")
    return list(dict.fromkeys(int(part) for part in parts))
