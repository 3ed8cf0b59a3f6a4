"""`cnnprof show`."""

from __future__ import annotations

from typing import Annotated

import typer

from cnnprof.cli.options import Name, NetworkOptions, of_network, reported
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting

PANEL = "Networks"


@reported()
@of_network("input")
def command(
    name: Name,
    expanded: Annotated[
        bool, typer.Option("--expanded", help="The spec with blocks and loops written out: every layer is one step.")
    ] = False,
    *,
    network: NetworkOptions,
    out: Destination,
) -> None:
    """What is known of a network (paper, settings, published figures) and the spec that defines it.

    Examples:

      cnnprof show mobilenet_v2

      cnnprof show resnet18 --expanded

      cnnprof show torchvision:swin_t --json
    """
    from cnnprof import api, sources
    from cnnprof.views.catalogue import show_network

    with waiting(f"reading {name}"):
        model = sources.resolve(name)
        profile = api.profile(model, network.input_shape)
        text = api.to_spec(profile.graph, compact=False) if expanded else model.spec_text()
        report = show_network(profile, text)
    out.emit(report)
