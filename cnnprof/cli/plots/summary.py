"""`cnnprof plot summary`."""

from __future__ import annotations

from dataclasses import replace

import typer

from cnnprof.cli.commands.summary import By, Depth
from cnnprof.cli.options import Name, NetworkOptions, drawn, of_network
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting


@drawn()
@of_network()
def command(name: Name, by: By = None, depth: Depth = None, *, network: NetworkOptions, out: Destination) -> None:
    """Parameters, operations and activations over a network's depth, or by the type of layers.

    Examples:

      cnnprof plot summary vgg16 -o vgg16.svg

      cnnprof plot summary resnet50 --depth 2 -o blocks.png

      cnnprof plot summary mobilenet_v2 --by kind --format braille
    """
    from cnnprof.api.profile import profile

    if depth is not None and by in ("layer", "type", "kind"):
        raise typer.BadParameter(f"--depth shows stages and does not go with --by {by}")
    model = network.model(name)
    with waiting(f"reading {name}"):
        found = profile(model, network.input_shape, network.batch)
    out.emit(replace(found.report(by, depth), chart=found.chart(by, depth)))
