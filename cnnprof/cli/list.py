"""`cnnprof list`."""

from __future__ import annotations

from typing import Annotated

import typer

from cnnprof.cli.options import Format, Json, Output, complete_name
from cnnprof.cli.output import choose_format, emit
from cnnprof.cli.progress import waiting
from cnnprof.core.errors import CnnprofError


def command(
    pattern: Annotated[
        str | None,
        typer.Argument(
            help="Show only the names that match, such as 'resnet*' or 'torchvision:*'.", autocompletion=complete_name
        ),
    ] = None,
    format: Format = None,  # noqa: A002 - the option's name
    json: Json = False,
    output: Output = None,
) -> None:
    """The networks there are: the project's own specs, the bundled ones, and torchvision's models.

    Examples:

      cnnprof list

      cnnprof list 'mobilenet*'

      cnnprof list 'torchvision:*' --json
    """
    from cnnprof import api, sources
    from cnnprof.views.catalogue import show_names

    chosen = choose_format(format, json, output)
    with waiting("reading the specs") as say:
        names = sources.expand([pattern]) if pattern else sources.every_name()
        specs = set(sources.spec_names())
        profiles: dict[str, api.Profile | CnnprofError] = {}
        for name in filter(specs.__contains__, names):
            say(f"reading {name}")
            try:
                profiles[name] = api.profile(name)
            except CnnprofError as error:
                profiles[name] = error
        report = show_names(profiles, [name for name in names if name not in specs])
    emit(report, chosen, output)
