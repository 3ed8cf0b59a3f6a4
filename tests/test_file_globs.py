"""Globs of files, as budgets in pyproject.toml and words in quotes have them."""

import json

import pytest
from shell import cnnprof

from cnnprof import sources
from cnnprof.errors import CnnprofError

PLAIN = "input: 3x8x8\nlayers: [conv 3x3 4]\n"
TWO = "input: 3x8x8\nsettings: {w: 4}\nvariants:\n  a: {w: 4}\n  b: {w: 8}\nlayers: [conv 3x3 w]\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Files of networks and others, two folders deep, with links that lead back up."""
    (tmp_path / "nets" / "deep").mkdir(parents=True)
    for name, text in {"one": PLAIN, "two": TWO, "two_default": f"default: b\n{TWO}", "deep/three": PLAIN}.items():
        (tmp_path / "nets" / f"{name}.yaml").write_text(text)
    (tmp_path / "nets" / "notes.txt").write_text("none\n")
    (tmp_path / "nets" / ".hidden.yaml").write_text(PLAIN)
    (tmp_path / "nets" / "round").symlink_to(tmp_path)
    (tmp_path / "nets" / "own.yaml").symlink_to("own.yaml")
    (tmp_path / "nets" / "deep" / "back").symlink_to(tmp_path / "nets")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("nets/*.yaml", ["nets/one.yaml", "nets/two.yaml#a", "nets/two.yaml#b", "nets/two_default.yaml"]),
        ("nets/o*", ["nets/one.yaml"]),
        ("nets/two.y*ml#b", ["nets/two.yaml#b"]),
        ("nets/[ot]*e.yaml", ["nets/one.yaml"]),
        ("./nets/*_default.yaml@w=2,3", ["nets/two_default.yaml@w=2", "nets/two_default.yaml@w=3"]),
        ("*/*/*.yaml", ["nets/deep/three.yaml"]),
        ("n*/d*/t*", ["nets/deep/three.yaml"]),
    ],
)
def test_networks_of_a_glob(folder, pattern, names):
    assert [model.reference.removeprefix("./") for model in sources.expand([pattern])] == names


def test_a_link_that_leads_round_is_not_followed(folder):
    with pytest.raises(CnnprofError, match="no file of a network matches"):
        sources.expand(["/".join(["*"] * 40) + "/*.yaml"])


def test_a_file_whose_name_has_the_signs_of_a_glob(folder):
    (folder / "nets" / "o[n]e.yaml").write_text(PLAIN.replace("4", "5"))
    (model,) = sources.expand(["nets/o[n]e.yaml"])
    assert (model.reference, model.graph().nodes[0].layer.out_channels) == ("nets/o[n]e.yaml", 5)


def test_one_network_is_asked_for(folder):
    several = cnnprof("summary", "nets/*.yaml", cwd=folder)
    assert (several.code, "stands for 4 networks" in several.err) == (3, True)
    none = cnnprof("compare", "nets/x*.yaml", cwd=folder)
    assert (none.code, "no file of a network matches 'nets/x*.yaml'" in none.err) == (3, True)


@pytest.mark.parametrize("inside", ["", "nets/deep"])
def test_a_budget_is_for_all_files_of_a_glob(folder, inside):
    (folder / "pyproject.toml").write_text('[[tool.cnnprof.budget]]\nmodel = "nets/*.yaml"\nmax-params = "200"\n')
    (folder / "nets" / "zero.yaml").write_text("input: 3x8x8\nlayers: [konv 3x3 4]\n")
    done = cnnprof("check", "--json", cwd=folder / inside)
    # One and two#a have 4 filters of 3x3x3 with a bias each, two#b and two_default 8; zero cannot be read.
    assert [row["value"] for row in json.loads(done.out)["budgets"]] == [112, 112, 224, 224, None]
    assert done.code == 1


def test_a_budget_whose_networks_cannot_be_had_leaves_the_others(folder):
    entry = '[[tool.cnnprof.budget]]\nmodel = {}\nmax-params = "200"\n'
    wanted = ['"b0rk"', '"nets/x*.yaml"', '["../out.yaml", "nets/one.yaml"]', '"nowhere:x"']
    (folder / "pyproject.toml").write_text("".join(map(entry.format, wanted)))
    (folder.parent / "out.yaml").write_text("password: 12345\n")
    done = cnnprof("check", "--json", cwd=folder)
    rows = json.loads(done.out)["budgets"]
    assert {row["model"]: row["status"] for row in rows} == {
        "one": "ok",
        "b0rk": "unknown",
        "nets/x*.yaml": "unknown",
        "../out.yaml": "unknown",
        "nowhere:x": "unknown",
    }
    errors = [json.loads(line)["error"] for line in done.err.splitlines()]
    assert [error["place"]["line"] for error in errors] == [2, 5, 8, 11]
    assert (done.code, "12345" in done.out + done.err) == (3, False)
