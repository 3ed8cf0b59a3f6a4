"""Tables, listings and texts as HTML elements."""

from __future__ import annotations

import html
from collections.abc import Sequence

from cnnprof.report import Column, Listing, Table
from cnnprof.reports._cells import Cells, cells
from cnnprof.reports._plain import pairs
from cnnprof.texts import SHADES, visible


def section_html(section: Table | Listing, number: int | None = None) -> str:
    """A table or a list; a page's script finds the raw values of table `number` in the page."""
    heading = f"<h3>{escape(section.title)}</h3>\n" if section.title else ""
    if isinstance(section, Listing):
        items = "".join(f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>" for label, text in pairs(section))
        return f"{heading}<dl>{items}</dl>\n"
    table = cells(section)
    heads = zip(table.columns, table.headings, table.rightward, strict=True)
    head = "".join(
        f'<th scope="col" data-key="{escape(column.key)}"{_weight(column)} class="{"r" if right else ""}">{escape(text)}</th>'
        for column, text, right in heads
    )
    body = "".join(_body(section, table, group, numbers) for group, numbers in section.groups().items())
    foot = f"<tfoot>{_line(table, table.total)}</tfoot>\n" if table.total else ""
    named = "" if number is None else f' data-table="{number}"'
    return f'{heading}<div class="scroll"><table{named}>\n<thead><tr>{head}</tr></thead>\n{body}{foot}</table></div>\n'


def _weight(column: Column) -> str:
    """The weight by which a narrow page decides whether to leave the column out at first."""
    return f' data-weight="{column.weight:g}"' if column.weight else ""


def _body(section: Table, table: Cells, group: str, numbers: Sequence[int]) -> str:
    """The rows that stand together under what stands above them."""
    heading = f'<tr><th colspan="{len(table.columns)}">{escape(group)}</th></tr>\n' if group else ""
    lines = "".join(
        _line(table, table.rows[i], [(i, column.key) in section.best for column in table.columns], i in section.faint, i)
        for i in numbers
    )
    return f"<tbody>\n{heading}{lines}</tbody>\n"


def _line(table: Cells, texts: Sequence[str], best: Sequence[bool] = (), faint: bool = False, number: int | None = None) -> str:
    parts = zip(texts, table.columns, table.rightward, best or [False] * len(texts), strict=True)
    items = "".join(_cell(text, column.kind == "shaded", right, top) for text, column, right, top in parts)
    row = "" if number is None else f' data-row="{number}"'
    return f'<tr class="{"faint" if faint else ""}"{row}>{items}</tr>\n'


def _cell(text: str, shaded: bool, right: bool, top: bool) -> str:
    """A cell; what a terminal shades by a letter at the end has its shade behind it here."""
    shade = SHADES.find(text[-1]) if shaded and text else 0
    look = f' style="background:rgb(230 159 0/{20 * shade}%)"' if shade > 0 else ""
    shown = text[:-2] if shade > 0 else text
    return f'<td class="{"r" if right else ""}{" best" if top else ""}"{look}>{escape(shown)}</td>'


def escape(text: str) -> str:
    """The text as HTML shows it."""
    return html.escape(visible(text))
