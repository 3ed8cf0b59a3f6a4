"""GitHub-flavoured Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cnnprof.report import Listing, Report
from cnnprof.reports import Style
from cnnprof.reports._cells import cells
from cnnprof.reports._plain import pairs
from cnnprof.texts import visible, without_commands

suffixes = (".md", ".markdown")
binary = False


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - every format has this signature
    """The title as a heading, tables as tables, listings and notes as lists."""
    blocks = [f"## {_escape(report.title)}"]
    for section in report.sections:
        if section.title:
            blocks.append(f"### {_escape(section.title)}")
        if isinstance(section, Listing):
            blocks.append("\n".join(f"- {_escape(label)}: {_escape(text)}" for label, text in pairs(section)))
            continue
        table = cells(section)
        rule = ["---:" if right else "---" for right in table.rightward]
        for heading, numbers in section.groups().items():
            if heading:
                blocks.append(f"### {_escape(heading)}")
            rows = [table.rows[number] for number in numbers]
            lines = [table.headings, rule, *rows, *([table.total] if table.total else [])]
            blocks.append("\n".join(_line(line) for line in lines))
    if report.text:
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", report.text)), default=0))
        blocks.append(f"{fence}yaml\n{without_commands(visible(report.text)).rstrip()}\n{fence}")
    if report.notes:
        blocks.append("\n".join(f"- {_escape(note)}" for note in report.notes))
    return "\n\n".join(blocks) + "\n"


def _line(texts: Sequence[str]) -> str:
    return "| " + " | ".join(_escape(text) for text in texts) + " |"


def _escape(text: str) -> str:
    escaped = re.sub(r"([\\|*_`])", r"\\\1", visible(text)).replace("<", "&lt;").replace("\n", "<br>")
    return escaped.replace("](", "]\\(")  # no link and no picture
