"""Parts of a spec that have no effect, or another than anyone can have meant: each is said with its place, or refused."""

import pytest
from shell import cnnprof
from spec_texts import build, layers

from cnnprof.errors import CnnprofError
from cnnprof.network.analysis import analyze


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (["add: [identity ln | fc 4*C gelu | fc C//4]"], "net.yaml:3:5: this 'add' has one branch, and joins nothing"),
        (["add: [relu | conv 3x3 3 relu | tanh]"], "net.yaml:3:5: this 'add' has one branch, and joins nothing"),
        (["-> lost", "relu"], "net.yaml:3:8: nothing reads 'lost'"),
    ],
)
def test_a_join_of_one_branch_and_a_name_alone_that_nothing_reads_are_said(steps, said):
    (warning,) = layers(*steps).warnings
    assert warning.startswith(said)


def test_a_join_that_copies_what_is_here_is_meant():
    assert layers("concat: [identity]").warnings == ()


def test_a_text_that_differs_from_every_value_in_capitals_alone_is_said():
    head = "input: 3x8x8\ntables:\n  t: |\n    act\n    RE\n    HS\nlayers:\n"
    text = f"{head}  - each: t\n    do: relu if act == 'Re' else hardswish"
    assert build(text).warnings == ("net.yaml:9:25: no value is 'Re'; there is 'RE'",)


@pytest.mark.parametrize(
    ("step", "column", "message"),
    [
        ("relu if C == '3'", 13, "'==' compares a number and a text, which are never equal"),
        ("relu if 'a' in ['a' 'b']", 21, "two texts stand without a sign between them"),
        ("relu if not not C == 3", 13, "a 'not' stands before a 'not'"),
        ("bn bn relu", 8, "'bn' stands twice"),
        ("relu relu", 10, "'relu' stands twice"),
        ("pad 8 reflect", 9, "pad: an image of 3x8x8 is mirrored by less than its 8"),
        ("conv 1x1 4 s128", 16, "conv: a stride of 128 leaves the input of 3x8x8 in one step"),
        ("maxpool 2x2 s=64", 19, "maxpool: a stride of 64 leaves the input of 3x8x8 in one step"),
        ("tokens | attention 3 window=4 shift=4", 41, "attention: windows of 4 are shifted by less than 4, not by 4"),
    ],
)
def test_what_nobody_can_have_meant_is_refused(step, column, message):
    with pytest.raises(CnnprofError) as caught:
        layers(step, shape="3x8x8")
    assert (caught.value.place.line, caught.value.place.column, caught.value.message) == (3, column, message)


def test_a_stride_may_be_larger_than_a_small_input_and_a_deconvolution_s_than_any():
    graph = layers("conv 1x1 4 s4", "conv 3x3 4 s2", "deconv 64x64 4 s32 p16", shape="3x2x2")
    assert analyze(graph).costs[-1].output == (1, 4, 32, 32)


def test_a_training_only_head_gives_no_output():
    with pytest.raises(CnnprofError, match="'a' stands in a training-only head") as caught:
        build("input: 3x8x8\nlayers: [conv 3x3 8 -> b, {aux: fc 10 -> a}, relu]\noutputs: [b, a]")
    assert (caught.value.place.line, caught.value.place.column) == (3, 14)


SETTINGS = """input: 3x8x8
settings: {act: relu, w: 8}
layers:
  - conv 3x3 w
  - relu if act == 'relu' else tanh
  - elu if act == 'elu'
"""


def test_a_text_that_the_spec_does_not_know_changes_nothing_and_is_refused():
    with pytest.raises(CnnprofError, match=r"nothing in net\.yaml is called 'Elu'") as caught:
        build(SETTINGS, settings={"act": "Elu"})
    assert caught.value.hint == "did you mean 'elu' or 'relu'?"
    assert build(SETTINGS, settings={"act": "elu"}).nodes[-1].layer.type == "ELU"


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        (("w=4", "w=16"), "'w' is set twice, to 4 and to 16", "--set once for each name"),
        (("w=4,act=elu",), "'w=4,act=elu' is more than one setting", "write --set once for each"),
    ],
)
def test_settings_on_the_command_line_are_set_once(tmp_path, given, message, hint):
    path = tmp_path / "net.yaml"
    path.write_text(SETTINGS)
    result = cnnprof("summary", path, *(part for each in given for part in ("--set", each)))
    assert result.code == 2
    assert message in result.err
    assert f"hint: {hint}" in result.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("settings: {bn: false}\nlayers: [conv 3x3 8 bn]", "2:12: nothing reads the setting 'bn': behind a layer it is a word"),
        ("settings: {bias: true}\nlayers: [conv 3x3 8 bias]", "2:12: nothing reads the setting 'bias': behind a layer it is"),
        ("layers: {repeat: 3, do: conv 3x3 8 s=(2 if i == 3 else 1)}", "2:44: 'i == 3' never holds, as i goes from 0 to 2"),
        ("layers:\n  - for: k in range(3, 1)\n    do: relu\n  - tanh", "3:5: this loop has no rounds"),
    ],
)
def test_settings_conditions_and_loops_without_effect_are_said(text, said):
    warnings = build(f"input: 3x8x8\n{text}").warnings
    assert any(warning.startswith(f"net.yaml:{said}") for warning in warnings), warnings


@pytest.mark.parametrize(
    "text",
    [
        "settings: {bn: true}\nlayers: [conv 3x3 8, bn if bn]",
        "settings: {bias: true}\nlayers: [conv 3x3 8 bias=bias]",
        "settings: {relu: true}\nlayers: [{if: relu, then: relu}]",
        "settings: {ceil: 3}\nblocks: {unit(w): conv 3x3 w}\nlayers: [unit ceil]",
        "layers: {repeat: 3, do: conv 3x3 8 s=(2 if i == 2 else 1)}",
        "layers: {repeat: 2, as: j, do: {repeat: 5, do: conv 3x3 8 s=(2 if i == 4 and j == 1 else 1)}}",
    ],
)
def test_settings_and_conditions_that_have_an_effect_are_not_said(text):
    assert build(f"input: 3x8x8\n{text}").warnings == ()


@pytest.mark.parametrize(
    ("setting", "condition", "hint"),
    [
        ("8", "w == '8'", "a number stands without quotes: 8"),
        ("'true'", "w == true", "it stands without quotes: true"),
        ("[a, b]", "w == 'a'", "one entry is xs[0], and 'x in xs' looks for one"),
        ("[2, 3]", "w != 2", "one entry is xs[0], and 'x in xs' looks for one"),
    ],
)
def test_values_that_are_never_equal_are_not_compared(setting, condition, hint):
    with pytest.raises(CnnprofError, match="which are never equal") as caught:
        build(f"input: 3x8x8\nsettings: {{w: {setting}}}\nlayers: [tanh, relu if {condition}]")
    assert (caught.value.place.line, caught.value.hint) == (3, hint)


@pytest.mark.parametrize("name", ["sum", "log", "split"])
def test_an_output_may_have_the_name_of_a_word_that_came_later(name):
    graph = layers(f"conv 3x3 4 -> {name}", "conv 3x3 4", f"{name} | conv 1x1 2")
    assert graph.nodes[-1].inputs == (name,)
    assert len(graph.warnings) == 1  # what nothing reads is the second convolution


def test_behind_a_bar_such_a_word_is_a_layer():
    graph = layers("conv 3x3 4 -> exp", "relu | exp -> grown", "{add: [grown, exp]}")
    assert [node.layer.type for node in graph] == ["Conv2d", "ReLU", "exp", "Add"]
    assert graph.nodes[-1].inputs == ("grown.exp1", "exp")
    assert graph.warnings == ()
