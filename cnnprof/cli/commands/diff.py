"""`cnnprof diff`."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Annotated, Literal

import typer

from cnnprof.cli.completion import complete_name
from cnnprof.cli.options import NAME_HELP, NetworkOptions, of_network, reported
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting
from cnnprof.cli.revisions import earlier_file
from cnnprof.errors import GATE_FAILED, UsageError
from cnnprof.reports import FORMATS, GATES

PANEL = "Comparisons"

_SECOND = "What it became: another network, another variant, or another revision of the file."


@reported((*FORMATS, *GATES))
@of_network()
def command(
    before: Annotated[str, typer.Argument(help=NAME_HELP, autocompletion=complete_name, show_default=False)],
    after: Annotated[
        str | None,
        typer.Argument(help=_SECOND, autocompletion=complete_name, show_default="none, with --against-rev"),
    ] = None,
    against_rev: Annotated[
        str | None,
        typer.Option(help="What the file was at this revision of its git repository.", metavar="main"),
    ] = None,
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

      cnnprof diff net.yaml --against-rev main --exit-code
    """
    from cnnprof import api

    if (after is None) == (against_rev is None):
        raise UsageError("give 'after' or --against-rev, not both", hint="cnnprof diff net.yaml --against-rev main")
    with waiting("reading the networks"), ExitStack() as stack:
        if against_rev is not None:
            now = network.model(before)
            earlier = network.model(stack.enter_context(earlier_file(before, against_rev)))
            models = replace(earlier, title=f"{now.called} at {against_rev}"), replace(now, title=now.called)
        else:
            assert after is not None
            models = network.model(before), network.model(after)
        difference = api.diff(*models, network.input_shape, network.batch)
    out.finish(difference.report(by))
    raise typer.Exit(GATE_FAILED if exit_code and difference.different else 0)
