"""`cnnprof plot diagram`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from cnnprof.cli.options import Name, NetworkOptions, drawn, of_network
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting


@drawn()
@of_network()
def command(
    name: Name,
    depth: Annotated[
        int | None, typer.Option(help="Show blocks down to this depth of their path.", min=1, show_default="stages")
    ] = None,
    *,
    network: NetworkOptions,
    out: Destination,
) -> None:
    """A network as blocks with shapes and costs; as Mermaid, too, for Markdown.

    Examples:

      cnnprof plot diagram resnet50 -o resnet50.svg

      cnnprof plot diagram googlenet --format mermaid
    """
    from cnnprof.api.profile import profile
    from cnnprof.views.diagram import chart_diagram

    model = network.model(name)
    with waiting(f"reading {name}"):
        found = profile(model, network.input_shape, network.batch)
    out.emit(replace(found.report(), chart=chart_diagram(found, depth)))
