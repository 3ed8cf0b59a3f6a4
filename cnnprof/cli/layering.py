"""`cnnprof bench --layers`: one network, layer by layer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cnnprof.cli.measuring import Bar
from cnnprof.cli.output import check_writable, write_whole
from cnnprof.errors import UsageError
from cnnprof.measure.layers import time_layers
from cnnprof.measure.options import Job, Options
from cnnprof.network.analysis import analyze
from cnnprof.report import Report
from cnnprof.views.layer_times import show_layers, to_trace


def check_layers(asked: bool, jobs: Sequence[Job], others: Mapping[str, Any], trace: Path | None) -> None:
    """Raises UsageError for options that do not go together, several networks, or a trace that cannot be written."""
    if not asked:
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
    if trace:
        check_writable(trace)


def show_layer_times(job: Job, options: Options, by: str, trace: Path | None, show: Callable[[Report], None]) -> bool:
    """Time the layers of the network and show them; then the trace is written, if one is asked for. False after Ctrl-C."""
    with Bar() as bar:
        (times,), complete = time_layers([job], options, bar.update)
    profile = analyze(job.graph)
    show(show_layers(profile, times, by))
    if trace:
        write_whole(trace, json.dumps(to_trace(profile, times)) + "\n")
    return complete
