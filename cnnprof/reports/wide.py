"""The terminal table with every column, as wide as it needs."""

from __future__ import annotations

from cnnprof.report import Report
from cnnprof.reports import Style
from cnnprof.reports.table import lay_out

suffixes = (".txt",)
binary = False


def render(report: Report, style: Style) -> str:
    """Every column, nothing dropped or folded."""
    return lay_out(report, Style(None, style.color), wide=True)
