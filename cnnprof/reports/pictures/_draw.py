"""A report's chart as a picture, drawn by matplotlib."""

from __future__ import annotations

from io import BytesIO
from typing import Literal

from cnnprof.errors import UsageError
from cnnprof.report import Report

INCHES = (11, 5)
DOTS_PER_INCH = 150


def picture(report: Report, file_format: Literal["svg", "png", "pdf"]) -> bytes:
    """The chart of the report; the same bytes for the same chart. Raises UsageError for a report without one."""
    if report.chart is None:
        raise UsageError(f"'{report.command}' has nothing to draw", hint="cnnprof plot --help lists what has")
    import matplotlib
    from matplotlib.figure import Figure

    # Text stays text, and nothing in the file depends on chance.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "cnnprof", "font.size": 9}):
        figure = Figure(INCHES, DOTS_PER_INCH, layout="constrained")
        report.chart.draw(figure)
        file = BytesIO()
        dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
        figure.savefig(file, format=file_format, metadata=dated.get(file_format))
    return file.getvalue()
