"""A report's chart as a picture, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from io import BytesIO
from operator import is_
from typing import TYPE_CHECKING, Any, Literal
from warnings import catch_warnings, simplefilter

from cnnprof.charts import Chart
from cnnprof.errors import UsageError
from cnnprof.report import Report
from cnnprof.reports import Style
from cnnprof.texts import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_PER_INCH = 150

COMMON: dict[str, Any] = {"svg.fonttype": "none", "svg.hashsalt": "cnnprof", "pdf.fonttype": 42, "text.parse_math": False}
"""Text stays text, dollar signs too, with its fonts in a PDF; and nothing depends on chance."""

THEMES: dict[str, dict[str, Any]] = {
    "paper": {"font.size": 9},
    "slides": {"font.size": 14, "lines.linewidth": 2.2, "axes.linewidth": 1.2},
}


def picture(report: Report, style: Style, file_format: Literal["svg", "png", "pdf"]) -> bytes:
    """The chart of the report; the same bytes for the same chart. Raises UsageError for a report without one."""
    if report.chart is None:
        raise UsageError(f"'{report.command}' has nothing to draw", hint="cnnprof plot --help lists what has")
    from matplotlib import rc_context

    settings: Any = COMMON | THEMES[style.theme]
    with rc_context(settings), catch_warnings(record=True) as told:
        simplefilter("always")
        file = BytesIO()
        dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
        draw_chart(report.chart, style).savefig(file, format=file_format, metadata=dated.get(file_format))
    if any("collapsed to zero" in str(warning.message) for warning in told):
        raise UsageError("the picture is too small for what it shows", hint="give it more room, such as --cm 17x11")
    # XML has no control characters, not even written as entities.
    return visible(file.getvalue().decode()).encode() if file_format == "svg" else file.getvalue()


def draw_chart(chart: Chart, style: Style = Style()) -> Figure:  # noqa: B008 - it is frozen
    """The chart as matplotlib's figure."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    settings: Any = COMMON | THEMES[style.theme]
    with rc_context(settings):
        figure = Figure(style.inches or chart.inches, DOTS_PER_INCH, layout="constrained")
        _legible(chart).draw(figure)
    return figure


def _legible(value: Any) -> Any:
    """The chart with all that is not printed written out: no font has a letter for half a character."""
    if isinstance(value, str):
        return visible(value)
    if type(value) in (tuple, list):
        parts = [_legible(item) for item in value]
        return value if all(map(is_, parts, value)) else type(value)(parts)
    if isinstance(value, Mapping):
        return {_legible(key): _legible(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        before = {field.name: getattr(value, field.name) for field in fields(value)}
        changed = {name: part for name, item in before.items() if (part := _legible(item)) is not item}
        return replace(value, **changed) if changed else value
    return value
