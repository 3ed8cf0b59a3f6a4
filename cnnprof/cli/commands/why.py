"""`cnnprof why`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cnnprof.cli.options import (
    NAME_HELP,
    Batch,
    Device,
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
from cnnprof.cli.quantities import parse_seconds
from cnnprof.errors import INTERRUPTED

PANEL = "Measurements"


def command(
    a: Annotated[str, typer.Argument(help=NAME_HELP, autocompletion=complete_name, show_default=False)],
    b: Annotated[str, typer.Argument(help="Another one, to measure it by.", autocompletion=complete_name, show_default=False)],
    device: Device = "cpu",
    dtype: Annotated[Literal["fp32", "fp16", "bf16"], typer.Option(help="Number format.")] = "fp32",
    threads: Threads = 1,
    layout: Annotated[Literal["nchw", "channels_last"], typer.Option(help="How tensors lie in memory.")] = "nchw",
    quick: Quick = False,
    budget: Annotated[str | None, typer.Option(help="Time for all of it.", metavar="60s", show_default="40s")] = None,
    top: Annotated[int, typer.Option(help="How many layers to show.", min=1)] = 10,
    calibration: Annotated[
        Path | None, typer.Option(help="What `calibrate --json -o` wrote.", show_default="the one kept for this machine")
    ] = None,
    input: Input = None,  # noqa: A002 - the option's name
    batch: Batch = 1,
    set: Set = None,  # noqa: A002 - the option's name
    format: Format = None,  # noqa: A002 - the option's name
    json: Json = False,
    output: Output = None,
) -> None:
    """Why one network is slower than another, although it may compute less: every layer's time beside the machine's limits.

    Layers are timed in place, both networks in turns. What a layer could not be faster than is its arithmetic, its bytes or the
    call itself, by the calibration of this machine (`cnnprof calibrate`).

    Examples:

      cnnprof calibrate; cnnprof why mobilenet_v2 resnet18

      cnnprof why densenet121 resnet50 --batch 8 --top 20
    """
    from cnnprof import api
    from cnnprof.cli.measuring import Bar, options
    from cnnprof.measure.calibration import recall
    from cnnprof.measure.layers import time_layers
    from cnnprof.measure.options import Job
    from cnnprof.views.reasons import look_into, show_reasons

    chosen = choose_format(format, json, output)
    how = options(quick, device=device, dtype=dtype, threads=threads, layout=layout, budget_seconds=parse_seconds(budget))
    ceilings = recall(how, calibration)
    with waiting("reading the networks") as say:
        profiles = api.pair(a, b, parse_settings(set), parse_input(input), batch, say)
    with Bar() as bar:
        timed, complete = time_layers([Job(each.graph.name, each.graph, batch) for each in profiles], how, bar.update)
    networks = [look_into(profile, times, ceilings) for profile, times in zip(profiles, timed, strict=True)]
    emit(show_reasons(networks[0], networks[1], top), chosen, output)
    raise typer.Exit(0 if complete else INTERRUPTED)
