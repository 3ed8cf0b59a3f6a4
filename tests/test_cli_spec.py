"""`cnnprof spec`, `init --from`, and inputs by name."""

import json

import pytest
from shell import cnnprof
from spec_texts import build

from cnnprof.network.analysis import analyze
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
    assert "- {softmax: [conv 1x1 16, conv 3x3 16], name: [a, b]}" in shown
    assert ("Of one input" in shown, "Of branches" in shown) == (True, True)
    assert "takes  factor" in cnnprof("spec", "mul").out


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


def within(step: str) -> str:
    """A file whose one step is the example of a word."""
    lines = step.splitlines()
    lines = lines if step.startswith("- ") else [f"- {step}"]
    return "\n".join(["input: 16x32x32", "layers:", *(f"  {line}" for line in lines), "  - relu"]) + "\n"


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_the_example_of_every_part_of_the_language_can_be_read(part: Part) -> None:
    text = within(part.example) if part.example.startswith("- ") else part.example
    graph = build(text)
    assert graph.nodes
    assert not graph.warnings
    assert part.name in part.example or part.name in ("functions", "step")


@pytest.mark.parametrize(
    "word", json.loads(cnnprof("spec", "--json").out)["words"], ids=lambda word: f"{word['kind']} {word['name']}"
)
def test_the_examples_of_every_word_can_be_pasted(word: dict) -> None:
    assert word["examples"]
    for example in word["examples"]:
        graph = build(within(example["step"]))
        # What parts an axis gives several outputs, of which an example goes on from one.
        assert not graph.warnings or WORDS[word["name"]].several
        assert example["size"] == "x".join(map(str, analyze(graph).costs[-1].output[1:])), example


@pytest.mark.parametrize("name", ["->", "|", "H", "last", "else", "default", "zip", "year", "do", "N", "top1", "parameter"])
def test_every_name_of_the_language_has_a_page(name: str) -> None:
    page = cnnprof("spec", name)
    assert (page.code, "as in a" in page.out or "Examples" in page.out) == (0, True)


@pytest.mark.parametrize("name", ["bias", "s", "kernel", "eps", "relpos"])
def test_an_option_leads_to_a_word_that_takes_it(name: str) -> None:
    told = cnnprof("spec", name)
    assert (told.code, "an option of" in told.err) == (3, True)
    word = told.err.rsplit("cnnprof spec ", 1)[1].strip()
    assert cnnprof("spec", word).code == 0


def test_parts_of_the_language_are_listed_and_shown() -> None:
    listed = json.loads(cnnprof("spec", "--json").out)["parts"]
    assert [part["name"] for part in listed] == [part.name for part in PARTS]
    # Every key of a file, and every step that is no layer.
    assert {*KEYS} <= {name for part in PARTS for name in (part.name, *part.others)}
    shown = cnnprof("spec", "repeat").out
    assert "- {repeat: 3, as: i, do: conv 3x3 8*(i+1) bn relu}" in shown
    assert "letters  s stride, p pad" in cnnprof("spec", "conv").out
