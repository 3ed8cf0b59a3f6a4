"""A page: one file that works offline, can be read with scripts off, and runs its charts where scripts are on."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from gzip import compress
from hashlib import sha256
from pathlib import Path
from typing import Any

from cnnprof.charts import Chart
from cnnprof.errors import UsageError
from cnnprof.report import Report, Table, holds_of, names_of
from cnnprof.reports._elements import escape, section_html
from cnnprof.texts import visible

FOLDER = Path(__file__).parent
LIMIT = 20_000_000
"""Bytes that a browser still opens at once."""


def page(report: Report) -> str:
    """The report with its chapters. Raises UsageError for one that is too large to be opened."""
    body = Body()
    main = "".join(body.write(report, "h1"))
    chapters = "".join(body.chapter(chapter, f"part-{number}") for number, chapter in enumerate(report.chapters))
    links = "".join(
        f'<li><a href="#part-{number}">{escape(chapter.title)}</a></li>' for number, chapter in enumerate(report.chapters)
    )
    nav = f'<nav aria-label="networks"><ul>{links}</ul></nav>\n' if links else ""
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    vega = bundle() if body.charts else ""
    # In a sixth of its size, which the script unpacks; it is held to the hash of what was packed.
    packed = b64encode(compress(vega.encode(), mtime=0)).decode()
    stored = f'<script type="text/plain" id="vega">{packed}</script>\n' if vega else ""
    data = {
        "tables": body.tables,
        "names": body.names,
        "charts": body.charts,
        "report": {"command": report.command, **report.data},
    }
    stored += "".join(
        f'<script type="application/json" id="{name}">{as_json(value)}</script>\n' for name, value in data.items()
    )
    text = (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{escape(report.title)}</title>\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy([script, *([vega] if vega else [])])}">\n'
        f"<style>\n{(FOLDER / 'page.css').read_text(encoding='utf-8')}</style>\n"
        f'<body class="cnnprof"><main>\n{main}{nav}{chapters}</main>\n{stored}<script>{script}</script>\n</body>\n</html>\n'
    )
    if len(text) > LIMIT:
        raise UsageError(
            f"the page would have {len(text) / 1e6:,.0f} MB, and a browser opens {LIMIT / 1e6:.0f}",
            hint="name fewer networks, or leave their chapters out: --no-chapters",
        )
    return text


class Body:
    """Writes parts of a page, and keeps what its script needs: the raw values of tables, and charts as specifications."""

    def __init__(self) -> None:
        self.tables: list[dict[str, Any]] = []
        self.names: list[dict[str, list[str]]] = []
        self.charts: list[dict[str, Any]] = []

    def write(self, report: Report, heading: str) -> Iterator[str]:
        """The report below its title, where it gets one as a heading."""
        if heading:
            yield f"<{heading}>{escape(report.title)}</{heading}>\n"
        if report.chart is not None:
            yield self.figure(report.chart)
        for section in report.sections:
            if isinstance(section, Table):
                self.tables.append(self.values_of(section))
                yield section_html(section, len(self.tables) - 1)
            else:
                yield section_html(section)
        if report.text:
            yield f"<pre>{escape(report.text)}</pre>\n"
        yield from (f"<p>{escape(note)}</p>\n" for note in report.notes)

    def values_of(self, table: Table) -> dict[str, Any]:
        """Raw values of rows, and the number of what each name of a column stands for, which many tables have in common.

        A table of one or two rows, which is not filtered, has only what its rows are picked by.
        """
        if len(table.rows) <= 2:
            picked = [{key: row[key] for key in ("model",) if key in row} for row in table.rows]
            return {"rows": picked, "names": None}
        keys = [column.key for column in table.columns]
        names = {name: [column.key, holds_of(column)] for name, column in names_of(table.columns).items()}
        if names not in self.names:
            self.names.append(names)
        known = [{key: row[key] for key in keys if row.get(key) not in (None, "")} for row in table.rows]
        return {"rows": known, "names": self.names.index(names)}

    def chapter(self, report: Report, name: str) -> str:
        """A part that can be closed."""
        inside = "".join(
            piece for each in (report, *report.chapters) for piece in self.write(each, "" if each is report else "h3")
        )
        heading = f"<summary><h2>{escape(report.title)}</h2></summary>"
        return f'<details class="chapter" id="{name}" open>{heading}\n{inside}</details>\n'

    def figure(self, chart: Chart) -> str:
        """A chart: still where no script runs, drawn by the script otherwise; how it would be, where packages lack."""
        caption = f"<figcaption>{escape(chart.title)}</figcaption>"
        if picture := chart.markup():
            return f"<figure>{caption}{picture}</figure>\n"
        spec = chart.vega()
        still = _still(chart, spec)
        if spec and not still:
            lacking = f"{chart.title}: drawn where cnnprof is installed as 'cnnprof[report]'"
            return f"<p>{escape(lacking)}</p>\n"
        if not still:
            return ""
        self.charts.append(spec)
        number = len(self.charts) - 1
        return f'<figure data-chart="{number}">{caption}<noscript>{still}</noscript></figure>\n'


def bundle() -> str:
    """Vega as a script, as vl-convert-python hands it out; empty without it."""
    try:
        import vl_convert
    except ModuleNotFoundError:
        return ""
    hand_out: Any = vl_convert.javascript_bundle
    text: str = hand_out()
    return text


def as_json(value: Any) -> str:
    """JSON that cannot end the element it stands in; a size or an interval is a list, and what JSON lacks is its text."""
    text = json.dumps(value, separators=(",", ":"), default=str, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _policy(scripts: list[str]) -> str:
    """Scripts of this very text run, and nothing is fetched from anywhere."""
    hashes = [f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts]
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {' '.join(hashes)}"


def _still(chart: Chart, spec: dict[str, Any]) -> str:
    """The chart as SVG, without what only a reader of its source would see; empty where it cannot be drawn."""
    try:
        import matplotlib  # noqa: F401 - the first chart of a page is drawn with it
        import vl_convert
    except ModuleNotFoundError:
        return ""
    if not spec:
        return ""
    if spec.get("marks"):
        # Names beside points need a canvas, which vl-convert has not.
        from cnnprof.reports.pictures import draw_svg

        text = draw_svg(chart)
    else:
        text = visible(vl_convert.vegalite_to_svg(spec))
    for needless in _NEEDLESS:
        text = needless.sub("", text)
    while (shorter := _WRAPPED.sub(r"\1", text)) != text:
        text = shorter
    # In elements only: a number that is read is as it was.
    return re.sub(r"<[^>]*>", lambda element: _DECIMAL.sub(_shortened, element[0]), text[text.index("<svg") :])


def _shortened(number: re.Match[str]) -> str:
    """A coordinate to what an eye sees of it."""
    value = float(number[0])
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}".removesuffix(".0")


_NEEDLESS = (
    re.compile(r'<path[^>]*\bdisplay="none"[^>]*/>|<path class="background"[^>]*/>|<metadata>.*?</metadata>', re.DOTALL),
    re.compile(r' (?:aria-[a-z]+|role|class|pointer-events|font-family)="[^"]*"| (?:fill-)?opacity="1"'),
    re.compile(r"font-family: [^;\"]*;? ?"),
    # What holds without being said.
    re.compile(r' (?:transform="translate\(0,\s?0\)"|[xy]2="0"|stroke-width="1"|text-anchor="start")'),
    re.compile(r"\n\s*"),
    re.compile(r"<g></g>"),
)
_DECIMAL = re.compile(r"\d+\.\d+")
_WRAPPED = re.compile(r"<g>((?:<(?!g\b|/g\b)[^<]*|</(?!g\b)[^<]*)*)</g>")
"""A group without attributes that holds no other group."""
