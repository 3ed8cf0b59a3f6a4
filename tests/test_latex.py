"""LaTeX: whatever names are, the text compiles, and prints them."""

import shutil
import subprocess

import pytest

from cnnprof.report import Fact, Listing, Report, Table
from cnnprof.reports import Style, render
from cnnprof.views import columns as col
from cnnprof.views.catalogue import ABOUT


def test_latex_escapes_what_it_means_otherwise():
    rows = ({"name": r"50% & a_b \\ #1", "params": 1_000},)
    report = Report("show", "net", (Table((col.NAME, col.PARAMS), rows),), ("~ $x^2$ < 3",))
    text = render(report, "latex", Style())
    assert r"50\% \& a\_b \textbackslash{}\textbackslash{} \#1 & 1,000 \\" in text
    assert r"\item \textasciitilde{} \$x\textasciicircum{}2\$ $<$ 3" in text
    assert text.count(r"\begin{tabular}{lr}") == text.count(r"\end{tabular}") == 1


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("[1] first", "{[}1{]} first"),
        ("--by kind ---", "-{}-by kind -{}--"),
        ("x`ls`", r"x\textasciigrave{}ls\textasciigrave{}"),
        (r"\input{a}", r"\textbackslash{}input\{a\}"),
        ("-1 − 2 ≤ é", r"-1 $-$ 2 $\leq$ é"),
        ("网络 ok", r"\ifdefined\Umathchar 网络\else U+7F51 U+7EDC\fi{} ok"),
        ("░█", r"\rule{.4em}{.2ex}\rule{.4em}{1ex}"),
    ],
)
def test_latex_of_a_text_is_the_text(text, written):
    assert f"  \\item {written}\n" in render(Report("show", "net", notes=(text,)), "latex", Style())


def test_latex_takes_no_cell_for_an_argument():
    rows = ({"name": "*all"}, {"name": "[2ex]"})
    text = render(Report("show", "net", (Table((col.NAME,), rows),), text="a  b\n\\end{flushleft}"), "latex", Style())
    assert "  {}*all \\\\\n  {[}2ex{]} \\\\\n" in text
    assert "\\mbox{}a~~b\\\\\n\\mbox{}\\textbackslash{}end\\{flushleft\\}\\\\\n" in text


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no LaTeX is installed")
def test_latex_compiles_whatever_names_are(tmp_path):
    names = [
        "a_b^c~d",
        r"\input{x}",
        "[5pt]",
        "*",
        r"\\[1cm]",
        "{",
        "}",
        "50% #1 & $x$",
        r"\end{tabular}",
        "é → − 网 😀",
        "\x1b[31m",
        "`'\"<>|",
    ]
    rows = tuple({"name": name, "params": 1_000, "about": name} for name in names)
    facts = Listing(tuple(Fact(name, name) for name in names), names[0])
    table = Table((col.NAME, col.PARAMS, ABOUT), rows, names[1], {"name": "[total", "params": 5})
    body = render(Report("show", names[1], (facts, table), tuple(names), {}, "\n".join(names)), "latex", Style())
    rules = "".join(f"\\newcommand{{\\{name}rule}}{{\\hline}}" for name in ("top", "mid", "bottom"))
    (tmp_path / "t.tex").write_text(f"\\documentclass{{article}}{rules}\\begin{{document}}\n{body}\\end{{document}}\n", "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-draftmode", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", errors="replace")
    assert done.returncode == 0, done.stdout[-3000:]
