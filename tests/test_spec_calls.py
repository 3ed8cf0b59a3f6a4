"""Calls of blocks: mistakes inside and the calls that led there, what bounds a network, and steps that run again."""

import pytest
from spec_texts import build, fault

from cnnprof.errors import CnnprofError, SpecError
from cnnprof.network.analysis import analyze
from cnnprof.network.layers.activation import GELU, ReLU

UNIT = """input: 3x32x32
blocks:
  unit(w, s=1):
    - conv 3x3 w s=s
    - half w
  half(w): conv 1x1 {filters}
layers:
  - conv 3x3 8
  - {call}
"""


def test_the_calls_are_listed_innermost_first() -> None:
    error = fault(UNIT.format(filters="w*0.3", call="unit 64 s=2"))
    assert str(error).split("\n") == [
        "conv: the number of outputs is a whole number, and w*0.3 = 19.2 is not",
        " --> net.yaml:6:21",
        "6 |   half(w): conv 1x1 w*0.3",
        "  |                     ^^^^^",
        "  = in half(64), called at line 5",
        "  = in unit(64, 2), called at line 9",
        "  = hint: write make_divisible(w*0.3, 8) or int(w*0.3)",
    ]


@pytest.mark.parametrize(
    ("call", "place", "message"),
    [
        ("unit", (9, 5), "unit takes 1 to 2 arguments, not 0"),
        ("unit 1 2 3", (9, 5), "unit takes 1 to 2 arguments, not 3"),
        ("unit s=2", (9, 5), "unit takes 1 to 2 arguments, not 1"),
        ("half 8 relu", (9, 5), "half takes 1 argument, not 2"),
        ("unit 8 t=3", (9, 12), "unit has no argument 't'"),
        ("unit 8 w=3", (9, 12), "the argument 'w' is given twice"),
        ("unit w=3 w=3", (9, 14), "the argument 'w' is given twice"),
        ("unit w=3 4", (9, 14), "an argument without a name stands before those with one"),
        ("unit 4 * 2", (9, 12), "an expression with blanks stands in parentheses"),
    ],
)
def test_arguments(call: str, place: tuple[int, int], message: str) -> None:
    error = fault(UNIT.format(filters="w", call=call))
    assert error.place
    assert ((error.place.line, error.place.column), error.message) == (place, message)
    if "takes" in message or "no argument" in message:
        signatures = ("its signature is unit(w, s=1)", "its signature is half(w); a layer behind it is '| relu'")
        assert error.hint in signatures


def test_an_argument_that_is_no_value_hints_at_the_bar() -> None:
    error = fault(UNIT.format(filters="w", call="unit relu"))
    assert (error.message, error.hint) == ("unknown name 'relu'", "write '| relu' for a layer behind this one")


def test_a_default_is_evaluated_among_the_settings() -> None:
    error = fault("input: 3x8x8\nblocks:\n  a(w=hidden): conv 1x1 w\nlayers:\n  - let hidden = 3\n  - a\n")
    assert error.message == "unknown name 'hidden'"
    assert error.place
    assert (error.place.line, error.place.column) == (3, 7)


def test_a_function_of_a_words_name_is_called_where_a_number_stands() -> None:
    graph = build("input: 3x8x8\nlayers: ['conv 1x1 max(8,C)', 'conv 1x1 int(log(C,2))', 'conv 1x1 abs(-4)']")
    assert [node.layer.out_channels for node in graph] == [8, 3, 4]


@pytest.mark.parametrize("call", ["unit 3x1 8", "unit k=3x1 w=8", "unit (3,1) 8"])
def test_an_argument_or_a_default_is_a_size(call: str) -> None:
    (conv,) = build(f"input: 4x8x8\nblocks:\n  unit(k, w, d=1x2): conv k=k w d=d\nlayers: ['{call}']")
    assert (conv.layer.kernel_size, conv.layer.dilation) == ((3, 1), (1, 2))


def test_a_setting_or_a_cell_of_a_table_is_a_size() -> None:
    rows = "tables:\n  rows: |\n    k    s\n    3x1  2\n    1x5  1x2\n"
    graph = build(f"input: 3x8x8\nsettings: {{d: 1x2}}\n{rows}layers:\n  - each: rows\n    do: conv k=k 4 s=s d=d same")
    found = [(node.layer.kernel_size, node.layer.stride, node.layer.dilation) for node in graph if node.layer.type == "Conv2d"]
    assert found == [((3, 1), (2, 2), (1, 2)), ((1, 5), (1, 2), (1, 2))]
    error = fault("input: 3x8x8\nsettings: {k: 3x}\nlayers: conv k=k 4")
    assert error.message == "conv: the kernel is a number, not the text '3x'"


@pytest.mark.parametrize("value", ["cls + [x]", "cls  * 2", "cls if C > 1 else []", "cls == []", "cls - 1", "cls"])
def test_a_value_may_have_the_name_of_a_word_elsewhere(value: str) -> None:
    start = "3" if value in ("cls  * 2", "cls - 1") else "[]"
    graph = build(f"input: 3x8x8\nlayers:\n  - relu -> x\n  - let cls = {start}\n  - let cls = {value}\n  - conv 1x1 4")
    assert [node.layer.type for node in graph] == ["ReLU", "Conv2d"]


def test_a_cycle_of_blocks() -> None:
    error = fault("input: 3x8x8\nblocks:\n  a(w): relu | b w\n  b(w): a w\nlayers: a 64\n")
    assert error.message == "a cycle of blocks: a -> b -> a, 64 calls deep"
    assert error.place
    assert (error.place.line, error.place.column) == (4, 9)
    assert error.trace == (
        *("in b(64), called at line 3", "in a(64), called at line 4", "in b(64), called at line 3"),
        "... 58 more calls ...",
        *("in a(64), called at line 4", "in b(64), called at line 3", "in a(64), called at line 5"),
    )


def test_shapes_that_do_not_join() -> None:
    error = fault("input: 3x8x8\nblocks:\n  a(w):\n    - add:\n        - conv 3x3 w s2\n        - identity\nlayers: a 3\n")
    assert error.message == "a1.add1 (Add): cannot join the shapes 3x4x4 and 3x8x8"
    assert error.place
    assert (error.place.line, error.place.column, error.place.length) == (4, 7, 3)
    assert error.trace == ("in a(3), called at line 7",)
    assert error.hint == "what changes the size or the channels of one branch is needed in the other, too"
    skipped = fault("input: 3x8x8\nlayers: {add: [conv 3x3 8, conv 1x1 8 if H < 8]}\n")
    assert skipped.hint == "a branch that is skipped passes its input on; 'else none' behind its condition leaves it out"
    assert "cannot concatenate 3x8x8 and 3x4x4" in fault("input: 3x8x8\nlayers: {concat: [relu, maxpool 2x2]}\n").message


def test_an_input_that_is_too_small() -> None:
    text = "input: 3x224x224\nlayers:\n  - conv 7x7 64 s2 p0 | maxpool 3x3 s2\n  - conv 5x5 8 p0\n"
    error = fault(text, input_shape=(3, 16, 20))
    assert error.message == "conv2 (Conv2d): its window of 5 does not fit into an input of 64x2x3; it needs at least 5"
    assert error.place
    assert (error.place.line, error.place.column) == (4, 5)
    # conv2 needs 5 positions, the pool (5-1)*2+3 = 11, conv1 (11-1)*2+7 = 27.
    assert error.hint == "an input of 3x27x27 fits"
    assert len(build(text, input_shape=(3, 27, 27))) == 3
    assert fault(text, input_shape=(3, 26, 26)).hint == "an input of 3x27x27 fits"


def test_no_size_is_offered_where_none_helps() -> None:
    assert fault("input: 3x8x8\nlayers: conv 3x3 8 g5\n").hint is None
    text = "input: 3 x res x res\nsettings: {res: 8}\nlayers: conv 9x9 8 p0\n"
    assert fault(text).hint == "an input of 3x9x9 fits"
    assert fault(text, settings={"res": 7}).hint is None


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("{repeat: 200000, do: relu}", "the network has more than 60,000 layers"),
        ("{repeat: 2000000000, do: identity}", "the network takes more than 1,000,000 steps to build"),
        ("twice 60", "the network takes more than 1,000,000 steps to build"),
        ("nest 60", "net.yaml: blocks and loops nest too deeply"),
        ("{repeat: 99, do: upsample 2}", "stage1.upsample29 (Upsample): its output of 3x4294967296x4294967296 is too large"),
        ("conv 1x1 2000000000 | flatten", "flatten1 (Flatten): its output of 128000000000 is too large"),
        ("l" * 65 + " 60", "a block is named by letters"),
        ("{repeat: 2000, do: 'let a = [a]'}", "net.yaml: blocks and loops nest too deeply"),
        ("l" * 60 + " 60", "the path of this layer has more than 500 characters"),
    ],
)
def test_limits(layers: str, message: str) -> None:
    long = layers.partition(" ")[0] if layers.startswith("l") else "long"
    blocks = {
        "twice(n)": "twice n-1 | twice n-1 if n > 0 else identity",
        "nest(n)": "{if: true, then: [" * 18 + "nest n-1 if n > 0 else relu" + "]}" * 18,
        f"{long}(n)": f"{long} n-1 if n > 0 else relu",
    }
    text = "\n".join(f"  {key}: {body}" for key, body in blocks.items())
    error = fault(f"input: 3x8x8\nblocks:\n{text}\nlayers:\n  - let a = 1\n  - {layers}\n")
    assert error.message.startswith(message)
    assert len(str(error)) < 2000


ROUNDS = """input: 3x32x32
blocks:
  unit(w, s, b):
    - conv 3x3 w s=s bias=b | maxpool 2x2 s1 p1 | relu
    - add: [conv 1x1 w, identity]
layers:
"""


def test_what_a_loop_builds_is_what_its_rounds_build_one_by_one() -> None:
    # Widths come back, strides make other sizes of the same widths, and 1 == True is no flag.
    rounds = [(8, 1, "true"), (16, 1, "true"), (8, 2, "false"), (8, 1, "true"), (8, 1, "true"), (16, 2, "false")]
    listed = ", ".join(f"[{w}, {s}, {b}]" for w, s, b in rounds)
    looped = build(f"{ROUNDS}  - {{for: 'w, s, b in [{listed}]', do: unit w s b}}\n")
    single = build(ROUNDS + "".join(f"  - unit {w} {s} {b}\n" for w, s, b in rounds))
    assert [(node.layer, node.place) for node in looped] == [(node.layer, node.place) for node in single]
    assert [cost.output for cost in analyze(looped).costs] == [cost.output for cost in analyze(single).costs]
    with pytest.raises(SpecError, match="'bias' is true or false, not 1"):
        build(ROUNDS + "  - {for: 'b in [true, 1]', do: unit 8 1 b}\n")
    with pytest.raises(SpecError, match="is a number, not true"):
        build(ROUNDS + "  - {for: 's in [1, true]', do: unit 8 s true}\n")


def test_tokens_are_told_from_a_sequence_of_their_size() -> None:
    called = build("input: 8x8\nblocks: {norm(): ln}\nlayers: [norm, tokens, norm]\n")
    written = build("input: 8x8\nlayers: [ln, tokens, ln]\n")
    assert [node.layer for node in called] == [node.layer for node in written]
    assert called.nodes[0].layer != called.nodes[-1].layer


def test_use_names_an_activation() -> None:
    text = "input: 3x8x8\nblocks:\n  unit(act): conv 3x3 4 bn | use act\nlayers:\n"
    found = [node.layer for node in build(text + "  - unit 'relu'\n  - unit 'gelu'\n  - unit 'identity'\n")]
    assert [layer for layer in found if layer.type in ("ReLU", "GELU")] == [ReLU(True), GELU(True)]
    with pytest.raises(CnnprofError, match="unknown block 'rleu'") as caught:
        build(text + "  - unit 'rleu'\n")
    assert "relu" in (caught.value.hint or "")
