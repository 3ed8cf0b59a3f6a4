"""Names that hide each other, and what may be read as something else than it says."""

import pytest
from spec_texts import build, fault, layers

from cnnprof.errors import CnnprofError
from cnnprof.network.analysis import analyze
from cnnprof.network.layers.convolution import Conv


def widths(graph):
    return [node.layer.out_channels for node in graph if isinstance(node.layer, Conv)]


@pytest.mark.parametrize(
    ("head", "steps", "expected"),
    [
        ("", "- {for: 'i, w in enumerate([4, 8])', do: {repeat: 2, do: conv 1x1 w+i}}", [4, 4, 9, 9]),
        ("", "- {for: 'i in [4, 8]', do: {for: 'j in [1, 2]', do: conv 1x1 i*j}}", [4, 8, 8, 16]),
        ("", "- {repeat: 2, as: i, do: {repeat: 2, do: conv 1x1 i+1}}", [1, 1, 2, 2]),
        ("", "- {repeat: 2, do: {repeat: 2, do: conv 1x1 i+1}}", [1, 2, 1, 2]),
        ("settings: {i: 7, first: 3}", "- {repeat: 2, do: conv 1x1 i*first}", [21, 21]),
        ("settings: {last: 3}", "- {for: 'w in [5, 6]', do: conv 1x1 w+last}", [8, 9]),
        ("blocks: {unit(first): {repeat: 2, do: conv 1x1 (8 if first else 4)}}", "- unit false", [4, 4]),
        ("", "- let row = 9\n  - {repeat: 1, do: conv 1x1 row}\n  - conv 1x1 row+1", [9, 10]),
        # An output or a block may have a name that loops have, and loops keep it.
        ("", "- relu -> first\n  - {repeat: 2, do: conv 1x1 (8 if first else 4)}\n  - first", [8, 4]),
        ("blocks: {last(): relu}", "- last\n  - {repeat: 2, do: conv 1x1 (8 if last else 4)}", [4, 8]),
    ],
)
def test_a_loop_hides_no_name_that_the_file_gives(head, steps, expected):
    assert widths(build(f"input: 2x4x4\n{head}\nlayers:\n  {steps}")) == expected


HIDDEN = """
input: 3x8x8
settings: {width: 8, depth: 2, part: 1, other: 3, late: 4}
tables:
  rows: |
    id  part  half  gone
    a   1     2     3
variants: {small: {other: 4}}
blocks:
  unit(width): conv 3x3 width
layers:
  - unit 4
  - {for: 'depth in [1, 2]', do: conv 1x1 depth}
  - each: rows
    do: conv 1x1 4*part/half
  - let late = 5
  - conv 1x1 late
"""


def test_what_is_hidden_wherever_it_stands_is_read_by_nothing():
    assert build(HIDDEN, variant="small").warnings == (
        *(
            f"net.yaml:3:{column}: nothing reads the setting '{name}'"
            for column, name in ((12, "width"), (22, "depth"), (32, "part"), (41, "other"), (51, "late"))
        ),
        "net.yaml:6:21: nothing reads the column 'gone' of 'rows'",
    )


@pytest.mark.parametrize("step", ["conv 1x1 row[1]", "unit rows", "conv 1x1 a+b"])
def test_columns_are_read_by_place_and_in_blocks_as_well(step):
    blocks = "blocks: {unit(t): {each: t, do: conv 1x1 a+b}}\n" if "unit" in step else ""
    text = f"input: 3x8x8\ntables:\n  rows: |\n    a b\n    1 2\n{blocks}layers:\n"
    body = f"  - {step}" if blocks else f"  - {{each: rows, do: '{step}'}}"
    assert build(text + body).warnings == ()


@pytest.mark.parametrize("loop", ["repeat: 0", "for: '_ in []'"])
def test_a_loop_without_a_round_is_said(loop):
    assert layers(f"{{{loop}, do: relu}}", "tanh").warnings == ("net.yaml:3:6: this loop has no rounds",)


def test_an_input_that_nothing_reads_is_said_with_its_place():
    text = "inputs: {a: 3x8x8, b: 3x8x8}\nlayers: [a, relu]"
    assert build(text).warnings == ("net.yaml:1:23: nothing reads the input 'b'",)


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        ("layers: [conv 3x3 8#bn]", 2, 20, "'#' within a word begins no comment", "a comment stands behind a blank"),
        ("layers: [{conv: {kernel: 3, out: 8, k: 5}}]", 2, 37, "conv: 'kernel' is given twice", None),
        ("layers: [{conv: {k: 3, out: 8, p: 1, pad: same}}]", 2, 38, "conv: 'pad' is given twice", None),
        ("layers: [conv 3x3 8 relu relu]", 2, 26, "'relu' stands twice", "a second one is a step of its own: '| relu'"),
        ("settings: {q: on}\nlayers: [relu if q]", 2, 15, "'on' would be a text", "write true; a text stands in quotes: 'on'"),
        ("settings: {q: No}\nlayers: [relu if q]", 2, 15, "'No' would be a text", "write false; a text stands in quotes: 'No'"),
        ("settings: {q: null}\nlayers: [relu]", 2, 15, "'null' would be a text", "write none; a text stands in quotes: 'null'"),
        (
            "tables:\n  t: |\n    w  on\n    8  yes\nlayers: [relu]",
            5,
            8,
            "'yes' would be a text",
            "write true; a text stands in quotes: 'yes'",
        ),
        ("tables:\n  t: |\n    w  s\nlayers: [relu]", 4, 5, "this table has a header and no rows", None),
        (
            "settings:\n  q: 1,5\nlayers: [conv 3x3 8*q]",
            3,
            6,
            "'1,5' is a decimal, or a list",
            "write 1.5 for a number, [1,5] for a list",
        ),
        (
            "settings: {w: '64'}\nlayers: [conv 3x3 w]",
            3,
            19,
            "conv: the number of outputs is a number, not the text '64'",
            "a number stands without quotes: 64",
        ),
        (
            "settings: {w: 8, v: 2 * w}\nlayers: [conv 3x3 v]",
            3,
            19,
            "conv: the number of outputs is a number, not the text '2 * w'",
            "a setting is a value; what is worked out stands among the steps: let v = 2 * w",
        ),
        ("published: {top1: 0.76}\nlayers: [relu]", 2, 19, "'top1' is in percent, and 0.76 is less than one", "write 76"),
        (
            "layers: [dw 3x3 6]",
            2,
            17,
            "dw: 6 filters for each channel give 36 channels",
            "dw has a filter for each of the 6 channels without a number; write multiplier=6 for so many",
        ),
        (
            "layers: [maxpool 2x2 | upsample 16x16]",
            2,
            33,
            "upsample: a factor of 16x16 gives 128x128",
            "write size=16x16 for the size, factor=16x16 for the factor",
        ),
    ],
)
def test_what_may_mean_something_else_is_refused(text, line, column, message, hint):
    with pytest.raises(CnnprofError) as caught:
        build(f"input: 6x16x16\n{text}")
    error = caught.value
    assert (error.place.line, error.place.column, error.message, error.hint) == (line, column, message, hint)


@pytest.mark.parametrize(
    ("step", "size"),
    [
        ("dw 3x3 multiplier=6", (36, 16, 16)),
        ("dw: {kernel: 3, multiplier: 12}", (72, 16, 16)),
        ("dw 3x3 2", (12, 16, 16)),
        ("upsample size=24x16", (6, 24, 16)),
        ("upsample factor=16x16", (6, 256, 256)),
        ("upsample 8x8", (6, 128, 128)),
        ("gap | upsample 16x16", (6, 16, 16)),
    ],
)
def test_what_is_said_by_name_is_taken(step, size):
    graph = build(f"input: 6x16x16\nlayers:\n  - {step}")
    assert analyze(graph).costs[-1].output[1:] == size


def test_pythons_words_for_true_and_nothing_are_taken():
    text = "input: 3x8x8\nsettings: {biased: True, active: False, rest: None}\nlayers:\n"
    steps = "  - conv 3x3 8\n  - relu if active\n  - tanh if biased\n  - gap if rest == none"
    assert [node.layer.type for node in build(text + steps)] == ["Conv2d", "Tanh", "AdaptiveAvgPool2d"]


def test_a_name_may_look_like_times() -> None:
    """`x2` is a name where there is one, and else what others write for `repeat`."""
    assert [node.layer.type for node in layers("maxpool 2x2 -> x1 | unpool x1")][-1] == "MaxUnpool2d"
    graph = build("input: 3x8x8\nsettings: {x2: 5}\nlayers:\n  - conv 3x3 x2\n  - conv 3x3 8\n")
    assert analyze(graph).costs[0].output == (1, 5, 8, 8)
    told = fault("input: 3x8x8\nlayers:\n  - conv 3x3 x2\n")
    assert (told.message, told.hint) == ("unknown name 'x2'", "steps are repeated by '- {repeat: 2, do: ...}'")
