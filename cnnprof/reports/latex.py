"""LaTeX: a tabular a table, with the rules of booktabs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from cnnprof.report import Report, Table
from cnnprof.reports import Style
from cnnprof.reports._cells import cells
from cnnprof.reports._plain import Markup, write
from cnnprof.texts import visible, without_commands

suffixes = (".tex",)
binary = False

_SPECIAL = {
    **{char: f"\\{char}" for char in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "`": r"\textasciigrave{}",
    # In braces they open and close no optional argument: behind \\ and \item one may stand.
    "[": "{[}",
    "]": "{]}",
    "--": "-{}-",
    "''": "'{}'",
    ",,": ",{},",
    "<": "$<$",
    ">": "$>$",
    "−": "$-$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≠": r"$\neq$",
    "≈": r"$\approx$",
    "∞": r"$\infty$",
    "✓": "yes",
    "✗": "no",
    "µ": r"$\mu$",
    "█": r"\rule{.4em}{1ex}",
    "░": r"\rule{.4em}{.2ex}",
    "\n": " ",
}
_SPECIALS = re.compile("|".join(map(re.escape, sorted(_SPECIAL, key=len, reverse=True))))

_PLAIN = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖ×ØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõö÷øùúûüýÿŒœ°±²³·–—‘’“”…→"
_FOREIGN = re.compile(f"[^\\x00-\\x7f{re.escape(_PLAIN + ''.join(_SPECIAL))}]+")
"""Letters and signs that pdflatex has no glyph for without further packages."""


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - every format has this signature
    """Tables as tabulars, listings as descriptions, notes as a list; the preamble needs \\usepackage{booktabs}."""
    return write(report, f"% {visible(' '.join(report.title.split()))}\n% \\usepackage{{booktabs}}", _MARKUP)


def _heading(text: str) -> str:
    return f"\\paragraph{{{_escape(text)}}}"


def _within(environment: str, lines: Iterable[str], begun: str = "") -> str:
    return "\n".join([f"\\begin{{{environment}}}{begun}", *lines, f"\\end{{{environment}}}"])


def _tabulars(section: Table) -> list[str]:
    table = cells(section)
    align = "".join("r" if right else "l" for right in table.rightward)
    blocks = []
    for heading, numbers in section.groups().items():
        lines = [f"\\begin{{tabular}}{{{align}}}", "  \\toprule", _line(table.headings), "  \\midrule"]
        lines += [_line(table.rows[number]) for number in numbers]
        lines += ["  \\midrule", _line(table.total)] if table.total else []
        named = [_heading(heading)] if heading else []
        blocks.append("\n".join([*named, *lines, "  \\bottomrule", "\\end{tabular}"]))
    return blocks


def _line(texts: Sequence[str]) -> str:
    first, *others = map(_escape, texts)
    # A star behind the \\ of the line before would be an argument of it.
    return f"  {' & '.join([f'{{}}{first}' if first.startswith('*') else first, *others])} \\\\"


def _escape(text: str) -> str:
    """The text as LaTeX that prints it. What pdflatex cannot print is its code there, and itself in XeLaTeX and LuaLaTeX."""
    parts, end = [], 0
    shown = visible(text)
    for found in _FOREIGN.finditer(shown):
        codes = " ".join(f"U+{ord(char):04X}" for char in found[0])
        parts += [_plain(shown[end : found.start()]), f"\\ifdefined\\Umathchar {found[0]}\\else {codes}\\fi{{}}"]
        end = found.end()
    return "".join([*parts, _plain(shown[end:])])


def _plain(text: str) -> str:
    return _SPECIALS.sub(lambda match: _SPECIAL[match[0]], text)


def _lines(text: str) -> list[str]:
    """Code, line by line, with its spaces."""
    lines = [_escape(line).replace("  ", "~~") for line in visible(text).rstrip().expandtabs().split("\n")]
    return [f"\\mbox{{}}{without_commands(line)}\\\\" for line in lines]


_MARKUP = Markup(
    _heading,
    lambda labels: _within("description", (f"  \\item[{_escape(label)}] {_escape(text)}" for label, text in labels)),
    _tabulars,
    lambda text: _within("flushleft", _lines(text), "\\ttfamily"),
    lambda notes: _within("itemize", (f"  \\item {_escape(note)}" for note in notes)),
)
