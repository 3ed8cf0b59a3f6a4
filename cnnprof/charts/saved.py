"""A chart as JSON types and back, by the types of its fields."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from cnnprof import charts
from cnnprof.charts import Chart

KINDS = frozenset(module.name for module in iter_modules(charts.__path__))
"""The files that a kind of chart may have, each of the name of its class in small letters."""

_SCALARS: dict[Any, tuple[type, ...]] = {
    bool: (bool,),
    int: (int,),
    float: (int, float),
    str: (str,),
    Any: (bool, int, float, str, NoneType),
}
"""The types that JSON has for a type; a truth value is no number."""


def to_saved(chart: Chart | None) -> dict[str, Any] | None:
    """The chart's kind and fields; None without a chart, or for one with values that JSON has not."""
    if chart is None or type(chart).__module__ != _module(type(chart).__name__):
        return None
    try:
        return {"kind": type(chart).__name__, **_plain(chart)}
    except TypeError:
        return None


def from_saved(saved: Mapping[str, Any]) -> Chart:
    """The chart that `to_saved` wrote. Raises TypeError, ValueError or KeyError for anything else."""
    name = saved["kind"]
    if not isinstance(name, str):
        raise TypeError(name)
    kind = getattr(import_module(_module(name)), name, None) if name.lower() in KINDS else None
    if not (isinstance(kind, type) and issubclass(kind, Chart)):
        raise ValueError(f"there is no chart of the kind '{name}'")
    chart: Chart = _read_record(kind, saved)
    return chart


def _module(kind: str) -> str:
    """The name of the module that has a kind of chart."""
    return f"{charts.__name__}.{kind.lower()}"


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if not _is_plain(value):
        raise TypeError(value)
    return value


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value))


def _read_record(kind: type, saved: Any) -> Any:
    hints = get_type_hints(kind)
    return kind(**{field.name: _read(hints[field.name], saved[field.name]) for field in fields(kind)})


def _read(hint: Any, saved: Any) -> Any:
    """The value as its type has it; nothing is converted but lists to tuples."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        (other,) = (each for each in inner if each is not NoneType)
        return None if saved is None else _read(other, saved)
    if origin is tuple and isinstance(saved, list):
        each = [inner[0]] * len(saved) if inner[-1] is Ellipsis else inner
        return tuple(_read(one, item) for one, item in zip(each, saved, strict=True))
    if origin is Mapping and isinstance(saved, dict):
        return {key: _read(inner[1], item) for key, item in saved.items()}
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(saved, dict):
        return _read_record(hint, saved)
    if (saved in inner) if origin is Literal else type(saved) in _SCALARS.get(hint, ()):
        return saved
    raise TypeError(saved)
