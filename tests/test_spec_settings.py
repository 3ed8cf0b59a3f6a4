"""Variants, settings and what overrides them, the input, and what a paper states."""

from dataclasses import replace

import pytest
from spec_texts import build, read

from cnnprof.errors import SpecError
from cnnprof.network.graph import Accuracy, Figure
from cnnprof.network.layers.convolution import Conv
from cnnprof.spec import elaborate

TEXT = """
name: Toy
year: 2015
paper: A paper
input: 3 x res x res
settings: {res: 32, width: 1.0, depths: [1, 2], block: wide, deep: false, label: none, note: '12'}
published: {where: Table 1, macs: {where: Table 2}}
default: big
variants:
  small: {width: 0.5, published: {params: 4.2M, top1_error: 24.7}, year: 2016, about: half as wide}
  big:
    depths: [3, [4]]
    published:
      params: {value: 1_000, tolerance: 5%, why: rounded, where: abstract}
      macs: 1.2G
      top5: 93.3
blocks:
  wide(): conv 3x3 8*width
  thin(): conv 1x1 8*width
layers: use block
"""


def fault(**settings: object) -> tuple[str, str | None]:
    with pytest.raises(SpecError) as caught:
        build(TEXT, settings=settings)
    return caught.value.message, caught.value.hint


def test_a_family() -> None:
    family = read(TEXT)
    assert (family.name, family.stem, family.path) == ("Toy", "net", "net.yaml")
    assert (family.description.year, family.description.paper) == (2015, "A paper")
    assert list(family.variants) == ["small", "big"]
    assert family.settings == {
        "res": 32,
        "width": 1.0,
        "depths": (1, 2),
        "block": "wide",
        "deep": False,
        "label": None,
        "note": "12",
    }
    assert family.variants["big"].settings == {"depths": (3, (4,))}


def test_facts() -> None:
    facts = build(TEXT, "small").facts
    assert (facts.family, facts.source, facts.year, facts.paper, facts.about) == (
        "Toy",
        "net.yaml",
        2016,
        "A paper",
        "half as wide",
    )
    assert facts.settings["width"] == 0.5
    assert facts.settings["depths"] == [1, 2]
    assert facts.published == {"params": Figure(4.2e6, 0.05e6, "4.2M", None, "Table 1")}
    assert replace(facts.accuracy, input=None) == Accuracy(75.3, None, "Table 1")

    facts = build(TEXT).facts
    assert facts.published == {
        "params": Figure(1000, 50, "1_000", "rounded", "abstract"),
        "macs": Figure(1.2e9, 0.05e9, "1.2G", None, "Table 2"),
    }
    assert replace(facts.accuracy, input=None) == Accuracy(None, 93.3, "Table 1")


def test_names_of_networks() -> None:
    assert build(TEXT).name == "big"
    assert build(TEXT, "small").name == "small"
    assert build("input: 3x8x8\nlayers: relu").name == "net"


def test_wrong_variants() -> None:
    with pytest.raises(SpecError, match=r"net\.yaml has no variant 'smal'") as caught:
        build(TEXT, "smal")
    assert caught.value.hint == "did you mean 'small'?"
    with pytest.raises(SpecError, match=r"net\.yaml has several variants and no default") as caught:
        build("input: 3x8x8\nvariants: {a: {}, b: }\nlayers: relu")
    assert caught.value.hint == "write net.yaml#a; there are a b"
    with pytest.raises(SpecError, match=r"net\.yaml has no variant 'a'") as caught:
        build("input: 3x8x8\nlayers: relu", "a")
    assert caught.value.hint == "it has no variants"


def test_a_table_of_variants() -> None:
    family = read(
        """
input: 3 x res x res
settings: {res: 8, w: 1.0, depths: [1], block: a, flag: false}
variants: |                      # Table 6
  name     res  w    depths     block  flag  published.params  published.top1  about
  net_1.0  16   1.0  [1, 2, 3]  b      true  4.2M              70.6            "the wide one"
  net_0.5  -    0.5  (4, 5)     -      -     -                 -               -
layers: relu
"""
    )
    first, second = family.variants.values()
    assert first.settings == {"res": 16, "w": 1.0, "depths": (1, 2, 3), "block": "b", "flag": True}
    assert first.description.about == "the wide one"
    assert {key: figure.value for key, figure in first.published.figures.items()} == {"params": 4.2e6, "top1": 70.6}
    assert second.settings == {"w": 0.5, "depths": (4, 5)}
    assert elaborate(family, "net_1.0").input_shape == (1, 3, 16, 16)


@pytest.mark.parametrize(
    ("settings", "layer"),
    [
        ({}, Conv(8, (3, 3), (1, 1), (1, 1))),
        ({"width": "0.5"}, Conv(4, (3, 3), (1, 1), (1, 1))),
        ({"width": "1/2"}, Conv(4, (3, 3), (1, 1), (1, 1))),
        ({"width": "2"}, Conv(16, (3, 3), (1, 1), (1, 1))),
        ({"width": 0.25}, Conv(2, (3, 3), (1, 1), (1, 1))),
        ({"block": "thin"}, Conv(8, (1, 1))),
        ({"depths": "[2, 2]", "deep": "true", "label": "x", "note": "34"}, Conv(8, (3, 3), (1, 1), (1, 1))),
        ({"depths": [2, [2]], "deep": True}, Conv(8, (3, 3), (1, 1), (1, 1))),
    ],
)
def test_overrides(settings: dict[str, object], layer: Conv) -> None:
    assert build(TEXT, settings=settings).nodes[0].layer == layer


def test_overrides_are_values_of_their_kind() -> None:
    settings = build(TEXT, settings={"depths": "(2,2)", "deep": "true", "label": "[a, b]", "note": "34"}).facts.settings
    assert (settings["depths"], settings["deep"], settings["label"], settings["note"]) == ([2, 2], True, ["a", "b"], "34")


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ({"widht": "2"}, "there is no setting 'widht'", "did you mean 'width'?"),
        ({"xyz": "2"}, "there is no setting 'xyz'", "the settings are res width depths block deep label note"),
        ({"width": "big"}, "the setting 'width' is a number, not the text 'big'", "its default is 1.0"),
        ({"width": "true"}, "the setting 'width' is a number, not true", "its default is 1.0"),
        ({"width": "[1]"}, "the setting 'width' is a number, not the list [1]", "its default is 1.0"),
        ({"deep": "1"}, "the setting 'deep' is true or false, not 1", "its default is false"),
        ({"depths": "3"}, "the setting 'depths' is a list, not 3", "its default is the list [3, [4]]"),
        ({"depths": "[1"}, "depths=[1: '[1' is not an expression", None),
        ({"width": "10**99"}, "width=10**99: a power is at most 64, and this one is 99", None),
        ({"width": "1/0"}, "width=1/0: this divides by zero", None),
        ({"width": "__import__('os')"}, "the setting 'width' is a number, not the text '__import__('os')'", None),
        ({"width": ""}, "the setting 'width' is a number, not the text ''", None),
    ],
)
def test_wrong_overrides(settings: dict[str, object], message: str, hint: str | None) -> None:
    found = fault(**settings)
    assert found[0] == message
    assert hint is None or found[1] == hint


def test_a_family_without_settings_says_so() -> None:
    with pytest.raises(SpecError) as caught:
        build("input: 3x8x8\nlayers: relu", settings={"a": "1"})
    assert caught.value.hint == "this network has no settings"


def test_the_input_and_the_setting_it_is_made_of_agree() -> None:
    graph = build(TEXT, settings={"res": "16"}, batch=4)
    assert graph.input_shape == (4, 3, 16, 16)
    graph = build(TEXT, input_shape=(1, 24, 24))
    assert graph.input_shape == (1, 1, 24, 24)
    assert graph.facts.settings["res"] == 24
    assert build(TEXT, input_shape=(3, 20, 30)).input_shape == (1, 3, 20, 30)
    assert build(TEXT, settings={"res": 24}, input_shape=(3, 24, 24)).input_shape == (1, 3, 24, 24)
    with pytest.raises(SpecError, match="res=16 and an input of 3x24x24 exclude each other"):
        build(TEXT, settings={"res": "16"}, input_shape=(3, 24, 24))


@pytest.mark.parametrize("shape", [(3, 0, 8), (3, 8), (3, 8, 8, 8), (-1, 8, 8)])
def test_wrong_inputs(shape: tuple[int, ...]) -> None:
    with pytest.raises(SpecError, match="an input is channels, height and width, each at least 1"):
        build(TEXT, input_shape=shape)


def test_a_wrong_batch() -> None:
    with pytest.raises(SpecError, match="the batch is at least 1, not 0"):
        build(TEXT, batch=0)


@pytest.mark.parametrize(
    ("text", "value", "tolerance"),
    [
        ("138M", 138e6, 0.5e6),
        ("138_357_544", 138_357_544, 0),
        ("1.2G", 1.2e9, 0.05e9),
        ("60k", 60e3, 0.5e3),
        ("0.27M", 0.27e6, 0.005e6),
        ("2T", 2e12, 0.5e12),
        ("1.5e6", 1.5e6, 0.05e6),
        ("{value: 60M, tolerance: 1M}", 60e6, 1e6),
        ("{value: 60M, tolerance: 10%}", 60e6, 6e6),
    ],
)
def test_figures_carry_their_precision(text: str, value: float, tolerance: float) -> None:
    figure = build(f"input: 3x8x8\npublished: {{params: {text}}}\nlayers: relu").facts.published["params"]
    assert figure.value == pytest.approx(value)
    assert figure.tolerance == pytest.approx(tolerance)


def test_the_paper_is_the_source_of_an_accuracy_without_another() -> None:
    text = "input: 3x8x8\npaper: A paper\npublished: {top1: 76.1%, top5_error: 7.1}\nlayers: relu"
    assert replace(build(text).facts.accuracy, input=None) == Accuracy(76.1, 92.9, "A paper")
    assert build("input: 3x8x8\nlayers: relu").facts.accuracy is None


def test_table_cells_and_loops_over_them() -> None:
    graph = build(
        """
input: 3x8x8
tables:
  body: |
    # kernel  width       repeats
    k         w           n        act
    3         8           1        relu   # a comment
    1x1       [4, 2*3]    2        -
    'x y'     (1 + 2)     0        none
layers:
  - each: body
    do:
      - let out = w if k == 3 else w[1] if k == '1x1' else w
      - repeat: n
        do: conv 1x1 out
      - relu if act == 'relu'
      - conv 1x1 len(row) if last
"""
    )
    assert [node.layer.out_channels for node in graph if isinstance(node.layer, Conv)] == [8, 6, 6, 4]
    assert sum(node.layer.type == "ReLU" for node in graph) == 1


def test_a_table_is_named_by_a_value_or_by_a_setting() -> None:
    text = """
input: 3x8x8
settings: {body: small}
tables:
  small: |
    w
    4
  big: |
    w
    8
    9
layers: {each: TABLE, do: conv 1x1 w}
"""
    assert len(build(text.replace("TABLE", "body"), settings={"body": "big"})) == 2
    assert len(build(text.replace("TABLE", "big if C == 3 else small"))) == 2


def test_the_only_variant_is_the_default():
    text = "input: 3x8x8\nsettings: {w: 4}\nvariants: {wide: {w: 16}}\nlayers: conv 1x1 w"
    assert build(text).nodes[0].layer.out_channels == 16
    with pytest.raises(SpecError, match="has several variants and no default") as caught:
        build(text.replace("{w: 16}}", "{w: 16}, thin: {w: 2}}"))
    assert "net.yaml#wide" in caught.value.hint
