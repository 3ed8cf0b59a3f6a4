"""Exported programs that run nothing but torch's operators: what else stands in one is refused before torch reads it.

torch evaluates the expressions of sizes in `models/model.json` as Python (sympy.sympify), looks up each operator by a dotted
name, and unpickles whatever lies beside the tensors where these alone cannot be read.
"""

from __future__ import annotations

import ast
import builtins
import json
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cnnprof.errors import CnnprofError

_OPERATOR = re.compile(r"(torch\.ops(\.\w+){2,3}|(_operator|math)\.\w+|torch\.(_?sym_\w+)|torch\._check\w*)\Z")
"""Names of operators: torch's registered ones, and arithmetic on sizes."""

_IN_EXPRESSIONS = (
    *(ast.Expression, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Call, ast.Name, ast.Constant, ast.keyword),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context),
)


def refuse_code(path: str, archive: zipfile.ZipFile) -> None:
    """Raises CnnprofError (exit code 3) for an exported program that names more than operators and sizes."""
    for entry in archive.namelist():
        if "opaque_obj" in entry:
            raise refusal(path, f"a pickled object ({entry})")
        if entry.endswith(("model.json", "serialized_exported_program.json")):
            try:
                program = json.loads(archive.read(entry))
            except (ValueError, RecursionError):
                raise CnnprofError(f"'{path}' holds a program that cannot be read") from None
            for what in _code_in(program):
                raise refusal(path, what)


@contextmanager
def tensors_alone() -> Iterator[None]:
    """torch unpickles tensors and nothing else, whatever its own code asks for."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


def refusal(path: str, what: str) -> CnnprofError:
    """The error for an exported program that holds what would run as code."""
    return CnnprofError(
        f"'{path}' is not opened: beside torch's operators it holds {what}, which would run as code",
        hint="name the code that makes the model (cnnprof summary net.py:Net)",
    )


def _code_in(program: Any) -> Iterator[str]:
    """Names and expressions that torch would run or evaluate, and that are no operators and no sizes."""
    front = [program]
    while front:
        part = front.pop()
        if isinstance(part, dict):
            target, expression = part.get("target"), part.get("expr_str")
            if isinstance(target, str) and "inputs" in part and not _OPERATOR.match(target):
                yield f"'{target:.60}'"
            if isinstance(expression, str) and not _is_size(expression):
                yield f"'{expression:.60}'"
            front += part.values()
        elif isinstance(part, list):
            front += part


def _is_size(text: str) -> bool:
    """Whether it is arithmetic of symbols, as sympy's `srepr` writes it: no attribute, no text but a name, no built-in."""
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for node in ast.walk(tree):
        if not isinstance(node, _IN_EXPRESSIONS):
            return False
        if isinstance(node, ast.Name) and (node.id.startswith("_") or hasattr(builtins, node.id)):
            return False
        if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)) and not str(node.value).isidentifier():
            return False
    return True
