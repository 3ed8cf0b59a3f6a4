"""`cnnprof schema`."""

from __future__ import annotations

from cnnprof.cli.options import Output
from cnnprof.cli.output import print_out, write_whole


def command(output: Output = None) -> None:
    """The JSON Schema of the spec language, for an editor's completion and checks.

    Name it in a spec's first line: `# yaml-language-server: $schema=cnnprof.schema.json`

    Examples:

      cnnprof schema -o cnnprof.schema.json
    """
    from cnnprof.sources.specs import read_schema

    text = read_schema()
    if output:
        write_whole(output, text)
    else:
        print_out(text)
