"""The workflows in docs/ci.md are YAML and TOML as their readers take them, and every option in them is one."""

import re
import shlex
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from cnnprof.cli import build_app
from cnnprof.config import find_project
from cnnprof.judging.budgets import read_budgets

TEXT = (Path(__file__).parent.parent / "docs" / "ci.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"(?:run: |entry: |    - |`)(cnnprof [a-z].*?)(?:`|$)", TEXT, re.MULTILINE)))


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_yaml(text):
    assert yaml.safe_load(text)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="reads TOML with the standard library")
def test_budgets(tmp_path, monkeypatch):
    (text,) = blocks("toml")
    (tmp_path / "networks").mkdir()
    (tmp_path / "pyproject.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert [budget.key for budget in read_budgets(find_project())] == ["max-params", "max-macs", "max-peak"]


@pytest.mark.parametrize("command", COMMANDS)
def test_options(command):
    words = shlex.split(re.sub(r"\$\{\{.*?\}\}", "main", command))
    shown = CliRunner().invoke(build_app(words[1]), [words[1], "--help"], env={"COLUMNS": "200"}).output
    assert "Usage" in shown
    for option in (word for word in words if word.startswith("-")):
        assert option in shown


def test_all_gates_are_there():
    assert {shlex.split(command)[1] for command in COMMANDS} >= {"check", "diff", "verify", "bench"}
