"""`cnnprof why`."""

from __future__ import annotations

from typing import Annotated

import typer

from cnnprof.cli.completion import complete_name
from cnnprof.cli.measured import Ceilings, RunOptions, measured
from cnnprof.cli.options import NAME_HELP, NetworkOptions, of_network, reported
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting
from cnnprof.cli.quantities import parse_seconds
from cnnprof.errors import INTERRUPTED

PANEL = "Measurements"


@reported()
@measured("device", "dtype", "threads", "layout", "quick")
@of_network()
def command(
    a: Annotated[str, typer.Argument(help=NAME_HELP, autocompletion=complete_name, show_default=False)],
    b: Annotated[str, typer.Argument(help="Another one, to measure it by.", autocompletion=complete_name, show_default=False)],
    budget: Annotated[str | None, typer.Option(help="Time for all of it.", metavar="60s", show_default="40s")] = None,
    top: Annotated[int, typer.Option(help="How many layers to show.", min=1)] = 10,
    calibration: Ceilings = None,
    *,
    run: RunOptions,
    network: NetworkOptions,
    out: Destination,
) -> None:
    """Why one network is slower than another, although it may compute less: every layer's time beside the machine's limits.

    Layers are timed in place, both networks in turns. What a layer could not be faster than is its arithmetic, its bytes or the
    call itself, by the calibration of this machine (`cnnprof calibrate`).

    Examples:

      cnnprof calibrate; cnnprof why mobilenet_v2 resnet18

      cnnprof why densenet121 resnet50 --batch 8 --top 20
    """
    from cnnprof import api
    from cnnprof.cli.measuring import Bar, usual_seconds
    from cnnprof.measure.calibration_files import recall

    how = run.options(budget_seconds=parse_seconds(budget))
    ceilings = recall(how, calibration)
    models = (network.model(a), network.model(b))
    with waiting("reading the networks") as say:
        network.read(models, say)
    with Bar(usual_seconds(2, how)) as bar:
        found = api.why(*models, network.input_shape, network.batch, options=how, ceilings=ceilings, on_progress=bar.update)
    out.emit(found.report(top))
    raise typer.Exit(0 if found.complete else INTERRUPTED)
