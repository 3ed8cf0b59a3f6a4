"""`cnnprof spec`, `init --from`, and inputs by name."""

import json

import pytest
from shell import cnnprof

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
