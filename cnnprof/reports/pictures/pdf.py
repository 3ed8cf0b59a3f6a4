"""A report's chart as PDF."""

from __future__ import annotations

from cnnprof.report import Report
from cnnprof.reports import Style
from cnnprof.reports.pictures._draw import picture

suffixes = (".pdf",)
binary = True


def render(report: Report, style: Style) -> bytes:
    """The picture. Raises UsageError for a report without a chart."""
    return picture(report, style, "pdf")
