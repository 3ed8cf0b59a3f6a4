"""The networks that a file of Python code offers, read without running it."""

from __future__ import annotations

import ast
from pathlib import Path

from cnnprof.errors import CnnprofError


def ask_for_model(name: str) -> CnnprofError:
    """The error for a file of code of which nothing is named."""
    models = models_in(Path(name))
    if not models:
        return CnnprofError(f"'{name}' is a file of Python code", hint=f"name what makes the model: {name}:NAME")
    return CnnprofError(
        f"'{name}' is a file of Python code", hint=f"name its model: {' or '.join(f'{name}:{each}' for each in models)}"
    )


def models_in(path: Path) -> list[str]:
    """The classes of models that a file defines, by its text alone: nothing is run."""
    try:
        body = ast.parse(path.read_text(encoding="utf-8")).body
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    found: list[str] = []
    for node in body:
        if isinstance(node, ast.ClassDef):
            bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
            if bases & {"Module", "Sequential", "LightningModule", *found}:
                found.append(node.name)
    return found
