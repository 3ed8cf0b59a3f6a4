"""`cnnprof compare`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cnnprof.cli.choosing import ChoiceOptions, choosing
from cnnprof.cli.effort import Effort
from cnnprof.cli.errors import say
from cnnprof.cli.forecast import Forecast
from cnnprof.cli.groups import takes
from cnnprof.cli.measured import RunOptions, measured
from cnnprof.cli.options import Fits, Names, NetworkOptions, of_network, reported
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting
from cnnprof.errors import CnnprofError, UsageError
from cnnprof.reports import FORMATS, PICTURES

if TYPE_CHECKING:
    from cnnprof.api.compare import Comparison
    from cnnprof.footprint.formats import NumberFormat
    from cnnprof.measure.options import Options

PANEL = "Comparisons"

Baseline = Annotated[str | None, typer.Option(help="The network that ratios are relative to.", show_default="the first")]
Formats = Annotated[bool, typer.Option("--formats", help="Every network in each number format: fp32, fp16, bf16 and int8.")]
Dtype = Annotated[
    Literal["fp32", "fp16", "bf16", "amp", "int8"],
    typer.Option(help="Number format of weights and activations; with --bench also amp, torch.autocast, and not int8."),
]
Prune = Annotated[
    list[float] | None,
    typer.Option(help="Also without this share of every inner width; may be repeated.", metavar="0.5"),
]

MEASURED = ("latency", "latency_ms", "throughput", "throughput_img_s")


@reported((*FORMATS, *PICTURES))
@measured("device", "dtype", "threads", "quick", dtype=Dtype)
@takes(Effort, "processes", "precision", "budget")
@takes(Forecast)
@of_network()
@choosing()
def command(
    names: Names,
    baseline: Baseline = None,
    formats: Formats = False,
    prune: Prune = None,
    fit: Fits = None,
    bench: Annotated[bool, typer.Option("--bench", help="Measure latency, throughput and peak memory as well.")] = False,
    *,
    run: RunOptions,
    effort: Effort,
    forecast: Forecast,
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

      cnnprof compare 'resnet*' 'mobilenet*' --predict --where 'predicted < 20ms' --pareto top1,predicted --pareto-only

      cnnprof compare 'resnet*' 'vgg*' -o front.svg
    """
    from cnnprof import api

    shown, dtype = choice.choice(), _number_format(run.dtype, bench or forecast.predict)
    how = _measuring(bench, run, effort, choice.sort, forecast, formats)
    with waiting("reading the networks") as tell:
        comparison = api.compare(
            names,
            baseline,
            network.input_shape,
            network.batch,
            network.settings,
            fit,
            accuracy_from=choice.accuracy_from,
            accuracies=choice.accuracy,
            dtype=dtype,
            formats=formats,
            prune=prune or (),
            notify=tell,
        )
    failed = report_failures(comparison)
    comparison, code = forecast.complete(comparison, run, how, network.batch)
    report = comparison.report(choice.sort, shown)
    out.emit(replace(report, chart=comparison.explorer()) if out.draws else report)
    raise typer.Exit(code or failed)


def _measuring(
    bench: bool, run: RunOptions, effort: Effort, sort: str | None, forecast: Forecast, formats: bool
) -> Options | None:
    """How to measure, if that is asked; else raises UsageError for what only a measurement heeds."""
    forecast.check(sort, formats)
    if bench:
        return run.options(**effort.options())
    shared = () if forecast.predict else ("device", "threads")
    run.refuse("--bench", *shared, "quick", "processes", "precision", "budget")
    if sort in MEASURED:
        raise UsageError(f"--sort {sort} orders by what is measured", hint="add --bench")
    return None


def report_failures(comparison: Comparison) -> int:
    """Say on stderr what could not be read, each with its place and hint; the exit code that stands for it."""
    for error in comparison.failures:
        say(error)
    return CnnprofError.exit_code if comparison.failures else 0


def _number_format(dtype: str, runs: bool) -> NumberFormat:
    """The format that bytes are of. Raises UsageError for one that only a measurement has, or that none has."""
    if runs and dtype == "int8":
        raise UsageError("int8 is computed and not measured", hint="leave --bench and --predict out")
    if not runs and dtype == "amp":
        raise UsageError("--dtype amp says how to measure, and nothing is measured without --bench", hint="add --bench")
    found: NumberFormat = "fp32" if dtype == "amp" else dtype  # type: ignore[assignment]
    return found
