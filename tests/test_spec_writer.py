"""Graphs written as specs: read back they are the same network, layer by layer."""

from functools import lru_cache

import pytest
from spec_texts import build, layers

from cnnprof.errors import CnnprofError
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Figure, Graph, Node
from cnnprof.network.layers import LAYERS, Layer
from cnnprof.network.layers.activation import GELU, LeakyReLU, ReLU
from cnnprof.network.layers.arrangement import Copy, Identity, Permute, Reshape
from cnnprof.network.layers.convolution import Conv
from cnnprof.network.layers.elementwise import Reduce
from cnnprof.network.layers.linear import Linear, Parameter
from cnnprof.network.layers.normalization import LayerNorm
from cnnprof.network.layers.resizing import Upsample
from cnnprof.network.results import Cost
from cnnprof.sources import spec_names, specs
from cnnprof.spec.words import WORDS
from cnnprof.spec.writer import write_spec

EVERY_WORD = [
    "conv 3x3 8 s2 same bn relu",
    "maxpool 3x3 s2 same",
    "avgpool 3x3 s2 same",
    "conv 3x5 8 p0 d2x1 elu=0.5",
    "conv 2x2 8 p1 bias bn elu",
    "conv 3x3 8 g4 nobias | leakyrelu 0.2",
    "deconv 4x4 16 s2 p1 bn leakyrelu",
    "deconv 3x3 16 s2 p1 output_pad=1 g2",
    "pad (0,1) (2,0) channels=(0,4) value=0.5",
    "crop (1,1) | pad (-1,1) (2,-2)",
    "lrn 3 alpha=0.00002 | lrn",
    "shuffle 4",
    "upsample 2 bilinear | upsample 1x2",
    "take 2 12 | dropout 0.3 channels",
    "prelu | tanh | sigmoid | silu | gelu | softplus | mish | hardsigmoid | hardswish | relu6 inplace",
    "dw 3x3 2 s2 bn relu6",
    "sepconv 3x3 24 bn relu",
    "maxpool 2x2 p1 d2 ceil",
    "avgpool 3x3 s1 p1 exclude_pad ceil",
    "subsample 2x2",
    "bn eps=0.001 noaffine | ln | ln eps=1e-6 noaffine | droppath 0.2",
    "pad (1,0) (0,2) | adaptive_avgpool 3x4 | adaptive_maxpool 2x2",
    "gmp | gap | flatten",
    "fc 12 nobias relu | ln | dropout 0.3 | fc 10 bn",
    "softmax",
    "identity | rbf 10",
    "scale 0.17 | scale -2 | abs | exp | log | sqrt",
    "swish -> result",
    "parameter (1, 10) -> factor",
    "{mul: [result, factor]}",
]


def rewritten(graph: Graph, compact: bool) -> Graph:
    return build(write_spec(graph, compact))


def by_factor(cost: Cost) -> Layer:
    """The layer; of a resize to a size that is some times its input's, with these factors, as the writer has it."""
    layer = cost.node.layer
    if not isinstance(layer, Upsample) or not layer.size:
        return layer
    axes = [*zip(layer.size, cost.inputs[0][2:], strict=True)]
    return layer if any(to % size for to, size in axes) else Upsample(tuple(to // size for to, size in axes), layer.mode)


def content(graph: Graph) -> list[object]:
    """All that the language has to say of a network: layers, figures, and which of them read which."""
    profile = analyze(graph)
    number = {name: -1 - i for i, name in enumerate(graph.inputs)} | {node.name: i for i, node in enumerate(graph)}
    sources = [tuple(number[name] for name in node.inputs) for node in graph]
    costs = [(by_factor(c), c.node.aux, c.inputs, c.output, c.params, c.ops, c.activations) for c in profile.costs]
    outputs = [number[name] for name in graph.outputs]
    return [*zip(costs, sources, strict=True), profile.totals, outputs, graph.output_names, [*graph.inputs.values()]]


@pytest.mark.parametrize("compact", [False, True])
def test_every_word_is_written_as_it_was_read(compact):
    graph = layers(*EVERY_WORD, shape="3x96x96")
    assert content(rewritten(graph, compact)) == content(graph)


def test_every_word_is_among_them_or_has_an_example():
    written = {word for step in EVERY_WORD for word in step.split()}
    assert set(WORDS) <= written | {name for name, row in WORDS.items() if row.examples}


SEVERAL = {"tokens", "image", "clstoken", "posembed", "attention", "token", "unpool", "split", "unbind"}
"""Words that stand for several layers, which have no words of their own."""


@pytest.mark.parametrize(
    "step",
    [
        example.step
        for name, row in WORDS.items()
        if name not in SEVERAL
        for example in row.examples
        if not example.step.startswith("tokens")
    ],
)
def test_every_example_is_written_as_it_was_read(step):
    graph = layers(step, "conv 1x1 4" if step.partition(" ")[0] == "identity" else "relu", shape="16x32x32")
    assert content(rewritten(graph, False)) == content(graph)


PARTS = [
    ("Expand", "it has no word of its own, only within 'clstoken'"),
    ("LayerNorm", "it does not normalize over the channels"),
    ("Linear", "it works on the last axis of a tensor that is not flat"),
    ("Permute", "it moves its elements, or the batch"),
    ("Select", "it has no word of its own, only within 'attention' and 'token'"),
    ("ScaledDotProductAttention", "it has no word of its own, only within 'attention'"),
]
"""What a transformer's words stand for; one after the other, its layers have no words."""

UNSAID = dict.fromkeys(("vit", "vit_ti16", "vit_s16", "vit_b16", "vit_l16", "vit_h14"), PARTS)


NOT_FLAT = ("swin", "mobilevit", "retinanet", "mixer", "mlp_mixer")
"""Other networks with what has no word of its own where each layer stands alone: attention, heads that share their weights."""


@pytest.mark.parametrize("name", [name for name in spec_names() if name.startswith(NOT_FLAT)])
def test_attention_and_shared_weights_are_among_what_a_flat_form_cannot_say(name):
    with pytest.raises(CnnprofError, match="uses what the spec language cannot say"):
        write_spec(specs.load(name))


@pytest.mark.parametrize("name", UNSAID)
@pytest.mark.parametrize("compact", [False, True])
def test_what_a_flat_form_cannot_say_is_listed(name, compact):
    graph = specs.load(name)
    with pytest.raises(CnnprofError) as caught:
        write_spec(graph, compact)
    first, *lines = caught.value.message.splitlines()
    assert first == f"{graph.name} uses what the spec language cannot say:"
    assert [tuple(line.removeprefix("  - ").rpartition(" (")[0].split(": ")) for line in lines] == UNSAID[name]


@lru_cache(maxsize=1)
def bundled(name: str) -> tuple[Graph, list[object]]:
    """The network, and its content: the flat form and the compact one of a network are tested one after the other."""
    graph = specs.load(name)
    return graph, content(graph)


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("name", [name for name in spec_names() if name not in UNSAID and not name.startswith(NOT_FLAT)])
def test_every_bundled_network_is_the_same_when_read_back(name, compact):
    graph, known = bundled(name)
    assert content(rewritten(graph, compact)) == known


def test_flat_form_has_a_line_for_every_layer():
    text = write_spec(specs.load("resnet18"))
    steps = [line for line in text.partition("layers:\n")[2].splitlines() if line.startswith("  - ")]
    assert len(steps) == len(specs.load("resnet18"))
    assert steps[:3] == ["  - conv 7x7 64 s2 nobias", "  - bn", "  - relu inplace"]


def test_compact_form_puts_behind_what_goes_behind():
    text = write_spec(specs.load("vgg11_bn"), compact=True)
    assert "- conv 3x3 64 bias bn relu\n" in text
    text = write_spec(layers("conv 3x3 8 nobias | bn eps=0.001 | relu", "fc 4 relu6"), compact=True)
    steps = [line.strip() for line in text.partition("layers:\n")[2].splitlines()]
    assert steps == ["- conv 3x3 8 nobias", "- bn eps=0.001", "- relu", "- flatten", "- fc 4 relu6"]


JOINS = """
input: 4x8x8
layers:
  - -> picture
  - conv 3x3 4 -> a
  - {add: [identity, picture, a], inplace: true}
  - {concat: [identity]}
  - {mul: [identity, gap | conv 1x1 4 sigmoid], name: gated}
  - {mean: [picture, {mean: [relu, tanh]}]}
  - {max: [identity, gated]}
  - {aux: [{concat: [picture, identity]}, gap, fc 3]}
  - conv 3x3 2 -> relu6_out
  - aux: [fc 5]
  - relu6_out
  - {concat: [identity, picture]}
  - a
"""


@pytest.mark.parametrize("compact", [False, True])
def test_joins_heads_and_the_input_itself_are_read_back(compact):
    graph = build(JOINS)
    assert content(rewritten(graph, compact)) == content(graph)


SEVERAL_ENDS = """
inputs: {left: 3x8x8, right: 3x8x8, scale_of: 1x4x4}
layers:
  - right | conv 3x3 4 -> seen
  - left | conv 3x3 4 -> a
  - {add: [seen, a], name: both}
  - conv 1x1 2 bn -> c
  - {aux: [gap, fc 3]}
  - scale_of | upsample 2
  - {mul: [identity, c]}
outputs: OUTPUTS
"""


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("outputs", ["[both, a]", "[a]", "{relu: c, boxes: both, a: seen}"])
def test_several_inputs_and_outputs_are_read_back_by_name(outputs, compact):
    graph = build(SEVERAL_ENDS.replace("OUTPUTS", outputs))
    again = rewritten(graph, compact)
    assert content(again) == content(graph)
    assert again.inputs == graph.inputs


def test_one_input_of_another_name_is_where_the_layers_start():
    graph = build("inputs: {picture: 4x8x8}\nlayers: [-> p, conv 3x3 4, {add: [identity, p]}]")
    assert content(rewritten(graph, False)) == content(graph)


def test_outputs_without_names_are_called_after_their_layers():
    nodes = (Node("0.relu", ReLU(), ("input",)), Node("1", ReLU(), ("0.relu",)))
    text = write_spec(Graph("two", (1, 2, 4, 4), nodes, ("1", "0.relu"), output_names=("lambda", "out")))
    assert text.endswith("  - relu -> out\n  - relu -> x_lambda\noutputs: [x_lambda, out]\n")
    text = write_spec(Graph("two", (1, 2, 4, 4), nodes, ("1", "0.relu")))
    assert build(text).outputs == ("x_1", "x_0_relu")


def test_names_are_words_of_no_other_meaning():
    nodes = (
        Node("relu", ReLU(), ("input",)),
        Node("0", ReLU(), ("input",)),
        Node("a.0", ReLU(), ("0",)),
        Node("a_0", ReLU(), ("relu",)),
        Node("lambda", LeakyReLU(), ("a.0",)),
        Node("sum", LAYERS["Add"](), ("relu", "0", "a_0", "a.0", "lambda")),
    )
    graph = Graph("names", (1, 2, 4, 4), nodes, ("sum",))
    assert content(rewritten(graph, False)) == content(graph)


def test_arrangements_become_the_words_they_mean():
    nodes = (
        Node("view", Reshape((1, 2, 4, 6, 6)), ("input",)),
        Node("swap", Permute((0, 2, 1, 3, 4)), ("view",)),
        Node("copy", Copy(), ("swap",)),
        Node("back", Reshape((1, 8, 6, 6)), ("copy",)),
        Node("view2", Reshape((1, 4, 2, 6, 6)), ("back",)),
        Node("swap2", Permute((0, 2, 1, 3, 4)), ("view2",)),
        Node("back2", Reshape((1, 8, 6, 6), copy=True), ("swap2",)),
        Node("same", Identity(), ("back2",)),
        Node("keep", Reduce("mean", (-1, -2), keepdim=True), ("same",)),
        Node("flat", Reshape((1, 8)), ("keep",)),
        Node("branch", Reduce("mean", (2, 3)), ("same",)),
        Node("sum", LAYERS["Add"](), ("flat", "branch")),
    )
    graph = Graph("shuffles", (1, 8, 6, 6), nodes, ("sum",))
    text = write_spec(graph)
    steps = [line.strip() for line in text.partition("layers:\n")[2].splitlines()]
    assert steps[:4] == ["- shuffle 2", "- shuffle 4 -> back2", "- gap", "- flatten -> flat"]
    ours, theirs = analyze(build(text)).totals, analyze(graph).totals
    assert (ours.params, ours.ops, ours.activations) == (theirs.params, theirs.ops, theirs.activations)


def channels_last(*between: Node, back: str) -> Graph:
    nodes = (
        Node("to_last", Permute((0, 2, 3, 1)), ("input",)),
        *between,
        Node("to_first", Permute((0, 3, 1, 2)), (back,)),
        Node("sum", LAYERS["Add"](), ("to_first", "input")),
    )
    return Graph("last", (1, 8, 6, 6), nodes, ("sum",))


def test_layers_on_channels_last_become_those_on_channels_first():
    graph = channels_last(
        Node("norm", LayerNorm(), ("to_last",)),
        Node("wide", Linear(32), ("norm",)),
        Node("act", GELU(), ("wide",)),
        Node("narrow", Linear(8, bias=False), ("act",)),
        back="narrow",
    )
    steps = [line.strip() for line in write_spec(graph).partition("layers:\n")[2].splitlines()]
    assert steps[1:] == ["- ln", "- conv 1x1 32", "- gelu", "- conv 1x1 8 nobias", "- {add: [identity, input]}"]
    ours, theirs = analyze(build(write_spec(graph))).totals, analyze(graph).totals
    assert (ours.params, ours.ops, ours.activations) == (theirs.params, theirs.ops, theirs.activations)


def test_other_layers_on_channels_last_are_left_as_they_are():
    graph = channels_last(Node("softmax", LAYERS["Softmax"](-1), ("to_last",)), back="softmax")
    with pytest.raises(CnnprofError, match=r"Softmax: it is not over the channels \(softmax\)"):
        write_spec(graph)


def test_an_axis_other_than_the_channels_is_said():
    graph = channels_last(Node("softmax", LAYERS["Softmax"](3), ("to_last",)), back="softmax")
    assert "  - softmax axis=3\n" in write_spec(graph)
    assert content(rewritten(graph, False)) == content(graph)


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet20"])
def test_facts_head_the_text(name):
    text = write_spec(specs.load(name))
    facts, again = specs.load(name).facts, build(text).facts
    assert (again.family, again.year, again.paper, again.about) == (facts.family, facts.year, facts.paper, facts.about)
    assert again.accuracy == facts.accuracy
    for key, figure in facts.published.items():
        assert again.published[key] == Figure(
            figure.value, figure.tolerance, again.published[key].text, figure.why, figure.where
        )


def test_what_cannot_be_said_is_listed_by_kind():
    nodes = (
        Node("swap", Permute((0, 1, 3, 2)), ("input",)),
        Node("back", Permute((0, 1, 3, 2)), ("swap",)),
        Node("conv", Conv(4, (3, 3)), ("back",), trainable=False),
        Node("deep", Linear(4), ("conv",)),
    )
    graph = Graph("odd", (1, 3, 8, 8), nodes, ("conv", "conv", "input"), uncounted=("deep: aten.erf",), aux_params={"head": 7})
    with pytest.raises(CnnprofError) as caught:
        write_spec(graph)
    assert caught.value.exit_code == 3
    assert caught.value.message.splitlines() == [
        "odd uses what the spec language cannot say:",
        "  - Conv2d: its weights are frozen (conv)",
        "  - Linear: it works on the last axis of a tensor that is not flat (deep)",
        "  - aten.erf: it is not counted (deep)",
        "  - a head that cannot be run: head, 7 params",
        "  - two of its outputs are one tensor",
        "  - it returns an input as it is",
    ]


def test_a_layer_type_without_words_is_no_crash():
    for kind in LAYERS.values():
        if kind is Parameter:
            continue
        example, shapes = kind.example(16)
        names = [f"x{i}" for i in range(len(shapes))]
        inputs = tuple(Node(name, LAYERS["Constant"](shape), ()) for name, shape in zip(names, shapes, strict=True))
        graph = Graph("one", (1, 3, 8, 8), (*inputs, Node("it", example, tuple(names))), ("it",))
        with pytest.raises(CnnprofError, match="cannot say"):
            write_spec(graph)
