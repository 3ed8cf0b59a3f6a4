"""`cnnprof explain`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from cnnprof.cli.completion import complete_layer, complete_way
from cnnprof.cli.options import NetworkOptions, of_network, reported
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting
from cnnprof.counting.activations import ACTIVATION_CONVENTIONS
from cnnprof.counting.conventions import CONVENTIONS
from cnnprof.counting.gaps import NAMES
from cnnprof.errors import UsageError

PANEL = "Costs"

NAME_HELP = "A network, or one of its layers or blocks: vgg16, resnet50:stage3.bottleneck2, resnet50:stage3.bottleneck2.conv1."


@reported()
@of_network()
def command(
    name: Annotated[
        str, typer.Argument(help=NAME_HELP, autocompletion=complete_layer, show_default=False, metavar="NAME[:LAYER]")
    ],
    what: Annotated[
        Literal["shape", "params", "macs", "memory", "receptive-field"] | None,
        typer.Option(help="Work out this figure only.", show_default="all for a layer; shape, params and MACs for a network"),
    ] = None,
    quiz: Annotated[
        bool, typer.Option("--quiz", help="The worksheet with shapes, parameters and operations left out.")
    ] = False,
    answers: Annotated[bool, typer.Option("--answers", help="The same worksheet, filled in.")] = False,
    vs: Annotated[
        str | None,
        typer.Option(
            help="Explain, by layer type, what another way of counting gives: of operations "
            f"{', '.join([*CONVENTIONS, *NAMES])}; "
            f"of activations {', '.join(ACTIVATION_CONVENTIONS)}.",
            metavar="CONVENTION",
            autocompletion=complete_way,
        ),
    ] = None,
    *,
    network: NetworkOptions,
    out: Destination,
) -> None:
    """The calculations behind a layer's figures, written out: formula, numbers, result.

    The formulas are the rules that cnnprof computes with, evaluated on letters.

    Examples:

      cnnprof explain alexnet_one_tower:conv1

      cnnprof explain lenet5

      cnnprof explain vgg16 --what receptive-field

      cnnprof explain lenet5 --quiz -o worksheet.html

      cnnprof explain resnet50 --vs fvcore
    """
    from cnnprof.api.explain import explain, explain_gap

    if vs and (what or quiz or answers):
        raise UsageError("--vs does not go with --what, --quiz or --answers")
    if what and (quiz or answers):
        raise UsageError(
            "--what does not go with --quiz or --answers", hint="a quiz asks for shapes, parameters and operations"
        )
    with waiting(f"reading {name}"):
        if vs:
            report = explain_gap(name, vs, network.input_shape, network.batch, network.settings)
        else:
            worksheet = explain(name, what, network.input_shape, network.batch, network.settings)
            report = worksheet.quiz(answers) if quiz or answers else worksheet.report()
    out.emit(report)
