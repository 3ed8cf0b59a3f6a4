"""Gates as CI has them: test results, code scanning, annotations, and files as they were at another revision."""

import json
import subprocess
from xml.etree import ElementTree

import pytest
from shell import cnnprof

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
    assert diff.err.startswith("::error title=net.yaml at main -> net.yaml::")
    check = cnnprof("check", "net.yaml", *LIMITS, cwd=repository, **github)
    assert [
        line for line in check.err.splitlines() if line.startswith("::error file=net.yaml,line=1,title=net%3A max-params::")
    ]
    assert "::" not in cnnprof("check", "net.yaml", "--max-params", "1M", cwd=repository, **github).err


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
    report = show_measurements([timed], since=since, fail_on=fail_on)
    assert [annotation.level for annotation in report.annotations] == levels


def test_a_verdict_that_there_is_not():
    done = cnnprof("bench", "lenet5", "--against", "x.json", "--fail-on", "slower,slow")
    assert done.code == 2
    assert "there is no verdict 'slow'" in done.err
    assert "'slower'" in done.err


def test_a_format_of_gates_is_none_of_other_commands():
    done = cnnprof("summary", "lenet5", "--format", "junit")
    assert (done.code, "there is no format 'junit'" in done.err) == (2, True)
