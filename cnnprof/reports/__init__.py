"""Output formats: one module each, whose name is the value of `--format` and which has `render(report, style) -> str`.

A report with a chart can be drawn, too: `draw` gives the bytes of a picture.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from cnnprof.errors import UsageError, did_you_mean
from cnnprof.record import record
from cnnprof.report import Report

FORMATS = tuple(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))
PICTURES = ("svg", "png", "pdf")
"""Formats of pictures."""
SUFFIXES = {".json": "json", ".csv": "csv", ".md": "markdown", ".markdown": "markdown", ".html": "html", ".txt": "wide"}
SUFFIXES |= {f".{picture}": picture for picture in PICTURES}


@record
class Style:
    """How a text is to be laid out: the columns there are (None: as many as it needs), and whether colours may be used."""

    width: int | None = None
    color: bool = False


def render(report: Report, format_name: str, style: Style) -> str:
    """The report in that format. Raises UsageError for a format that there is not."""
    if format_name not in FORMATS:
        raise UsageError(
            f"there is no format '{format_name}'", hint=did_you_mean(format_name, FORMATS) or f"one of {', '.join(FORMATS)}"
        )
    text: str = import_module(f"{__name__}.{format_name}").render(report, style)
    return text


def draw(report: Report, format_name: str) -> bytes:
    """The report's chart as a picture. Raises UsageError for a report without one."""
    if report.chart is None:
        raise UsageError(f"'{report.command}' has nothing to draw", hint="cnnprof plot --help lists what has")
    from cnnprof.reports._picture import picture

    return picture(report.chart, format_name)
