"""LaTeX: a tabular a table, with the rules of booktabs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cnnprof.report import Listing, Report, Table
from cnnprof.reports import Style
from cnnprof.reports._cells import cells
from cnnprof.reports._plain import pairs
from cnnprof.texts import visible, without_commands

suffixes = (".tex",)
binary = False

_SPECIAL = {
    **{char: f"\\{char}" for char in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "≠": r"$\neq$",
    "≈": r"$\approx$",
    "✓": "yes",
    "✗": "no",
    "µ": r"$\mu$",
    "█": r"\rule{.4em}{1ex}",
    "░": "",
    "\n": " ",
}


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - every format has this signature
    """Tables as tabulars, listings as descriptions, notes as a list; the preamble needs \\usepackage{booktabs}."""
    blocks = [f"% {visible(' '.join(report.title.split()))}\n% \\usepackage{{booktabs}}"]
    for section in report.sections:
        if section.title:
            blocks.append(f"\\paragraph{{{_escape(section.title)}}}")
        if isinstance(section, Listing):
            items = [f"  \\item[{_escape(label)}] {_escape(text)}" for label, text in pairs(section)]
            blocks.append("\n".join(["\\begin{description}", *items, "\\end{description}"]))
        else:
            blocks += _tabulars(section)
    if report.text:
        blocks.append(f"\\begin{{verbatim}}\n{_verbatim(report.text)}\n\\end{{verbatim}}")
    if report.notes:
        items = [f"  \\item {_escape(note)}" for note in report.notes]
        blocks.append("\n".join(["\\begin{itemize}", *items, "\\end{itemize}"]))
    return "\n\n".join(blocks) + "\n"


def _tabulars(section: Table) -> list[str]:
    table = cells(section)
    align = "".join("r" if right else "l" for right in table.rightward)
    blocks = []
    for heading, numbers in section.groups().items():
        lines = [f"\\begin{{tabular}}{{{align}}}", "  \\toprule", _line(table.headings), "  \\midrule"]
        lines += [_line(table.rows[number]) for number in numbers]
        lines += ["  \\midrule", _line(table.total)] if table.total else []
        named = [f"\\paragraph{{{_escape(heading)}}}"] if heading else []
        blocks.append("\n".join([*named, *lines, "  \\bottomrule", "\\end{tabular}"]))
    return blocks


def _line(texts: Sequence[str]) -> str:
    return f"  {' & '.join(map(_escape, texts))} \\\\"


def _escape(text: str) -> str:
    return re.sub("|".join(map(re.escape, _SPECIAL)), lambda match: _SPECIAL[match[0]], visible(text))


def _verbatim(text: str) -> str:
    return without_commands(visible(text).rstrip().replace("\\end{verbatim}", "\\end {verbatim}"))
