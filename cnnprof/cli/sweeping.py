"""A sweep as the command runs it: progress, files that grow, and what is said when it is stopped."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnprof.cli.output import Destination, check_writable, choose_format
from cnnprof.cli.progress import waiting
from cnnprof.errors import INTERRUPTED, UsageError
from cnnprof.record import record
from cnnprof.reports import FORMATS

if TYPE_CHECKING:
    from cnnprof.api.sweep import Sweep
    from cnnprof.views.sweep import Order

REPORTS = tuple(name for name in FORMATS if name != "csv")
"""Formats of the whole report; the others are of points, and grow as they are worked out."""


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


@record
class Swept:
    """A sweep that is to be shown."""

    sweep: Sweep

    @classmethod
    def of(
        cls,
        name: str,
        axes: Sequence[str],
        together: Sequence[str] | None,
        sample: int | None,
        seed: int,
        where: str | None,
        strict: bool,
        jobs: int,
        settings: Mapping[str, str],
    ) -> Swept:
        """The sweep of what the command line says. Raises UsageError for an axis that is none, or named twice."""
        from cnnprof import api
        from cnnprof.design_space.networks import parse_axis

        values: dict[str, list[str]] = {}
        for text in axes:
            axis, found = parse_axis(text)
            if axis in values:
                raise UsageError(f"the axis '{axis}' is named twice", hint="give all values at once, as in width=0.5,1.0")
            values[axis] = found
        groups = [[part.strip() for part in text.split(",")] for text in together or []]
        return cls(api.sweep(name, values, groups, sample, seed, where, None, strict, settings, jobs))

    def emit(self, target: Destination, sort: str | None, top: int | None, pareto: str | None, columns: str | None) -> None:
        """Work the points out and write them. Ctrl-C keeps what is written, and exits with 130."""
        from cnnprof.design_space.writers import STREAMS
        from cnnprof.views.sweep import Order, find_figure

        order = Order(sort, top, _names(pareto, "--pareto"), _names(columns, "--columns"))
        axes = self.sweep.space.axes
        shown = tuple(find_figure(name, axes, "--columns") for name in order.columns) or (*axes, *self.sweep.figures)
        for option, names in (("--pareto", order.pareto), ("--sort", (order.sort,) if order.sort else ())):
            for name in names:
                find_figure(name.lstrip("+-"), axes, option)
        if target.format not in STREAMS.values():
            self._report(target, order)
        elif target.output:
            self._write_file(target.output, target.format, shown, order)
        else:
            self._write_out(target.format, shown, order)
        if self.sweep.failed["points"]:
            from cnnprof.views.sweep import failure_text

            print(f"no network at {failure_text(self.sweep.failed)}", file=sys.stderr)

    def _report(self, target: Destination, order: Order) -> None:
        blocks: list[Any] = []
        self._run(blocks.append)
        target.emit(replace(self.sweep, ready=blocks).report(order))

    def _write_file(self, path: Path, form: str, shown: Sequence[str], order: Order) -> None:
        from cnnprof.design_space.writers import part_of, writing

        part = part_of(path)
        if part.exists():
            print(f"{part} of a run that was stopped is begun anew", file=sys.stderr)
        try:
            with writing(path, form, shown) as write:
                count = self._write(write, order)
        except KeyboardInterrupt:
            print(f"stopped; the points until then are in {part}", file=sys.stderr)
            sys.exit(INTERRUPTED)
        print(f"wrote {path}: {count:,} points", file=sys.stderr)

    def _write_out(self, form: str, shown: Sequence[str], order: Order) -> None:
        from cnnprof.design_space.writers import stream

        try:
            with stream(sys.stdout.buffer, form, shown) as write:
                self._write(write, order)
        except BrokenPipeError:
            # Python would complain once more when it closes stdout.
            import os

            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _write(self, write: Callable[[Mapping[str, Any]], None], order: Order) -> int:
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
            together = merged([*kept, columns])
            chosen = choose(together, self.sweep.space.axes, order)[: order.top]
            kept = [{name: column[chosen] for name, column in together.items()}]

        self._run(take)
        for columns in kept:
            count += len(next(iter(columns.values())))
            write(columns)
        return count

    def _run(self, take: Callable[[Any], object]) -> None:
        """Go through the blocks, with a sign of how far it is."""
        size, started = self.sweep.space.size, time.monotonic()
        slow = "" if self.sweep.swept.takes_arrays else ", one by one: it is no spec, which is the slow way"
        with waiting(f"sweeping {size:,} points{slow}") as say:

            def notify(done: int) -> None:
                left = (time.monotonic() - started) / done * (size - done)
                shown = f"{left / 60:.0f} minutes" if left > 90 else f"{left:.0f} s"
                say(f"{done:,} of {size:,} points, {shown} left{slow}")

            for columns in self.sweep.blocks(notify):
                take(columns)


def _names(text: str | None, option: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",")) if text is not None else ()
    if text is not None and not all(names):
        raise UsageError(f"{option} is a list of names", hint="as in params,macs")
    return names
