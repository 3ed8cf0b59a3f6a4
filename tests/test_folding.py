"""Graphs folded into blocks and loops: unit tests of each fold, and networks that read as a person would write them."""

import pytest
from spec_texts import build, layers

from cnnprof.network.graph import Graph, Node
from cnnprof.network.layers.activation import ReLU
from cnnprof.network.layers.convolution import Conv
from cnnprof.network.layers.merging import Add, Concat
from cnnprof.network.layers.normalization import BatchNorm
from cnnprof.sources import spec_names, specs
from cnnprof.sources._writing import _layers, _plain, write_text
from cnnprof.spec.folding.arguments import Arguments
from cnnprof.spec.folding.loops import folded
from cnnprof.spec.folding.outline import Argument, Call, First, Repeat, Rising, Words, read_part
from cnnprof.spec.folding.text import height
from cnnprof.spec.folding.unify import unify
from cnnprof.spec.writer import write_folded


def body_of(text):
    """What stands from the first block on."""
    return text[min(text.index(key) for key in ("tables:", "blocks:", "layers:") if key in text) :]


def words(*parts, channels=8):
    return Words(tuple(map(read_part, parts)), (channels,))


def call(block="unit", name="", **arguments):
    columns = tuple((key, (value,)) for key, value in arguments.items())
    return Call(block, columns, tuple((key, None) for key in arguments), (8,), name=name)


def settled(*bodies):
    shared = bodies[0]
    for number, body in enumerate(bodies[1:], 1):
        shared = unify(shared, body, (number, 1), guards=True)
        assert shared is not None
    arguments = Arguments(len(bodies))
    return arguments.settle(shared), arguments


def test_what_differs_becomes_an_argument():
    _, arguments = settled((words("conv 3x3 16 s2", "bn"),), (words("conv 5x5 32", "bn"),))
    assert arguments.columns == {"k": [3, 5], "w": [16, 32], "s": [2, 1]}
    assert arguments.arguments() == (Argument("k"), Argument("w"), Argument("s", 1))


def test_multiples_and_the_channels_here_are_no_arguments():
    bodies = [(words(f"conv 1x1 {n}", channels=2 * n), words(f"conv 1x1 {4 * n}", channels=n)) for n in (8, 16)]
    body, arguments = settled(*bodies)
    assert arguments.columns == {}
    assert [str(item.parts[0].options[1][1]) for item in body] == ["C//2", "4*C"]


def test_steps_that_some_places_lack_are_conditional():
    rest = (words("dw 3x3", "bn", "relu"), words("conv 1x1 8", "bn"))
    body, arguments = settled((words("conv 1x1 48", "bn", "relu"), *rest), rest)
    assert arguments.columns == {"expand": [True, False]}
    assert str(body[0].flag) == "expand"


@pytest.mark.parametrize(
    ("one", "other"),
    [("conv 3x3 8", "dw 3x3"), ("conv 3x3 8", "conv 3x3 8 nobias"), ("relu", "gelu"), ("dropout 0.1 channels", "dropout 0.1")],
)
def test_other_words_and_flags_are_other_steps(one, other):
    assert unify((words(one),), (words(other),), (1, 1)) is None


def test_equal_calls_are_a_loop_whose_first_round_may_differ():
    stages = [call(w=16, s=2), call(w=16, s=1), call(w=16, s=1), call(w=32, s=2), call(w=32, s=1)]
    first, second = folded(tuple(stages))
    assert (first.times, second.times) == ((3,), (2,))
    assert first.body[0].arguments == (("w", (16,)), ("s", (First(2, 1),)))
    assert second.body[0].arguments == (("w", (32,)), ("s", (First(2, 1),)))


def test_numbers_that_rise_evenly_are_an_expression_of_the_round():
    (loop,) = folded(tuple(call(p=0.1 + 0.05 * i) for i in range(5)))
    assert loop.body[0].arguments == (("p", (Rising(0.1, 0.05),)),)


def test_a_name_that_is_read_elsewhere_is_in_no_loop():
    named, loop = folded((call(w=1, name="a"), call(w=1), call(w=1)))
    assert named == call(w=1, name="a")
    assert isinstance(loop, Repeat)
    assert loop.times == (2,)


def test_runs_of_several_steps_are_loops():
    unit = (words("conv 3x3 8", "bn", "relu"), words("maxpool 2x2"))
    assert folded(unit * 3) == (Repeat((3,), unit),)
    assert height(folded(unit * 3)) == 1


RESIDUAL = """
input: 16x32x32
blocks:
  basic(w, s=1):
    - add:
        - conv 3x3 w s=s bn relu | conv 3x3 w bn
        - conv 1x1 w s=s bn if s != 1 or C != w
      inplace: true
    - relu inplace
layers:
  - conv 3x3 16 bn relu
  - for: w in [16, 32, 64]
    do:
      - {repeat: 2, do: basic w s=(2 if first and w > 16 else 1)}
  - gap | fc 10
"""


def test_a_residual_network_reads_as_it_was_written():
    text = write_text(build(RESIDUAL), compact=True)
    assert body_of(text).splitlines() == [
        "blocks:",
        "  basic(w, s=1):",
        "    - {add: [conv 3x3 w s=s bn relu | conv 3x3 w bn, conv 1x1 w s2 bn if C != w], inplace: true}",
        "    - relu inplace",
        "layers:",
        "  - conv 3x3 16 bn relu",
        "  - for: w, s in zip([16, 32, 64], [1, 2, 2])",
        "    do: {repeat: 2, do: basic w s=(s if first else 1)}",
        "  - gap | fc 10",
    ]


def dense(count):
    """Layers that each read all before them, by a module of a class."""
    nodes, known = [], ["input"]
    for number in range(count):
        path = f"layer{number}"
        nodes += [
            Node(f"{path}.cat", Concat(), tuple(known)),
            Node(f"{path}.norm", BatchNorm(), (f"{path}.cat",)),
            Node(f"{path}.act", ReLU(True), (f"{path}.norm",)),
            Node(f"{path}.conv", Conv(4, (3, 3), padding=(1, 1)), (f"{path}.act",)),
        ]
        known.append(f"{path}.conv")
    nodes.append(Node("cat", Concat(), tuple(known)))
    modules = {f"layer{number}": "DenseLayer" for number in range(count)}
    return Graph("dense", (1, 8, 16, 16), tuple(nodes), ("cat",), modules=modules)


@pytest.mark.parametrize("count", [1, 2, 4, 20])
def test_a_list_that_grows_is_one(count):
    graph = dense(count)
    text = write_text(graph, compact=True)
    assert _layers(build(text)) == _layers(graph)
    if count > 3:
        assert "let xs = xs + [new]" in text
        assert len(body_of(text).splitlines()) == 12


def test_blocks_give_and_take_several_outputs():
    def module(path, left, right):
        return [
            Node(f"{path}.a", Conv(8, (3, 3), padding=(1, 1)), (left,)),
            Node(f"{path}.b", Conv(8, (3, 3), padding=(1, 1)), (right,)),
            Node(f"{path}.sum", Add(), (f"{path}.a", f"{path}.b")),
            Node(f"{path}.left", ReLU(), (f"{path}.sum",)),
            Node(f"{path}.right", ReLU(), (f"{path}.b",)),
        ]

    nodes = [Node("stem", Conv(8, (3, 3), padding=(1, 1)), ("input",))]
    ends = ("stem", "input")
    for path in ("one", "two", "three"):
        nodes += module(path, *ends)
        ends = (f"{path}.left", f"{path}.right")
    nodes.append(Node("end", Add(), ends))
    graph = Graph("two", (1, 8, 16, 16), tuple(nodes), ("end",), modules=dict.fromkeys(("one", "two", "three"), "Exchange"))
    text = write_text(graph, compact=True)
    assert _layers(build(text)) == _layers(graph)
    assert "  exchange(y):" in text
    assert "    - give [left, right]" in text


def test_names_mean_nothing_else():
    nodes = []
    last = "input"
    for path in ("conv", "relu.0", "identity"):
        nodes += [Node(f"{path}.first", ReLU(), (last,)), Node(f"{path}.gap", ReLU(), (f"{path}.first",))]
        nodes.append(Node(f"{path}.add", Add(), (f"{path}.first", f"{path}.gap", last)))
        last = f"{path}.add"
    modules = {"conv": "Attention", "relu": "Sequential", "relu.0": "Attention", "identity": "Attention"}
    graph = Graph("odd", (1, 8, 4, 4), tuple(nodes), (last,), modules=modules)
    assert _layers(build(write_text(graph, compact=True))) == _layers(graph)


def test_a_network_without_modules_has_no_blocks():
    graph = layers("conv 3x3 8 bn relu", "conv 3x3 16 s2 bn relu", "maxpool 2x2", "fc 10")
    assert body_of(write_text(graph, compact=True)).splitlines()[1:] == [
        "  - conv 3x3 8 bn relu | conv 3x3 16 s2 bn relu | maxpool 2x2",
        "  - fc 10",
    ]


FEW = (
    "resnet50",
    "densenet121",
    "mobilenet_v2",
    "googlenet",
    "inception_v3",
    "shufflenet_v2_x1_0",
    "nasnet_a_mobile",
    "unet",
    "hrnet_w18",
)


@pytest.mark.parametrize("name", [name for name in FEW if name in spec_names()])
def test_bundled_networks_fold_and_are_the_same(name):
    graph = specs.load(name)
    text = write_text(graph, compact=True)
    assert _layers(build(text)) == _layers(_plain(graph))
    assert len(body_of(text).splitlines()) < len(body_of(write_text(graph, compact=True, flat=True)).splitlines()) / 2


@pytest.mark.parametrize("name", ["vit_ti16", "swin_tiny"])
def test_transformers_fold_where_no_flat_form_says_them(name):
    graph = specs.load(name)
    assert _layers(build(write_text(graph, compact=True))) == _layers(_plain(graph))


@pytest.mark.parametrize("name", ["vit_ti16", "resnet18", "googlenet", "hrnet_w18"])
def test_without_blocks_steps_stand_one_after_the_other(name):
    graph = specs.load(name)
    text = write_folded(graph, False, blocks=False)
    assert _layers(build(text)) == _layers(_plain(graph))
    assert "blocks:" not in text
    assert "repeat" not in text


def test_what_the_places_do_instead_of_each_other_is_in_no_condition():
    common = (words("conv 3x3 8", "bn"),) * 4
    one = (words("conv 1x1 16", "bn", "relu"), words("dw 3x3", "bn", "relu"))
    other = (words("conv 1x1 16", "ln", "gelu"), words("dw 3x3", "ln", "gelu"))
    assert unify((*one, *common), common, (1, 1), guards=True) is not None
    assert unify((*one, *common), (*other, *common), (1, 1), guards=True) is None


def test_an_activation_may_be_an_argument():
    one = (words("conv 1x1 16", "bn", "relu"), words("dw 3x3", "bn", "relu"))
    other = (words("conv 1x1 16", "bn", "gelu"), words("dw 3x3", "bn"))
    body = unify(one, other, (1, 1), guards=True)
    assert [item.parts[-1].options[0][1] for item in body] == [("relu", "gelu"), ("relu", "identity")]
    assert unify(one, other, (1, 1)) is None


def test_a_loop_and_its_step_are_a_loop_of_one_round():
    step = words("conv 3x3 8", "bn")
    (found,) = unify((Repeat((3,), (step,)),), (step,), (1, 1))
    assert found.times == (3, 1)
    knows = call(s=First(2, 1))
    assert unify((Repeat((3,), (call(s=1),)),), (knows,), (1, 1)) is None


@pytest.mark.parametrize(("column", "text"), [((8, 16, 32), "C//4"), ((24, 48, 96), "3*C//4"), ((7, 16, 32), "start")])
def test_parts_of_the_channels_are_no_arguments(column, text):
    arguments = Arguments(3)
    assert str(arguments.hole("start", column, (32, 64, 128))) == text
    assert [*arguments.columns] == ["start"] * (text == "start")


def test_places_without_a_value_get_what_a_multiple_says():
    arguments = Arguments(3)
    assert str(arguments.hole("w", (8, None, 16))) == "w"
    assert str(arguments.hole("w", (16, 24, 32))) == "2*w"
    assert arguments.columns == {"w": [8, 12, 16]}


def test_arguments_are_numbered_in_the_order_of_the_signature():
    rest = [(words(f"conv 3x3 {n}"), words("dw 3x3", "bn"), words("dw 5x5", "bn")) for n in (7, 9, 11)]
    few = [(words(f"conv 1x1 {n}", "bn", "relu"), *each) for n, each in zip((48, 40), rest, strict=False)]
    body, arguments = settled(*few, rest[2])
    assert arguments.arguments() == (Argument("w"), Argument("w2", 48), Argument("expand", False))
    assert str(body[1].parts[0].options[1][1]) == "w"
