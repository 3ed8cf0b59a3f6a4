"""A diagram as a Mermaid flowchart, which Markdown on code hosts shows as a picture."""

from __future__ import annotations

from cnnprof.charts.diagram import Diagram
from cnnprof.errors import UsageError
from cnnprof.report import Report
from cnnprof.reports import Style

suffixes = (".mmd",)
binary = False


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - every format has this signature
    """The flowchart. Raises UsageError for a chart of another kind."""
    if not isinstance(report.chart, Diagram):
        raise UsageError("Mermaid draws diagrams only", hint="cnnprof plot diagram NAME --format mermaid")
    return report.chart.mermaid()
