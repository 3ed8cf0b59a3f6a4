"""`cnnprof show`."""

from __future__ import annotations

from typing import Annotated

import typer

from cnnprof.cli.options import Force, Name, NetworkOptions, of_network, reported
from cnnprof.cli.output import Destination, check_unwritten
from cnnprof.cli.progress import waiting
from cnnprof.reports import FORMATS, SPECS

PANEL = "Networks"


@reported((*FORMATS, *SPECS))
@of_network("input")
def command(
    name: Name,
    expanded: Annotated[
        bool, typer.Option("--expanded", help="The spec with blocks and loops written out: every layer is one step.")
    ] = False,
    force: Force = False,
    *,
    network: NetworkOptions,
    out: Destination,
) -> None:
    """What is known of a network (paper, settings, published figures) and the spec that defines it.

    A file whose suffix is .yaml gets the spec alone, with this network as its default.

    Examples:

      cnnprof show mobilenet_v2

      cnnprof show resnet18 --expanded

      cnnprof show torchvision:swin_t --json

      cnnprof show efficientnet_b2 -o mine.yaml
    """
    from cnnprof import api, sources
    from cnnprof.sources._writing import own_spec
    from cnnprof.views.catalogue import show_network

    for place in out.each():
        if place.format in SPECS and place.output:
            check_unwritten(place.output, force)
    with waiting(f"reading {name}"):
        model = sources.resolve(name)
        profile = api.profile(model, network.input_shape)
        written = api.to_spec(model, compact=False, input_shape=network.input_shape) if expanded else None
        texts = [written or (own_spec(model) if place.format in SPECS else model.spec_text()) for place in out.each()]
    for place, text in zip(out.each(), texts, strict=True):
        place.emit(show_network(profile, text))
