"""`cnnprof list`: families, filters and orders."""

import json
import re
from dataclasses import replace

import pytest
from shell import cnnprof
from spec_texts import build

from cnnprof.judging.catalogue import Listed, Selection
from cnnprof.network.analysis import analyze, params_and_macs
from cnnprof.report import Report, Table
from cnnprof.reports import Style, render
from cnnprof.sources import spec_names, specs
from cnnprof.views import columns as col
from cnnprof.views.catalogue import show_names

# 27 * 8 + 8 = 224 weights and 224 * 32 * 32 - 8 * 32 * 32 = 221,184 multiply-accumulates.
SMALL = "name: Small nets\nyear: 2020\ninput: 3x32x32\nlayers: [conv 3x3 8]"


def listed(text: str) -> Listed:
    return Listed.of("net", build(text))


def names(*arguments: str) -> list[str]:
    return [model["model"] for model in json.loads(cnnprof("list", *arguments, "--json").out)["models"]]


def test_catalogue_has_every_network_once():
    found = dict(specs.catalogue())
    assert {*found} <= {*spec_names()}
    assert "resnet" not in found, "the family's name stands for resnet50, which is there"
    assert [graph.name for graph in found.values()] == [*found]
    assert [*dict(specs.catalogue({"lenet5", "resnet50"}))] == ["lenet5", "resnet50"]
    assert [*dict(specs.catalogue({"resnet", "resnet18"}))] == ["resnet18", "resnet50"]


@pytest.mark.parametrize("name", ["lenet5_paper", "googlenet", "resnet50", "mobilenet_v2"])
def test_weighing_is_what_the_analysis_says(name):
    graph = specs.load(name)
    totals = analyze(graph).totals
    assert params_and_macs(graph) == (totals.params, totals.macs)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        (SMALL, ("cifar", "edge")),
        (SMALL.replace("3x32x32", "1x32x32"), ("mnist", "edge")),
        (SMALL.replace("3x32x32", "16x32x32"), ("edge",)),
        (SMALL.replace("3x32x32", "3x224x224"), ("imagenet", "edge")),
        (SMALL.replace("conv 3x3 8", "conv 3x3 8 | conv 3x3 130_000"), ("cifar",)),
        (f"{SMALL}\ndataset: SVHN\npublished: {{top1: 97}}", ("svhn", "edge")),
        (f"{SMALL}\ndataset: COCO", ("coco", "edge")),
        (SMALL.replace("3x32x32", "1x320x320"), ("edge",)),
    ],
)
def test_tags_come_from_data_set_and_costs(text, tags):
    assert listed(text).tags == tags


@pytest.mark.parametrize(
    ("selection", "taken"),
    [
        (Selection(), True),
        (Selection(max_params=224, max_macs=221_184), True),
        (Selection(max_params=223), False),
        (Selection(max_macs=221_183), False),
        (Selection(family="small*"), True),
        (Selection(family="SMALL NETS"), True),
        (Selection(family="net"), True),  # the file
        (Selection(family="nets"), False),
        (Selection(tag="edge"), True),
        (Selection(tag="imagenet"), False),
    ],
)
def test_selections(selection, taken):
    network = listed(SMALL)
    assert (network.params, network.macs) == (224, 221_184)
    assert selection.takes(network) is taken


def test_the_best_is_first_and_the_unknown_last():
    known = [replace(listed(f"{SMALL}\npublished: {{top1: {top1}}}"), name=f"net{top1}") for top1 in (70, 90)]
    rows = show_names([listed(SMALL), *known], "top1").sections[0].rows
    assert [row["model"] for row in rows] == ["net90", "net70", "net"]


def test_top5_is_shown_sorted_and_asked_for_where_it_is_stated():
    data = json.loads(cnnprof("list", "vgg*", "--where", "top5 > 90", "--sort", "top5", "--json").out)["models"]
    assert data
    assert [model["top5"] for model in data] == sorted((model["top5"] for model in data), reverse=True)
    assert all(model["top5"] == specs.load(model["model"]).facts.accuracy.top5 > 90 for model in data)
    assert "top-5" in cnnprof("list", "vgg16", COLUMNS="200").out


def test_a_sort_by_accuracy_keeps_data_sets_apart_and_says_so():
    def of(name, dataset, top1):
        return replace(listed(f"{SMALL}\ndataset: {dataset}\npublished: {{top1: {top1}}}"), name=name)

    networks = [of("a", "SVHN", 97), of("b", "ImageNet-1K", 70), of("c", "ImageNet-1K", 75), listed(SMALL)]
    report = show_names(networks, "top1")
    assert [row["model"] for row in report.sections[0].rows] == ["c", "b", "a", "net"]
    assert "accuracies on several data sets do not compare: ImageNet-1K, then SVHN; --dataset leaves one" in report.notes
    assert not any("several" in note for note in show_names(networks[1:3], "top1").notes)


def test_a_name_that_is_contained_is_found():
    found = names("resnet20")
    assert "resnet20" in found
    assert all("resnet20" in name for name in found)


def test_new_filters():
    assert names("lenet*", "--dataset", "mnist") == ["lenet5_paper"]
    late = json.loads(cnnprof("list", "--min-year", "2020", "--json").out)["models"]
    assert late
    assert all(model["year"] >= 2020 for model in late)
    best = json.loads(cnnprof("list", "--dataset", "imagenet", "--min-top1", "80", "--sort", "params", "--json").out)["models"]
    assert best
    assert all(model["top1"] >= 80 and model["dataset"] == "ImageNet-1K" for model in best)
    assert [model["params"] for model in best] == sorted(model["params"] for model in best)


def test_a_condition_is_as_the_options_for_it():
    asked = json.loads(cnnprof("list", "mobilenet*", "--where", "params <= 3M and known(top1)", "--json").out)["models"]
    options = json.loads(cnnprof("list", "mobilenet*", "--max-params", "3M", "--json").out)["models"]
    assert [model["model"] for model in asked] == [model["model"] for model in options if model["top1"] is not None]


def test_a_changed_spec_is_seen_at_once(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.cnnprof]\npaths = ["."]\n')
    for filters in (8, 16):
        (tmp_path / "mine.yaml").write_text(f"input: 3x8x8\nlayers: [conv 3x3 {filters}]\n")
        (model,) = json.loads(cnnprof("list", "mine", "--json", cwd=tmp_path).out)["models"]
        # 27 weights and a bias for each filter.
        assert (model["params"], model["source"]) == (28 * filters, "mine.yaml")


@pytest.mark.torch
def test_models_of_torchvision_have_figures():
    data = json.loads(cnnprof("list", "torchvision:*", "--where", "params < 5M and top1 > 70", "--sort", "macs", "--json").out)
    found = {model["model"]: model for model in data["models"]}
    # torchvision's metadata of the default weights.
    assert found["torchvision:mobilenet_v2"]["top1"] == 72.154
    assert found["torchvision:mobilenet_v2"]["params"] == 3_504_872
    assert "torchvision:resnet50" not in found
    assert [model["macs"] for model in data["models"]] == sorted(model["macs"] for model in data["models"])


def test_list_is_by_family(tmp_path):
    out = cnnprof("list", "mobilenet*", COLUMNS="80").out
    lines = out.splitlines()
    assert lines[1] == "MobileNet v1"
    assert out.count("top-1") == len({line for line in lines if line.startswith("MobileNet")})
    widths = {line.index("MACs") for line in lines if "MACs (M)" in line}
    assert len(widths) == 1, "the columns of all families are aligned"
    assert "family" in cnnprof("list", "mobilenet*", "--sort", "macs").out


def test_list_filters_and_sorts():
    edge = names("--tag", "edge", "--family", "mobilenet*", "--sort", "top1")
    assert edge[0].startswith("mobilenet_v")
    assert "vgg16" not in edge
    small = json.loads(cnnprof("list", "--max-params", "5M", "--max-macs", "600M", "--json").out)
    assert all(model["params"] <= 5e6 and model["macs"] <= 6e8 for model in small["models"])
    assert "mobilenet_v2" in {model["model"] for model in small["models"]}
    assert small["others"] == []
    years = [model["year"] for model in json.loads(cnnprof("list", "--sort", "year", "--json").out)["models"]]
    known = [year for year in years if year is not None]
    assert years == [*sorted(known), *[None] * (len(years) - len(known))]


def test_a_broken_spec_is_a_note(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.cnnprof]\npaths = ["."]\n')
    (tmp_path / "odd.yaml").write_text("input: 3x8x8\nlayers: [conv 9x9 4 p0]\n")
    done = cnnprof("list", "odd", cwd=tmp_path)
    assert done.code == 3
    assert "odd cannot be read: conv1 (Conv2d)" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--family", "resnext"], "there is no family 'resnext'"),
        (["--tag", "phone"], "no network has the tag 'phone'\n  = hint: one of cifar, coco, edge, imagenet, mnist"),
        (["--max-params", "5X"], "max-params: unknown unit 'X'"),
        (["--max-macs", "few"], "max-macs: 'few' is not a limit"),
    ],
)
def test_wrong_filters(arguments, message):
    done = cnnprof("list", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


GROUPED = Report(
    "list",
    "two",
    (
        Table(
            (col.FAMILY, col.MODEL, col.PARAMS),
            ({"family": "A", "model": "a", "params": 1}, {"family": "B", "model": "b", "params": 22}),
            group="family",
        ),
    ),
)


@pytest.mark.parametrize("name", ["table", "wide", "markdown", "html", "csv"])
def test_groups_have_headings_and_csv_a_column(name):
    text = render(GROUPED, name, Style(80))
    if name == "csv":
        assert text == "family,model,params\nA,a,1\nB,b,22\n"
        return
    if name == "html":
        text = re.sub(r'<(script|style).*?</\1>|<meta.*?>| data-key="\w+"', "", text, flags=re.DOTALL)
    assert "family" not in text
    assert text.count("params") == (1 if name == "html" else 2)
    assert [text.index(word) for word in ("A", "B")] == sorted(text.index(word) for word in ("A", "B"))
    assert {"html": '<th colspan="2">A</th>', "markdown": "### A\n"}.get(name, "\nA\n") in text


def test_a_name_that_nothing_has_is_no_network():
    done = cnnprof("list", "resnt18")
    assert (done.code, done.out) == (3, "")
    assert "unknown network 'resnt18'" in done.err
    assert "resnet18" in done.err


def test_conditions_compare_what_is_shown_of_sizes_and_words():
    shown = json.loads(cnnprof("list", "wrn*", "--json").out)["models"]
    of_cifar = {entry["model"] for entry in shown if entry["input"] == [3, 32, 32]}
    assert of_cifar
    asked = json.loads(cnnprof("list", "wrn*", "--where", "input == '3x32x32'", "--json").out)["models"]
    assert {entry["model"] for entry in asked} == of_cifar
