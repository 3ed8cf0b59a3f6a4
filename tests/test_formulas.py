"""Formulas: what is written computes to the rule's result, for every layer type, and reads as in the lectures."""

import math
import re

import pytest
import sympy

import cnnprof
from cnnprof.errors import CnnprofError
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import INPUT, Graph, Node
from cnnprof.network.layers import LAYERS, layer
from cnnprof.network.layers.convolution import Conv
from cnnprof.network.layers.pooling import MaxPool
from cnnprof.symbolic.rules import Explainer
from cnnprof.symbolic.worksheet import derive_layers
from cnnprof.symbolic.writing import write
from cnnprof.views.explanation import write_line

NETWORKS = ["lenet5", "lenet5_paper", "alexnet_paper", "googlenet", "resnet18", "mobilenet_v1"]


def compute(text):
    """The value of a formula with its numbers in, by Python."""
    text = re.sub(r"(?<=[\d)]) (?=\()", "*", text).replace("^", "**")
    return eval(text, {"floor": math.floor, "ceil": math.ceil, "min": min, "max": max})


def check_lines(cost, lines):
    """Every line's numbers give its result, and the results are the profile's."""
    for line in lines:
        if line.numbers:
            results = line.result if isinstance(line.result, tuple) else (line.result,)
            assert all(compute(line.numbers) == pytest.approx(result, rel=0) for result in results), line
    found = {line.name: line.result for line in lines}
    assert found["output"] == cost.output[1:]
    assert found["params"] == cost.params
    assert found["MACs"] == cost.macs
    assert found["activations"] == cost.activations
    kinds = {"add": "additions", "mul": "multiplications", "div": "divisions", "cmp": "comparisons", "exp": "transcendental"}
    assert {kind: found.get(name, 0) for kind, name in kinds.items()} == {kind: getattr(cost.ops, kind) for kind in kinds}
    if cost.fields and "r_out" in found:
        assert found["r_out"] == cost.receptive_field


def alone(value, *inputs):
    """A layer behind stored tensors of these shapes, analyzed; a single input is the network's own."""
    if len(inputs) == 1:
        return analyze(Graph("one", inputs[0], (Node("layer", value, (INPUT,)),), ("layer",)))
    stored = [Node(f"x{i}", LAYERS["Constant"](shape), ()) for i, shape in enumerate(inputs)]
    node = Node("layer", value, tuple(node.name for node in stored))
    return analyze(Graph("several", (1, 3, 8, 8), (*stored, node), ("layer",)))


def lines_of(value, *inputs):
    profile = alone(value, *inputs)
    return {line.name: write_line(line) for line in Explainer(profile).explain(profile.costs[-1]).derivations}


@pytest.mark.parametrize("n", [8, 16])
@pytest.mark.parametrize("cls", LAYERS.values(), ids=LAYERS.keys())
def test_what_is_written_computes_to_the_rules_result(cls, n):
    value, inputs = cls.example(n)
    profile = alone(value, *inputs)
    cost = profile.costs[-1]
    check_lines(cost, Explainer(profile).explain(cost).derivations)


@pytest.mark.parametrize("name", NETWORKS)
def test_worksheets_equal_the_summary(name):
    profile = cnnprof.profile(name, batch=2 if name == "resnet18" else 1)
    explainer = Explainer(profile)
    explanations = [explainer.explain(cost) for cost in profile.costs]
    for cost, explanation in zip(profile.costs, explanations, strict=True):
        check_lines(cost, explanation.derivations)
    run = [e for e, cost in zip(explanations, profile.costs, strict=True) if not cost.node.aux]
    sums = {name: sum(line.result for e in run for line in e.derivations if line.name == name) for name in ("params", "MACs")}
    assert sums == {"params": profile.totals.params, "MACs": profile.totals.macs}


def test_convolution_reads_as_in_the_lectures():
    lines = lines_of(Conv(96, (11, 11), (4, 4)), (1, 3, 227, 227))
    assert lines["params"] == "params = K (F F C_in + 1) = 96 (11*11*3 + 1) = 34,944"
    assert lines["H_out"] == "H_out = (H - F + 2P)/S + 1 = (227 - 11 + 0)/4 + 1 = 55"
    assert lines["W_out"] == "W_out = H_out = 55"
    assert lines["output"] == "output = K x H_out x W_out = 96x55x55"
    assert lines["MACs"] == "MACs = H_out W_out K F F C_in = 55*55*96*11*11*3 = 105,415,200"


def test_other_layers_read_as_in_the_lectures():
    assert lines_of(LAYERS["Linear"](4096), (1, 9216))["params"] == "params = n_out (n_in + 1) = 4096 (9216 + 1) = 37,752,832"
    pool = lines_of(MaxPool((3, 3), (2, 2)), (1, 96, 55, 55))
    assert pool["window operations"] == "window operations = H_out W_out C F F = 27*27*96*3*3 = 629,856"
    depthwise = lines_of(Conv(32, (3, 3), (1, 1), (1, 1), groups=32, bias=False), (1, 32, 112, 112))
    assert depthwise["params"] == "params = C F F = 32*3*3 = 288"
    grouped = lines_of(Conv(256, (5, 5), (1, 1), (2, 2), groups=2), (1, 96, 27, 27))
    assert grouped["params"] == "params = K (F F C_in/g + 1) = 256 (5*5*96/2 + 1) = 307,456"
    dilated = lines_of(Conv(8, (3, 3), padding=(2, 2), dilation=(2, 2)), (1, 4, 10, 10))
    assert dilated["r_out"] == "r_out = r + j d (F - 1) = 1 + 1*2 (3 - 1) = 5x5 pixels"
    assert lines_of(LAYERS["BatchNorm"](), (1, 64, 8, 8))["params"] == "params = 2C = 2*64 = 128"
    assert lines_of(LAYERS["Concat"](), (1, 64, 8, 8), (1, 32, 8, 8))["C_out"] == "C_out = C_1 + C_2 = 64 + 32 = 96"
    assert "ceil((H - F + 2P)/S) + 1" in lines_of(MaxPool((3, 3), (2, 2), ceil_mode=True), (1, 4, 6, 6))["H_out"]


def test_a_floor_is_written_only_where_it_cuts_and_says_what():
    profile = alone(MaxPool((2, 2), (2, 2)), (1, 3, 7, 8))
    lines = {line.name: line for line in Explainer(profile).explain(profile.costs[0]).derivations}
    assert write_line(lines["H_out"]) == "H_out = floor((H - F + 2P)/S) + 1 = floor((7 - 2 + 0)/2) + 1 = 3"
    assert lines["H_out"].note == "the floor leaves the last of 7 rows unread"
    assert write_line(lines["W_out"]) == "W_out = (W - F + 2P)/S + 1 = (8 - 2 + 0)/2 + 1 = 4"
    stem = alone(Conv(64, (7, 7), (2, 2), (3, 3)), (1, 3, 224, 224))
    notes = [line.note for line in Explainer(stem).explain(stem.costs[0]).derivations if line.note]
    assert notes == ["the floor cuts off padding only"]


def test_a_new_layer_type_gets_its_formulas_for_nothing(request):
    from cnnprof.network.layers import Layer

    request.addfinalizer(lambda: LAYERS.pop("Prototypes"))

    @layer
    class Prototypes(Layer):
        """Distances to learned prototypes."""

        prototypes: "Dim"  # noqa: F821 - as under postponed annotations

        def params(self, *inputs):
            return self.prototypes * inputs[0][1]

    assert lines_of(Prototypes(7), (1, 64, 4, 4))["params"] == "params = C prototypes = 64*7 = 448"


def test_a_depthwise_layer_is_set_against_a_standard_convolution():
    (explanation,) = derive_layers(cnnprof.profile("mobilenet_v1"), "stage1.dw1", "params")
    lines = [write_line(line) for line in explanation.derivations]
    assert lines[1:] == [
        "weights, depthwise separable = M K^2 + M N = 32*3^2 + 32*64 = 2,336",
        "weights, standard = M K^2 N = 32*3^2*64 = 18,432",
    ]


def test_sums_begin_with_something_positive_and_powers_are_repeated():
    f, p = sympy.symbols("F P", positive=True)
    assert write(-f + 2 * p) == "2P - F"
    assert write(f**2 * p / 3) == "F F P/3"
    assert write(f**5) == "F^5"


def test_a_wrong_layer_is_answered_with_names():
    with pytest.raises(CnnprofError, match=r"lenet5 has no layer 'C1\.conv2'") as caught:
        derive_layers(cnnprof.profile("lenet5"), "C1.conv2")
    assert "did you mean 'C1.conv1'" in caught.value.hint
    assert "its layers are C1.conv1, " in caught.value.hint
    with pytest.raises(CnnprofError) as caught:
        derive_layers(cnnprof.profile("resnet50"), "nonsense")
    assert "stage3" in caught.value.hint
    with pytest.raises(CnnprofError) as caught:
        derive_layers(cnnprof.profile("mobilenet_v1"), "dw1")
    assert "did you mean 'stage1.dw1' or" in caught.value.hint
