"""Gates as CI has them: test results, code scanning, annotations, and files as they were at another revision."""

import json
import re
import subprocess
from xml.etree import ElementTree

import pytest
from shell import cnnprof

from cnnprof.errors import Place
from cnnprof.timing.measurements import Measurement
from cnnprof.timing.ratios import Ratio
from cnnprof.views.benchmark import show_measurements

NET = "input: 3x8x8\nlayers:\n  - conv 3x3 {}\n"


CODE = "from torch import nn\nfrom width import WIDTH\ndef make(): return nn.Conv2d(3, WIDTH, 1)\n"
GIT = ("git", "-c", "user.email=a@example.com", "-c", "user.name=a")


@pytest.fixture
def repository(tmp_path):
    """A repository whose file has 4 filters, and 8 since."""

    def git(*words):
        subprocess.run(
            ["git", "-c", "user.email=a@example.com", "-c", "user.name=a", *words],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )

    git("init", "-q", "-b", "main")
    (tmp_path / "net.yaml").write_text(NET.format(4))
    git("add", ".")
    git("commit", "-q", "-m", "four")
    (tmp_path / "net.yaml").write_text(NET.format(8))
    return tmp_path


def test_a_file_and_what_it_was(repository):
    done = cnnprof("diff", "net.yaml", "--against-rev", "main", "--exit-code", "--json", cwd=repository)
    assert done.code == 1
    difference = json.loads(done.out)
    assert difference["difference"]["params"] == 4 * (27 + 1)
    assert difference["before"]["model"]["name"] == "net.yaml at main"
    assert difference["after"]["model"]["name"] == "net.yaml"
    (repository / "net.yaml").write_text(NET.format(4))
    assert cnnprof("diff", "net.yaml", "--against-rev", "main", "--exit-code", cwd=repository).code == 0


@pytest.mark.torch
def test_own_code_at_another_revision_has_its_own_imports(repository):
    (repository / "net.py").write_text(
        "from torch import nn\nfrom width import WIDTH\ndef make(): return nn.Conv2d(3, WIDTH, 1)\n"
    )
    (repository / "width.py").write_text("WIDTH = 2\n")
    subprocess.run([*GIT, "add", "."], cwd=repository, check=True)
    subprocess.run([*GIT, "commit", "-q", "-m", "code"], cwd=repository, check=True)
    (repository / "width.py").write_text("WIDTH = 5\n")
    done = cnnprof("diff", "net.py:make", "--against-rev", "HEAD", "--input", "3x8x8", "--json", cwd=repository)
    assert done.code == 0, done.err
    assert json.loads(done.out)["difference"]["params"] == 3 * (3 + 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("net.yaml", "--against-rev", "gone"), "git knows no 'gone'"),
        (("net.yaml", "--against-rev", "--output=x"), "is no revision"),
        (("lenet5", "--against-rev", "main"), "'lenet5' is none"),
        (("new.yaml", "--against-rev", "main"), "new.yaml is not in revision 'main'"),
        (("net.yaml",), "give 'after' or --against-rev"),
        (("net.yaml", "lenet5", "--against-rev", "main"), "give 'after' or --against-rev"),
    ],
)
def test_what_no_revision_has(repository, arguments, message):
    (repository / "new.yaml").write_text(NET.format(1))
    done = cnnprof("diff", *arguments, cwd=repository)
    assert done.code == 2
    assert message in done.err


@pytest.mark.parametrize("text", [NET.replace("conv", "konv"), "input: 3x8x8\nvariants: {a: {}, b: {}}\nlayers: [relu]\n"])
def test_a_mistake_of_a_revision_is_said_of_it(repository, text):
    (repository / "net.yaml").write_text(text)
    subprocess.run([*GIT, "commit", "-qam", "broken"], cwd=repository, check=True)
    (repository / "net.yaml").write_text(NET.format(2))
    done = cnnprof("diff", "net.yaml", "--against-rev", "HEAD", cwd=repository)
    assert (done.code, "HEAD:net.yaml" in done.err) == (3, True)
    assert "cnnprof-" not in done.err


def test_a_folder_without_git(tmp_path):
    (tmp_path / "net.yaml").write_text(NET.format(1))
    done = cnnprof("diff", "net.yaml", "--against-rev", "main", cwd=tmp_path)
    assert (done.code, "git knows no" in done.err) == (2, True)


LIMITS = ("--max-params", "200", "--max-macs", "1M", "--max-peak", "1MB")


def test_budgets_as_junit(repository):
    done = cnnprof("check", "net.yaml", *LIMITS, "--format", "junit", cwd=repository)
    assert done.code == 1
    root = ElementTree.fromstring(done.out)
    assert (root.get("tests"), root.get("failures")) == ("3", "1")
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert [*cases] == ["net: max-params", "net: max-macs", "net: max-peak"]
    assert "params is 224" in cases["net: max-params"].find("failure").get("message")
    assert cases["net: max-macs"].find("failure") is None


def test_a_network_that_cannot_be_read_is_no_test_that_passed(repository):
    (repository / "zero.yaml").write_text("input: 3x8x8\nlayers: [konv 3x3 4]\n")
    done = cnnprof("check", "net.yaml", "zero.yaml", "--max-params", "1M", "--format", "junit", cwd=repository)
    assert done.code == 3
    (suite,) = ElementTree.fromstring(done.out)
    assert [suite.get(key) for key in ("tests", "failures", "skipped")] == ["2", "0", "1"]
    (skipped,) = suite.iter("skipped")
    assert "unknown layer or block 'konv'" in skipped.get("message")


def test_budgets_as_sarif_at_their_lines(repository):
    text = '[tool.cnnprof]\n[[tool.cnnprof.budget]]\nmodel = "net.yaml"\nmax-params = "200"\nmax-macs = "1M"\n'
    (repository / "pyproject.toml").write_text(text)
    done = cnnprof("check", "-o", "found.sarif", "-o", "found.xml", cwd=repository)
    assert done.code == 1
    (run,) = json.loads((repository / "found.sarif").read_text())["runs"]
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("cnnprof/check", "error")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "pyproject.toml"
    assert place["region"]["startLine"] == 4
    assert ElementTree.fromstring((repository / "found.xml").read_text()).get("failures") == "1"


def test_gates_annotate_on_github_whatever_the_format(repository):
    github = {"GITHUB_ACTIONS": "true"}
    diff = cnnprof("diff", "net.yaml", "--against-rev", "main", "--exit-code", "--json", cwd=repository, **github)
    assert json.loads(diff.out)
    assert diff.err.startswith("::error file=net.yaml,line=3,title=net.yaml at main -> net.yaml::")
    check = cnnprof("check", "net.yaml", *LIMITS, cwd=repository, **github)
    assert [
        line for line in check.err.splitlines() if line.startswith("::error file=net.yaml,line=1,title=net%3A max-params::")
    ]
    assert "::" not in cnnprof("check", "net.yaml", "--max-params", "1M", cwd=repository, **github).err


TWO = """input: 3x8x8
layers:
  - conv 3x3 4
  - relu
  - conv 1x1 {}
"""


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (TWO.format(4), TWO.format(5), 5),  # the second convolution
        (TWO.format(4) + "  - fc 3\n", TWO.format(4), 1),  # what is gone stands in no line
        (TWO.format(4), TWO.format(4) + "  - gap\n", 6),
    ],
)
def test_a_difference_is_shown_at_its_line(tmp_path, before, after, line):
    for name, text in (("a.yaml", before), ("b.yaml", after)):
        (tmp_path / name).write_text(text)
    for _ in range(2):  # the second time the network is one that was kept
        done = cnnprof("diff", "a.yaml", "b.yaml", "--format", "github", cwd=tmp_path)
        assert f"::error file=b.yaml,line={line},title=a -> b::" in done.out
    beside = cnnprof("diff", "lenet5", "b.yaml", "--format", "github", cwd=tmp_path).out
    assert re.search(r"^::error file=b\.yaml,line=\d,", beside, re.MULTILINE)
    assert "::error title=lenet5 -> alexnet::" in cnnprof("diff", "lenet5", "alexnet", "--format", "github", cwd=tmp_path).out


def test_files_are_named_from_the_root_of_the_repository(repository):
    inside = repository / "models"
    inside.mkdir()
    (inside / "own.yaml").write_text(NET.format(8))
    ci = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(repository)}
    check = cnnprof("check", "own.yaml", "--max-params", "1", "-o", "c.sarif", "-o", "c.xml", cwd=inside, **ci)
    assert "::error file=models/own.yaml,line=1," in check.err
    (result,) = json.loads((inside / "c.sarif").read_text())["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "models/own.yaml"
    assert next(ElementTree.fromstring((inside / "c.xml").read_text()).iter("testcase")).get("file") == "models/own.yaml"
    (inside / "own.yaml").write_text("input: 3x8x8\nlayers: [konv 3x3 4]\n")
    assert "::error file=models/own.yaml,line=2,title=cnnprof::" in cnnprof("summary", "own.yaml", cwd=inside, **ci).err
    gitlab = cnnprof(
        "check", "../net.yaml", "--max-params", "1", "--format", "junit", cwd=inside, CI_PROJECT_DIR=str(repository)
    )
    assert gitlab.code == 1


def test_what_is_in_no_file_is_an_error_without_one():
    done = cnnprof("list", "--where", "params <", GITHUB_ACTIONS="true")
    assert done.err.splitlines()[-1].startswith("::error title=cnnprof::")


FIGURE = "input: 3x8x8\npublished: {params: 500}\nlayers: [conv 3x3 4]\n"


def test_a_figure_that_does_not_hold_and_a_spec_that_is_broken_have_their_files(tmp_path):
    (tmp_path / "nets").mkdir()
    (tmp_path / "pyproject.toml").write_text('[tool.cnnprof]\npaths = ["nets"]\n')
    (tmp_path / "nets" / "own.yaml").write_text(FIGURE)
    named = cnnprof("verify", "own", "--no-torch", cwd=tmp_path, GITHUB_ACTIONS="true")
    assert (named.code, named.err.startswith("::error file=nets/own.yaml,line=1,title=own%3A published%2C params::")) == (
        1,
        True,
    )
    (tmp_path / "nets" / "broken.yaml").write_text("input: 3x8x8\nlayers:\n  - konv 3x3 4\n")
    every = cnnprof("verify", "--no-torch", "--format", "junit", cwd=tmp_path, GITHUB_ACTIONS="true")
    assert every.code == 3
    failures = {case.get("file"): case for case in ElementTree.fromstring(every.out).iter("testcase") if len(case)}
    assert "konv" in failures["nets/broken.yaml"].find("failure").get("message")
    assert every.err.count("::error file=nets/broken.yaml,line=3,title=cnnprof::") == 1


def test_verify_as_junit():
    done = cnnprof("verify", "lenet5", "resnet18", "--no-torch", "--format", "junit")
    root = ElementTree.fromstring(done.out)
    assert (done.code, root.get("failures")) == (0, "0")
    assert int(root.get("tests")) >= 1
    assert all(case.get("classname") == "cnnprof.verify" for case in root.iter("testcase"))


@pytest.mark.parametrize(("fail_on", "levels"), [((), ["warn", "ok"]), (("slower", "undecided"), ["error", "error"])])
def test_verdicts_of_a_benchmark(fail_on, levels):
    timed = Measurement("a", "cpu", "fp32", 1, "infer", ((0.01,), (0.01,)), (0, 1))
    since = [Ratio("a now", "before", 1.5, (1.4, 1.6), "slower"), Ratio("b now", "before", 1.1, (0.9, 1.3), "undecided")]
    places = {"a": Place("a.yaml", 1, 1), "b": None}
    report = show_measurements([timed], since=since, fail_on=fail_on, places=places)
    assert [annotation.level for annotation in report.annotations] == levels
    assert [annotation.place for annotation in report.annotations] == [*places.values()]


def test_a_network_that_cannot_be_timed_fails_its_gate():
    rows = [
        Measurement("a", "cpu", "fp32", 1, "infer", ((0.01,), (0.01,)), (0, 1)),
        Measurement("b", "cpu", "fp32", 1, "infer", (), (), status="failed", error="out of memory"),
    ]
    (annotation,) = show_measurements(rows, leading=True, places={"b": Place("b.yaml", 1, 1)}).annotations
    assert (annotation.level, annotation.title, annotation.message) == ("error", "b: failed", "out of memory")
    assert annotation.place == Place("b.yaml", 1, 1)


def test_a_verdict_that_there_is_not():
    done = cnnprof("bench", "lenet5", "--against", "x.json", "--fail-on", "slower,slow")
    assert done.code == 2
    assert "there is no verdict 'slow'" in done.err
    assert "'slower'" in done.err


def test_a_format_of_gates_is_none_of_other_commands():
    done = cnnprof("summary", "lenet5", "--format", "junit")
    assert (done.code, "there is no format 'junit'" in done.err) == (2, True)
