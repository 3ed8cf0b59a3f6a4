"""Number formats, pruned networks, and the devices that they are to fit into: figures by hand."""

import json

import pytest
from shell import cnnprof
from spec_texts import build

from cnnprof.errors import UsageError
from cnnprof.footprint.analysis import analyze_memory
from cnnprof.footprint.capacity import parse_capacity
from cnnprof.footprint.formats import sizes_in
from cnnprof.network.analysis import analyze
from cnnprof.network.pruning import prune
from cnnprof.sources import specs

NET = "input: 3x32x32\nlayers: [conv 3x3 16 nobias, bn, relu, conv 3x3 32, gap, fc 10]"


def test_sizes_by_hand():
    analysis = analyze_memory(build("input: 3x32x32\nlayers: [conv 3x3 16 p1, fc 10]"))
    # 16 filters of 3*3*3 and 10 rows of 16*32*32; 16 + 10 biases.
    weights, biases = 16 * 27 + 10 * 16 * 32 * 32, 16 + 10
    written = 16 * 32 * 32 + 10
    half = sizes_in(analysis, "fp16")
    assert (half.param_bytes, half.activation_bytes) == (2 * (weights + biases), 2 * written)
    eight = sizes_in(analysis, "int8")
    assert (eight.param_bytes, eight.activation_bytes) == (weights + 4 * biases, written)
    assert eight.scale_bytes == 4 * (16 + 10)
    # At the worst moment the input, which stays, and the two tensors around the linear layer are held, a byte a number.
    assert eight.peak_inference_bytes == eight.param_bytes + 3 * 32 * 32 + written


def test_parameters_of_normalization_stay_wide():
    analysis = analyze_memory(specs.load("resnet18"))
    # 4,800 channels, each with a scale and a shift; the classifier has 1,000 biases.
    assert sizes_in(analysis, "int8").param_bytes == 11_689_512 + 3 * (2 * 4_800 + 1_000)


def test_formats_are_a_row_each_and_int8_has_no_accuracy_of_fp32():
    models = json.loads(cnnprof("compare", "resnet18", "--formats", "--json").out)["models"]
    assert [entry["model"]["name"] for entry in models] == [f"resnet18{mark}" for mark in ("", " (fp16)", " (bf16)", " (int8)")]
    assert [entry["relative"]["param_bytes"] for entry in models[:3]] == [1, 0.5, 0.5]
    assert models[3]["relative"]["param_bytes"] == pytest.approx(0.25, abs=0.001)
    assert [bool(entry["accuracy"]) for entry in models] == [True, True, True, False]
    (alone,) = json.loads(cnnprof("compare", "resnet18", "--dtype", "int8", "--json").out)["models"]
    assert alone["totals"] == models[3]["totals"]


def test_widths_by_hand():
    pruned = analyze(prune(build("input: 3x32x32\nlayers: [conv 3x3 40, conv 3x3 20, fc 10]"), 0.5))
    # 40 -> 20 -> the nearest multiple of 8, 24 (halves go up); 20 -> 10 -> 8; what is returned stays.
    assert [cost.output[1] for cost in pruned.costs if cost.params] == [24, 8, 10]
    assert pruned.graph.input_shape == (1, 3, 32, 32)


@pytest.mark.parametrize(
    "name", ["resnet50", "mobilenet_v2", "densenet121", "googlenet", "efficientnet_b0", "resnext50_32x4d", "mobilenet_v3_large"]
)
@pytest.mark.parametrize("share", [0.25, 0.5])
def test_joins_stay_consistent(name, share):
    graph = specs.load(name)
    whole, pruned = analyze(graph), analyze(prune(graph, share))
    assert pruned.costs[-1].output == whole.costs[-1].output
    assert len(pruned.costs) == len(whole.costs)
    # Parameters of most layers go with both of their widths.
    kept = 1 - share
    assert 0.8 * kept**2 < pruned.totals.params / whole.totals.params < kept
    for cost in pruned.costs:
        groups = getattr(cost.node.layer, "groups", 1)
        assert cost.inputs[0][1] % groups == 0 if cost.inputs else True


# 67.2, 48 and 24 channels are left of 96; in multiples of 8 and of the 12 groups that read them: 72, 48 and 24.
@pytest.mark.parametrize(("share", "width"), [(0.3, 72), (0.5, 48), (0.75, 24)])
def test_widths_are_multiples_of_the_groups_that_read_them(share, width):
    text = "input: 3x16x16\nlayers: [conv 3x3 96, bn, relu, conv 3x3 96 g12, fc 10]"
    pruned = analyze(prune(build(text), share))
    assert [cost.output[1] for cost in pruned.costs if cost.macs] == [width, width, 10]


@pytest.mark.parametrize(
    "name", ["regnet_y_400mf", "resnext101_32x8d", "seresnext50_32x4d", "shufflenet_v2_x1_0", "resnet110", "convnext_tiny"]
)
@pytest.mark.parametrize("share", [0.3, 0.5, 0.75])
def test_groups_slices_and_filled_channels_fit(name, share):
    graph = specs.load(name)
    whole, pruned = analyze(graph), analyze(prune(graph, share))
    assert pruned.costs[-1].output == whole.costs[-1].output
    assert pruned.totals.params < whole.totals.params
    for cost in pruned.costs:
        assert not cost.inputs or cost.inputs[0][1] % getattr(cost.node.layer, "groups", 1) == 0


def test_a_pruned_residual_network_is_the_narrower_one():
    text = specs.read_text("resnet20")
    narrow = text.replace("conv 3x3 16 ", "conv 3x3 8 ").replace("[16, 32, 64]", "[8, 16, 32]").replace("w > 16", "w > 8")
    written, pruned = analyze(build(narrow)), analyze(prune(specs.load("resnet20"), 0.5))
    assert [(cost.output, cost.params, cost.macs) for cost in pruned.costs] == [
        (cost.output, cost.params, cost.macs) for cost in written.costs
    ]


@pytest.mark.parametrize("share", [0, 1, -0.5, 1.5, float("nan")])
def test_shares_that_are_none(share):
    with pytest.raises(UsageError, match="a share to prune is between 0 and 1"):
        prune(specs.load("lenet5"), share)


@pytest.mark.parametrize(
    ("text", "size", "flash"),
    [
        ("8G", 8e9, 0),
        ("raspberry pi 5", 8e9 * 0.9, 0),
        ("Jetson Orin Nano", 8e9 * 0.9, 0),
        ("stm32h743", 2**20, 2 * 2**20),
        ("RP2040", 264 * 2**10, 2 * 2**20),
    ],
)
def test_devices_by_name(text, size, flash):
    capacity = parse_capacity(text, "cpu", lambda _: None)
    assert (capacity.bytes, capacity.flash_bytes) == (size, flash)


def test_flash_and_ram_both_bind():
    data = json.loads(cnnprof("compare", "lenet5", "resnet18", "--fit", "stm32h743", "--fit", "8GB", "--json").out)
    lenet, resnet = (entry["fits"] for entry in data["models"])
    assert [fit["room"].partition(",")[0] for fit in lenet] == ["STM32H743", "8GB", "8GB"]
    assert lenet[0]["batch"] > 0
    assert resnet[0]["batch"] == 0, "46.8 MB of weights do not go into 2 MiB of flash"
    assert resnet[1]["batch"] > 0
    # One image: the input of 32*32 and, at the first layer, its 6 maps of 28*28, in fp32; twice that is more than RAM of 25 kB.
    assert lenet[0]["peak_bytes"] <= 2**20
    notes = cnnprof("compare", "resnet18", "--fit", "RP2040").out
    assert "its weights take 46.80 MB, and the flash has 2.10 MB" in notes


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["compare", "lenet5", "--prune", "1.5"], 2, "between 0 and 1"),
        (["compare", "lenet5", "--dtype", "amp"], 2, "--dtype amp says how to measure"),
        (["compare", "lenet5", "--bench", "--dtype", "int8"], 2, "int8 is computed and not measured"),
        (["summary", "lenet5", "--fit", "STM32F747"], 2, "did you mean 'STM32F746'"),
    ],
)
def test_wrong_forms(arguments, code, message):
    done = cnnprof(*arguments)
    assert done.code == code
    assert message in done.err + done.out


def test_a_pruned_network_in_int8_is_fitted_as_such():
    asked = ("compare", "mobilenet_v2_035@input=96", "--dtype", "int8", "--prune", "0.5", "--fit", "stm32h743", "--json")
    whole, pruned = (entry["fits"][0] for entry in json.loads(cnnprof(*asked).out)["models"])
    # 1.68 M and 0.76 M bytes of weights go into 2 MiB of flash, which those of fp32 do not.
    assert whole["batch"] >= 1
    assert pruned["batch"] > whole["batch"]
    (alone,) = json.loads(cnnprof("compare", "mobilenet_v2_035@input=96", "--fit", "stm32h743", "--json").out)["models"]
    assert alone["fits"][0]["batch"] == 0


def test_a_summary_in_int8_has_the_same_sizes():
    shown = json.loads(cnnprof("summary", "resnet18", "--dtype", "int8", "--json").out)
    (row,) = json.loads(cnnprof("compare", "resnet18", "--dtype", "int8", "--json").out)["models"]
    assert shown["totals"] == row["totals"]
    assert shown["dtype"] == "int8"
    out = cnnprof("summary", "resnet18", "--dtype", "int8").out
    assert "weights, int8" in out
    assert "peak, training" not in out
    assert "int32 biases" in out
    assert "peak, training, fp16" in cnnprof("summary", "lenet5", "--dtype", "fp16").out


def test_memory_in_int8_has_the_sizes_of_a_summary():
    shown = json.loads(cnnprof("memory", "resnet18", "--dtype", "int8", "--batch", "3", "--json").out)
    summary = json.loads(cnnprof("summary", "resnet18", "--dtype", "int8", "--batch", "3", "--json").out)
    held = shown["memory"]["inference"]
    assert held["parameter_bytes"] == summary["totals"]["param_bytes"]
    assert held["peak_bytes"] == summary["totals"]["peak_inference_bytes"]
    # The stem writes 64 maps of 112 x 112 and its normalization as many; the input stays.
    assert held["activation_bytes"] == 3 * 2 * 64 * 112 * 112
    assert held["input_bytes"] == 3 * 3 * 224 * 224
    assert shown["memory"]["training"] == {"peak_bytes": None}
    assert (shown["execution"]["dtype"], shown["scale_bytes"]) == ("int8", summary["scale_bytes"])
    text = cnnprof("memory", "resnet18", "--dtype", "int8").out
    assert "OPS, not FLOPS" in text
    assert "training MB" not in text


def test_memory_fits_into_several_rooms_and_into_flash():
    asked = ("memory", "mobilenet_v1@width=0.25,input=96", "--fit", "stm32h743", "--fit", "8GB", "--json")
    fits = json.loads(cnnprof(*asked, "--dtype", "int8").out)["fits"]
    assert [(fit["room"].partition(",")[0], fit["mode"]) for fit in fits] == [("STM32H743", "inference"), ("8GB", "inference")]
    # 470,072 weights in int8 go into 2 MiB, and 1,880,288 bytes of them in fp32 as well.
    assert fits[0]["batch"] > 1
    wide = json.loads(cnnprof(*asked).out)["fits"]
    assert [fit["mode"] for fit in wide] == ["inference", "inference", "training"]
    assert 1 <= wide[0]["batch"] < fits[0]["batch"]
    assert wide[1]["batch"] < fits[1]["batch"]


@pytest.mark.parametrize("more", [["--train"], ["--measure"], ["--optimizer", "adam"], ["--layout", "channels_last"]])
def test_int8_is_an_inference_and_is_not_run(more):
    done = cnnprof("memory", "lenet5", "--dtype", "int8", *more)
    assert done.code == 2
    assert f"{more[0]} does not go with --dtype int8" in done.err


def test_candidates_stay_within_a_terminal_and_say_once_what_does_not_fit():
    names = ["mobilenet_v1", "torchvision:mobilenet_v3_small", "torchvision:shufflenet_v2_x1_0", "efficientnet_b0", "nosuch"]
    done = cnnprof("compare", *names, "--fit", "Jetson Nano", "--fit", "STM32H743", COLUMNS="80")
    assert max(map(len, done.out.splitlines())) <= 80
    assert "torchvision:\n" in "\n".join(line.split("  ")[0].strip() for line in done.out.splitlines()) + "\n"
    said = " ".join(done.out.split())
    assert said.count("STM32H743, 2048 KiB flash") == 1
    assert "no network fits into STM32H743" in said
    assert "nosuch: not read: unknown network 'nosuch'" in said
