"""The cross-check of `cnnprof summary --check`: our figures beside other counters', gap by gap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnnprof.report import Column, Table
from cnnprof.views import columns as col

if TYPE_CHECKING:
    from cnnprof.timing.measurements import Check

TOOL = Column("tool", "counter")
DIFFERENCE = Column("difference", "difference", "count", 1)


def check_table(checks: Sequence[Check]) -> Table:
    """One row a counter, and one for each reason why it differs."""
    rows: list[dict[str, object]] = []
    for check in checks:
        difference = None if check.theirs is None else check.theirs - check.ours
        verdict = "not counted" if check.theirs is None else "equal" if difference == 0 else ""
        if not verdict:
            verdict = "explained below" if check.closed else f"{check.unexplained:,} unexplained"
        rows.append(
            {
                "what": f"{check.what} ({check.unit})" if check.unit else check.what,
                "tool": check.tool,
                "ours": check.ours,
                "theirs": check.theirs,
                "difference": difference,
                "reason": verdict,
            }
        )
        rows += [{"tool": check.tool, "difference": reason.amount, "reason": reason.text} for reason in check.reasons]
        rows += [{"tool": check.tool, "reason": note} for note in check.notes]
    return Table((col.WHAT, TOOL, col.OURS, col.THEIRS, DIFFERENCE, col.REASON), tuple(rows), "Cross-check")
