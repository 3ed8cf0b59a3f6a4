"""What was taken in silence and meant something else: each is refused, warned of, or means what people mean by it."""

import pytest
from shell import cnnprof
from spec_texts import build, layers

from cnnprof.errors import CnnprofError
from cnnprof.network.analysis import analyze
from cnnprof.network.layers.convolution import Conv
from cnnprof.network.layers.merging import Concat


def biases(graph):
    return [node.layer.bias for node in graph if hasattr(node.layer, "bias")]


@pytest.mark.parametrize("join", ["{for: k in [1,3,5], do: conv k=k 8}", "[{for: 'k in [1,3,5]', do: conv k=k 8}]"])
def test_the_rounds_of_a_loop_are_the_branches_of_a_join(join):
    graph = build(f"input: 4x16x16\nlayers:\n  - concat: {join}\n  - relu")
    assert [node.inputs for node in graph if isinstance(node.layer, Conv)] == [("input",)] * 3
    assert [node.inputs for node in graph if isinstance(node.layer, Concat)] == [("conv1", "conv2", "conv3")]
    # 4 x 8 weights for each of 1 + 9 + 25 positions, and 8 biases each.
    assert analyze(graph).totals.params == 4 * 8 * 35 + 24


@pytest.mark.parametrize(("loop", "word"), [("for: k in [3]", "for"), ("each: rows", "each")])
def test_a_loop_over_values_beside_other_branches_says_what_it_is(loop, word):
    head = "input: 8x8x8\ntables:\n  rows: |\n    k\n    3\nlayers:\n  - concat:\n      - identity\n"
    with pytest.raises(CnnprofError, match="is this loop one branch beside the others, or is each of its rounds") as caught:
        build(f"{head}      - {loop}\n        do: conv k=k 8")
    assert caught.value.place.line == 9
    assert caught.value.hint == f"[{{{word}: ...}}] in brackets is one branch; {{concat: {{{word}: ...}}}} joins the rounds"


@pytest.mark.parametrize(("open_", "close", "channels"), [("[", "]", 3 + 8), ("{concat: ", "}", 3 + 2 * 8)])
def test_both_that_a_loop_beside_other_branches_may_be_can_be_said(open_, close, channels):
    graph = layers(f'{{concat: [identity, {open_}{{for: "k in [3, 5]", do: conv k=k 8}}{close}]}}')
    assert analyze(graph).costs[-1].output[1] == channels


def test_among_other_branches_a_loop_is_one_of_them():
    graph = build("input: 8x8x8\nlayers:\n  - add:\n      - repeat: 2\n        do: conv 3x3 8\n      - identity")
    first, second, join = graph
    assert [first.inputs, second.inputs, join.inputs] == [("input",), (first.name,), (second.name, "input")]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["conv 3x3 8", "bn"], [False]),
        (["conv 3x3 8 | bn"], [False]),
        (["conv 3x3 8 bias", "bn"], [True]),
        (["conv 3x3 8", "relu | bn"], [True]),
        (["sepconv 3x3 8", "bn"], [False, False]),
        (["conv 3x3 8 | dropout", "bn"], [True]),
        (["deconv 4x4 8 s2 p1", "bn"], [False]),
        (["fc 8", "bn"], [False]),
        # One reader is no normalization: the bias reaches it.
        (["conv 3x3 8 -> x | bn -> y", "{add: [x, y]}"], [True]),
        (["conv 3x3 8 -> x | bn -> y", "x | bn -> z", "{add: [y, z]}"], [False]),
        (["conv 3x3 8"], [True]),
        (["conv 3x3 8 ln"], [True]),
        # What stands between the two reads the bias.
        (["conv 3x3 8 relu bn"], [True]),
        (["conv 3x3 8 relu bn nobias"], [False]),
        (["conv 3x3 8 bn relu"], [False]),
    ],
)
def test_a_bias_goes_where_a_normalization_takes_it_away(steps, expected):
    assert biases(layers(*steps)) == expected


def test_a_bias_goes_across_the_border_of_a_block():
    text = "input: 3x8x8\nblocks: {unit(w): conv 3x3 w}\nlayers: [unit 4, bn, unit 4]"
    assert biases(build(text)) == [False, True]


@pytest.mark.parametrize(
    ("size", "hint"),
    [
        ("224x224x3", "write 3x224x224"),
        ("160x120x3", "write 3x160x120"),
        ("28x28x1", "write 1x28x28"),
        ("16x112x112x3", "write 3x16x112x112"),
        ("1x3x32x32", "write 3x32x32"),
        ("32x3x224x224", "write 3x224x224, and --batch 32"),
        ("8000x1", "write 1x8000"),
        ("44100x2", "write 2x44100"),
    ],
)
def test_an_input_in_another_order_is_refused(size, hint):
    with pytest.raises(CnnprofError, match=r"is read as \d+ channels?") as caught:
        build(f"input: {size}\nlayers: fc 10")
    assert caught.value.hint.partition(":")[2].strip().startswith(hint)
    assert caught.value.place.line == 1


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ("224x224x3 HWC", (1, 3, 224, 224)),
        ("224x224x3 CHW", (1, 224, 224, 3)),
        ("1x3x32x32 CDHW", (1, 1, 3, 32, 32)),
        ("8000x1 LC", (1, 1, 8000)),
        ("8000x1 CL", (1, 8000, 1)),
        ("32x3x64x64 CDHW", (1, 32, 3, 64, 64)),
        ("3x4x64x64", (1, 3, 4, 64, 64)),  # four frames in colour: SlowFast's slow pathway
        ("64x4x28x28", (1, 64, 4, 28, 28)),
        ("512x1", (1, 512, 1)),
        ("3x64x3", (1, 3, 64, 3)),
        ("64x32x1", (1, 64, 32, 1)),
    ],
)
def test_letters_say_which_is_which(size, shape):
    assert build(f"input: {size}\nlayers: fc 10").input_shape == shape


def test_an_input_that_is_given_in_another_order_is_refused():
    text = "input: 3x32x32\nlayers: fc 10"
    with pytest.raises(CnnprofError, match="64x64x3 is read as 64 channels"):
        build(text, input_shape=(64, 64, 3))


UNREAD = """
input: 3x8x8
settings: {width: 8, widht: 3, kind: deep}
tables:
  rows: |
    a
    1
blocks:
  wide(w=width): conv 3x3 w
  deep(w): {if: w > 1, then: deep w-1, else: relu}
  lost(): lost2
  lost2(): relu
layers:
  - wide -> x
  - use kind 3
  - conv 3x3 4 -> y
  - x | gap | fc 10
"""


def test_what_nothing_reads_is_said_with_its_place():
    assert build(UNREAD).warnings == (
        "net.yaml:3:22: nothing reads the setting 'widht'",
        "net.yaml:5:3: nothing reads the table 'rows'",
        "net.yaml:11:3: nothing reads the block 'lost'",
        "net.yaml:16:5: nothing reads what y (Conv2d) gives; a second output stands in 'outputs'",
    )


def test_what_nothing_reads_in_a_block_is_said_once():
    text = "input: 3x8x8\nblocks:\n  unit():\n    - relu -> x\n    - sigmoid\n    - x\nlayers:\n  - {repeat: 3, do: unit}"
    (warning,) = build(text).warnings
    assert warning.startswith("net.yaml:5:7: nothing reads what stage1.unit1.sigmoid1 (Sigmoid) gives")


def test_a_block_with_the_name_of_a_column_or_an_argument_is_read_by_its_call():
    text = "input: 3x8x8\ntables:\n  rows: |\n    se\n    true\nblocks:\n  se(): relu\nlayers:\n  - each: rows\n    do: "
    assert build(f"{text}se if se").warnings == ()
    assert build(f"{text}conv 1x1 (8 if se else 4)").warnings == ("net.yaml:7:3: nothing reads the block 'se'",)
    argument = "input: 3x8x8\nblocks:\n  se(): relu\n  unit(se): se if se\nlayers: unit true"
    assert build(argument).warnings == ()


def test_a_block_that_is_called_by_its_name_takes_what_the_others_take():
    text = (
        "input: 3x8x8\nsettings: {kind: wide}\nblocks:\n  wide(w): conv 1x1 w\n  same(w): identity\nlayers:\n  - use kind 3\n"
    )
    assert build(f"{text}  - use 'same' 3").warnings == ()
    assert build(f"{text}  - same 3").warnings == ("net.yaml:5:8: nothing reads the argument 'w' of 'same'",)


def test_what_stands_in_front_of_given_weights_is_read_by_them():
    given = "{op: Linear, out_features: 4, weights: given}"
    text = f"input: 8\nlayers:\n  - -> x | parameter 4 | relu | x\n  - {given}\n  - fc 10"
    assert build(text).warnings == ()
    (warning,) = build(text.replace(", weights: given", "")).warnings
    assert "relu1 (ReLU)" in warning


UNREAD_VALUES = """
input: 3x8x8
blocks:
  unit(w, s=1, k=3): conv k=k w
  deep(n, half=8): [unit half, deep n-1 if n > 1]
layers:
  - let wide = 16
  - let narrow = 4
  - unit 16 s=2
  - deep 3 half=narrow
  - {for: w in [8, 16], do: conv 3x3 8}
  - for: a, b in zip([1, 2], [3, 4])
    do: conv 1x1 a
  - {for: i in range(2), do: relu}
"""


def test_arguments_and_values_that_nothing_reads_are_said_with_their_place():
    assert build(UNREAD_VALUES).warnings == (
        "net.yaml:4:11: nothing reads the argument 's' of 'unit'",
        "net.yaml:7:9: nothing reads 'wide'",
        "net.yaml:12:13: nothing reads 'b'",
    )


def test_gelu_by_way_of_tanh_is_no_second_activation():
    with pytest.raises(CnnprofError, match="gelu does not take 'tanh'") as caught:
        layers("conv 3x3 8", "gelu tanh")
    assert (caught.value.place.line, caught.value.place.column) == (4, 10)
    assert [node.layer.type for node in layers("gelu | tanh")] == ["GELU", "Tanh"]


def test_a_loop_has_a_name_once():
    with pytest.raises(CnnprofError, match="the loop has the name 'a' twice") as caught:
        layers("{for: 'a, b, a in [[1, 2, 3]]', do: conv 1x1 a}")
    assert (caught.value.place.line, caught.value.place.column) == (3, 18)


def test_a_call_with_parentheses_behind_a_blank_has_a_hint():
    with pytest.raises(CnnprofError, match=r"not the list \[16, 2\]") as caught:
        build("input: 3x8x8\nblocks:\n  unit(w, s=1): conv 3x3 w s=s\nlayers:\n  - unit (16, 2)\n")
    assert caught.value.hint == "a call gives 'w' without parentheses, its numbers parted by blanks: unit 64 2"


def test_warnings_go_to_stderr_and_are_errors_of_verify(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(UNREAD)
    result = cnnprof("summary", str(path), "--json")
    assert result.code == 0
    assert '"schema_version"' in result.out
    assert result.err.count("warning: ") == 4
    assert "net.yaml:3:22: nothing reads the setting 'widht'" in result.err
    checked = cnnprof("verify", str(path), "--no-torch")
    assert checked.code == 1
    assert "nothing reads the block 'lost'" in checked.out


def test_bundled_specs_say_nothing_that_nothing_reads():
    from cnnprof.sources import spec_names, specs

    assert [(name, specs.load(name).warnings) for name in spec_names() if specs.load(name).warnings] == []


def test_a_published_figure_may_have_any_number_of_digits():
    text = f"input: 1x8x8\npublished: {{params: 40.{'0' * 400}}}\nlayers: [conv 3x3 4]"
    figure = build(text).facts.published["params"]
    assert (figure.value, figure.tolerance) == (40, 0)


def test_options_stand_behind_a_norm_on_the_line_of_its_layer():
    bn = layers("conv 3x3 8 bn eps=0.001 momentum=0.1 relu").nodes[1].layer
    assert bn.eps == 0.001
