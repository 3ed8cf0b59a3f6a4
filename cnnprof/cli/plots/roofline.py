"""`cnnprof plot roofline`."""

from __future__ import annotations

from dataclasses import replace

import typer

from cnnprof.cli.measured import Ceilings, RunOptions, measured
from cnnprof.cli.options import Name, NetworkOptions, drawn, of_network
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting
from cnnprof.errors import INTERRUPTED


@drawn()
@measured("device", "dtype", "layout", "threads", "quick")
@of_network()
def command(name: Name, calibration: Ceilings = None, *, run: RunOptions, network: NetworkOptions, out: Destination) -> None:
    """Every layer's achieved arithmetic over its intensity, under the ceilings of this machine (`cnnprof calibrate`).

    Examples:

      cnnprof calibrate; cnnprof plot roofline resnet18 -o roof.svg

      cnnprof plot roofline mobilenet_v2 --batch 8 --quick --format braille
    """
    from cnnprof.cli.measuring import Bar, usual_seconds
    from cnnprof.measure.calibration_files import recall
    from cnnprof.measure.layers import time_layers
    from cnnprof.measure.options import Job
    from cnnprof.network.analysis import analyze
    from cnnprof.views.layer_times import show_layers
    from cnnprof.views.reasons import look_into
    from cnnprof.views.roof import chart_roofline

    how = run.options()
    ceilings = recall(how, calibration)
    model = network.model(name)
    with waiting(f"reading {name}"):
        graph = model.graph(network.input_shape, network.batch)
    with Bar(usual_seconds(1, how)) as bar:
        (times,), complete = time_layers([Job(graph.name, graph, network.batch)], how, bar.update)
    analysis = analyze(graph)
    chart = chart_roofline(look_into(analysis, times, ceilings), ceilings)
    out.emit(replace(show_layers(analysis, times, "layer"), chart=chart))
    raise typer.Exit(0 if complete else INTERRUPTED)
