"""Blocks written on the command line: the lectures' what-if figures, and the mistakes one can make."""

import json

import pytest
from shell import cnnprof

import cnnprof as api

# (block, params, MACs) on 192 channels of 28x28, a GoogLeNet module's input; 28 * 28 = 784 positions.
BLOCKS = [
    # 128 (3*3*192 + 1); 784 * 128 * 3*3*192. The slides' 221,312 and 173.4 M.
    ("conv 3x3 128", 221_312, 173_408_256),
    # 96 (192 + 1) + 128 (3*3*96 + 1) = 18,528 + 110,720; 784 (96*192 + 128*864). The slides' 129,248 and 101 M.
    ("conv 1x1 96 | conv 3x3 128", 129_248, 101_154_816),
    # 128 (3*192 + 1) + 128 (3*128 + 1) = 73,856 + 49,280; 784 (73,728 + 49,152) = 96.3 M.
    ("conv 1x3 128 | conv 3x1 128", 123_136, 96_337_920),
    # 48 (3*192 + 1) + 128 (3*48 + 1) = 27,696 + 18,560; 784 (27,648 + 18,432) = 784 * 46,080. The slides' 36.1 M.
    ("conv 1x3 48 | conv 3x1 128", 46_256, 36_126_720),
    # 96 (192 + 1) + 128 (3*3*24 + 1) = 18,528 + 27,776; 784 (18,432 + 27,648): 36.1 M, too.
    ("conv 1x1 96 | conv 3x3 128 g4", 46_304, 36_126_720),
    # 192 (5*5*192 + 1); 784 * 192 * 4,800.
    ("conv 5x5 192", 921_792, 722_534_400),
    # 2 * 192 (3*3*192 + 1); 784 * 2 * 192 * 1,728.
    ("conv 3x3 192 | conv 3x3 192", 663_936, 520_224_768),
    # Depthwise separable: M K^2 + M N weights, 192*9 + 192*128, and a bias for each of 192 + 128 filters.
    ("dw 3x3 | conv 1x1 128", 26_624, 20_622_336),
    # Two groups halve what each of the 128 filters sees: 128 (9*96 + 1).
    ("conv 3x3 128 g2", 110_720, 86_704_128),
]


@pytest.mark.parametrize(("text", "params", "macs"), BLOCKS)
def test_the_lectures_figures(text, params, macs):
    totals = api.profile(text, input_shape=(192, 28, 28)).totals
    assert (totals.params, totals.macs) == (params, macs)


def test_compare_shows_field_and_non_linearities():
    five, threes = "conv 5x5 192 relu", "conv 3x3 192 relu | conv 3x3 192 relu"
    done = cnnprof("compare", five, threes, "--input", "192x28x28", "--json")
    models = json.loads(done.out)["models"]
    assert [model["model"]["name"] for model in models] == [five, threes]
    assert [model["receptive_field"] for model in models] == [[5, 5], [5, 5]]
    assert [model["nonlinearities"] for model in models] == [1, 2]
    assert models[1]["relative"]["params"] == pytest.approx(663_936 / 921_792)


def test_the_table_of_blocks_fits_80_columns():
    done = cnnprof("compare", "conv 5x5 192", "conv 3x3 192 | conv 3x3 192", "--input", "192x28x28", COLUMNS="80")
    table = done.out.partition("MACs:")[0]
    assert all(word in table for word in ("663,936", "520.22", "5x5", "non-lin."))
    assert "top-1" not in table


def test_networks_are_compared_as_before():
    done = cnnprof("compare", "resnet18", "mobilenet_v2")
    assert "top-1" in done.out
    assert "non-lin." not in done.out


@pytest.mark.parametrize("command", [["summary"], ["compare", "relu6 | tanh"]])
def test_every_command_takes_them(command):
    done = cnnprof(*command, "conv 3x3 8*2 | gap | fc 10", "--input", "3x8x8")
    assert done.code == 0
    assert f"{16 * 28 + 10 * 17:,}" in done.out  # 3x3x3 weights and a bias a filter, 16 inputs and a bias a class


def test_sizes_have_the_axes_of_the_network(tmp_path):
    (tmp_path / "sound.yaml").write_text("input: 1x64\nlayers:\n  - conv 5 4 | gap | fc 2\n")
    for network in ("sound.yaml", "conv 5 4 | gap | fc 2"):
        done = cnnprof("summary", network, "--input", "1x32", "--json", cwd=tmp_path)
        assert done.code == 0, done.err
        totals = json.loads(done.out)["totals"]
        assert (totals["params"], totals["macs"]) == (4 * 6 + 2 * 5, 32 * 4 * 5 + 2 * 4)  # weights and biases; 32 positions
    done = cnnprof("summary", "resnet18", "--input", "1x32")
    assert (done.code, "'1x32' is not an input size of resnet18" in done.err) == (2, True)


def test_views_that_say_the_same_in_other_words_are_no_difference():
    front, back = "conv 4x4 8 s4 p0", "permute (2,1) tokens | fc 5"
    flat, sized = "op Flatten start_dim=2", "reshape (8,64) | op Expand size=(1,8,64)"
    networks = [f"{front} | {middle} | {back}" for middle in (flat, sized)]
    done = cnnprof("diff", *networks, "--input", "3x32x32", "--exit-code")
    assert done.code == 0, done.out
    other = f"{front} | reshape (64,8) | fc 5"
    assert cnnprof("diff", networks[0], other, "--input", "3x32x32", "--exit-code").code == 1


def test_infinity_is_text_in_json():
    done = cnnprof("summary", "op Pad amounts=((1,1),(1,1)) value=-inf | maxpool 3x3 s2", "--input", "3x8x8", "--json")
    assert done.code == 0, done.err
    assert '"value": "-inf"' in done.out


@pytest.mark.torch
@pytest.mark.usefixtures("brisk")
def test_they_can_be_timed():
    arguments = ("--input", "8x8x8", "--quick", "--json")
    done = cnnprof("bench", "conv 5x5 8", "conv 3x3 8 | conv 3x3 8", *arguments)
    results = json.loads(done.out)["results"]
    assert [(result["model"], result["status"]) for result in results] == [
        ("conv 5x5 8", "ok"),
        ("conv 3x3 8 | conv 3x3 8", "ok"),
    ]


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("conv 3x3 8 | rellu", ["--input", "3x8x8"], " --> <inline>:1:14\n1 | conv 3x3 8 | rellu\n  |              ^^^^^\n"),
        ("conv 3x3 8 | rellu", ["--input", "3x8x8"], "did you mean 'relu'"),
        ("conv 3x3 8", [], "'conv 3x3 8' has no input size of its own\n  = hint: give it one, such as --input"),
        ("inline:relu", [], "'relu' has no input size"),
        ("conv 3x3", ["--input", "3x8x8"], "number of outputs"),
        ("conv 3x3 8 |", ["--input", "3x8x8"], "there is no step behind this '|'"),
        ("conv 9x9 8 p0", ["--input", "3x8x8"], "an input of 3x9x9 fits"),
        ("conv 3x3 8", ["--input", "3x8x8", "--set", "width=2"], "width"),
        ("resnet 50", ["--input", "3x8x8"], "unknown layer or block 'resnet'"),
        (" ", ["--input", "3x8x8"], "this step is empty"),
    ],
)
def test_mistakes_have_a_place(text, arguments, message):
    done = cnnprof("summary", text, *arguments)
    assert done.code == 3
    assert done.out == ""
    assert message in done.err
