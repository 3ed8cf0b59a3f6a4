"""`cnnprof init`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cnnprof.cli.options import Force
from cnnprof.cli.output import check_spec_path, write_whole
from cnnprof.cli.progress import waiting
from cnnprof.errors import UsageError

PANEL = "Networks"


def command(
    file: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("net.yaml"),
    source: Annotated[str | None, typer.Option("--from", help="Begin with the spec of this network.", metavar="NAME")] = None,
    force: Force = False,
) -> None:
    """Write a commented starter spec, to be changed into a network of your own, or the spec of a network that there is.

    Examples:

      cnnprof init

      cnnprof init networks/tiny.yaml

      cnnprof init mine.yaml --from mobilenet_v2

      cnnprof init mine.yaml --from timm:ghostnetv2_100
    """
    from cnnprof import sources
    from cnnprof.sources._writing import own_spec
    from cnnprof.sources.specs import starter_text

    check_spec_path(file, force)
    if source is None:
        text = starter_text(file)
    else:
        model = sources.resolve(source)
        if model.source == "inline":
            raise UsageError(f"{source} is not written as a spec", hint=f"cnnprof import {source} -o {file} writes one")
        with waiting(f"reading {source}"):
            text = own_spec(model)
    write_whole(file, text)
    print(f"wrote {file}; see what it costs: cnnprof summary {file}", file=sys.stderr)
