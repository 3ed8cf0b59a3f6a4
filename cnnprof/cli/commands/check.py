"""`cnnprof check`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnprof.cli.errors import say
from cnnprof.cli.forecast import Machine
from cnnprof.cli.groups import takes
from cnnprof.cli.limits import Limits
from cnnprof.cli.measured import AutocastDtype, RunOptions, measured
from cnnprof.cli.options import NetworkOptions, names_argument, of_network, reported
from cnnprof.cli.output import Destination
from cnnprof.errors import GATE_FAILED, INTERRUPTED, CnnprofError, MeasurementError
from cnnprof.reports import FORMATS, GATES
from cnnprof.timing.measurements import Measurement

if TYPE_CHECKING:
    from cnnprof.api.check import Audit

PANEL = "Gates"


@reported((*FORMATS, *GATES))
@measured("device", "dtype", "threads", dtype=AutocastDtype)
@takes(Limits)
@of_network()
def command(
    names: Annotated[list[str] | None, names_argument("the networks that pyproject.toml has budgets for")] = None,
    machine: Machine = None,
    run_code: Annotated[
        bool, typer.Option("--run-code", help="Run the Python code that pyproject.toml names as models.")
    ] = False,
    *,
    run: RunOptions,
    limits: Limits,
    network: NetworkOptions,
    out: Destination,
) -> None:
    """Hold networks to budgets, from options or from `[[tool.cnnprof.budget]]` in pyproject.toml; exit code 1 if one fails.

    Examples:

      cnnprof check mobilenet_v2 --max-params 5M --max-macs 600M

      cnnprof check net.yaml --max-peak 64MB --max-latency 8ms

      cnnprof check mobilenet_v2 --max-predicted-latency 20ms --machine edge.json

      cnnprof check --format github
    """
    from cnnprof import api

    interrupted = False

    def time(profiles: Sequence[api.Profile], way: Mapping[str, Any]) -> Sequence[Measurement]:
        from cnnprof.cli.measuring import measure
        from cnnprof.measure.options import Job

        nonlocal interrupted
        how = run.options(quick=True, **way)
        measured = measure([Job(each.graph.name, each.graph, each.graph.input_shape[0]) for each in profiles], how)
        interrupted = interrupted or measured.exit_code == INTERRUPTED
        return measured.measurements

    audit = api.check(
        names or None, limits.given(), network.input_shape, network.batch, network.settings, time, run_code, run.way(), machine
    )
    if not (audit.measurements or interrupted or audit.predicts):
        run.refuse("--max-latency", "device", "dtype", "threads")
    out.finish(audit.report())
    for error in audit.failures:
        say(error)
    raise typer.Exit(INTERRUPTED if interrupted else _exit_code(audit))


def _exit_code(audit: Audit) -> int:
    """1 if a budget is exceeded, 3 if a network could not be read, 5 if a figure is not known."""
    if not audit.passed:
        return GATE_FAILED
    unknown = any(verdict.status == "unknown" for verdict in audit.verdicts)
    return CnnprofError.exit_code if audit.failures else MeasurementError.exit_code if unknown else 0
