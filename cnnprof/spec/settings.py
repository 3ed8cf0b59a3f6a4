"""Settings: their values, and what may override them."""

from __future__ import annotations

from collections.abc import Mapping

from cnnprof.errors import SpecError, did_you_mean
from cnnprof.spec.literals import read_cell, read_literal
from cnnprof.spec.located import whole_token
from cnnprof.spec.operators import ExpressionError
from cnnprof.spec.reader import Items, Scalar, Yaml
from cnnprof.spec.values import MAX_ENTRIES, Value, describe_kind, is_number, leaves


class SettingError(Exception):
    """A value does not fit its setting; the message says why, the hint what would."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def read_setting(name: str, node: Yaml) -> Value:
    """The value of a setting: a number, true or false, a text, or a list of those."""
    if isinstance(node, Scalar):
        return node.value if node.style in ("'", '"') else read_cell(whole_token(node))
    if isinstance(node, Items):
        values = tuple(read_setting(name, item) for item in node.nodes)
        if leaves(values) > MAX_ENTRIES:
            raise node.error(f"a list has at most {MAX_ENTRIES:,} entries")
        return values
    raise node.error(f"the setting '{name}' is a value or a list, not a mapping")


def check_setting(name: str, value: Value, defaults: Mapping[str, Value]) -> None:
    """Raise SettingError if there is no such setting, or the value is of another kind than its default."""
    if name not in defaults:
        known = f"the settings are {' '.join(defaults)}" if defaults else "this network has no settings"
        near = did_you_mean(name, defaults)
        raise SettingError(f"there is no setting '{name}'", near or known)
    default = defaults[name]
    if default is None or _kind(default) == _kind(value):
        return
    message = f"the setting '{name}' is {_kind(default)}, not {describe_kind(value)}"
    raise SettingError(message, f"its default is {describe_kind(default)}")


def read_overrides(given: Mapping[str, object], defaults: Mapping[str, Value]) -> dict[str, Value]:
    """The values of `--set`, as text or as values, each of its default's kind. Raises SpecError for any other."""
    return {name: _read_override(name, value, defaults) for name, value in given.items()}


def _read_override(name: str, given: object, defaults: Mapping[str, Value]) -> Value:
    try:
        value = _value(given, isinstance(defaults.get(name), str))
        check_setting(name, value, defaults)
    except ExpressionError as error:
        raise SpecError(f"{name}={given}: {error.message}", hint=error.hint) from None
    except SettingError as error:
        raise SpecError(error.message, hint=error.hint) from None
    return value


def _value(given: object, is_text: bool) -> Value:
    if isinstance(given, str):
        return given.strip() if is_text else read_literal(given)
    return _tupled(given)


def _tupled(value: object) -> Value:
    return tuple(_tupled(item) for item in value) if isinstance(value, (list, tuple)) else value


def _kind(value: Value) -> str:
    if isinstance(value, bool):
        return "true or false"
    if is_number(value):
        return "a number"
    return "a text" if isinstance(value, str) else "a list" if isinstance(value, tuple) else "empty"
