"""`cnnprof sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cnnprof.cli.options import Name, parse_settings
from cnnprof.cli.sweeping import Swept, target_of
from cnnprof.errors import UsageError

PANEL = "Comparisons"


def command(
    name: Name,
    axes: Annotated[
        list[str],
        typer.Argument(
            metavar="AXIS=VALUES...", help="What varies: width=0.25:1.5:0.25, input=96:288:32, depth=1,2,3, batch=, dtype=."
        ),
    ],
    zip: Annotated[  # noqa: A002 - the option's name
        list[str] | None, typer.Option(help="Axes that move together.", metavar="A,B", show_default=False)
    ] = None,
    sample: Annotated[int | None, typer.Option(help="Draw so many points at random.", min=1, show_default="all points")] = None,
    seed: Annotated[int, typer.Option(help="Of --sample.")] = 0,
    where: Annotated[
        str | None,
        typer.Option("--where", "--within", help="Only points that meet it.", metavar="'macs < 300M and peak < 8MB'"),
    ] = None,
    largest: Annotated[
        Literal["macs", "params", "activations"] | None,
        typer.Option(help="The one point, of those left, that has most of it.", show_default=False),
    ] = None,
    sort: Annotated[
        str | None, typer.Option(help="Smallest first, or with - the largest.", metavar="FIGURE", show_default="as swept")
    ] = None,
    top: Annotated[int | None, typer.Option(help="Only so many of them.", min=1, show_default="all")] = None,
    pareto: Annotated[
        str | None,
        typer.Option(help="Only points that none beats: less is better, or more with +.", metavar="peak,+macs"),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(help="These columns, in this order.", metavar="width,params,macs", show_default="all")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at a point at which there is no network.")] = False,
    jobs: Annotated[int, typer.Option(help="Processes for networks that are no specs.", min=1)] = 1,
    set: Annotated[  # noqa: A002 - the option's name
        list[str] | None, typer.Option(help="Override a setting at every point.", metavar="NAME=VALUE")
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        str | None,
        typer.Option(help="csv, jsonl, parquet, or a report: table, json, markdown, html.", show_default="table"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Write to this file; its suffix picks the format.", show_default=False),
    ] = None,
) -> None:
    """A whole design space: the figures of a network for every combination of settings, inputs, batches and formats.

    Examples:

      cnnprof sweep mobilenet_v2 width=0.25:1.5:0.25 input=96:224:32

      cnnprof sweep mobilenet_v1 width=0.25:1:0.05 res=96:224:8 --within 'macs < 150M and peak < 8MB' --largest macs

      cnnprof sweep efficientnet_b0 width=1:2:0.1 depth=1:3.1:0.1 input=224:600:8 --sample 10000 -o points.csv

      cnnprof sweep mobilenet_v2 width=0.25:1.5:0.05 input=96:288:32 --pareto peak,+macs
    """
    if largest and (sort or pareto):
        raise UsageError("--largest orders the points, and excludes --sort and --pareto")
    target = target_of(format, json, output)
    swept = Swept.of(name, axes, zip, sample, seed, where, strict, jobs, parse_settings(set))
    swept.emit(target, f"-{largest}" if largest else sort, 1 if largest else top, pareto, columns)
