"""`cnnprof doctor`: what is installed, what works, and what to do about the rest."""

from __future__ import annotations

from collections.abc import Sequence

from cnnprof.report import Column, Report, Table
from cnnprof.timing.measurements import Finding
from cnnprof.views import columns as col

ITEM = Column("item", "item")
HINT = Column("hint", "what to do")


def show_findings(findings: Sequence[Finding]) -> Report:
    """One line a finding."""
    rows = tuple({"item": f.what, "status": f.status, "detail": f.detail, "hint": f.hint} for f in findings)
    broken = [finding for finding in findings if finding.status == "broken"]
    title = f"{len(broken)} of {len(findings)} things are broken" if broken else "everything that is installed works"
    return Report("doctor", title, (Table((ITEM, col.STATUS, col.DETAIL, HINT), rows),), data={"findings": list(rows)})
