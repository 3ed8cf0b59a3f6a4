"""Steps: order, names, wiring, blocks, loops, joins, heads."""

import pytest
from spec_texts import build, layers, names, wiring

from cnnprof.errors import CnnprofError, SpecError
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import INPUT, Graph
from cnnprof.network.layers.convolution import Conv
from cnnprof.network.layers.merging import Add, Concat, Max, Mean, Mul


def test_layers_are_named_by_kind_and_counter() -> None:
    graph = layers("conv 3x3 8 bn relu | maxpool 2x2", "conv 3x3 8 bn relu6", "gap | fc 10 | softmax")
    assert names(graph) == [
        *("conv1", "bn1", "relu1", "maxpool1", "conv2", "bn2", "relu2"),
        *("gap1", "flatten1", "fc1", "softmax1"),
    ]
    assert graph.outputs == ("softmax1",)
    assert graph.nodes[0].inputs == (INPUT,)
    assert all(node.inputs == (before.name,) for before, node in zip(graph.nodes, graph.nodes[1:], strict=False))


def test_each_node_knows_its_place() -> None:
    graph = layers("conv 3x3 8 bn relu | maxpool 2x2")
    assert [(p.line, p.column, p.length) for p in (node.place for node in graph) if p] == [
        (3, 5, 18),
        (3, 16, 2),
        (3, 19, 4),
        (3, 26, 11),
    ]


def test_block_paths() -> None:
    graph = build(
        """
input: 3x32x32
blocks:
  unit(w): conv 3x3 w bn | half w
  half(w): conv 1x1 w//2
layers:
  - unit 8 | unit 16
  - {for: "n in [1, 2]", do: {repeat: n, do: unit 8}}
  - {repeat: 2, do: [conv 1x1 4, {for: a in range(1), do: relu}]}
  - for: n in [8]
    do: unit n
"""
    )
    assert names(graph) == [
        *("unit1.conv1", "unit1.bn1", "unit1.half1.conv1"),
        *("unit2.conv1", "unit2.bn1", "unit2.half1.conv1"),
        *("stage1.unit1.conv1", "stage1.unit1.bn1", "stage1.unit1.half1.conv1"),
        *("stage2.unit1.conv1", "stage2.unit1.bn1", "stage2.unit1.half1.conv1"),
        *("stage2.unit2.conv1", "stage2.unit2.bn1", "stage2.unit2.half1.conv1"),
        *("stage3.conv1", "stage3.relu1", "stage3.conv2", "stage3.relu2"),
        *("stage4.unit1.conv1", "stage4.unit1.bn1", "stage4.unit1.half1.conv1"),
    ]


def test_rows_with_an_id_name_their_iteration() -> None:
    graph = build(
        """
input: 3x8x8
tables:
  t: |
    id   w   last_pool   # a comment
    3a   8   false
    3.b  16  true
    -    4   -
layers:
  - each: t
    do:
      - conv 1x1 w
      - maxpool 2x2 if last_pool
  - each: t
    do: relu if first
"""
    )
    assert names(graph) == ["3a.conv1", "3_b.conv1", "3_b.maxpool1", "stage1.conv1", "3a_2.relu1"]


def test_named_steps() -> None:
    graph = layers(
        "conv 5x5 6 p0 -> C1",
        "conv 1x1 6 tanh -> C2",
        "-> here",
        "{repeat: 2, do: relu -> r}",
        "C1 | relu -> a | maxpool 2x2 -> b",
        "{add: [b, b | conv 1x1 6], name: sum}",
        "{conv: {kernel: 1x1, out: 4}, name: last}",
        "conv1 if C == 99",
        "C1 | fc 2 -> C1",
    )
    assert names(graph) == [
        *("C1", "C2.conv1", "C2.tanh1", "stage1.r", "stage1.r_2"),
        *("a", "b", "sum.conv1", "sum.add1", "last", "C1_2.flatten1", "C1_2.fc1"),
    ]
    reads = wiring(graph)
    assert reads["a"] == ("C1",)
    assert reads["b"] == ("a",)
    assert reads["sum.add1"] == ("b", "sum.conv1")
    assert reads["C1_2.flatten1"] == ("C1",)


def test_a_name_that_creates_nothing_takes_no_component() -> None:
    graph = layers("conv 1x1 8", "-> x", "x -> y", "y | relu -> x")
    assert names(graph) == ["conv1", "x"]


@pytest.mark.parametrize(("word", "layer"), [("add", Add()), ("mean", Mean()), ("mul", Mul()), ("max", Max())])
def test_joins(word: str, layer: object) -> None:
    graph = layers(f"{word}: [identity, conv 3x3 3]")
    assert graph.nodes[-1].layer == layer
    assert wiring(graph)[f"{word}1"] == (INPUT, "conv1")


def test_branches_start_from_one_place_and_run_in_order() -> None:
    graph = layers("conv 1x1 4", "concat: {left: conv 1x1 C, skip: identity, right: [conv 1x1 2*C, relu]}")
    assert wiring(graph) == {
        "conv1": (INPUT,),
        "conv2": ("conv1",),
        "conv3": ("conv1",),
        "relu1": ("conv3",),
        "concat1": ("conv2", "conv1", "relu1"),
    }
    assert graph.nodes[-1].layer == Concat()
    assert analyze(graph).costs[-1].output == (1, 4 + 4 + 8, 32, 32)


def test_a_branch_that_is_none_is_left_out_and_one_branch_is_no_join() -> None:
    graph = layers("add: [conv 1x1 8, none]", "add: [none, conv 1x1 8 if C == 3 else none, relu]")
    assert names(graph) == ["conv1", "relu1"]
    assert wiring(graph)["relu1"] == ("conv1",)


def test_a_join_that_is_written_with_one_branch_is_one() -> None:
    graph = layers("concat: [relu]")
    assert wiring(graph)["concat1"] == ("relu1",)


def test_a_block_can_be_a_branch_that_is_none() -> None:
    graph = build("input: 3x8x8\nblocks:\n  skip(): identity if C == 8 else none\nlayers: {add: [conv 1x1 8, skip]}")
    assert names(graph) == ["conv1"]


def test_a_join_in_place() -> None:
    graph = layers("{add: [conv 1x1 3, identity], inplace: true}")
    assert graph.nodes[-1].layer == Add(True)


def test_the_mean_of_means_weighs_every_column_alike() -> None:
    graph = build(
        """
input: 3x32x32
blocks:
  f(c): {mean: [conv 3x3 8, f c-1 | f c-1 if c > 1 else none]}
layers: f 3
"""
    )
    # Larsson et al. 2016, Figure 1: f3 joins three columns of 1, 2 and 4 convolutions; the join half way has two of them.
    joins = [node for node in graph if isinstance(node.layer, Mean)]
    assert [len(node.inputs) for node in joins] == [2, 3]
    assert sum(isinstance(node.layer, Conv) for node in graph) == 7
    assert joins[-1].name == graph.outputs[0]


def test_a_mean_that_is_used_elsewhere_stays() -> None:
    graph = layers("conv 1x1 8 -> a", "mean: [identity, {mean: [conv 1x1 8, conv 1x1 8], name: b}]", "add: [identity, b]")
    assert [len(node.inputs) for node in graph if isinstance(node.layer, Mean)] == [2, 3]


def test_repeat() -> None:
    graph = layers(
        "{repeat: 3, do: conv 1x1 (8 if first else 16 if last else 4+i)}",
        "{repeat: 2, as: j, do: {repeat: j + 1, do: conv 1x1 10*j+i+row+1}}",
        "{repeat: 0, do: relu}",
        "{repeat: 1.0, do: relu}",
    )
    assert [node.layer.out_channels for node in graph if isinstance(node.layer, Conv)] == [8, 5, 16, 1, 11, 13]


def test_loops_give_names_back() -> None:
    graph = build(
        """
input: 3x8x8
settings: {w: [4, 8]}
layers:
  - for: i, n in zip([5, 6], [1, 2])
    do:
      - repeat: n
        as: j
        do: conv 1x1 i
      - repeat: n
        do: relu
      - conv 1x1 10*i if not first
  - for: w in w
    do: conv 1x1 w
  - conv 1x1 len(w)
"""
    )
    assert [node.layer.out_channels for node in graph if isinstance(node.layer, Conv)] == [5, 6, 6, 60, 4, 8, 2]


def test_values_that_are_let_last_beyond_loops_and_choices() -> None:
    graph = layers(
        "let w = 4",
        "conv 1x1 w -> older",
        "{repeat: 2, do: [let w = 2 * w, conv 1x1 w -> now, {add: [identity, older | conv 1x1 now.C]}, let older = now]}",
        "{if: w == 16, then: [let w = 7]}",
        "conv 1x1 w",
    )
    assert [node.layer.out_channels for node in graph if isinstance(node.layer, Conv)] == [4, 8, 8, 16, 16, 7]
    assert [wiring(graph)[f"stage1.conv{i}"] for i in (1, 2)] == [("older",), ("stage1.now",)]


def test_choices() -> None:
    graph = layers(
        "conv 1x1 8 if C == 3 else conv 1x1 9",
        "conv 1x1 9 if C == 3 else relu if C == 9 else tanh if C == 8 else sigmoid",
        "maxpool 2x2 | relu if H == 1",
        "{if: C == 8 and not H == 1, then: bn, else: [relu, relu]}",
        "{if: C != 8, then: gap}",
        "conv k=(3 if C == 8 else 1) 4",
    )
    assert names(graph) == ["conv1", "tanh1", "bn1", "conv2"]
    assert graph.nodes[-1].layer == Conv(4, (3, 3), (1, 1), (1, 1))


def test_blocks_see_their_arguments_and_the_settings_and_nothing_else() -> None:
    text = """
input: 3x8x8
settings: {{k: 3}}
blocks:
  unit(w, s=k-2, act=true):
    - conv k=k w s=s
    - relu if act
    - {body}
layers:
  - let hidden = 5
  - unit 8
  - unit 16 act=false s=2
  - unit 4 2 (hidden == 5)
"""
    graph = build(text.format(body="identity"))
    assert [(n.layer.out_channels, n.layer.stride) for n in graph if isinstance(n.layer, Conv)] == [
        (8, (1, 1)),
        (16, (2, 2)),
        (4, (2, 2)),
    ]
    assert names(graph) == ["unit1.conv1", "unit1.relu1", "unit2.conv1", "unit3.conv1", "unit3.relu1"]
    with pytest.raises(SpecError, match="unknown name 'hidden'"):
        build(text.format(body="conv 1x1 hidden"))


def test_use_calls_the_block_that_a_setting_names() -> None:
    text = "input: 3x8x8\nsettings: {block: thin}\nblocks:\n  thin(w): conv 1x1 w\n  wide(w): conv 3x3 w\nlayers: use block 8\n"
    assert build(text).nodes[0].layer == Conv(8, (1, 1))
    assert names(build(text, settings={"block": "wide"})) == ["wide1.conv1"]
    chosen = "input: 3x8x8\nblocks:\n  a(): relu\n  b(): tanh\nlayers: use (a if C == 4 else b)\n"
    assert names(build(chosen)) == ["b1.tanh1"]


def test_outputs_are_arguments_and_have_shapes() -> None:
    graph = build(
        """
input: 3x8x8
blocks:
  fit(older):
    - let stride = older.H // H
    - older | conv 1x1 C s=stride
layers:
  - conv 1x1 5 -> a
  - maxpool 2x2 -> b
  - fit a
  - add: [identity, b]
"""
    )
    assert graph.nodes[2].layer == Conv(5, (1, 1), (2, 2))
    assert graph.nodes[2].inputs == ("a",)


def test_heads_that_only_training_runs() -> None:
    graph = layers("conv 1x1 8", "aux: gap | fc 10", "aux: {if: C == 8, then: fc 4}", "relu")
    assert [(node.name, node.aux) for node in graph] == [
        ("conv1", False),
        *(("aux1.gap1", True), ("aux1.flatten1", True), ("aux1.fc1", True)),
        *(("aux2.flatten1", True), ("aux2.fc1", True)),
        ("relu1", False),
    ]
    assert wiring(graph)["relu1"] == ("conv1",)
    assert wiring(graph)["aux2.flatten1"] == ("conv1",)
    assert graph.outputs == ("relu1",)


def test_a_block_may_call_itself_sixty_times() -> None:
    body = "{add: [{if: n > 0, then: [[relu, {mul: [deep n-1, none]}]]}, identity]}"
    graph = build(f"input: 1x1x1\nblocks:\n  deep(n): {body}\nlayers:\n  - deep 60\n")
    assert len(graph) == 60 + 61  # a relu for every n > 0, and an add for every n


def test_a_head_that_another_input_does_not_fit_is_left_out() -> None:
    steps = [
        "conv 3x3 4",
        "aux: gap | fc 2",
        "aux: [{mean: [{mean: [relu, tanh]}, identity]}, avgpool 5x5, fc 10]",
        "mean: [relu, tanh]",
        "relu",
    ]
    text = "\n".join(["input: 4x8x8", "layers:", *(f"  - {step}" for step in steps)])
    small, whole = build(text, input_shape=(4, 4, 4)), build(text)
    assert small.left_out == (
        "aux2.avgpool1 (AvgPool2d): its window of 5 does not fit into an input of 4x4x4; it needs at least 5",
    )
    assert Graph.from_dict(small.to_dict()).left_out == small.left_out
    assert whole.left_out == ()
    assert wiring(small) == {name: inputs for name, inputs in wiring(whole).items() if not name.startswith("aux2.")}
    with pytest.raises(CnnprofError, match="its window of 5 does not fit"):
        build(text.replace("8x8", "4x4"))
    with pytest.raises(CnnprofError, match="unknown layer, block or output 'rleu'"):
        build(text.replace("avgpool 5x5", "rleu"), input_shape=(4, 4, 4))


def test_an_output_called_input_does_not_take_the_networks_place():
    graph = layers("concat: [conv 3x3 8 -> input, conv 1x1 4]", "conv 1x1 2")
    assert wiring(graph) == {"input_2": ("input",), "conv1": ("input",), "concat1": ("input_2", "conv1"), "conv2": ("concat1",)}
