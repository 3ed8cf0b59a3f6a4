"""`cnnprof explain` as a user meets it: the lectures' tables, quizzes, formats, wrong names."""

import csv
import io
import json

import pytest
from shell import cnnprof

from cnnprof.sources import split_layer


def worksheet(*arguments):
    """The lines of a worksheet: (layer, figure) to (formula, numbers, result)."""
    rows = csv.DictReader(io.StringIO(cnnprof("explain", *arguments, "--format", "csv").out))
    return {(row["name"], row["working_name"]): (row["formula"], row["numbers"], row["result"]) for row in rows}


def test_a_layer_reads_as_on_a_slide():
    done = cnnprof("explain", "alexnet_one_tower:conv1")
    assert done.code == 0
    assert "params = K (F F C_in + 1) = 96 (11*11*3 + 1) = 34,944" in done.out
    assert "H_out = (H - F + 2P)/S + 1 = (227 - 11 + 0)/4 + 1 = 55" in done.out
    assert "MACs = H_out W_out K F F C_in = 55*55*96*11*11*3 = 105,415,200" in done.out
    assert "r_out = r + j (F - 1) = 1 + 1 (11 - 1) = 11x11 pixels" in done.out
    assert "conv1: a slide says 34,857 params; it is 34,944" in done.out


def test_lenet_line_by_line():
    lines = worksheet("lenet5")
    # The lecture's table: maps, parameters, operations of every layer; 61,706 parameters in all.
    table = {
        "C1.conv1": ("6x28x28", "156", "117600"),
        "S2": ("6x14x14", None, "4704"),
        "C3.conv1": ("16x10x10", "2416", "240000"),
        "S4": ("16x5x5", None, "1600"),
        "C5.conv1": ("120x1x1", "48120", "48000"),
        "F6.fc1": ("84", "10164", "10080"),
        "fc1": ("10", "850", "840"),
    }
    for layer, (size, params, operations) in table.items():
        assert lines[layer, "output"][2] == size
        assert lines.get((layer, "params"), [None] * 3)[2] == params
        assert (lines.get((layer, "MACs")) or lines[layer, "window operations"])[2] == operations
    assert sum(int(result) for (_, figure), (*_, result) in lines.items() if figure == "params") == 61_706
    assert "S2: a slide says 4,074 operations; it is 4,704" in cnnprof("explain", "lenet5").out


def test_alexnet_line_by_line():
    lines = worksheet("alexnet_one_tower")
    table = {
        "conv1": ("96x55x55", 34_944, 105_415_200),
        "maxpool1": ("96x27x27", 0, 629_856),
        "conv2": ("256x27x27", 614_656, 447_897_600),
        "maxpool2": ("256x13x13", 0, 389_376),
        "conv3": ("384x13x13", 885_120, 149_520_384),
        "conv4": ("384x13x13", 1_327_488, 224_280_576),
        "conv5": ("256x13x13", 884_992, 149_520_384),
        "maxpool3": ("256x6x6", 0, 82_944),
        "fc1": ("4096", 37_752_832, 37_748_736),
        "fc3": ("1000", 4_097_000, 4_096_000),
    }
    for layer, (size, params, operations) in table.items():
        assert lines[layer, "output"][2] == size
        assert int(lines.get((layer, "params"), "000")[2]) == params
        assert int((lines.get((layer, "MACs")) or lines[layer, "window operations"])[2]) == operations
    assert lines["conv2", "H_out"] == ("(H - F + 2P)/S + 1", "(27 - 5 + 2*2)/1 + 1", "27")
    assert sum(int(result) for (_, figure), (*_, result) in lines.items() if figure == "params") == 62_378_344


def test_vgg_slides_are_set_right():
    notes = cnnprof("explain", "vgg16").out
    assert "a slide says 13.6 G operations; it is 15,470,264,320" in notes
    assert "a slide says 24 M, 96 MB activations; it is 15,112,168 (60 MB)" in notes


@pytest.mark.parametrize("what", ["shape", "params", "macs", "memory", "receptive-field"])
def test_a_single_figure(what):
    data = json.loads(cnnprof("explain", "lenet5:C3.conv1", "--what", what, "--json").out)
    (layer,) = data["layers"]
    assert {line["figure"] for line in layer["workings"]} == {what}
    assert layer["letters"]["K"] == {"meaning": "filters", "value": 16}
    # 5, then 5 + 1, then 6 + 4*2 pixels; the centres are 2, then 2 + 1/2, then 2.5 + 2*2.
    assert layer["receptive_field"] == [14, 14]
    assert layer["receptive_field_stride"] == [2, 2]
    assert layer["receptive_field_center"] == [6.5, 6.5]


def test_receptive_fields_of_a_network():
    done = cnnprof("explain", "vgg16", "--what", "receptive-field", "--format", "csv")
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(done.out))}
    assert (rows["stage5.maxpool1"]["field"], rows["stage5.maxpool1"]["stride"]) == ("212x212", "32x32")
    assert rows["stage5.maxpool1"]["beyond"] == "false"
    assert rows["fc1"]["beyond"] == "true", "404x404 is more than 224x224"
    # Five poolings move the centre by 1/2, 1, 2, 4 and 8; flattening 7x7 positions by 3*32.
    wide = cnnprof("summary", "vgg16", "--by", "layer", "--format", "wide").out
    assert next(line for line in wide.splitlines() if " fc1 " in line).split()[-4:] == [
        "404x404",
        "32x32",
        "111.5x111.5",
        "yes",
    ]


def test_a_block_by_its_path():
    done = cnnprof("explain", "resnet50:stage3.bottleneck2", COLUMNS="160")
    assert done.out.startswith("resnet50: stage3.bottleneck2\n")
    assert "256*3*3*256" in done.out
    # 1024*256 + 9*256*256 + 256*1024, and twice 256 + 256 + 1024
    assert f"{2 * 1024 * 256 + 9 * 256 * 256 + 2 * 1536:,}" in done.out


def test_the_quiz_hides_and_the_answers_show():
    quiz, answers = cnnprof("explain", "lenet5", "--quiz"), cnnprof("explain", "lenet5", "--quiz", "--answers")
    assert "C3.conv1" in quiz.out
    assert "K = 16, F = 5, S = 1, P = 0" in quiz.out
    for figure in ("16x10x10", "2,416", "240,000", "4,704", "61,706", "n_out = 120"):
        assert figure not in quiz.out
    for figure in ("16x10x10", "2,416", "240,000", "4,704", "61,706", "422,824"):
        assert figure in answers.out
    data = json.loads(cnnprof("explain", "lenet5", "--quiz", "--json").out)
    assert {value for row in data["quiz"] for key, value in row.items() if key in ("output", "params", "operations")} == {None}
    assert data["totals"] == {"params": None, "operations": None}
    assert "<td" in cnnprof("explain", "lenet5", "--quiz", "--format", "html").out
    assert "| C3.conv1 | Conv2d | K = 16" in cnnprof("explain", "lenet5", "--answers", "--format", "markdown").out


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize(
    "arguments",
    [
        ["mobilenet_v2:stage2.inverted_residual1.dw1"],
        ["lenet5"],
        ["googlenet", "--what", "receptive-field"],
        ["resnet18", "--quiz"],
        ["resnet50", "--vs", "fvcore"],
    ],
    ids=" ".join,
)
def test_worksheets_fit_the_terminal(arguments, width):
    done = cnnprof("explain", *arguments, COLUMNS=str(width))
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= width


def test_the_gap_to_another_convention_closes():
    data = json.loads(cnnprof("explain", "resnet50", "--vs", "fvcore", "--json").out)
    assert data["macs"] + sum(gap["difference"] for gap in data["gaps"]) == data["theirs"] == 4_111_512_576


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["lenet5:C3.conv2"], 3, "lenet5 has no layer 'C3.conv2'\n  = hint: did you mean 'C3.conv1'"),
        (["resnet50:stage9"], 3, "its blocks are conv1, bn1, relu1, maxpool1, stage1, "),
        (["lenet6:C1"], 3, "unknown network 'lenet6'"),
        (["resnet50", "--vs", "netscope"], 2, "there is no convention 'netscope'"),
        (["resnet50:conv1", "--vs", "fvcore"], 2, "--vs explains whole networks"),
        (["resnet50", "--vs", "fvcore", "--quiz"], 2, "--vs does not go with"),
        (["resnet50", "--what", "params", "--answers"], 2, "--what does not go with"),
        (["resnet50", "--what", "speed"], 2, "speed"),
        (["resnet50", "--batch", "0"], 2, "batch"),
    ],
)
def test_wrong_input_is_one_message(arguments, code, message):
    done = cnnprof("explain", *arguments)
    assert (done.code, done.out) == (code, "")
    assert message in done.err


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("resnet50", ("resnet50", None)),
        ("resnet50:stage1.bottleneck1", ("resnet50", "stage1.bottleneck1")),
        ("mobilenet_v1@width=0.5:conv1", ("mobilenet_v1@width=0.5", "conv1")),
        ("torchvision:resnet50", ("torchvision:resnet50", None)),
        ("tv:resnet50:layer1.0.conv1", ("tv:resnet50", "layer1.0.conv1")),
        ("python:pkg.nets:build", ("python:pkg.nets:build", None)),
        ("python:pkg.nets:build:features.0", ("python:pkg.nets:build", "features.0")),
        ("nets.py:build:features.0", ("nets.py:build", "features.0")),
        ("net.yaml#small:conv1", ("net.yaml#small", "conv1")),
        ("conv 3x3 64 | conv 1x1 32", ("conv 3x3 64 | conv 1x1 32", None)),
    ],
)
def test_references_to_layers(reference, parts):
    assert split_layer(reference) == parts


@pytest.mark.parametrize(
    ("part", "given"),
    [
        ("resnet18:stage2", ["K = 128, F = 3, S = 2, P = 1, no bias", "stage1.basic2.relu2", "bn2, bn3", "input 64x56x56"]),
        ("googlenet_paper", ["F = 3, S = 2, P = 0, ceil mode", "output size = 1x1"]),
        ("lenet5_paper:C3", ["connections = ((1, 0, 0, 0, 1"]),
        ("convnext_tiny:stage1.block1", ["size = 96x1x1", "input 96x56x56"]),
    ],
)
def test_a_quiz_gives_all_that_its_answers_depend_on(part, given):
    out = cnnprof("explain", part, "--quiz").out
    assert [text for text in given if text not in out] == []


def test_the_formula_stays_on_a_narrow_terminal():
    out = cnnprof("explain", "lenet5", COLUMNS="80").out
    assert "K (F F C_in + 1)" in out
    assert max(map(len, out.splitlines())) <= 80


def test_receptive_fields_are_worked_out_for_each_axis_of_a_kernel_that_is_not_square():
    done = cnnprof("explain", "conv 1x7 16 | conv 3x3 8", "--input", "3x32x32", "--what", "receptive-field", "--format", "csv")
    first, second = csv.DictReader(io.StringIO(done.out))
    assert (first["formula"], first["numbers"]) == ("r + j (F_h - 1); r + j (F_w - 1)", "1 + 1 (1 - 1); 1 + 1 (7 - 1)")
    assert (second["formula"], second["numbers"]) == ("r + j (F - 1)", "1 + 1 (3 - 1); 7 + 1 (3 - 1)")


def test_a_block_with_a_head_is_listed_once():
    done = cnnprof("explain", "googlenet:nowhere")
    assert ", 4a, 4b, 4c, 4d, 4e, " in done.err
