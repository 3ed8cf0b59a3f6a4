"""The JSON Schema for editors says what the reader knows."""

import json

import jsonschema
import pytest
import yaml

from cnnprof.sources.specs import read_schema
from cnnprof.spec.family import KEYS
from cnnprof.spec.published import ACCURACIES, COUNTS
from cnnprof.spec.schema import write_schema
from cnnprof.spec.words import ACTIVATIONS, JOINS, NORMS, WORDS

SCHEMA = json.loads(read_schema())
DEFINITIONS = SCHEMA["definitions"]


def fits(text: str) -> bool:
    return jsonschema.Draft7Validator(SCHEMA).is_valid(yaml.safe_load(text))


def test_the_file_is_made_from_the_words() -> None:
    assert read_schema() == write_schema(), "make docs"


def test_keys() -> None:
    assert list(SCHEMA["properties"]) == list(KEYS)
    assert {*COUNTS, *ACCURACIES} <= set(DEFINITIONS["published"]["properties"])
    assert set(DEFINITIONS["act"]["enum"]) == {*ACTIVATIONS, "none"}
    assert set(DEFINITIONS["norm"]["enum"]) == {*NORMS, "none"}


@pytest.mark.parametrize("word", [word for word in WORDS if word not in JOINS])
def test_layer_words(word: str) -> None:
    layer = DEFINITIONS[f"layer_{word}"]
    assert set(layer["properties"]) == {*WORDS[word].known, "norm", "act"}
    assert set(layer.get("required", ())) == set(WORDS[word].required)


def test_steps() -> None:
    first = [next(iter(form["properties"])) for form in DEFINITIONS["step"]["anyOf"] if form["type"] == "object"]
    assert sorted(first) == sorted(["repeat", "each", "for", "if", "aux", "op", "opaque", *{*JOINS, *WORDS}])


@pytest.mark.parametrize(
    "layers",
    [
        "conv 3x3 64 | relu",
        "[relu, {conv: {kernel: 3, out: 64, act: relu}, name: x}]",
        "{add: {main: relu, skip: none}, inplace: true}",
        "{repeat: 2, do: {each: t, do: {for: a in b, do: {if: c, then: relu, else: {aux: fc 10}}}}}",
    ],
)
def test_what_fits(layers: str) -> None:
    assert fits(f"input: 3x8x8\nlayers: {layers}")


@pytest.mark.parametrize(
    "text",
    [
        "layers: relu",
        "input: 3x8x8",
        "input: 3x8x8\nlayerz: relu\nlayers: relu",
        "input: 3x8x8\nlayers: {repeat: 2}",
        "input: 3x8x8\nlayers: {repeat: 2, do: relu, until: 3}",
        "input: 3x8x8\nlayers: {conv: {kernel: 3}}",
        "input: 3x8x8\nlayers: {conv: {kernel: 3, out: 8, outt: 8}}",
        "input: 3x8x8\nlayers: {concat: [relu], inplace: true}",
        "input: 3x8x8\nlayers: {add: []}",
        "input: 3x8x8\nblocks: {unit: relu}\nlayers: relu",
        "input: 3x8x8\npublished: {parms: 3}\nlayers: relu",
        "input: 3x8x8\nyear: soon\nlayers: relu",
    ],
)
def test_what_does_not(text: str) -> None:
    assert not fits(text)
