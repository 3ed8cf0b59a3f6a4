"""`cnnprof check`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from cnnprof.cli.options import (
    NAMES_HELP,
    Batch,
    Device,
    Dtype,
    Format,
    Input,
    Json,
    Output,
    Set,
    Threads,
    complete_name,
    only_measured,
    parse_input,
    parse_settings,
)
from cnnprof.cli.output import choose_format, emit
from cnnprof.errors import GATE_FAILED, INTERRUPTED, MeasurementError
from cnnprof.timing.measurements import Measurement

PANEL = "Gates"


def command(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help=NAMES_HELP, autocompletion=complete_name, show_default="the networks that pyproject.toml has budgets for"
        ),
    ] = None,
    max_params: Annotated[str | None, typer.Option(help="Parameters, at most.", metavar="5M")] = None,
    max_macs: Annotated[str | None, typer.Option(help="Multiply-accumulates, at most.", metavar="600M")] = None,
    max_activations: Annotated[str | None, typer.Option(help="Elements written, at most.", metavar="10M")] = None,
    max_peak: Annotated[str | None, typer.Option(help="Peak memory of inference, at most.", metavar="64MB")] = None,
    max_latency: Annotated[str | None, typer.Option(help="Median latency, at most; measures it.", metavar="8ms")] = None,
    device: Device = "cpu",
    dtype: Dtype = "fp32",
    threads: Threads = 1,
    input: Input = None,  # noqa: A002 - the option's name
    batch: Batch = 1,
    set: Set = None,  # noqa: A002 - the option's name
    format: Format = None,  # noqa: A002 - the option's name
    json: Json = False,
    output: Output = None,
) -> None:
    """Hold networks to budgets, from options or from `[[tool.cnnprof.budget]]` in pyproject.toml; exit code 1 if one fails.

    Examples:

      cnnprof check mobilenet_v2 --max-params 5M --max-macs 600M

      cnnprof check net.yaml --max-peak 64MB --max-latency 8ms

      cnnprof check --format github
    """
    from cnnprof import api

    chosen = choose_format(format, json, output)
    limits = {
        "max-params": max_params,
        "max-macs": max_macs,
        "max-activations": max_activations,
        "max-peak": max_peak,
        "max-latency": max_latency,
    }
    interrupted = False

    def time(profiles: Sequence[api.Profile]) -> Sequence[Measurement]:
        from cnnprof.cli.measuring import measure, options
        from cnnprof.measure.options import Job

        nonlocal interrupted
        how = options(quick=True, device=device, dtype=dtype, threads=threads)
        measured = measure([Job(profile.graph.name, profile.graph, batch) for profile in profiles], how)
        interrupted = measured.exit_code == INTERRUPTED
        return measured.measurements

    given = {key: text for key, text in limits.items() if text is not None}
    audit = api.check(names or None, given, parse_settings(set), parse_input(input), batch, time)
    if not (audit.measurements or interrupted):
        only_measured(context, "--max-latency", "device", "dtype", "threads")
    emit(audit.report(), chosen, output)
    unknown = any(verdict.status == "unknown" for verdict in audit.verdicts)
    raise typer.Exit(
        INTERRUPTED if interrupted else GATE_FAILED if not audit.passed else MeasurementError.exit_code if unknown else 0
    )
