"""`cnnprof compare`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import typer

from cnnprof.cli.measured import AutocastDtype, RunOptions, measured
from cnnprof.cli.options import Fit, Names, NetworkOptions, of_network, reported
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting
from cnnprof.errors import UsageError
from cnnprof.reports import FORMATS, PICTURES

PANEL = "Comparisons"


@reported((*FORMATS, *PICTURES))
@measured("device", "dtype", "threads", "quick", dtype=AutocastDtype)
@of_network()
def command(
    names: Names,
    baseline: Annotated[
        str | None, typer.Option(help="The network that ratios are relative to.", show_default="the first")
    ] = None,
    sort: Annotated[
        Literal["params", "macs", "activations", "top1", "top5", "latency_ms", "throughput_img_s"] | None,
        typer.Option(help="Best first.", show_default="as given"),
    ] = None,
    fit: Fit = None,
    bench: Annotated[bool, typer.Option("--bench", help="Measure latency, throughput and peak memory as well.")] = False,
    *,
    run: RunOptions,
    network: NetworkOptions,
    out: Destination,
) -> None:
    """Several networks side by side: size, operations, memory, reported accuracy and, with --bench, measured latency.

    Examples:

      cnnprof compare resnet50 mobilenet_v2

      cnnprof compare 'resnet*' 'densenet*' --baseline resnet50 --sort macs

      cnnprof compare mobilenet_v1 mobilenet_v1@width=0.5 --bench --quick

      cnnprof compare 'resnet*' 'vgg*' -o front.svg
    """
    from cnnprof import api

    how = None
    if bench:
        how = run.options()
    else:
        run.refuse("--bench", "device", "dtype", "threads", "quick")
        if sort in ("latency_ms", "throughput_img_s"):
            raise UsageError(f"--sort {sort} orders by what is measured", hint="add --bench")
    with waiting("reading the networks") as say:
        models = network.models(names)
        comparison = api.compare(models, baseline, network.input_shape, network.batch, fit=fit, notify=say)
    code = 0
    if how:
        from cnnprof.cli.measuring import measure

        found = measure(comparison.jobs(network.batch), how)
        comparison, code = comparison.measured(found.measurements), found.exit_code
    report = comparison.report(sort)
    out.emit(replace(report, chart=comparison.chart()) if out.draws else report)
    raise typer.Exit(code)
