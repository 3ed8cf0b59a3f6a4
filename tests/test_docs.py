"""The guides cannot rot: their commands are run again, their Python is run, and every command has a guide."""

import doctest
import importlib.util
import json
import re
import shlex
from pathlib import Path

import pytest
from shell import cnnprof, process, texts
from typer.testing import CliRunner

from cnnprof.cli import build_app, command_names

pytestmark = pytest.mark.torch

ROOT = Path(__file__).parent.parent


def load_guides():
    spec = importlib.util.spec_from_file_location("regenerate", ROOT / "docs" / "regenerate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


guides = load_guides()


@pytest.mark.parametrize("page", guides.PAGES, ids=lambda page: page.name)
def test_a_page_shows_what_its_commands_print(page):
    text = page.read_text(encoding="utf-8")
    assert guides.same(guides.regenerate(text), text), f"{page.name} is out of date: make docs"


@pytest.mark.parametrize("page", guides.PAGES, ids=lambda page: page.name)
def test_what_varies_is_shown_and_still_a_command(page):
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```console varies\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        command, *output = block.splitlines()
        assert len(output) > 3
        words = shlex.split(command[2:].partition(" | ")[0])
        result = CliRunner().invoke(build_app(words[1]), [*words[1:], "--help"])
        assert result.exit_code == 0
        for option in (word for word in words if word.startswith("--")):
            assert option in result.output


@pytest.mark.parametrize(("file", "command"), [pair for page in guides.PAGES for pair in guides.pictures_of(page).items()])
def test_a_picture_shows_what_its_command_draws(file, command):
    # As the guides are renewed: by one instruction set, whatever the machine.
    drawn = cnnprof(*shlex.split(command)[1:], ONEDNN_MAX_CPU_ISA="AVX2").out
    assert texts(file.read_bytes()) == texts(drawn.encode())


def test_a_stale_page_is_seen():
    fresh = guides.regenerate("```console\n$ cnnprof summary lenet5 --format csv | head -2\nold\n```")
    assert "C1.conv1,Conv2d" in fresh
    assert not guides.same(fresh, fresh.replace("156", "157"))


@pytest.mark.parametrize(
    "page", [page for page in guides.PAGES if ">>> " in page.read_text(encoding="utf-8")], ids=lambda p: p.name
)
def test_the_python_in_a_page(page):
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert (failed, tried > 5) == (0, True)


def test_every_command_is_run_in_a_guide_or_named():
    shown = {
        line.split()[1]
        for page in guides.PAGES
        for line in guides.commands_of(page.read_text(encoding="utf-8"))
        if "cnnprof " in line
    }
    named = set(
        re.findall(
            r"`(?:cnnprof )?(\w+)`",
            (ROOT / "README.md").read_text(encoding="utf-8") + (ROOT / "docs" / "networks.md").read_text(encoding="utf-8"),
        )
    )
    assert set(command_names()) <= shown | named


def test_links_lead_somewhere():
    for page in guides.PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def documented_names():
    """Of each row of docs/json.md: the command, and the top-level names that it always has."""
    text = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z -]+)` \| (.*) \|$", text, re.MULTILINE))
    return {
        command: {
            name
            for part in re.findall(r"`([^`]*)`", re.sub(r"\(.*?\)", "", cell))
            for name in re.findall(r"^(\w+)(?=:|$)", flat(part))
        }
        for command, cell in rows.items()
    }


def flat(text):
    """The text without what stands in brackets."""
    while (shorter := re.sub(r"\{[^{}]*\}|\[[^\[\]]*\]", "", text)) != text:
        text = shorter
    return text


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("summary", ["lenet5"]),
        ("summary --symbolic", ["vgg16"]),
        ("explain", ["lenet5"]),
        ("explain --quiz", ["lenet5"]),
        ("explain --vs", ["thop", "lenet5"]),
        ("memory", ["lenet5", "--measure", "--fit", "1GB"]),
        ("transfer", ["alexnet", "--classes", "10"]),
        ("compare", ["lenet5", "lenet5_paper"]),
        ("bench", ["lenet5", "--quick", "--processes", "1"]),
        ("bench --layers", ["lenet5", "--quick", "--processes", "1"]),
        ("predict", ["lenet5", "--peak", "1GFLOPS", "--bandwidth", "1GB/s"]),
        ("diff", ["lenet5", "lenet5_paper"]),
        ("check", ["lenet5", "--max-params", "1M"]),
        ("verify", ["lenet5"]),
        ("list", ["lenet*"]),
        ("show", ["lenet5"]),
        ("doctor", []),
    ],
)
def test_json_has_the_documented_names(command, arguments):
    # Each command once as a user starts it, in a process of its own.
    call = cnnprof if " " in command else process
    done = call(*command.split(), *arguments, "--json")
    names = json.loads(done.out).keys() - {"schema_version", "command", "environment"}
    documented = documented_names()[command]
    assert documented
    assert documented <= names
