"""The cross-check of `cnnprof summary --check`: our figures beside other counters', gap by gap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from cnnprof.record import record
from cnnprof.report import Column, Table
from cnnprof.views import columns as col

if TYPE_CHECKING:
    from cnnprof.timing.measurements import Check


@record
class CheckLine:
    """A counter's figure, or one reason why it differs: `check` is None then."""

    tool: str
    reason: str
    difference: int | Literal[""] | None = ""
    check: Check | None = None


def _of_check(take: Callable[[Check], Any]) -> Callable[[CheckLine], Any]:
    return lambda line: take(line.check) if line.check else ""


COLUMNS = (
    replace(col.WHAT, of=_of_check(lambda check: f"{check.what} ({check.unit})" if check.unit else check.what)),
    Column("tool", "counter"),
    replace(col.OURS, of=_of_check(lambda check: check.ours)),
    replace(col.THEIRS, of=_of_check(lambda check: check.theirs)),
    Column("difference", "difference", "count", 1),
    col.REASON,
)


def check_table(checks: Sequence[Check]) -> Table:
    """One row a counter, and one for each reason why it differs."""
    lines: list[CheckLine] = []
    for check in checks:
        difference = None if check.theirs is None else check.theirs - check.ours
        verdict = "not counted" if check.theirs is None else "equal" if difference == 0 else ""
        if not verdict:
            verdict = "explained below" if check.closed else f"{check.unexplained:,} unexplained"
        lines.append(CheckLine(check.tool, verdict, difference, check))
        lines += [CheckLine(check.tool, reason.text, reason.amount) for reason in check.reasons]
        lines += [CheckLine(check.tool, note) for note in check.notes]
    return Table.of(COLUMNS, lines, "Cross-check")
