"""Layers' parameters for Google's Model Explorer."""

from __future__ import annotations

from cnnprof.report import Report
from cnnprof.reports import Style
from cnnprof.reports.overlays import overlay

suffixes = ()
binary = False


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - every format has this signature
    """The figures as JSON. Raises UsageError for a report without layers."""
    return overlay(report, ("params",))
