"""Which rows and columns `compare` shows, whose accuracies, and who dominates whom."""

import csv
import io
import json

import pytest
from shell import cnnprof

import cnnprof as package
from cnnprof.accuracies import accuracy_from, read_accuracies, recipe_of, timm_checkpoints, torchvision_weights
from cnnprof.errors import UsageError

FAMILY = "mobilenet_v1@width=0.25,0.5,0.75,1.0"


def rows(*arguments, **environment):
    done = cnnprof("compare", *arguments, "--format", "csv", **environment)
    assert done.code == 0, done.err
    return list(csv.DictReader(io.StringIO(done.out)))


def names(*arguments):
    return [row["model"] for row in rows(*arguments)]


def test_a_list_of_settings_is_a_row_each():
    found = rows(FAMILY)
    assert [row["model"] for row in found] == [f"mobilenet_v1@width={width}" for width in ("0.25", "0.5", "0.75", "1.0")]
    # The paper's own variants have these settings, and so their accuracies: Tables 6 and 7 of MobileNets.
    assert [row["top1"] for row in found] == ["50.6", "63.7", "68.4", "70.6"]


def test_a_range_of_inputs_is_a_row_each():
    found = rows("resnet18@input=160:224:32", "lenet5@input=1x32x32")
    assert [row["input"] for row in found] == ["1x3x160x160", "1x3x192x192", "1x3x224x224", "1x1x32x32"]
    assert [bool(row["top1"]) for row in found] == [False, False, True, False]


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("params < 2M", ["0.25", "0.5"]),
        ("top1 >= 65 and macs < 0.4G", ["0.75"]),
        ("not top1 >= 65", ["0.25", "0.5"]),
        ("peak < 20MB and known(top1)", ["0.25", "0.5", "0.75"]),
        ("model == 'mobilenet_v1@width=1.0'", ["1.0"]),
    ],
)
def test_conditions_pick_rows(condition, kept):
    found = rows(FAMILY, "--where", condition)
    assert [row["model"].rpartition("=")[2] for row in found] == kept


def test_columns_pick_and_order_in_every_format():
    asked = ("compare", "lenet5", "--columns", "macs,model,peak")
    wanted = ["macs", "model", "peak_inference_bytes"]
    assert cnnprof(*asked, "--format", "csv").out.splitlines()[0].split(",") == wanted
    assert [*json.loads(cnnprof(*asked, "--json").out)["rows"][0]] == wanted
    assert "| MACs (K) | model | inference MB |" in cnnprof(*asked, "--format", "markdown").out
    assert "416,520" in cnnprof("compare", "lenet5", "--columns", "model,macs", "--exact").out


def test_every_column_sorts():
    by_name = names(FAMILY, "resnet18", "lenet5", "--sort", "model")
    assert by_name == sorted(by_name)
    assert names(FAMILY, "lenet5", "--sort", "top1")[0].endswith("1.0")
    assert names(FAMILY, "lenet5", "--sort", "top1")[-1] == "lenet5", "what is not known comes last"
    assert names("resnet18", "lenet5", "--sort", "peak") == ["lenet5", "resnet18"]


def test_who_dominates_whom():
    data = json.loads(cnnprof("compare", "vgg11", "resnet18", "lenet5", "--json").out)
    # VGG-11: 69.02 with 132.9 M parameters; ResNet-18: 69.76 with 11.7 M.
    assert [model["pareto"] for model in data["models"]] == [False, True, None]
    assert data["models"][0]["dominated_by"] == "resnet18"
    assert names("vgg11", "resnet18", "lenet5", "--pareto-only") == ["resnet18"]
    assert names("vgg11", "resnet18", "lenet5", "--pareto", "params,macs", "--pareto-only") == ["lenet5"]


def test_what_fails_is_a_row_with_its_reason():
    done = cnnprof("compare", "resnet18", "resnt18", "--json")
    assert done.code == 3
    models = json.loads(done.out)["models"]
    assert [model["model"]["name"] for model in models] == ["resnet18", "resnt18"]
    assert models[1]["error"] == "unknown network 'resnt18'"
    assert cnnprof("compare", "resnt18", "resnt19").out == ""


def test_one_source_of_accuracies_for_all():
    found = rows("resnet50", "mobilenet_v2", "resnet18", "--accuracy-from", "torchvision-v2")
    # torchvision's metadata: 80.858 and 72.154; ResNet-18 has no second recipe.
    assert [row["top1"] for row in found] == ["80.858", "72.154", ""]
    assert {row["recipe"] for row in found if "recipe" in row} <= {"torchvision-v2"}
    paper = rows("resnet50", "mobilenet_v2", "--accuracy-from", "paper")
    assert [row["top1"] for row in paper] == ["", "72.0"]
    timm = rows("resnet50", "--accuracy-from", "timm")
    assert timm[0]["top1"] == str(timm_checkpoints()["resnet50"].accuracy.top1)
    assert rows("resnet50@classes=10", "--accuracy-from", "timm")[0]["model"]
    assert "top1" not in rows("resnet50@classes=10", "--accuracy-from", "timm")[0]


def test_accuracies_of_other_recipes_are_marked():
    out = cnnprof("compare", "resnet50", "mobilenet_v2", COLUMNS="200").out
    assert "[1] torchvision IMAGENET1K_V1, 1 crop, ImageNet-1K; [2] Table 4 of the MobileNet v2 paper" in out
    assert "[2]≠" in out
    assert "[1]≠" not in out
    assert "≠: trained by another recipe than torchvision-v1" in out


def test_own_accuracies(tmp_path):
    file = tmp_path / "results.csv"
    file.write_text("model,top1,top5,source\nlenet5,99.1,,my run\nresnet18,70.0,89.5,\n")
    found = rows("lenet5", "resnet18", "vgg16", "--accuracy", file)
    assert [row["top1"] for row in found] == ["99.1", "70.0", "71.592"]
    assert found[0]["accuracy_source"] == "results.csv: my run, ImageNet-1K"
    alone = rows("lenet5", "resnet18", "vgg16", "--accuracy-from", file)
    assert [row["top1"] for row in alone[:2]] == ["99.1", "70.0"]
    assert alone[2]["top1"] == ""
    (tmp_path / "pyproject.toml").write_text('[tool.cnnprof]\naccuracy = "results.csv"\n')
    done = cnnprof("compare", "lenet5", "vgg16", "--format", "csv", cwd=tmp_path)
    assert next(csv.DictReader(io.StringIO(done.out)))["top1"] == "99.1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model,top1\nlenet6,99\n", "there is no network 'lenet6' in this table\n --> {}:2:1"),
        ("model,top1\nlenet5,101\n", "top1 is in percent, from 0 to 100, and not '101'\n --> {}:2:8"),
        ("model,top1\nlenet5,high\n", "top1 is in percent"),
        ("model,top1\nlenet5,9\nlenet5,8\n", "'lenet5' stands twice\n --> {}:3:1"),
        ("name,top1\nlenet5,9\n", "there is no column 'name'"),
        ("top1\n9\n", "is no file of accuracies"),
        ("", "is no file of accuracies"),
        ("model,top1\nlenet5\n", "this line has not 2 cells"),
        ("model,top1,input\nlenet5,9,big\n", "'big' is not an input size"),
    ],
)
def test_files_that_are_none(tmp_path, text, message):
    file = tmp_path / "results.csv"
    file.write_text(text)
    done = cnnprof("compare", "lenet5", "--accuracy", file)
    assert (done.code, done.out) == (2, "")
    assert message.format(file) in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--where", "params <"], "is no condition"),
        (["--where", "prams < 5M"], "did you mean 'params'"),
        (["--where", "family < 3"], "text is compared with text"),
        (["--where", "latency < 5ms"], "--where: no row has 'latency'\n  = hint: add --bench"),
        (["--sort", "size"], "--sort: there is no column 'size'"),
        (["--sort", "latency_ms"], "--sort latency_ms orders by what is measured"),
        (["--columns", "model,prams"], "did you mean 'params'"),
        (["--columns", "model,latency"], "--columns: no row has 'latency_ms'\n  = hint: add --bench"),
        (["--columns", "params,predicted_ms"], "--columns: no row has 'predicted_ms'\n  = hint: add --predict"),
        (["--columns", ""], "--columns is a list of columns"),
        (["--pareto", "top1"], "--pareto takes two axes or more"),
        (["--pareto", "top1,size"], "--pareto: there is no column 'size'"),
        (["--pareto", "params,latency"], "no row has 'latency_ms'\n  = hint: add --bench"),
        (["--pareto", "params,model"], "'model' is no figure"),
        (["--accuracy-from", "torchvison-v1"], "did you mean 'torchvision-v1'"),
        (["--accuracy", "nowhere.csv"], "cannot read nowhere.csv"),
    ],
)
def test_wrong_choices(arguments, message):
    done = cnnprof("compare", "lenet5", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("mobilenet_v1@width=0.0001:1:0.0001", "these settings stand for 10,000 networks, and a table takes 1,000"),
        ("mobilenet_v1@width=1:0.5:0.1", "'1:0.5:0.1' has no values"),
        ("mobilenet_v1@width=1,width=2", "the setting 'width' stands twice"),
        ("mobilenet_v1@input=big", "'big' is not an input size"),
    ],
)
def test_wrong_lists_of_settings(reference, message):
    done = cnnprof("compare", reference)
    assert (done.code, done.out) == (3, "")
    assert message in done.err


def test_one_network_is_not_several():
    done = cnnprof("summary", "mobilenet_v1@width=0.5,1.0")
    assert done.code == 3
    assert "stands for 2 networks" in done.err


def test_tables_of_others_are_whole():
    assert len({name for name in timm_checkpoints() if "." in name}) == 1266
    assert timm_checkpoints()["resnet50"].name == "resnet50.a1_in1k"
    weights = torchvision_weights()
    assert (len(weights), sum(map(len, weights.values()))) == (80, 114)
    assert {recipe_of(each.accuracy) for each in weights["resnet50"]} == {"torchvision-v1", "torchvision-v2"}
    for each in (*timm_checkpoints().values(), *(weight for some in weights.values() for weight in some)):
        assert 0 < each.accuracy.top1 < each.accuracy.top5 <= 100
        assert len(each.accuracy.input) == 3


def test_a_namesake_of_another_size_has_no_accuracy():
    params = 25_557_032
    assert accuracy_from("torchvision-v2", "resnet50", params, None).top1 == 80.858
    assert accuracy_from("torchvision-v2", "resnet50", params + 1, None) is None
    assert accuracy_from("timm", "resnet50.a1_in1k", params, None).top1 == accuracy_from("timm", "resnet50", params, None).top1
    assert accuracy_from("timm", "resnet50", params + 20_000, None) is None


def test_figures_that_were_kept_are_those_of_the_network(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNPROF_CACHE", str(tmp_path / "cache"))
    spec = tmp_path / "net.yaml"
    spec.write_text("input: 3x32x32\nlayers: [conv 3x3 8]\n")
    first = package.compare([str(spec)]).report().data["models"]
    assert package.compare([str(spec)]).report().data["models"] == first
    spec.write_text("input: 3x32x32\nlayers: [conv 3x3 16]\n")
    changed = package.compare([str(spec)]).report().data["models"]
    # 27 weights and a bias for each filter.
    assert [entry["totals"]["params"] for entry in (*first, *changed)] == [28 * 8, 28 * 16]
    for kept in (tmp_path / "cache" / "figures").iterdir():
        kept.write_text(kept.read_text().replace('"params":448', '"params":"many"'))
    assert package.compare([str(spec)]).report().data["models"] == changed


def test_a_broken_file_of_accuracies_is_one_message(tmp_path):
    with pytest.raises(UsageError, match="is no file of accuracies") as caught:
        read_accuracies(tmp_path / "results.txt")
    assert caught.value.hint == "its name ends with .csv"


@pytest.mark.parametrize(
    ("arguments", "headings"),
    [
        (["--pareto", "top1,peak"], ("Pareto", "top-1", "MB")),
        (["--pareto-only"], ("Pareto",)),
        (["--where", "year > 2014 and peak_training > 1MB"], ("year", "MB")),
        (["--sort", "activations"], ("act.",)),
    ],
)
def test_what_is_asked_by_is_shown_however_narrow(arguments, headings):
    out = cnnprof("compare", "resnet50", "mobilenet_v2", "squeezenet1_1", *arguments, COLUMNS="80").out
    table = out.partition("─")[0]
    assert all(heading in table for heading in headings)
    assert max(map(len, out.splitlines())) <= 80


def test_what_is_not_asked_for_dominates_nobody():
    whole = json.loads(cnnprof("compare", "vgg11", "resnet18", "--json").out)["models"]
    assert [model["dominated_by"] for model in whole] == ["resnet18", None]
    (alone,) = json.loads(cnnprof("compare", "vgg11", "resnet18", "--where", "params > 100M", "--json").out)["models"]
    assert (alone["model"]["name"], alone["pareto"], alone["dominated_by"]) == ("vgg11", True, None)
    assert names("vgg11", "resnet18", "--where", "pareto == 'yes'") == ["resnet18"]
    assert names("vgg11", "resnet18", "--where", "params > 100M", "--pareto-only") == ["vgg11"]
