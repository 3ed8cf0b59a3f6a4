"""`cnnprof check` as a gate in a script: exit codes, pyproject.toml, annotations, and mistakes at their line."""

import json
import subprocess
import sys

import pytest
from shell import cnnprof

PROJECT = """\
[project]
name = "app"

[[tool.cnnprof.budget]]
model = "mobilenet_v1_0[25][05]"  # a glob
max-params = "3M"
max-peak = "16MB"

[[tool.cnnprof.budget]]
model = ["resnet18", "nets/own.yaml"]
max-macs = "1.5G"
level = "warn"
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "own.yaml").write_text("input: 3x8x8\nlayers: [conv 3x3 4 | gap | fc 10]\n")
    return tmp_path


def verdicts(done):
    return [(entry["model"], entry["budget"], entry["status"]) for entry in json.loads(done.out)["budgets"]]


def test_budgets_that_hold():
    done = cnnprof("check", "mobilenet_v2", "--max-params", "5M", "--max-macs", "600M", "--max-peak", "64MB")
    assert done.code == 0
    assert done.out.startswith("all 3 budgets hold\n")


def test_a_budget_that_fails_says_by_how_much_and_where():
    done = cnnprof("check", "vgg16", "--max-params", "5M", "--max-macs", "600G", COLUMNS="160")
    assert done.code == 1
    assert done.out.startswith("1 of 2 budgets do not hold\n")
    # 138,357,544 - 5,000,000; fc1 has 4096 (25088 + 1) = 102,764,544 of them.
    assert "133.4 M" in done.out
    assert "fc1 (74%), " in done.out


def test_json():
    data = json.loads(cnnprof("check", "vgg16", "--max-params", "5M", "--json").out)
    (entry,) = data["budgets"]
    assert (data["command"], data["passed"]) == ("check", False)
    assert (entry["figure"], entry["limit"], entry["value"], entry["excess"]) == ("params", 5_000_000, 138_357_544, 133_357_544)
    assert entry["look_at"][0]["name"].endswith("fc1")
    assert (entry["look_at"][0]["value"], entry["look_at"][0]["share"]) == (102_764_544, 102_764_544 / 138_357_544)


def test_the_project_names_networks_and_levels(project):
    done = cnnprof("check", "--json", cwd=project)
    assert done.code == 0  # the only failure is a warning
    assert verdicts(done) == [
        ("mobilenet_v1_050", "max-params", "ok"),
        ("mobilenet_v1_050", "max-peak", "ok"),
        ("mobilenet_v1_025", "max-params", "ok"),
        ("mobilenet_v1_025", "max-peak", "ok"),
        ("resnet18", "max-macs", "warn"),
        ("own", "max-macs", "ok"),
    ]


def test_files_are_relative_to_the_project(project):
    done = cnnprof("check", "--json", cwd=project / "nets")
    assert verdicts(done)[-1] == ("own", "max-macs", "ok")
    assert verdicts(cnnprof("check", "../nets/own.yaml", "--max-params", "9K", "--json", cwd=project / "nets"))[0][2] == "ok"


def test_options_add_to_the_project(project):
    done = cnnprof("check", "resnet18", "--max-params", "1M", "--json", cwd=project)
    assert done.code == 1
    assert verdicts(done) == [("resnet18", "max-params", "error"), ("resnet18", "max-macs", "warn")]


def test_annotations_for_github(project):
    done = cnnprof("check", "--format", "github", cwd=project)
    (line,) = [line for line in done.out.splitlines() if line.startswith("::")]
    assert line.startswith(
        "::warning file=pyproject.toml,line=11,title=resnet18%3A max-macs::macs is 1,814,073,344, 20.9%25 over"
    )
    done = cnnprof("check", "vgg16", "--max-params", "5M", "--format", "github")
    assert "\n::error title=vgg16%3A max-params::params is 138,357,544" in done.out


def test_in_a_script(project):
    script = f"set -e; {sys.executable} -m cnnprof check vgg16 --max-params 5M -o report.json 2>/dev/null; echo deployed"
    gate = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=project, check=False)
    assert gate.returncode == 1
    assert gate.stdout == ""
    assert json.loads((project / "report.json").read_text())["passed"] is False


@pytest.mark.torch
@pytest.mark.usefixtures("brisk")
def test_latency_is_measured(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[[tool.cnnprof.budget]]\nmodel = "lenet5"\nmax-latency = "100s"\n')
    done = cnnprof("check", "lenet5", "--max-latency", "1us", "--max-params", "62K", "--json", cwd=tmp_path)
    assert done.code == 1
    assert verdicts(done) == [
        ("lenet5", "max-params", "ok"),
        ("lenet5", "max-latency", "error"),  # the limit that is given, in the place of the project's
    ]
    data = json.loads(done.out)
    assert data["budgets"][1]["value"] == data["measurements"][0]["latency_ms"]["median"]


@pytest.mark.torch
def test_a_device_that_is_not_there_is_no_pass():
    done = cnnprof("check", "lenet5", "--max-latency", "8ms", "--device", "cuda:99")
    assert done.code == 4
    assert done.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["vgg16", "--max-peak", "64"], "max-peak: '64' has no unit\n  = hint: write 64MB"),
        (["vgg16", "--max-params", "5MB"], "max-params: unknown unit 'MB'"),
        (["vgg16"], "no budget is given"),
        (["--max-params", "5M"], "no network is named"),
        (["--max-parms", "5M"], "--max-params"),
    ],
)
def test_wrong_options(arguments, message, tmp_path):
    done = cnnprof("check", *arguments, cwd=tmp_path, COLUMNS="200")
    assert done.code == 2
    assert message in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("max-params", "max-parms", "unknown key 'max-parms' in a budget\n --> pyproject.toml:6:1\n"),
        ("max-params", "max-parms", "did you mean 'max-params'"),
        ('"3M"', '"3X"', "unknown unit 'X'\n --> pyproject.toml:6:15\n"),
        ('"16MB"', "16", "'16' has no unit\n --> pyproject.toml:7:12\n"),
        ('"warn"', '"wran"', "unknown level 'wran' of a budget\n --> pyproject.toml:12:10\n"),
        ("resnet18", "resnet81", "unknown network 'resnet81'\n --> pyproject.toml:10:1\n"),
        ("mobilenet_v1", "mobelnet_v1", "no network's name matches 'mobelnet_v1_0[25][05]'\n --> pyproject.toml:5:1\n"),
        ("own.yaml", "none.yaml", "no such file: nets/none.yaml\n --> pyproject.toml:10:1\n"),
        ('max-macs = "1.5G"', "", "a budget without a limit\n --> pyproject.toml:9:1\n"),
        ('["resnet18", "nets/own.yaml"]', "5", "is a name, a glob or a list of them\n --> pyproject.toml:10:1\n"),
        ('"3M"', "3M", "is not valid TOML"),
        ("tool.cnnprof.budget", "tool.cnnprof.budgets", "unknown key 'budgets' in [tool.cnnprof]"),
        ("[[tool.cnnprof.budget]]\nmodel = [", "[tool.other]\nx = [", ""),
    ],
)
def test_mistakes_in_the_project(project, before, after, message):
    (project / "pyproject.toml").write_text(PROJECT.replace(before, after))
    done = cnnprof("check", cwd=project)
    assert done.code == (3 if message else 0)
    assert message in done.err


def test_a_network_that_no_budget_covers(project):
    done = cnnprof("check", "vgg16", cwd=project)
    assert done.code == 2
    assert "no budget covers 'vgg16'" in done.err


def test_a_budget_for_no_network_has_its_place(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[[tool.cnnprof.budget]]\nmax-params = '1M'\n")
    done = cnnprof("check", cwd=tmp_path)
    assert done.code == 3
    assert "no network is named\n --> pyproject.toml:1:" in done.err
    assert cnnprof("check", "lenet5", cwd=tmp_path).code == 0


def test_a_network_that_fails_is_a_row_and_the_others_go_on():
    done = cnnprof("check", "lenet5", "lenet6", "--max-params", "1M", "--json")
    assert done.code == 3
    budgets = json.loads(done.out)["budgets"]
    assert [(each["model"], each["status"]) for each in budgets] == [("lenet5", "ok"), ("lenet6", "unknown")]
    assert budgets[1]["reason"] == "unknown network 'lenet6'"
    assert "unknown network 'lenet6'" in done.err
    assert cnnprof("check", "lenet5", "lenet6", "--max-params", "1K").code == 1, "a budget that is exceeded comes first"


DEPLOYED = """[[tool.cnnprof.budget]]
model = "mobilenet_v2"
max-params = "5M"
min-top1 = 71.5

[[tool.cnnprof.budget]]
model = "mobilenet_v2"
input = "3x96x96"
batch = 8
dtype = "int8"
max-weights = "3MiB"
max-peak = "12MB"

[[tool.cnnprof.budget]]
model = "mobilenet_v2"
settings = { width = 0.5 }
threads = 2
max-macs = "90M"
max-training-peak = "60MB"
min-top1 = "80%"
"""


@pytest.fixture
def deployed(tmp_path):
    (tmp_path / "pyproject.toml").write_text(DEPLOYED)
    return tmp_path


def verdicts_in(folder, *more):
    data = json.loads(cnnprof("check", *more, "--json", cwd=folder).out)
    return {(each["model"].removeprefix("mobilenet_v2").strip(), each["budget"]): each for each in data["budgets"]}


def test_budgets_are_for_deployments(deployed):
    found = verdicts_in(deployed)
    half, small = "(width=0.5, 2 threads)", "(3x96x96, batch 8, int8)"
    assert {key: each["status"] for key, each in found.items()} == {
        ("", "max-params"): "ok",
        ("", "min-top1"): "ok",
        (small, "max-weights"): "error",
        (small, "max-peak"): "ok",
        (half, "max-macs"): "error",
        (half, "max-training-peak"): "ok",
        (half, "min-top1"): "error",
    }
    compared = ("compare", "mobilenet_v2@input=96", "--batch", "8", "--dtype", "int8", "--json")
    (row,) = json.loads(cnnprof(*compared).out)["models"]
    assert found[small, "max-weights"]["value"] == row["totals"]["param_bytes"]
    assert found[small, "max-peak"]["value"] == row["totals"]["peak_inference_bytes"]
    memory = json.loads(cnnprof("memory", "mobilenet_v2@width=0.5", "--threads", "2", "--isa", "avx2", "--json").out)
    assert found[half, "max-training-peak"]["value"] == memory["memory"]["training"]["peak_bytes"]
    assert found[half, "max-macs"]["value"] == memory["totals"]["macs"]
    # The variant of half the width has 65.4%, stated where its weights come from.
    assert (found[half, "min-top1"]["value"], found[half, "min-top1"]["excess"]) == (65.4, pytest.approx(14.6))
    assert found[small, "max-weights"]["deployment"] == {"input": "3x96x96", "batch": 8, "dtype": "int8"}


def test_a_deployment_that_cannot_be_built_is_a_row(tmp_path):
    (tmp_path / "net.yaml").write_text("input: 3x32x32\nlayers: [conv 5x5 8 p0, conv 5x5 8 p0, gap, fc 10]\n")
    text = '[[tool.cnnprof.budget]]\nmodel = "net.yaml"\ninput = "3x6x6"\nmax-params = "5M"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    done = cnnprof("check", "--json", cwd=tmp_path)
    (row,) = json.loads(done.out)["budgets"]
    assert (done.code, row["model"], row["status"]) == (3, "net (3x6x6)", "unknown")
    assert "its window of 5 does not fit" in row["reason"]


def test_an_accuracy_is_at_least_its_limit(deployed):
    done = cnnprof("check", "resnet18", "lenet5", "--min-top1", "69.8", "--json", cwd=deployed)
    found = {each["model"]: each for each in json.loads(done.out)["budgets"]}
    assert (found["resnet18"]["status"], found["lenet5"]["status"]) == ("error", "unknown")
    assert found["lenet5"]["reason"] == "no accuracy of it is stated"
    assert cnnprof("check", "resnet18", "--min-top1", "69.758", cwd=deployed).code == 0
    assert "under the limit of 69.8" in cnnprof("check", "resnet18", "--min-top1", "69.8", "--format", "github").out


def test_own_accuracies_are_held_to_budgets(deployed):
    (deployed / "pyproject.toml").write_text('[tool.cnnprof]\naccuracy = "ours.csv"\n')
    (deployed / "ours.csv").write_text("model,top1\nlenet5,98.7\n")
    assert cnnprof("check", "lenet5", "--min-top1", "98.5", cwd=deployed).code == 0
    assert cnnprof("check", "lenet5", "--min-top1", "98.9", cwd=deployed).code == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('input = "3x"', "input of a budget: '3x' is not an input size\n --> pyproject.toml:3:1\n"),
        ("input = true", "'True' is not an input size"),
        ("batch = 0", "batch of a budget: '0' is not a number from 1 to"),
        ('batch = "4"', "batch of a budget: '4' is not a number"),
        ('dtype = "int9"', "did you mean 'int8'"),
        ('device = "tpu"', "device of a budget: 'tpu' is not a device"),
        ("threads = 1.5", "threads of a budget: '1.5' is not a number"),
        ("settings = 3", "settings of a budget: '3' are no settings"),
        ("settings = { width = { a = 1 } }", "are no settings"),
        ('dtype = "int8"\nmax-latency = "3ms"', "max-latency is not known in int8\n --> pyproject.toml:4:1\n"),
        ("inputs = 3", "did you mean 'input'"),
        ("min-top1 = 101", "min-top1: '101' is not a limit"),
        ("settings = { widht = 1 }", "did you mean 'width'"),
    ],
)
def test_mistakes_in_a_deployment(line, message, tmp_path):
    text = f'[[tool.cnnprof.budget]]\nmodel = "mobilenet_v2"\n{line}\nmax-params = "5M"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    done = cnnprof("check", cwd=tmp_path)
    assert done.code == 3
    assert message in done.err


def test_a_limit_of_the_command_line_has_the_place_of_the_network(tmp_path):
    (tmp_path / "net.yaml").write_text("input: 3x8x8\nlayers:\n  - conv 3x3 4\n")
    done = cnnprof("check", "net.yaml", "lenet5", "--max-params", "10", "--format", "sarif", cwd=tmp_path)
    ours, bundled = json.loads(done.out)["runs"][0]["results"]
    assert ours["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "net.yaml"}
    assert bundled["locations"][0]["logicalLocations"][0]["name"] == "lenet5: max-params"
    assert (
        "::error file=net.yaml,line=1,"
        in cnnprof("check", "net.yaml", "--max-params", "10", "--format", "github", cwd=tmp_path).out
    )
