"""Formats of pictures: they show a report's chart, and a report without one cannot have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnprof.charts import Chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(chart: Chart) -> Figure:
    """The chart as a figure, for a notebook."""
    from cnnprof.reports.pictures._draw import draw_chart

    return draw_chart(chart)


def draw_svg(chart: Chart) -> str:
    """The chart as SVG, for a page."""
    from cnnprof.report import Report
    from cnnprof.reports import Style
    from cnnprof.reports.pictures._draw import picture

    return picture(Report("", "", chart=chart), Style(), "svg").decode()
