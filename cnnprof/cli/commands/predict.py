"""`cnnprof predict`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from cnnprof.cli.forecast import Machine
from cnnprof.cli.measured import AutocastDtype, RunOptions, measured
from cnnprof.cli.options import Names, NetworkOptions, of_network, reported
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting
from cnnprof.cli.quantities import parse_rate
from cnnprof.errors import UsageError

if TYPE_CHECKING:
    from cnnprof.timing.calibrations import Calibration

PANEL = "Measurements"


@reported()
@measured("device", "dtype", "threads", "layout", dtype=AutocastDtype)
@of_network()
def command(
    names: Names,
    measure: Annotated[bool, typer.Option("--measure", help="Also run the networks, and show the error.")] = False,
    measure_missing: Annotated[
        bool, typer.Option("--measure-missing", help="Time the layers that the calibration lacks, and keep them.")
    ] = False,
    machine: Machine = None,
    peak: Annotated[str | None, typer.Option(help="A machine by its data sheet: arithmetic.", metavar="472GFLOPS")] = None,
    bandwidth: Annotated[str | None, typer.Option(help="With --peak: bytes a second.", metavar="25.6GB/s")] = None,
    top: Annotated[int, typer.Option(help="How many of the dearest layers to show.", min=0)] = 10,
    *,
    run: RunOptions,
    network: NetworkOptions,
    out: Destination,
) -> None:
    """Predict latency without running the network, from operations that were timed on the machine.

    `cnnprof calibrate --grid` times them, once a machine. A layer whose very configuration was timed takes that time; any other
    one what those of its kind around it say. The interval says what 90% of networks keep to.

    Examples:

      cnnprof calibrate --grid; cnnprof predict resnet50 mobilenet_v2 efficientnet_b0

      cnnprof predict 'mobilenet_v3*' --measure-missing --measure

      cnnprof predict mobilenet_v2 --machine edge.json

      cnnprof predict mobilenet_v2 --peak 472GFLOPS --bandwidth 25.6GB/s
    """
    from cnnprof import api

    measures = measure or measure_missing
    known = _data_sheet(peak, bandwidth, [machine, measure, measure_missing]) or machine
    how = run.options() if measures else run.way()
    with waiting("reading the networks") as say:
        models = network.models(names)
        network.read(models, say)
    found = partial(api.predict, models, network.input_shape, network.batch, options=how, calibration=known)
    if not measures:
        out.emit(found().report(top))
        return
    from cnnprof.cli.measuring import Bar

    with Bar() as bar:
        measured_too = found(measure_missing=measure_missing, measure=measure, on_progress=bar.update)
    out.emit(measured_too.report(top))


def _data_sheet(peak: str | None, bandwidth: str | None, others: list[object]) -> Calibration | None:
    """The machine of a data sheet. Raises UsageError for half of one, or one beside what asks for a machine that is there."""
    from cnnprof.api.predict import by_data_sheet

    if peak is None and bandwidth is None:
        return None
    if peak is None or bandwidth is None:
        raise UsageError("--peak and --bandwidth go together: a layer is held by the one or by the other")
    if any(others):
        raise UsageError("--peak is for a machine that is not here, by its data sheet alone", hint="leave the other option out")
    return by_data_sheet(parse_rate(peak, "arithmetic"), parse_rate(bandwidth, "bandwidth"))
