"""`cnnprof schema`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cnnprof.cli.output import check_json_path, print_out, write_whole

PANEL = "Installation"


def command(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write to this file.")] = None,
) -> None:
    """The JSON Schema of the spec language, for an editor's completion and checks.

    Name it in a spec's first line: `# yaml-language-server: $schema=cnnprof.schema.json`

    Examples:

      cnnprof schema -o cnnprof.schema.json
    """
    from cnnprof.sources.specs import read_schema

    text = read_schema()
    if output:
        check_json_path(output)
        write_whole(output, text)
        print(f"wrote {output}", file=sys.stderr)
    else:
        print_out(text)
