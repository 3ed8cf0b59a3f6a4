"""`cnnprof compare`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from cnnprof.cli.choosing import ChoiceOptions, choosing
from cnnprof.cli.measured import AutocastDtype, RunOptions, measured
from cnnprof.cli.options import Fit, Names, NetworkOptions, of_network, reported
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting
from cnnprof.errors import CnnprofError, UsageError
from cnnprof.reports import FORMATS, PICTURES

PANEL = "Comparisons"

MEASURED = ("latency", "latency_ms", "throughput", "throughput_img_s")


@reported((*FORMATS, *PICTURES))
@measured("device", "dtype", "threads", "quick", dtype=AutocastDtype)
@of_network()
@choosing()
def command(
    names: Names,
    baseline: Annotated[
        str | None, typer.Option(help="The network that ratios are relative to.", show_default="the first")
    ] = None,
    fit: Fit = None,
    bench: Annotated[bool, typer.Option("--bench", help="Measure latency, throughput and peak memory as well.")] = False,
    *,
    run: RunOptions,
    network: NetworkOptions,
    choice: ChoiceOptions,
    out: Destination,
) -> None:
    """Several networks side by side: size, operations, memory, reported accuracy and, with --bench, measured latency.

    Examples:

      cnnprof compare resnet50 mobilenet_v2

      cnnprof compare 'resnet*' 'densenet*' --baseline resnet50 --sort macs

      cnnprof compare 'mobilenet*' 'efficientnet*' --where 'params < 6M and top1 > 70' --pareto-only

      cnnprof compare mobilenet_v1@width=0.25,0.5,1.0 resnet18@input=128:224:32 --bench --quick

      cnnprof compare 'resnet*' 'vgg*' -o front.svg
    """
    from cnnprof import api

    shown, how = choice.choice(), None
    if bench:
        how = run.options()
    else:
        run.refuse("--bench", "device", "dtype", "threads", "quick")
        if choice.sort in MEASURED:
            raise UsageError(f"--sort {choice.sort} orders by what is measured", hint="add --bench")
    with waiting("reading the networks") as say:
        comparison = api.compare(
            names,
            baseline,
            network.input_shape,
            network.batch,
            network.settings,
            fit,
            accuracy_from=choice.accuracy_from,
            accuracies=choice.accuracy,
            notify=say,
        )
    code = CnnprofError.exit_code if comparison.failed else 0
    if how:
        from cnnprof.cli.measuring import measure

        found = measure(comparison.jobs(network.batch), how)
        comparison, code = comparison.measured(found.measurements), found.exit_code or code
    report = comparison.report(choice.sort, shown)
    out.emit(replace(report, chart=comparison.chart()) if out.draws else report)
    raise typer.Exit(code)
