"""`cnnprof spec`, `init --from`, and inputs by name."""

import json

import pytest
from shell import cnnprof
from spec_texts import build

from cnnprof.spec.family import KEYS
from cnnprof.spec.grammar import PARTS, Part
from cnnprof.spec.words import JOINS, WORDS

TWO = """
inputs: {left: 3x32x32, right: 3x32x32}
layers:
  - left | conv 3x3 4 -> a
  - right | conv 3x3 4 -> b
  - add: [a, b]
"""


def test_every_word_is_listed() -> None:
    words = json.loads(cnnprof("spec", "--json").out)["words"]
    assert [word["name"] for word in words] == [*WORDS, *JOINS]
    assert all(word["help"] for word in words)


def test_one_word_with_all_that_it_takes() -> None:
    shown = cnnprof("spec", "maxpool").out
    assert "kernel stride pad dilation same ceil" in shown
    assert "maxpool 3x3 s2 p1" in shown


def test_a_word_that_is_a_layer_and_a_join_is_shown_as_both() -> None:
    shown = cnnprof("spec", "softmax").out
    assert "Probabilities over the channels" in shown
    assert "- softmax: [a, b]" in shown


@pytest.mark.parametrize(("word", "hint"), [("dense", "the word is 'fc'"), ("maxpol", "did you mean 'maxpool'")])
def test_a_word_that_is_none(word: str, hint: str) -> None:
    result = cnnprof("spec", word)
    assert result.code == 3
    assert hint in result.err


def test_a_spec_begins_as_another(tmp_path) -> None:
    path = tmp_path / "mine.yaml"
    assert cnnprof("init", path, "--from", "lenet5").code == 0
    totals = [json.loads(cnnprof("summary", name, "--json").out)["totals"] for name in (str(path) + "#lenet5", "lenet5")]
    assert totals[0] == totals[1]
    refused = cnnprof("init", tmp_path / "other.yaml", "--from", "conv 3x3 8")
    assert (refused.code, (tmp_path / "other.yaml").exists()) == (2, False)


def test_an_input_is_given_by_name(tmp_path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(TWO)
    model = json.loads(cnnprof("summary", path, "--input", "left=3x16x16 right=3x16x16", "--json").out)["model"]
    assert model["inputs"] == {"left": [1, 3, 16, 16], "right": [1, 3, 16, 16]}
    shown = cnnprof("summary", path).out
    assert "left 1x3x32x32, right 1x3x32x32" in shown
    wrong = cnnprof("summary", path, "--input", "rigth=3x16x16")
    assert (wrong.code, "did you mean 'right'?" in wrong.err) == (3, True)


AROUND = {
    "use": "settings: {kind: unit}\nblocks: {unit(w): conv 3x3 w}\n",
    "each": "tables:\n  rows: |\n    w\n    8\n",
    "give": "blocks:\n  two():\n    - relu -> a\n    - tanh -> b\n    {}\nlayers: [two, '-> [a, b]', {add: [a, b]}]",
    "op": "batch: N\n",
}
"""What the example of a step needs around it."""


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_the_example_of_every_part_of_the_language_can_be_read(part: Part) -> None:
    around, lines = AROUND.get(part.name, ""), part.example.splitlines()
    if part.kind == "key":
        text = part.example if part.name in ("input", "inputs") else f"input: 16x32x32\n{part.example}"
        text += "" if "layers:" in text else "\nlayers: relu"
    elif "{}" in around:
        text = "input: 16x32x32\n" + around.replace("{}", part.example)
    else:
        text = "\n".join([f"input: 16x32x32\n{around}layers:", *(f"  {line}" for line in lines), "  - relu"])
    graph = build(text)
    assert graph.nodes
    assert not graph.warnings


def test_parts_of_the_language_are_listed_and_shown() -> None:
    listed = json.loads(cnnprof("spec", "--json").out)["parts"]
    assert [part["name"] for part in listed] == [part.name for part in PARTS]
    # Every key of a file but the texts about it, and every step that is no layer.
    assert {*KEYS} - {"name", "year", "paper", "about", "notes", "dataset", "default"} <= {part.name for part in PARTS}
    shown = cnnprof("spec", "repeat").out
    assert "- {repeat: 3, do: conv 3x3 8 bn relu}" in shown
    assert "letters  s stride, p pad" in cnnprof("spec", "conv").out
