"""Docstrings of public names: every parameter with its unit or shape, what comes back, and what goes wrong."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import cnnprof
from cnnprof.charts import Chart
from cnnprof.measure.options import Options
from cnnprof.network.layers import Layer

CLASSES = [kind for kind in (getattr(cnnprof, name) for name in dir(cnnprof)) if inspect.isclass(kind)]
FUNCTIONS = {name: getattr(cnnprof, name) for name in dir(cnnprof) if inspect.isfunction(getattr(cnnprof, name))}
CALLED = {
    f"{module}.{name}": function
    for path in (Path(cnnprof.__file__).parent / "cli").rglob("*.py")
    for module, names in re.findall(r"from cnnprof\.api\.(\w+) import (.+)", path.read_text(encoding="utf-8"))
    for name in re.findall(r"(\w+)(?: as \w+)?(?:, |$)", names)
    if inspect.isfunction(function := getattr(import_module(f"cnnprof.api.{module}"), name)) and name not in FUNCTIONS
}
"""Functions of the API's modules that the command line calls besides."""
METHODS = {
    f"{kind.__name__}.{name}": getattr(member, "__func__", member)
    for kind in (Layer, Chart)
    for name, member in vars(kind).items()
    if not name.startswith("_") and callable(getattr(member, "__func__", member))
}

OF_RESULTS = {
    f"{kind.__name__}.{name}": function
    for kind in CLASSES
    for name, function in inspect.getmembers(kind, inspect.isroutine)
    if not name.startswith("_") and getattr(function, "__module__", "").startswith("cnnprof")
}


def parts(function: Any) -> dict[str, str]:
    """The parts of a docstring by their headings."""
    found = re.split(r"^(Args|Returns|Raises):$", inspect.getdoc(function) or "", flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def test_there_are_public_functions():
    assert len(FUNCTIONS) >= 14


@pytest.mark.parametrize("name", [*FUNCTIONS, *METHODS, *CALLED])
def test_a_public_function_says_what_goes_in_and_out(name):
    function = (FUNCTIONS | METHODS | CALLED)[name]
    described, signature = parts(function), inspect.signature(function)
    taken = [parameter for parameter in signature.parameters if parameter not in ("self", "cls")]
    named = re.findall(r"^    ([\w, ]+):", described.get("Args", ""), re.MULTILINE)
    assert [each.strip() for names in named for each in names.split(",")] == taken
    returns = signature.return_annotation not in (None, "None")
    assert ("Returns" in described) == returns
    assert name in METHODS or name in CALLED or "Raises" in described


@pytest.mark.parametrize("name", OF_RESULTS)
def test_a_method_of_what_comes_back_says_what_it_takes_and_gives(name):
    function = OF_RESULTS[name]
    taken = [parameter for parameter in inspect.signature(function).parameters if parameter != "self"]
    assert function.__doc__
    if taken:
        described = parts(function)
        assert re.findall(r"^    (\w+):", described["Args"], re.MULTILINE) == taken
        assert described["Returns"].strip()


def test_options_say_each_of_theirs():
    described = parts(Options)
    assert "UsageError" in described["Raises"]
    named = re.findall(r"^    (\w+):", described["Args"], re.MULTILINE)
    assert named == [*inspect.signature(Options).parameters]
