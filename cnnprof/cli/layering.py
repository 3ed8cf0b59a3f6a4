"""`cnnprof bench --layers`: one network, layer by layer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnprof.cli.output import Destination, check_json_path, refuse_input, write_whole
from cnnprof.errors import UsageError
from cnnprof.network.results import RowsBy

if TYPE_CHECKING:
    from cnnprof.measure.options import Job, Options


@dataclass(frozen=True)
class Layering:
    """Whether layers are timed, and how their times are shown."""

    context: typer.Context
    layers: Annotated[bool, typer.Option("--layers", help="Time every layer of one network, in place.")] = False
    by: Annotated[RowsBy, typer.Option(help="With --layers: what a row is.")] = "layer"
    trace: Annotated[
        Path | None,
        typer.Option(help="With --layers: write a Chrome trace (ui.perfetto.dev shows it)."),
    ] = None

    @property
    def asked(self) -> bool:
        """Whether any of it is given."""
        return self.layers or self.trace is not None or self.by != "layer"

    def check(self, jobs: Sequence[Job], others: Mapping[str, Any]) -> None:
        """Raises UsageError for options that do not go together, several networks, or a trace that cannot be written."""
        if not self.layers:
            raise UsageError("--by and --trace go with --layers")
        for option, value in others.items():
            if value:
                raise UsageError(f"--layers does not go with {option}")
        if len(jobs) != 1:
            several = len({job.graph.name for job in jobs}) > 1
            raise UsageError(
                f"--layers takes one network, batch and input size, not {len(jobs)}",
                hint="cnnprof why A B looks into two at once" if several else "run it once for each",
            )
        if self.trace:
            check_json_path(self.trace)
            refuse_input(self.trace, self.context.params)

    def show_times(self, job: Job, options: Options, out: Destination) -> bool:
        """Time the layers of the network and show them; then the trace is written. False after Ctrl-C."""
        from cnnprof.cli.measuring import Bar, usual_seconds
        from cnnprof.measure.layers import time_layers
        from cnnprof.network.analysis import analyze
        from cnnprof.views.layer_times import show_layers, to_trace

        with Bar(usual_seconds(1, options)) as bar:
            (times,), complete = time_layers([job], options, bar.update)
        profile = analyze(job.graph)
        out.emit(show_layers(profile, times, self.by))
        if self.trace:
            write_whole(self.trace, json.dumps(to_trace(profile, times)) + "\n")
        return complete
