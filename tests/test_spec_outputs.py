"""Several inputs and outputs, lists of outputs, shared weights, and inputs of any number of axes."""

import pytest
from spec_texts import build, layers

import cnnprof
from cnnprof.errors import CnnprofError, SpecWarning
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph

PYRAMID = """
inputs: {left: 3x32x32, right: 3 x res x res}
settings: {res: 32}
shared:
  tower(w):
    - conv 3x3 w bn relu
    - conv 3x3 w s2 bn relu
blocks:
  fuse(xs):
    - let ys = []
    - for: i in range(len(xs))
      do:
        - add: {for: j in range(len(xs)), do: 'xs[j] | conv 1x1 xs[i].C'}
        - relu -> y
        - let ys = ys + [y]
    - give ys
layers:
  - left | tower 8 -> a
  - right | tower 8 -> b
  - fuse [a,b] -> [p, q]
outputs: {fine: p, coarse: q}
"""


def modules_agree(graph: Graph) -> None:
    """The built module has as many parameters, and returns what the graph says."""
    import torch

    from cnnprof.torch_bridge.build import build as module_of

    module = module_of(graph).eval()
    profile = analyze(graph)
    assert sum(parameter.numel() for parameter in module.parameters()) == profile.totals.params
    found = module(*[torch.rand(shape) for shape in graph.inputs.values()])
    shapes = {cost.node.name: cost.output for cost in profile.costs}
    found = found if isinstance(found, dict) else {"": found}
    assert [tuple(tensor.shape) for tensor in found.values()] == [shapes[name] for name in graph.outputs]


def test_towers_share_their_weights_and_a_block_gives_two_outputs() -> None:
    graph = build(PYRAMID)
    profile = analyze(graph)
    # The tower once: 3 x 8 and 8 x 8 weights of 3x3, two pairs of normalization; then four 1x1 convolutions with biases.
    assert profile.totals.params == 9 * (24 + 64) + 2 * 16 + 4 * (64 + 8)
    # Its operations twice.
    assert profile.totals.macs == 2 * (1024 * 9 * 24 + 256 * 9 * 64) + 4 * 256 * 64
    assert graph.output_names == ("fine", "coarse")
    assert not graph.warnings


@pytest.mark.torch
@pytest.mark.parametrize("text", [PYRAMID, "input: 8x40\nlayers: [conv 3 16 bn relu, maxpool 2, gap, fc 4]"])
def test_the_module_does_what_the_spec_says(text: str) -> None:
    modules_agree(build(text))


def test_one_of_several_inputs_is_given_another_size() -> None:
    graph = build(PYRAMID, input_shape={"right": (3, 16, 16), "left": (3, 16, 16)}, batch=2)
    assert graph.inputs == {"left": (2, 3, 16, 16), "right": (2, 3, 16, 16)}
    assert graph.facts.settings == {"res": 16}
    assert build(PYRAMID.replace("relu -> y", "relu -> y"), input_shape=(("right", (3, 32, 32)),)).inputs["left"][2] == 32


@pytest.mark.parametrize(
    ("shape", "message", "hint"),
    [
        ({"rigth": (3, 16, 16)}, "there is no input 'rigth'", "did you mean 'right'?"),
        ((3, 16, 16), "net.yaml takes the inputs left right", "as in --input left=3x224x224"),
        ((("left", (3, 8, 8)), ("left", (3, 9, 9))), "the input 'left' is given twice", None),
        ({"left": (3, 16)}, "an input is channels, height and width, each at least 1, not 3x16", "as in 3x224x224"),
    ],
)
def test_inputs_that_are_none(shape: object, message: str, hint: str | None) -> None:
    with pytest.raises(CnnprofError) as caught:
        build(PYRAMID, input_shape=shape)
    assert (caught.value.message, caught.value.hint) == (message, hint)


TWO = "input: 3x8x8\nlayers:\n  - conv 3x3 4 -> a\n  - conv 3x3 4 -> b\n"


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        (TWO + "outputs: [a, c]", 5, "there is no output 'c'", None),
        (TWO + "outputs: [a, a]", 5, "the output 'a' stands twice", None),
        (TWO + "outputs: {x: a, y: a}", 5, "'y' and 'x' are one output", None),
        (TWO + "outputs: a", 5, "'outputs' is a list of outputs, or a mapping of names to outputs", "as in outputs: [p3"),
        (
            TWO + "  - let ys = [a, b]\noutputs: {x: ys}",
            6,
            "'ys' is the list [a tensor of 4x8x8, a tensor of 4x8x8], not an output",
            "each entry of a list has a line of its own: 'p3: levels[0]'",
        ),
        (TWO + "  - let ys = [a, b]\noutputs:\n  x: ys[2]", 7, "there is no entry 2 in a list of 2", None),
        (TWO + "outputs: []", 5, "'outputs' names no output", "as in outputs: [p3"),
        ("input: 3x8x8\ninputs: {a: 3x8x8}\nlayers: relu", 2, "a spec has 'input' or 'inputs', not both", None),
        ("inputs: 3x8x8\nlayers: relu", 1, "'inputs' is a mapping of names to sizes", "as in inputs: {left: 3x224x224"),
        ("inputs: {a: 3x8x8, b: 3x8x8}\nlayers: relu", 2, "here are 2 outputs, and this step continues from one", "begin with"),
        (TWO + "  - give [a, b]", 5, "the network ends with 2 outputs", "name them, as in outputs: [a, b]"),
        (
            TWO + "  - give [a, b] -> [p, q, r]",
            5,
            "here are 2 outputs, and 3 names",
            "a block gives several with 'give [a, b]'",
        ),
        (TWO + "  - concat: a", 5, "a join takes a list of outputs, not a tensor of 4x8x8", "as in [a, b] or ys"),
        (TWO + "  - concat: 'range(0)'", 5, "this list of outputs is empty", None),
        (TWO + "  - let ys = [a] * 10000", 5, "a list has at most 4,096 entries", None),
        (TWO + "  - concat: [a, later]\n  - relu -> later", 5, "there is no output 'later' yet", "a step reads what is named"),
    ],
)
def test_outputs_and_lists_that_are_none(text: str, line: int, message: str, hint: str | None) -> None:
    with pytest.raises(CnnprofError) as caught:
        build(text)
    assert caught.value.message == message
    assert caught.value.place.line == line
    assert (caught.value.hint or "").startswith(hint or "")


def test_a_join_of_a_list() -> None:
    graph = build(TWO + "  - let ys = [a, b]\n  - relu -> c\n  - concat: ys + [c]\n  - add: [identity]\n")
    assert graph.nodes[3].inputs == ("a", "b", "c")
    # Of one entry it is the entry itself.
    assert build(TWO + "  - let ys = [a]\n  - concat: ys\n  - relu").nodes[-1].inputs == ("a",)


SHARED = "input: 4x8x8\nshared:\n  head(w): conv 3x3 w relu | conv 1x1 2\nlayers:\n"


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (
            "[head 8, head 8]",
            "head shares its weights, and those of conv1 do not fit: it is Conv2d with 152 weights on 2x8x8 here",
        ),
        ("[-> x, head 8, x, head 4]", "head shares its weights, and those of conv1 do not fit: it is Conv2d with 148 weights"),
    ],
)
def test_weights_that_do_not_fit_are_named(steps: str, message: str) -> None:
    with pytest.raises(CnnprofError) as caught:
        build(SHARED + f"  {steps}")
    assert caught.value.message.startswith(message)


GATES = """
input: 8x4x4
shared:
  mlp(w) in gate: conv 1x1 2 nobias relu | conv 1x1 w nobias
blocks:
  gate():
    - let w = C
    - mul: [identity, {add: [gap | mlp w, gmp | mlp w]}]
layers: [gate, gate, conv 1x1 4 nobias, gate]
"""


def test_each_call_of_a_block_has_weights_of_its_own_that_it_shares() -> None:
    graph = build(GATES)
    # Two gates of 8 x 2 + 2 x 8 weights each, one of 4 x 2 + 2 x 4, and a convolution; each gate runs its weights twice.
    assert analyze(graph).totals.params == 2 * 32 + 8 * 4 + 16
    assert analyze(graph).totals.macs == 2 * 2 * 32 + 8 * 4 * 16 + 2 * 16
    owners = [node.shared for node in graph if node.shared]
    assert owners == [f"gate{gate}.mlp1.conv{layer}" for gate in (1, 2, 3) for layer in (1, 2)]


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("in gate:", "in gates:", "'in gates' names no other block", "did you mean 'gate'?"),
        ("in gate:", "in mlp:", "'in mlp' names no other block", None),
        (
            "[gate, gate",
            "[mlp 8, gate",
            "mlp is shared within the calls of gate, and this is none",
            "all calls share its weights without 'in gate' behind its signature",
        ),
        (
            " in gate:",
            ":",
            "mlp shares its weights, and those of conv1 do not fit",
            "give each call as many channels; 'in gate' behind its signature shares them within each call of gate only",
        ),
    ],
)
def test_a_block_that_weights_are_shared_within(old: str, new: str, message: str, hint: str | None) -> None:
    with pytest.raises(CnnprofError, match=message) as caught:
        build(GATES.replace(old, new))
    assert caught.value.hint == hint


def test_a_shared_block_does_not_call_itself() -> None:
    text = "input: 4x8x8\nshared:\n  f(n): {if: n > 0, then: conv 3x3 4 | f n-1, else: relu}\nlayers: f 3"
    with pytest.raises(CnnprofError, match="f shares its weights and calls itself"):
        build(text)


def test_weights_of_a_training_head_that_inference_uses_belong_to_inference() -> None:
    graph = build(SHARED + "  - conv 3x3 4 -> x\n  - aux: head 8\n  - x | head 8")
    totals = analyze(graph).totals
    assert (totals.params, totals.aux_params) == (4 * 37 + (8 * 37 + 2 * 9), 0)


@pytest.mark.parametrize(
    ("shape", "steps", "kinds", "params", "output"),
    [
        # 8 filters of 3 over one channel, with biases; then 4 of 8 numbers each.
        ("1x8000", ["conv 3 8 s4", "maxpool 4", "gap", "fc 4"], ["Conv1d", "MaxPool1d"], 32 + 36, (1, 4)),
        (
            "3x16x32x32",
            ["conv 3x3x3 4 bn relu", "avgpool 2x2x2", "fc 2"],
            ["Conv3d", "BatchNorm3d"],
            324 + 8 + 2 * 8193,
            (1, 2),
        ),
        ("13", ["fc 8 relu", "fc 2"], ["Linear", "ReLU"], 8 * 14 + 18, (1, 2)),
        ("2x100", ["dw k=5 s2", "sepconv 3 6", "deconv k=4 2 s2 p1"], ["Conv1d"] * 3, 12 + (8 + 18) + (48 + 2), (1, 2, 100)),
    ],
)
def test_words_follow_the_axes_of_the_input(shape, steps, kinds, params, output) -> None:
    profile = analyze(layers(*steps, shape=shape))
    assert [cost.node.layer.type for cost in profile.costs][: len(kinds)] == kinds
    assert (profile.totals.params, profile.costs[-1].output) == (params, output)


@pytest.mark.parametrize(
    ("step", "shape", "output"),
    [
        ("pad 1", "2x8x16x16", (1, 2, 10, 18, 18)),
        ("pad (1,0)", "2x8x16x16", (1, 2, 9, 17, 17)),
        ("pad 0x1x2", "2x8x16x16", (1, 2, 8, 18, 20)),
        ("pad (1,0) (0,0) (2,3)", "2x8x16x16", (1, 2, 9, 16, 21)),
        ("pad depth=(1,0) width=1", "2x8x16x16", (1, 2, 9, 16, 18)),
        ("pad height=1", "2x8x16x16", (1, 2, 8, 18, 16)),
        ("pad (1,0) (0,0) (0,0) channels=2", "2x8x16x16", (1, 6, 9, 16, 16)),
        ("crop (0,1) (0,0) (0,0)", "2x8x16x16", (1, 2, 7, 16, 16)),
        ("pad (1,0) width=3", "2x16x16", (1, 2, 17, 22)),
        ("crop 15", "2x32", (1, 2, 2)),
    ],
)
def test_pads_and_crops_follow_the_axes_of_the_input(step, shape, output) -> None:
    assert analyze(layers(step, shape=shape)).costs[-1].output == output


@pytest.mark.parametrize(
    ("shape", "step", "message"),
    [
        (
            "2x8x16x16",
            "pad (1,0) (0,1)",
            "pad: takes one (before, after) for all of its 3 axes, or one for each, and its input is 2x8x16x16",
        ),
        (
            "2x8x16x16",
            "crop (1,0) depth=1",
            "crop: takes one (before, after) for all of its 3 axes, or one for each, and its input is 2x8x16x16",
        ),
        (
            "2x16x16",
            "pad depth=1",
            "pad: takes one (before, after) for both of its axes, or one for each, and its input is 2x16x16",
        ),
        ("2x16", "pad (1,0) (0,1)", "pad: takes one (before, after) for its one axis, and its input is 2x16"),
        ("3x32x32", "conv 3x3x3 8", "conv: the kernel is one number, or a pair of height and width"),
        ("3x32x32", "conv 3 8", "conv does not take '8'"),
        ("1x8000", "conv 3x3 8", "conv: the kernel is one number, as its input has one spatial axis"),
        ("1x8x8x8", "conv 3x3 8", "conv: the kernel is one number, or one for each of 3 axes"),
        ("13", "conv 3x3 8", "conv1 (Conv2d): takes channels and 2 spatial axes"),
    ],
)
def test_words_of_other_axes(shape: str, step: str, message: str) -> None:
    with pytest.raises(CnnprofError) as caught:
        layers(step, shape=shape)
    assert caught.value.message.startswith(message)


TWO_HEADS = """
input: 3x32x32
layers:
  - conv 3x3 8 relu -> a
  - conv 3x3 8 s2 relu -> b
  - concat: [a | conv 1x1 10 | flatten, b | conv 1x1 10 | flatten]
"""


def test_of_two_classifiers_the_last_is_replaced_and_the_other_named(tmp_path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(TWO_HEADS)
    # What the other one gives is features, too, where they are computed once.
    with pytest.warns(SpecWarning, match="conv2 of net is replaced, and not conv1; --classifier names another"):
        rows = {row.strategy.name: row.profile for row in cnnprof.transfer(str(path), 5).rows}
    assert rows["cached features"].totals.params == 5 * 9
    assert rows["from scratch"].totals.params == 8 * 28 + 8 * 73 + 10 * 9 + 5 * 9


SHARED_HEAD = """
inputs: {left: 3x8x8, right: 3x8x8}
shared:
  head(): gap | fc 10
layers:
  - left | conv 3x3 8 | head -> a
  - right | conv 3x3 8 -> r
  - head -> b
  - sub: [a, b]
outputs: {difference: sub1, right: r}
"""


def test_a_classifier_that_is_called_twice_is_replaced_in_both_calls(tmp_path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(SHARED_HEAD.replace("sub: [a, b]", "{sub: [a, b], name: d}").replace("sub1", "d"))
    rows = {row.strategy.name: row.profile for row in cnnprof.transfer(str(path), 7, batch=1).rows}
    # Two convolutions of 3x3x3 + 1 weights for each of 8 maps, on 8x8; the head has 8 + 1 weights a class and runs twice.
    assert rows["from scratch"].totals.params == 2 * 8 * 28 + 7 * 9
    assert rows["from scratch"].totals.macs == 2 * 64 * 8 * 27 + 2 * 7 * 8
    assert rows["cached features"].totals.params == 7 * 9
    assert rows["cached features"].totals.macs == 2 * 7 * 8


def test_an_entry_of_a_list_is_an_output() -> None:
    graph = build(
        "input: 3x32x32\nlayers:\n  - let levels = []\n  - repeat: 3\n    do:\n      - conv 3x3 4 s2 -> p\n"
        "      - let levels = levels + [p]\noutputs:\n  fine: levels[0]\n  coarse: levels[2]\n"
    )
    assert graph.output_names == ("fine", "coarse")
    assert not graph.warnings
    shapes = {cost.node.name: cost.output for cost in analyze(graph).costs}
    assert [shapes[name] for name in graph.outputs] == [(1, 4, 16, 16), (1, 4, 4, 4)]
