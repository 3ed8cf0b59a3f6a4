"""Texts of others in names, files and code: no output format lets one of them do more than be read."""

import json
import os
import re
import sys
from xml.etree import ElementTree

import pytest
from shell import cnnprof, process, texts

from cnnprof.charts.diagram import Box, Diagram
from cnnprof.errors import CnnprofError, Place
from cnnprof.report import Annotation, Column, Fact, Listing, Report, Table
from cnnprof.reports import FORMATS, Style, render
from cnnprof.texts import visible, without_commands

EVIL = "a\x1b[31m\x1b]0;t\x07\u202eb\x9b2J\x00<script>x</script>[/x][red] =1+1\n::error::no\n##[error]no"


def report(text):
    row = {"name": text, "n": 1}
    table = Table((Column("name", "name"), Column("n", text, "count")), (row,), title=text)
    facts = Listing((Fact(text, text),), title=text)
    note = Annotation("error", text, text, Place(text, 1, 1, text))
    return Report("summary", text, (facts, table), (text,), {"name": text}, text, (note,))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("color", [False, True])
def test_no_format_hands_on_what_a_terminal_obeys(name, color):
    text = render(report(EVIL), name, Style(80, color))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text) if color else text
    assert not set(plain) & {"\x1b", "\x07", "\x9b", "\x00", "\u202e"}
    if color:
        assert "\x1b[31m" not in text
    if name not in ("json", "html"):  # which quote their texts
        lines = [line.lstrip() for line in text.split("\n")]
        commands = [line for line in lines if line.startswith("::")]
        assert len(commands) == (1 if name == "github" else 0)


def test_html_and_markdown_have_no_tags_of_others():
    for name in ("html", "markdown"):
        outside = re.sub(r"```.*?```", "", render(report(EVIL), name, Style()), flags=re.DOTALL)
        assert "<script>x" not in outside
    link = render(report("[click](javascript:alert) ![p](http://x)"), "markdown", Style())
    assert "](" not in re.sub(r"```.*?```", "", link, flags=re.DOTALL)


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1"])
def test_a_spreadsheet_takes_no_name_for_a_formula(formula):
    line = render(report(formula), "csv", Style()).splitlines()[1]
    assert line.lstrip('"').startswith("'")


def test_csv_has_the_words_for_truth_that_others_read():
    table = Table((Column("a", "a"), Column("b", "b")), ({"a": True, "b": False},))
    assert render(Report("list", "", (table,)), "csv", Style()) == "a,b\ntrue,false\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢字 →", "plain é 漢字 →"),
        ("\x1b[1m", r"\x1b[1m"),
        ("a\nb\tc", "a\nb\tc"),
        ("\ud800", r"\ud800"),
        ("\u202e", r"\u202e"),
        ("\x7f\x9b", r"\x7f\x9b"),
    ],
)
def test_what_is_not_printed_is_written_out(text, shown):
    assert visible(text) == shown


def test_an_error_points_at_its_character_below_a_line_that_is_written_out():
    error = CnnprofError("no\x1b", Place("a\x07.yaml", 3, 3, "\x1b\x1bxy\x1b", 2), "h\x9b")
    assert str(error).splitlines() == [
        r"no\x1b",
        r" --> a\x07.yaml:3:3",
        r"3 | \x1b\x1bxy\x1b",
        "  |         ^^",
        r"  = hint: h\x9b",
    ]


def test_a_log_gets_no_commands_from_messages():
    assert without_commands("a\n  ::stop-commands::x\nb ::c\n##[error]d") == "a\n\\  ::stop-commands::x\nb ::c\n##\\[error]d"
    assert "\n::" not in str(CnnprofError("a\n::error::b"))


def test_an_error_is_json_where_the_result_would_be(tmp_path):
    (tmp_path / "net.yaml").write_text("input: 3x8x8\nlayers:\n  - konv 3x3 4\n")
    for asked in (("--json",), ("--format", "json"), ("--format=json",)):
        done = cnnprof("summary", "net.yaml", *asked, cwd=tmp_path)
        error = json.loads(done.err)["error"]
        assert (done.code, done.out, error["code"]) == (3, "", 3)
        assert error["place"] == {"file": "net.yaml", "line": 3, "column": 5, "text": "  - konv 3x3 4"}
        assert "conv" in error["hint"]
    wrong = cnnprof("summary", "lenet5", "--json", "--by", "row")
    assert (wrong.code, json.loads(wrong.err)["error"]["code"]) == (2, 2)
    assert "'row' is not one of" in json.loads(wrong.err)["error"]["message"]


@pytest.mark.parametrize("how", ["option", "environment"])
def test_an_error_with_a_place_is_an_annotation(tmp_path, how):
    (tmp_path / "net.yaml").write_text("input: 3x8x8\nlayers:\n  - konv 3x3 4\n")
    asked, env = (("--format", "github"), {}) if how == "option" else ((), {"GITHUB_ACTIONS": "true"})
    done = cnnprof("summary", "net.yaml", *asked, cwd=tmp_path, **env)
    assert done.err.splitlines()[-1].startswith("::error file=net.yaml,line=3,title=cnnprof::")
    (tmp_path / "pyproject.toml").write_text("[tool.cnnprof]\npaths = 3\n")
    broken = cnnprof("summary", "resnet_of_mine", *asked, cwd=tmp_path, **env)
    assert "::error file=pyproject.toml,line=2," in broken.err


NOISY = """
import os, subprocess, sys
from torch import nn
print("A"); os.write(1, b"B"); subprocess.run(["echo", "C"]); sys.__stdout__.write("D")
class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 3)); os.write(1, b"E")
    def forward(self, x):
        os.write(1, b"F"); return super().forward(x)
def closes():
    os.close(1); return nn.Sequential(nn.Conv2d(3, 4, 3))
def none():
    sys.stdout = None; return Net()
def moves():
    os.chdir("/"); return Net()
class Odd(BaseException): pass
def odd():
    raise Odd("x" * 10**6)
"""


@pytest.mark.torch
@pytest.mark.parametrize("factory", ["Net", "closes", "none", "moves"])
def test_what_a_users_code_prints_is_no_part_of_a_result(tmp_path, factory):
    (tmp_path / "net.py").write_text(NOISY)
    done = process("summary", f"net.py:{factory}", "--input", "3x8x8", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert json.loads(done.out)["totals"]["params"] == 4 * (27 + 1)
    assert factory == "closes" or "F" in done.err
    written = process("summary", f"net.py:{factory}", "--input", "3x8x8", "-o", "out.json", cwd=tmp_path)
    assert (written.code, written.out) == (0, "")
    assert json.loads((tmp_path / "out.json").read_text())["totals"]["params"] == 112


@pytest.mark.torch
def test_whatever_a_users_code_raises_is_one_message(tmp_path):
    (tmp_path / "net.py").write_text(NOISY)
    done = cnnprof("summary", "net.py:odd", cwd=tmp_path)
    assert done.code == 3
    assert "net.py:odd failed: Odd: xxx" in done.err
    assert len(done.err) < 2000


CONTROLS = {"\x1b", "\x07", "\x9b", "\x00", "\u202e"}


def test_pictures_and_pages_have_no_control_characters(tmp_path):
    name = 'n\x1b[31m"]-->A<script>x<b[red]`\u202e=1.yaml'
    (tmp_path / name).write_text("input: 3x8x8\nlayers: [conv 3x3 4, relu, fc 3]\n")
    for command in (["plot", "diagram"], ["plot", "summary"], ["plot", "memory"], ["plot", "compare"]):
        more = ["lenet5", "resnet18", "--x", "macs", "--y", "params"] if command[-1] == "compare" else []
        done = cnnprof(*command, name, *more, "--format", "svg", cwd=tmp_path)
        assert done.code == 0, done.err
        assert not CONTROLS & {*done.out}
        assert [*ElementTree.fromstring(done.out).iter()]
    for command in (["report", name, "resnet18", "-o", "p.html"], ["summary", name, "-o", "q.html"]):
        assert cnnprof(*command, cwd=tmp_path).code == 0
    for page in ("p.html", "q.html"):
        text = (tmp_path / page).read_text()
        assert not CONTROLS & {*text}
        assert "<script>x" not in text


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes")
def test_a_file_name_that_is_no_text(tmp_path):
    name = os.fsdecode(b"n\xff$\\frac$.yaml")
    (tmp_path / name).write_text("input: 3x8x8\nlayers: [conv 3x3 4]\n")
    done = cnnprof("check", name, "--max-params", "10", "--format", "sarif", cwd=tmp_path)
    (result,) = json.loads(done.out)["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "n%FF%24%5Cfrac%24.yaml"
    points = ("plot", "compare", name, "lenet5", "resnet18", "--x", "macs", "--y", "params")
    for suffix in ("svg", "png"):
        assert cnnprof(*points, "-o", f"x.{suffix}", cwd=tmp_path).code == 0
    assert any("n\\udcff$\\frac$" in text for text in texts((tmp_path / "x.svg").read_bytes()))
    page = cnnprof("compare", name, "lenet5", "--format", "html", cwd=tmp_path)
    assert (page.code, "\\udcff" in page.out) == (0, True)


def test_mermaid_takes_no_name_for_syntax():
    evil = 'a"] --> z["x\x1b[31m\u202e<script>\n%%{init: {}}%% click b0 "javascript:x"\n  end'
    text = Diagram("t", (Box(evil, "3x8x8", (evil,)), Box("b", "1")), ((0, 1),)).mermaid()
    assert not CONTROLS & {*text}
    assert "%%" not in text
    assert text.count('"') == 4
    assert [line.split("[")[0].strip() for line in text.splitlines()] == ["flowchart TD", "b0", "b1", "b0 --> b1"]


def test_gates_quote_names_for_their_readers(tmp_path):
    name = 'n<&"\x1b[31m,title=x::error::.yaml'
    (tmp_path / name).write_text("input: 3x8x8\nlayers: [conv 3x3 4]\n")
    asked = ("check", name, "--max-params", "10", "--format")
    junit = ElementTree.fromstring(cnnprof(*asked, "junit", cwd=tmp_path).out)
    assert next(junit.iter("testcase")).get("name").startswith('n<&"\\x1b[31m,title=x::error::')
    (result,) = json.loads(cnnprof(*asked, "sarif", cwd=tmp_path).out)["runs"][0]["results"]
    assert "\x1b" not in result["message"]["text"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert not {*uri} & {*'<>" '}
    commands = [line for line in cnnprof(*asked, "github", cwd=tmp_path).out.splitlines() if line.startswith("::")]
    assert len(commands) == 1
    assert "%2Ctitle=x%3A%3Aerror" in commands[0]
