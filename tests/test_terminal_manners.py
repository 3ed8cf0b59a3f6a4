"""What users of command lines expect of one: -h, a spec through stdin, names without a suffix, colours, pagers, completion."""

import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
from shell import cnnprof, process

from cnnprof.cli import output
from cnnprof.cli.completion import complete_layer, complete_name, complete_setting, complete_way
from cnnprof.texts import within

NET = "input: 3x8x8\nlayers:\n  - conv 3x3 4\n"


@pytest.mark.parametrize("command", [(), ("summary",), ("plot", "memory")])
def test_help_by_one_letter(command):
    short, long = cnnprof(*command, "-h"), cnnprof(*command, "--help")
    assert (short.code, short.out) == (0, long.out)
    assert "Usage" in short.out


def test_a_file_in_place_of_a_command(tmp_path):
    (tmp_path / "net.yaml").write_text(NET)
    done = cnnprof("net.yaml", cwd=tmp_path)
    assert done.code == 2
    assert "hint: cnnprof summary net.yaml" in done.err


def test_a_file_by_its_name_without_suffix(tmp_path):
    (tmp_path / "mynet.yaml").write_text(NET)
    done = cnnprof("summary", "mynet", "--json", cwd=tmp_path)
    assert json.loads(done.out)["totals"]["params"] == 4 * 28
    # What there is by that name comes first: a file beside does not change what a bundled network is.
    (tmp_path / "lenet5.yaml").write_text(NET)
    assert json.loads(cnnprof("summary", "lenet5", "--json", cwd=tmp_path).out)["totals"]["params"] == 61706


def through_stdin(*arguments, text=NET):
    command = [sys.executable, "-m", "cnnprof", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


def test_a_spec_through_stdin():
    done = through_stdin("compare", "-", "lenet5", "--json")
    assert done.returncode == 0, done.stderr
    assert [row["totals"]["params"] for row in json.loads(done.stdout)["models"]] == [112, 61706]
    assert "conv 3x3 4" in through_stdin("show", "-").stdout
    wrong = through_stdin("summary", "-", text="input: 3x8x8\nlayers:\n  - konv 3x3 4\n")
    assert wrong.returncode == 3
    assert "stdin.yaml:3:5" in wrong.stderr


@pytest.mark.parametrize("name", ["FORCE_COLOR", "CLICOLOR_FORCE"])
def test_colours_where_they_are_asked_for(name):
    assert "\x1b[1m" in cnnprof("summary", "lenet5", **{name: "1"}).out
    assert "\x1b" not in cnnprof("summary", "lenet5", **{name: "0"}).out
    assert "\x1b" not in cnnprof("summary", "lenet5", **{name: "1"}, NO_COLOR="1").out


@pytest.mark.parametrize("columns", ["99999999999999", "9" * 40, "-5", "0"])
def test_a_width_that_is_none(columns):
    assert cnnprof("summary", "lenet5", COLUMNS=columns).code == 0


def test_json_says_when_it_was_made():
    time = json.loads(cnnprof("summary", "lenet5", "--json").out)["environment"]["time"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", time)


def test_names_are_completed_by_prefix():
    assert "resnet50" in complete_name("resnet5")
    assert complete_name("torchvi") == ["torchvision:"]
    assert complete_name("nowhere:x") == []
    assert all(name.startswith("tv:resnet") for name in complete_name("tv:resnet"))


class Terminal:
    def isatty(self):
        return True


@pytest.mark.parametrize(("lines", "pager", "paged"), [(100, "cat", True), (5, "cat", False), (100, "no-such-pager", False)])
def test_a_long_table_is_paged_on_a_terminal(monkeypatch, lines, pager, paged):
    shown = []
    monkeypatch.setattr(output, "results", Terminal)
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(subprocess, "run", lambda command, **more: shown.append((command, more["env"]["LESS"])))
    monkeypatch.setenv("PAGER", pager)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("LESS", raising=False)
    monkeypatch.setattr(output.shutil, "get_terminal_size", lambda: os.terminal_size((80, 24)))
    assert output._page("line\n" * lines) is paged
    assert shown == ([(["cat"], "FRX")] if paged else [])


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_bars_and_marks_can_be_told_apart_without_unicode(encoding):
    out = process("memory", "lenet5", COLUMNS="80", PYTHONIOENCODING=encoding).out
    bars = [line.split()[-1] for line in out.splitlines() if line.startswith(" forward  ")]
    assert len(bars) > 5
    assert all(re.fullmatch(r"\.+#*", bar) for bar in bars)
    assert "?" not in out


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("░█✓", "ascii", ".#y"),
        ("µ─≈", "latin-1", "µ-~"),
        ("漢", "ascii", "?"),
        ("plain", "ascii", "plain"),
        ("░", "utf-8", "░"),
    ],
)
def test_signs_that_an_encoding_lacks(text, encoding, shown):
    assert within(text, encoding) == shown


def test_words_that_judge_have_their_colour():
    done = cnnprof("check", "lenet5", "vgg16", "nosuch", "--max-params", "1M", FORCE_COLOR="1")
    for code, word in (("32", "ok"), ("31", "error"), ("33", "unknown")):
        assert f"\x1b[{code}m{word}\x1b[0m" in done.out


@pytest.mark.parametrize("command", [["memory"], ["bench"], ["plot", "memory"], ["compare"]])
def test_help_reads_in_sixty_columns(command):
    lines = process(*command, "--help", COLUMNS="60").out.splitlines()
    assert max(map(len, lines)) <= 60
    helps = [line[34:].strip() for line in lines if re.match(r" {34}\S", line)]
    # What an option does stands in a column of half the width, and not in one of a word a line.
    assert sum(len(text.split()) for text in helps) / len(helps) > 2
    assert any(line.strip().startswith("cnnprof plot memory") for line in lines) == (command == ["plot", "memory"])


def test_settings_layers_and_ways_of_counting_are_completed():
    assert complete_name("mobilenet_v2@w") == ["mobilenet_v2@width="]
    assert complete_name("mobilenet_v2@width=0.5,cl") == ["mobilenet_v2@width=0.5,classes="]
    assert "resnet18@input=" in complete_name("resnet18@")
    assert complete_name("mobilenet_v2@width=0.") == []
    assert complete_layer("resnet18:stage2.basic1.conv") == [f"resnet18:stage2.basic1.conv{n}" for n in (1, 2, 3)]
    assert "resnet18:stage2" in complete_layer("resnet18:s")
    assert complete_layer("resnet5")[0].startswith("resnet5")
    assert complete_layer("nowhere.py:build") == []
    assert complete_way("fv") == ["fvcore"]
    context = SimpleNamespace(params={"names": ["mobilenet_v1", "nosuch"]})
    assert "width=" in complete_setting(context, "")
    assert complete_setting(context, "wid") == ["width="]
    assert complete_setting(SimpleNamespace(params={}), "") == []


def test_a_shell_gets_the_words():
    done = process(_CNNPROF_COMPLETE="complete_bash", COMP_WORDS="cnnprof explain lenet5:C", COMP_CWORD="2")
    assert {*done.out.split()} == {"lenet5:C1", "lenet5:C3", "lenet5:C5"}
    asked = "cnnprof summary mobilenet_v1 --set wi"
    assert process(_CNNPROF_COMPLETE="complete_bash", COMP_WORDS=asked, COMP_CWORD="4").out.split() == ["width="]
    asked = "cnnprof explain lenet5 --vs tho"
    assert process(_CNNPROF_COMPLETE="complete_bash", COMP_WORDS=asked, COMP_CWORD="4").out.split() == ["thop"]


def test_completion_runs_no_code(tmp_path):
    (tmp_path / "net.py").write_text("open('ran', 'w')\n")
    (tmp_path / "bad.yaml").write_text("input: 3x8x8\nlayers: [conv 3x3\n")
    for words in ("net.py:", "net.py:build@", "python:net:", "bad.yaml@", "bad.yaml:"):
        process(cwd=tmp_path, _CNNPROF_COMPLETE="complete_bash", COMP_WORDS=f"cnnprof explain {words}", COMP_CWORD="2")
    assert not (tmp_path / "ran").exists()
