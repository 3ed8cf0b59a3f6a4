"""Hints for the keys of a file that people write who come from elsewhere."""

from __future__ import annotations

import re

from cnnprof.spec.reader import Entries, Scalar, Yaml

_KEYS = {
    "settings": (
        "params",
        "parameters",
        "hyperparameters",
        "hparams",
        "args",
        "vars",
        "variables",
        "config",
        "constants",
        "defaults",
    ),
    "layers": (
        "layer",
        "network",
        "model",
        "net",
        "architecture",
        "arch",
        "backbone",
        "body",
        "steps",
        "sequential",
        "modules",
    ),
    "blocks": ("block", "functions", "defs", "definitions", "macros"),
    "input": ("input_shape", "input_size", "image", "image_size", "in", "shape", "inputshape"),
    "outputs": ("output", "out", "heads"),
    "name": ("title",),
    "about": ("description", "comment", "summary", "desc"),
    "paper": ("reference", "references", "url", "doi", "citation", "author", "authors", "arxiv"),
    "notes": ("note", "remarks", "todo", "version", "license"),
    "variants": ("variant", "models", "versions", "configs"),
    "tables": ("table",),
    "batch": ("batch_size", "batchsize"),
}
_OTHERS = {other: key for key, others in _KEYS.items() for other in others}


def of_file_key(key: Scalar, value: Yaml) -> str | None:
    """A hint at what to write in place of an unknown key of a file."""
    name = key.value.strip()
    if re.match(r"\w+\s*\(", name):
        return f"a block stands under 'blocks:', indented: and below it '{name}:'"
    meant = _OTHERS.get(name.lower().replace("-", "_"))
    if meant == "layers" and isinstance(value, Entries) and value.get("layers") is not None:
        return "the keys of a spec stand at the left edge, without one around them"
    if meant:
        return f"the key is '{meant}'"
    number = isinstance(value, Scalar) and re.fullmatch(r"[\d.]+|true|false", value.value.strip())
    return f"a value of your own is a setting: settings: {{{name}: {value.value.strip()}}}" if number else None  # type: ignore[union-attr]
