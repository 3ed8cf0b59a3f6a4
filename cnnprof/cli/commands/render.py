"""`cnnprof render`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnnprof.cli.options import reported
from cnnprof.cli.output import Destination
from cnnprof.errors import UsageError

PANEL = "Comparisons"

MAX_BYTES = 200 * 10**6
"""Of the file."""


@reported()
def command(
    file: Annotated[Path, typer.Argument(help="A result that was saved as JSON; - reads it from a pipe.", show_default=False)],
    *,
    out: Destination,
) -> None:
    """Show a saved result again, in any format, without reading a network or measuring anything.

    Examples:

      cnnprof compare 'resnet*' --bench -o saved.json

      cnnprof render saved.json --format markdown

      cnnprof render saved.json -o page.html
    """
    from cnnprof.files import parse_json, read_within
    from cnnprof.reports._saved import from_saved

    try:
        data = typer.get_binary_stream("stdin").read() if str(file) == "-" else read_within(file, MAX_BYTES)
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror or error}") from None
    try:
        saved = parse_json(data)
    except ValueError:
        raise UsageError(f"{file} is no JSON", hint="save a result with -o saved.json") from None
    try:
        report = from_saved(saved)
    except UsageError as error:
        raise UsageError(f"{file}: {error.message}", hint=error.hint) from None
    try:
        out.emit(report)
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError):
        # A cell that is not what its column says: the file was changed by hand.
        raise UsageError(f"{file}: a value does not fit its column") from None
