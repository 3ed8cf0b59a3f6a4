"""`cnnprof verify`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cnnprof.cli.options import NAMES_HELP, Format, Input, Json, Output, complete_name, parse_input
from cnnprof.cli.output import choose_format, emit
from cnnprof.cli.progress import waiting
from cnnprof.errors import GATE_FAILED, INTERRUPTED, UsageError
from cnnprof.judging.verification import FAILED

PANEL = "Gates"


def command(
    names: Annotated[
        list[str] | None,
        typer.Argument(help=NAMES_HELP, autocompletion=complete_name, show_default="every spec there is"),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--no-torch", "--quick", help="Only what needs no torch: the published figures.")
    ] = False,
    input: Input = None,  # noqa: A002 - the option's name
    format: Format = None,  # noqa: A002 - the option's name
    json: Json = False,
    output: Output = None,
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
    from cnnprof.cli.verifying import read, verify
    from cnnprof.views.verification import show_verification

    chosen = choose_format(format, json, output)
    if input and not names:
        raise UsageError("--input is for networks that are named", hint="cnnprof verify resnet18 --input 3x160x160")
    with waiting("reading the networks") as say:
        profiles, broken = read(names, parse_input(input), say)
        networks, complete = verify(profiles, not quick, say)
    for error in broken:
        print(f"error: {error}", file=sys.stderr)
    if networks:
        emit(show_verification(networks), chosen, output)
    if not complete:
        raise typer.Exit(INTERRUPTED)
    if broken:
        raise typer.Exit(broken[0].exit_code)
    if any(each.status() == FAILED for each in networks):
        raise typer.Exit(GATE_FAILED)
