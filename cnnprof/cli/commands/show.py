"""`cnnprof show`."""

from __future__ import annotations

from typing import Annotated

import typer

from cnnprof.cli.options import Format, Input, Json, Name, Output, parse_input
from cnnprof.cli.output import choose_format, emit
from cnnprof.cli.progress import waiting

PANEL = "Networks"


def command(
    name: Name,
    expanded: Annotated[
        bool, typer.Option("--expanded", help="The spec with blocks and loops written out: every layer is one step.")
    ] = False,
    input: Input = None,  # noqa: A002 - the option's name
    format: Format = None,  # noqa: A002 - the option's name
    json: Json = False,
    output: Output = None,
) -> None:
    """What is known of a network (paper, settings, published figures) and the spec that defines it.

    Examples:

      cnnprof show mobilenet_v2

      cnnprof show resnet18 --expanded

      cnnprof show torchvision:swin_t --json
    """
    from cnnprof import api, sources
    from cnnprof.views.catalogue import show_network

    chosen = choose_format(format, json, output)
    with waiting(f"reading {name}"):
        profile = api.profile(name, input_shape=parse_input(input))
        text = api.to_spec(profile.graph, compact=False) if expanded else sources.text_of(name)
        report = show_network(profile, text)
    emit(report, chosen, output)
