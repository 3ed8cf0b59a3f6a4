"""`cnnprof doctor`."""

from __future__ import annotations

import typer

from cnnprof.cli.options import Format, Json, Output
from cnnprof.cli.output import choose_format, emit
from cnnprof.cli.progress import waiting
from cnnprof.environment import __version__, environment
from cnnprof.errors import UnavailableError
from cnnprof.timing.measurements import Finding

PANEL = "Installation"


def command(
    format: Format = None,  # noqa: A002 - the option's name
    json: Json = False,
    output: Output = None,
) -> None:
    """What is installed, what works together, which devices there are, and where specs and cached models lie.

    The exit code is 4 if something is broken; what is only absent is none of its business.

    Examples:

      cnnprof doctor
    """
    from cnnprof import sources
    from cnnprof.measure.installation import examine
    from cnnprof.views.doctor import show_findings

    chosen = choose_format(format, json, output)
    with waiting("importing torch"):
        findings = [Finding("cnnprof", "ok", f"{__version__}, Python {environment()['python']}"), *examine()]
        findings += sources.places()
    emit(show_findings(findings), chosen, output)
    if any(finding.status == "broken" for finding in findings):
        raise typer.Exit(UnavailableError.exit_code)
