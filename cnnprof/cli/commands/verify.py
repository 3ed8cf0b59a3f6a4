"""`cnnprof verify`."""

from __future__ import annotations

from typing import Annotated

import typer

from cnnprof.cli.errors import say
from cnnprof.cli.options import NetworkOptions, names_argument, of_network, reported
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting
from cnnprof.errors import GATE_FAILED, INTERRUPTED, UsageError
from cnnprof.reports import FORMATS, GATES

PANEL = "Gates"


@reported((*FORMATS, *GATES))
@of_network("input")
def command(
    names: Annotated[list[str] | None, names_argument("every spec there is")] = None,
    quick: Annotated[
        bool, typer.Option("--no-torch", "--quick", help="Only what needs no torch: the published figures.")
    ] = False,
    *,
    network: NetworkOptions,
    out: Destination,
) -> None:
    """Whether networks are what others say they are: their papers, torchvision, and other counters.

    Published figures are compared with the computed ones, a network that torchvision has too with torchvision's, layer by
    layer, and the built module's parameters and operations with torch's own count and fvcore's. The exit code is 1 if a
    difference has no reason.

    Examples:

      cnnprof verify resnet50 'densenet*'

      cnnprof verify --no-torch

      cnnprof verify -o verified.html
    """
    from cnnprof import api

    if network.input_shape and not names:
        raise UsageError("--input is for networks that are named", hint="cnnprof verify resnet18 --input 3x160x160")
    with waiting("reading the networks") as tell:
        found = api.verify(names or None, network.input_shape, not quick, tell)
    for error in found.broken:
        say(error, annotates=not found.networks)
    if found.networks:
        out.finish(found.report())
    if not found.complete:
        raise typer.Exit(INTERRUPTED)
    if found.broken:
        raise typer.Exit(found.broken[0].exit_code)
    if not found.passed:
        raise typer.Exit(GATE_FAILED)
