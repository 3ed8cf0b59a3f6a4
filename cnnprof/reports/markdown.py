"""GitHub-flavoured Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cnnprof.report import Report, Table
from cnnprof.reports import Style
from cnnprof.reports._cells import cells
from cnnprof.reports._plain import Markup, write
from cnnprof.texts import visible, without_commands

suffixes = (".md", ".markdown")
binary = False


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - every format has this signature
    """The title as a heading, tables as tables, listings and notes as lists."""
    return write(report, f"## {_escape(report.title)}", _MARKUP)


def _heading(text: str) -> str:
    return f"### {_escape(text)}"


def _tables(section: Table) -> list[str]:
    table, blocks = cells(section), []
    rule = ["---:" if right else "---" for right in table.rightward]
    for heading, numbers in section.groups().items():
        blocks += [_heading(heading)] if heading else []
        rows = [table.rows[number] for number in numbers]
        lines = [table.headings, rule, *rows, *([table.total] if table.total else [])]
        blocks.append("\n".join(_line(line) for line in lines))
    return blocks


def _text(text: str) -> str:
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}yaml\n{without_commands(visible(text)).rstrip()}\n{fence}"


def _line(texts: Sequence[str]) -> str:
    return "| " + " | ".join(_escape(text) for text in texts) + " |"


def _escape(text: str) -> str:
    escaped = re.sub(r"([\\|*_`])", r"\\\1", visible(text)).replace("<", "&lt;").replace("\n", "<br>")
    return escaped.replace("](", "]\\(")  # no link and no picture


_MARKUP = Markup(
    _heading,
    lambda labels: "\n".join(f"- {_escape(label)}: {_escape(text)}" for label, text in labels),
    _tables,
    _text,
    lambda notes: "\n".join(f"- {_escape(note)}" for note in notes),
)
