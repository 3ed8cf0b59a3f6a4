"""`cnnprof diff`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from cnnprof.cli.options import NAME_HELP, NetworkOptions, complete_name, of_network, reported
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting
from cnnprof.errors import GATE_FAILED

PANEL = "Comparisons"

_SECOND = "What it became: another network, another variant, or another revision of the file."


@reported()
@of_network()
def command(
    before: Annotated[str, typer.Argument(help=NAME_HELP, autocompletion=complete_name, show_default=False)],
    after: Annotated[str, typer.Argument(help=_SECOND, autocompletion=complete_name, show_default=False)],
    by: Annotated[
        Literal["layer", "stage", "type"] | None,
        typer.Option(help="One row a changed layer, a stage or a layer type.", show_default="layer; stage for many changes"),
    ] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Leave with 1 if the two are different.")] = False,
    *,
    network: NetworkOptions,
    out: Destination,
) -> None:
    """What changed from one network to another, layer by layer, and what that costs.

    Examples:

      cnnprof diff resnet50 resnet50_v1

      cnnprof diff vgg16 torchvision:vgg16 --exit-code

      cnnprof diff old/net.yaml net.yaml --by layer
    """
    from cnnprof import api

    with waiting("reading the networks"):
        difference = api.diff(network.model(before), network.model(after), network.input_shape, network.batch)
    out.emit(difference.report(by))
    raise typer.Exit(GATE_FAILED if exit_code and difference.different else 0)
