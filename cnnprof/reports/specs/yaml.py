"""A network's spec alone, as `show` has it."""

from __future__ import annotations

from cnnprof.errors import UsageError
from cnnprof.report import Report
from cnnprof.reports import Style

suffixes: tuple[str, ...] = (".yaml", ".yml")
binary = False


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - every format is called the same way
    """The spec's text. Raises UsageError for a report without one."""
    if not report.text:
        raise UsageError(f"'{report.command}' has no spec here")
    return report.text
