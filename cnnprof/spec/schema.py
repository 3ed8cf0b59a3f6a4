"""The JSON Schema (draft 7) by which editors complete and check a spec, made from the words of the language."""

from __future__ import annotations

import json
from typing import Any

from cnnprof.spec.batches import BATCH
from cnnprof.spec.operations import OPERATIONS, WEIGHTS
from cnnprof.spec.published import ACCURACIES, COUNTS
from cnnprof.spec.words import ACTIVATIONS, JOINS, NORMS, WORDS, Word

WIDTH = 100
_SIZES = ("stride", "pad", "dilation", "output_pad", "size")
"""Options that are one number or one for each axis, beside those that a token such as `3x3` gives."""


def write_schema() -> str:
    """The schema as text."""
    return _write(schema(), "") + "\n"


def schema() -> dict[str, Any]:
    """The schema as data."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "cnnprof network specification",
        "description": "One family of convolutional networks: settings, variants, tables, blocks and layers.",
        **_object(_KEYS, required=("layers",)),
        "anyOf": [{"required": ["input"]}, {"required": ["inputs"]}],
        "definitions": {**_DEFINITIONS, **_words()},
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/definitions/{name}"}


def _object(properties: dict[str, Any], description: str = "", required: tuple[str, ...] = ()) -> dict[str, Any]:
    """A mapping that has no other keys."""
    head = {"type": "object"} | ({"description": description} if description else {}) | {"additionalProperties": False}
    return head | {"properties": properties} | ({"required": list(required)} if required else {})


def _named(names: str, values: dict[str, str], description: str) -> dict[str, Any]:
    """A mapping whose keys the user chooses."""
    return {"type": "object", "description": description, "propertyNames": _ref(names), "additionalProperties": values}


def _words() -> dict[str, Any]:
    """The definitions of norms and activations behind a layer, of steps, and of the long form of each layer word."""
    return {
        "norm": {"enum": [*NORMS, "none"], "description": "Normalization behind the layer."},
        "act": {"enum": [*ACTIVATIONS, "none"], "description": "Activation behind the layer."},
        "step": {"anyOf": [*_STEPS, *(_join(name) for name in JOINS), *(_step(name) for name in WORDS if name not in JOINS)]},
        **{f"layer_{name}": _long_form(row) for name, row in WORDS.items() if name not in JOINS},
    }


def _join(name: str) -> dict[str, Any]:
    row = JOINS[name]
    inplace = {"inplace": {"type": "boolean", "description": "Write into the first branch."}} if row.inplace else {}
    axis = {"axis": _ref("expression")} if row.along else {}
    return _object({name: _ref("branches"), "name": _ref("name"), **inplace, **axis}, row.help, (name,))


def _step(name: str) -> dict[str, Any]:
    return _object({name: _ref(f"layer_{name}"), "name": _ref("name")}, WORDS[name].help, (name,))


def _long_form(row: Word) -> dict[str, Any]:
    options = {option: _option(row, option) for option in row.known}
    return _object({**options, "norm": _ref("norm"), "act": _ref("act")}, row.help, row.required)


def _option(row: Word, option: str) -> dict[str, Any]:
    if option in row.flags:
        return {"type": ["boolean", "string"]}
    if option == "connect":
        return _ref("table_name")
    return _ref("size" if option in _SIZES or option == row.shorthand else "expression")


_KEYS = {
    "name": _ref("text"),
    "year": {"type": "integer", "minimum": 1000, "maximum": 9999, "description": "Year of the paper."},
    "paper": _ref("text"),
    "about": _ref("text"),
    "notes": _ref("text"),
    "dataset": {
        "type": "string",
        "description": "What the network is for; accuracies were measured on ImageNet-1K if nothing is said.",
    },
    "input": _ref("shape"),
    "inputs": _named("name", _ref("shape"), "Several inputs: their sizes by name."),
    "batch": {
        "description": "N, its name in expressions, or the one batch that the layers are written for.",
        "anyOf": [{"const": BATCH}, {"type": "integer", "minimum": 1}],
    },
    "settings": _named("name", _ref("value"), "Values with their defaults; a variant overrides them, then --set."),
    "tables": _named(
        "name", {"type": "string"}, "Text tables under |: a header row and rows; - is an empty cell, # starts a comment."
    ),
    "blocks": _named("signature", _ref("step"), "Named steps; the key is the signature, such as bottleneck(w, s=1)."),
    "shared": _named(
        "shared_signature",
        _ref("step"),
        "Blocks whose calls use the same weights; `mlp(w) in gate` those within each call of gate only.",
    ),
    "default": {"type": "string", "description": "The variant that the family's name stands for."},
    "variants": {
        "description": "Networks of the family: settings by name, or a text table whose first column is name.",
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "propertyNames": {"pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]*$"},
                "additionalProperties": _ref("variant"),
            },
        ],
    },
    "published": _ref("published"),
    "inplace": {"type": "boolean", "description": "Whether activations on lines of their own work in place, too."},
    "held": {
        "type": "object",
        "description": "Layers whose outputs the network's own code holds longer than they are read, each with the last layer.",
        "additionalProperties": {"type": "string"},
    },
    "layers": _ref("step"),
    "outputs": {
        "description": "What the network returns, if it is not what its layers end with.",
        "anyOf": [{"type": "array", "minItems": 1, "items": _ref("name")}, _named("name", _ref("expression"), "By name.")],
    },
}

_SCALAR = {"type": ["string", "number", "boolean", "null"]}
_DEFINITIONS = {
    "text": _SCALAR,
    "name": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
    "signature": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*\\s*\\(.*\\)$"},
    "shared_signature": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*\\s*\\(.*\\)(\\s+in\\s+[A-Za-z_][A-Za-z0-9_]*)?$"},
    "table_name": {"type": "string"},
    "shape": {
        "type": ["string", "integer"],
        "description": "Channels x height x width: 3x224x224, or 3 x res x res; 1x8000 is a sequence, 3x16x112x112 a volume.",
    },
    "number_text": {"type": ["string", "number"], "description": "As in 138M, 1.2G, 60k, 138_357_544 or 76.1."},
    "expression": {
        "type": ["string", "number", "boolean"],
        "description": "A number, or an expression of settings, arguments, C, H and W.",
    },
    "size": {
        "type": ["string", "integer", "array"],
        "description": "One number, a pair such as 3x1 or (3, 1), or an expression.",
    },
    "value": {"anyOf": [_SCALAR, {"type": "array", "items": _ref("value")}]},
    "figure": {
        "anyOf": [
            _ref("number_text"),
            _object(
                {
                    **dict.fromkeys(("value", "tolerance"), _ref("number_text")),
                    **dict.fromkeys(("why", "where", "source"), _ref("text")),
                },
                "A figure with its tolerance, the reason for a difference, and its source; without a value, the source of the"
                " variants' figures.",
            ),
        ]
    },
    "published": _object(
        {
            **dict.fromkeys((*COUNTS, *ACCURACIES), _ref("figure")),
            **dict.fromkeys(("where", "source"), _ref("text")),
        },
        "What the paper states; 138M carries its own precision, 138_357_544 is exact.",
    ),
    "variant": {
        "type": ["object", "null"],
        "description": "The settings that differ from the defaults, and texts of the variant's own.",
        "properties": {
            "published": _ref("published"),
            **dict.fromkeys(("about", "paper", "notes", "dataset", "year"), _ref("value")),
        },
        "additionalProperties": _ref("value"),
    },
    "branches": {
        "description": "Branches that start from one output, as a list or by name, or the rounds of a loop.",
        "anyOf": [
            {"type": "string", "description": "An expression for a list of outputs."},
            {"type": "array", "minItems": 1, "items": _ref("step")},
            {"type": "object", "minProperties": 1, "additionalProperties": _ref("step")},
        ],
    },
}

_STEPS = (
    {"type": "string", "minLength": 1, "description": "One line: conv 3x3 64 s2 bn relu | maxpool 3x3 s2 -> x"},
    {"type": "array", "minItems": 1, "items": _ref("step"), "description": "One step after the other."},
    _object(
        {"repeat": _ref("expression"), "as": _ref("name"), "do": _ref("step")}, "The body so many times.", ("repeat", "do")
    ),
    _object(
        {"each": _ref("expression"), "do": _ref("step")},
        "The body for every row of a table; its columns are names.",
        ("each", "do"),
    ),
    _object(
        {"for": {"type": "string", "pattern": " in "}, "do": _ref("step")},
        "The body for every entry of a list: 'a, b in zip(x, y)'.",
        ("for", "do"),
    ),
    _object(
        {"if": _ref("expression"), "then": _ref("step"), "else": _ref("step")},
        "One of two steps; without else, a skipped step passes its input on.",
        ("if", "then"),
    ),
    _object({"aux": _ref("step")}, "A head that only training runs.", ("aux",)),
    {
        "type": "object",
        "description": "A layer by its type and its fields, for what has no word: {op: Permute, dims: [0, 2, 1]}.",
        "properties": {
            "op": {"enum": [*OPERATIONS]},
            "of": _ref("branches"),
            "name": _ref("name"),
            "weights": {"enum": [*WEIGHTS], "description": "Weights of another layer or made by layers, or not trained."},
            "tokens": {"type": "boolean", "description": "The channels of what it gives stand last."},
        },
        "required": ["op"],
    },
    {
        "type": "object",
        "description": "An operation of which nothing but the size of its result is known.",
        "properties": {"opaque": {"type": "string"}, "of": _ref("branches"), "name": _ref("name"), "size": _ref("value")},
        "required": ["opaque", "size"],
    },
)


def _write(value: Any, indent: str) -> str:
    """JSON on one line where it fits, else an entry a line."""
    line = json.dumps(value, ensure_ascii=False)
    if not value or not isinstance(value, (dict, list)) or len(indent) + len(line) <= WIDTH:
        return line
    inner = indent + "  "
    if isinstance(value, dict):
        entries = [f"{inner}{json.dumps(key)}: {_write(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(entries) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + _write(item, inner) for item in value) + f"\n{indent}]"
