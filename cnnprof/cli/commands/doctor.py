"""`cnnprof doctor`."""

from __future__ import annotations

import typer

from cnnprof.cli.options import reported
from cnnprof.cli.output import Destination
from cnnprof.cli.progress import waiting
from cnnprof.environment import __version__, environment
from cnnprof.errors import UnavailableError
from cnnprof.timing.measurements import Finding

PANEL = "Installation"


@reported()
def command(
    *,
    out: Destination,
) -> None:
    """What is installed, what works together, which devices there are, and where specs and cached models lie.

    The exit code is 4 if something is broken; what is only absent is none of its business.

    Examples:

      cnnprof doctor
    """
    from cnnprof.measure.installation import examine
    from cnnprof.sources._folders import check_folders
    from cnnprof.views.doctor import show_findings

    with waiting("importing torch"):
        findings = [Finding("cnnprof", "ok", f"{__version__}, Python {environment()['python']}"), *examine()]
        findings += check_folders()
    out.emit(show_findings(findings))
    if any(finding.status == "broken" for finding in findings):
        raise typer.Exit(UnavailableError.exit_code)
