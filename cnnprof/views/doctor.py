"""`cnnprof doctor`: what is installed, what works, and what to do about the rest."""

from __future__ import annotations

from collections.abc import Sequence

from cnnprof.report import Column, Report, Table
from cnnprof.timing.measurements import Finding
from cnnprof.views import columns as col

ITEM = Column("item", "item", of=lambda finding: finding.what)
HINT = Column("hint", "what to do")


def show_findings(findings: Sequence[Finding]) -> Report:
    """One line a finding."""
    table = Table.of((ITEM, col.STATUS, col.DETAIL, HINT), findings)
    broken = [finding for finding in findings if finding.status == "broken"]
    title = f"{len(broken)} of {len(findings)} things are broken" if broken else "everything that is installed works"
    return Report("doctor", title, (table,), data={"findings": list(table.rows)})
