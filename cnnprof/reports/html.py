"""One HTML page that needs nothing else."""

from __future__ import annotations

from cnnprof.report import Report
from cnnprof.reports import Style
from cnnprof.reports._elements import escape, section_html

suffixes = (".html",)
binary = False

CSS = """
.cnnprof{font:14px/1.45 system-ui,sans-serif}
.cnnprof table{border-collapse:collapse;margin:.6em 0}
.cnnprof th,.cnnprof td{padding:.15em .7em;text-align:left;border-bottom:1px solid #8884}
.cnnprof .r{text-align:right;font-variant-numeric:tabular-nums}
.cnnprof tfoot td{font-weight:600;border-top:2px solid #8888}
.cnnprof .best{font-weight:600}
.cnnprof .faint{opacity:.6}
.cnnprof dl{display:grid;grid-template-columns:max-content auto;gap:.1em 1em}
.cnnprof dt{opacity:.7}
.cnnprof dd{margin:0}
"""


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - every format has this signature
    """The report as a page, with its charts where the packages that draw them are installed."""
    from cnnprof.reports._page import page

    return page(report)


def fragment(report: Report) -> str:
    """The report as one element, to stand in a page or a notebook."""
    body = _picture(report) + "".join(section_html(section) for section in report.sections)
    body += f"<pre>{escape(report.text)}</pre>\n" if report.text else ""
    notes = "".join(f"<p>{escape(note)}</p>\n" for note in report.notes)
    return f'<div class="cnnprof">\n<style>{CSS}</style>\n<h2>{escape(report.title)}</h2>\n{body}{notes}</div>\n'


def _picture(report: Report) -> str:
    """The report's chart as SVG; nothing where there is none, or matplotlib is missing."""
    from cnnprof.reports.pictures import draw_svg

    try:
        svg = draw_svg(report.chart) if report.chart is not None else ""
    except ModuleNotFoundError:
        return ""
    return svg[svg.index("<svg") :] if svg else ""
