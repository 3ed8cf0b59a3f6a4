"""A sweep as the command runs it: progress, files that grow, and what is said when it is stopped."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cnnprof.cli.groups import Command, takes
from cnnprof.cli.options import parse_names
from cnnprof.cli.output import Destination, check_writable, choose_format, results_while_read, say_doubts
from cnnprof.cli.progress import duration, waiting
from cnnprof.errors import INTERRUPTED, UsageError
from cnnprof.record import record
from cnnprof.reports import FORMATS, PICTURES

if TYPE_CHECKING:
    from cnnprof.api.sweep import Sweep
    from cnnprof.cli.forecast import Forecast
    from cnnprof.cli.measured import RunOptions
    from cnnprof.measure.options import Job, Options
    from cnnprof.views.sweep import Order

REPORTS = (*(name for name in FORMATS if name != "csv"), *(name for name in PICTURES if name != "mermaid"))
"""Formats of the whole report or its chart; the others are of points, and grow as they are worked out."""


ON_PAGE = 500
"""So many points a page shows, whose reader sorts and filters them."""


DRAWN = 5000
"""Of more points a page or a saved result has no picture; a file of its own may have more."""


def target_of(name: str | None, json: bool, output: Path | None) -> Destination:
    """Where the points go, and in which format. Raises UsageError as `choose_format` does."""
    from cnnprof.design_space.writers import STREAMS

    streams = tuple(dict.fromkeys(STREAMS.values()))
    chosen = STREAMS.get(output.suffix.lower()) if output and name is None and not json else name
    if chosen not in streams:
        return Destination(choose_format(chosen, json, output, (*REPORTS, *streams) if chosen else REPORTS), output)
    if json:
        raise UsageError(f"--json and --format {chosen} exclude each other")
    if output:
        check_writable(output)
    elif chosen == "parquet":
        raise UsageError("Parquet goes to a file", hint="say which, as in -o points.parquet")
    if chosen == "parquet":
        import pyarrow  # noqa: F401 - what lacks is to be said before the work
    return Destination(chosen, output)


LONG = 30.0
"""Seconds beyond which the slow way is said beforehand."""


@record
class Points:
    """Which points of a space are looked at, and which of them are shown."""

    together: tuple[tuple[str, ...], ...]
    sample: int | None
    seed: int
    where: str | None
    largest: str | None
    sort: str | None
    top: int | None
    pareto: tuple[str, ...]
    columns: tuple[str, ...]
    strict: bool
    jobs: int

    def order(self) -> Order:
        """As views take it. Raises UsageError for options that exclude each other."""
        from cnnprof.views.sweep import Order

        if self.largest and (self.sort or self.pareto):
            raise UsageError("--largest orders the points, and excludes --sort and --pareto")
        if self.largest:
            return Order(f"-{self.largest}", self.top or 1, (), self.columns)
        return Order(self.sort, self.top, self.pareto, self.columns)


Overrides = Annotated[list[str] | None, typer.Option("--set", help="Override a setting at every point.", metavar="NAME=VALUE")]


def points(
    zip: Annotated[  # noqa: A002 - the option's name
        list[str] | None, typer.Option(help="Axes that move together.", metavar="A,B")
    ] = None,
    sample: Annotated[int | None, typer.Option(help="Draw so many points at random.", min=1, show_default="all points")] = None,
    seed: Annotated[int, typer.Option(help="Of --sample.")] = 0,
    where: Annotated[
        str | None,
        typer.Option("--where", "--within", help="Only points that meet it.", metavar="'macs < 300M and peak < 8MB'"),
    ] = None,
    largest: Annotated[
        Literal["macs", "params", "activations"] | None,
        typer.Option(help="The one point, of those left, that has most of it."),
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
) -> Points:
    """The group behind `swept`."""
    groups = tuple(parse_names(text, "--zip") for text in zip or ())
    shown = parse_names(pareto, "--pareto"), parse_names(columns, "--columns")
    return Points(groups, sample, seed, where, largest, sort, top, *shown, strict, jobs)


def swept(command: Command) -> Command:
    """The command takes the options of which points there are, and gets `points`."""
    return takes(points)(command)


def make(
    name: str, axes: Sequence[str], settings: Mapping[str, str], asked: Points, forecast: Forecast, run: RunOptions
) -> Sweep:
    """The sweep of what the command line says. Raises UsageError for an axis that is none, or named twice."""
    from cnnprof import api
    from cnnprof.design_space.networks import parse_axis

    values: dict[str, list[str]] = {}
    for text in axes:
        axis, found = parse_axis(text)
        if axis in values:
            raise UsageError(f"the axis '{axis}' is named twice", hint="give all values at once, as in width=0.5,1.0")
        values[axis] = found
    more = (asked.together, asked.sample, asked.seed, asked.where, None, asked.strict, settings, asked.jobs)
    how = run.way() if forecast.predict else None
    return api.sweep(name, values, *more, predict=forecast.predict, options=how, calibration=forecast.machine)


def emit(sweep: Sweep, target: Destination, order: Order, bench: int | None = None, how: Options | None = None) -> None:
    """Work the points out and write them, and measure the first `bench` of them.

    Ctrl-C keeps what is written, and exits with 130.
    """
    from cnnprof.design_space.writers import STREAMS
    from cnnprof.views.sweep import failure_text, find_figure

    axes = sweep.space.axes
    shown = tuple(find_figure(name, axes, "--columns", sweep.figures) for name in order.columns) or (*axes, *sweep.figures)
    for option, names in (("--pareto", order.pareto), ("--sort", (order.sort,) if order.sort else ())):
        for name in names:
            find_figure(name.lstrip("+-"), axes, option, sweep.figures)
    if target.format not in STREAMS.values():
        blocks: list[Any] = []
        _run(sweep, blocks.append)
        known = replace(sweep, ready=blocks)
        report = known.report(replace(order, rows=ON_PAGE) if target.format == "html" else order)
        if target.format in PICTURES:
            report = replace(report, chart=known.chart())
        elif target.draws and sweep.space.size <= DRAWN:
            # A page is whole without a picture, too, which not every space has.
            with suppress(UsageError):
                report = replace(report, chart=known.chart())
        target.emit(report)
        if bench and how:
            _measure(known.bench_jobs(order, bench), how, target)
    else:
        say_doubts(sweep.doubts)
        if target.output:
            _write_file(sweep, target.output, target.format, shown, order)
        else:
            _write_out(sweep, target.format, shown, order)
    if sweep.failed["points"]:
        print(f"no network at {failure_text(sweep.failed)}", file=sys.stderr)


def _measure(jobs: Sequence[Job], how: Options, target: Destination) -> None:
    """Time the networks in turns, and write what that gives below the points; leaves with its exit code if it is not 0."""
    from cnnprof.api.bench import Benchmark
    from cnnprof.cli.measuring import measure
    from cnnprof.measure.options import add_twin

    if not jobs:
        raise UsageError("no point is left to be measured")
    found = measure(add_twin(jobs), how)
    replace(target, output=None).emit(Benchmark(found.measurements, found.interrupted).report(compared=len(jobs) > 1))
    if found.exit_code:
        sys.exit(found.exit_code)


def _write_file(sweep: Sweep, path: Path, form: str, shown: Sequence[str], order: Order) -> None:
    from cnnprof.design_space.writers import part_of, writing

    part = part_of(path)
    if part.exists():
        print(f"{part} of a run that was stopped is begun anew", file=sys.stderr)
    try:
        with writing(path, form, shown) as write:
            count = _write(sweep, write, order)
    except KeyboardInterrupt:
        print(f"stopped; the points until then are in {part}", file=sys.stderr)
        sys.exit(INTERRUPTED)
    print(f"wrote {path}: {count:,} points", file=sys.stderr)


def _write_out(sweep: Sweep, form: str, shown: Sequence[str], order: Order) -> None:
    from cnnprof.design_space.writers import stream

    with results_while_read() as out, stream(out, form, shown) as write:
        _write(sweep, write, order)


def _write(sweep: Sweep, write: Callable[[Mapping[str, Any]], None], order: Order) -> int:
    """Write all points that are asked for; how many there were."""
    from cnnprof.api.sweep import choose, merged

    count = 0
    kept: list[Any] = []

    def take(columns: Mapping[str, Any]) -> None:
        nonlocal count, kept
        if not order.needs_all:
            count += len(next(iter(columns.values())))
            write(columns)
            return
        # Of the points so far only those that can still be among the last are kept.
        together = merged([*kept, dict(columns)])
        chosen = choose(together, sweep.space.axes, order)[: order.top]
        kept = [{name: column[chosen] for name, column in together.items()}]

    _run(sweep, take)
    for columns in kept:
        count += len(next(iter(columns.values())))
        write(columns)
    return count


def _run(sweep: Sweep, take: Callable[[Any], object]) -> None:
    """Go through the blocks, with a sign of how far it is."""
    size, started = sweep.space.size, time.monotonic()
    slow = "" if sweep.swept.takes_arrays else ", one by one: it is no spec, which is the slow way"
    said = not slow
    with waiting(f"sweeping {size:,} points{slow}") as say:

        def notify(done: int) -> None:
            nonlocal said
            left = (time.monotonic() - started) / done * (size - done)
            say(f"{done:,} of {size:,} points{slow}", rest=left)
            if not said and left > LONG:
                how = f"about {duration(left)}; --jobs {os.cpu_count()} loads several at a time"
                print(f"{size:,} points{slow}: {how}", file=sys.stderr)
            said = True

        for columns in sweep.blocks(notify):
            take(columns)
