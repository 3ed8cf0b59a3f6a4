"""Variants of a family: a mapping, or a text table whose first column is `name`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cnnprof.core.errors import SpecError, did_you_mean
from cnnprof.core.graph import Figure
from cnnprof.spec.literals import read_cell
from cnnprof.spec.located import Token, whole_token
from cnnprof.spec.published import Published, check_key, read_figure, read_published
from cnnprof.spec.reader import Entries, Items, Scalar, Yaml
from cnnprof.spec.tables import check_width, read_lines
from cnnprof.spec.values import Value, describe_kind, is_number

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}\Z", re.ASCII)
_PUBLISHED = "published."


@dataclass(frozen=True, slots=True)
class Variant:
    """One network of a family: the settings that differ, and what its paper states."""

    name: str
    settings: Mapping[str, Value] = field(default_factory=dict)
    published: Published = field(default_factory=Published)
    about: str | None = None


class SettingError(Exception):
    """A value does not fit its setting; the message says why, the hint what would."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def check_setting(name: str, value: Value, defaults: Mapping[str, Value]) -> None:
    """Raise SettingError if there is no such setting, or the value is of another kind than its default."""
    if name not in defaults:
        known = f"the settings are {' '.join(defaults)}" if defaults else "this network has no settings"
        near = did_you_mean(name, defaults)
        raise SettingError(f"there is no setting '{name}'", f"{near} {known}" if near else known)
    default = defaults[name]
    if default is None or _kind(default) == _kind(value):
        return
    raise SettingError(
        f"the setting '{name}' is {_kind(default)}, not {describe_kind(value)}", f"its default is {describe_kind(default)}"
    )


def _kind(value: Value) -> str:
    if isinstance(value, bool):
        return "true or false"
    if is_number(value):
        return "a number"
    return "a text" if isinstance(value, str) else "a list" if isinstance(value, tuple) else "empty"


def read_variants(node: Yaml | None, settings: Mapping[str, Value]) -> dict[str, Variant]:
    """Every variant by name. Raises SpecError with the place of a mistake."""
    if node is None:
        return {}
    if isinstance(node, Entries):
        return {_check(whole_token(key)): _from_mapping(key, value, settings) for key, value in node.pairs}
    if isinstance(node, Scalar):
        return _from_table(node, settings)
    raise node.error("'variants' is a mapping, or a table under '|'", "as in variants: and below it 'small: {width: 0.5}'")


def _from_mapping(key: Scalar, node: Yaml, settings: Mapping[str, Value]) -> Variant:
    if not isinstance(node, Entries):
        if isinstance(node, Scalar) and not node.value:
            return Variant(key.value)
        raise node.error(f"the variant '{key.value}' is a mapping of settings", "as in {width: 0.5}")
    values: dict[str, Value] = {}
    published = Published()
    about = None
    for entry, value in node.pairs:
        if entry.value == "published":
            published = read_published(value)
        elif entry.value == "about" and entry.value not in settings:
            if not isinstance(value, Scalar):
                raise value.error("'about' is a text")
            about = value.value
        else:
            values[entry.value] = _read_value(entry, value, settings)
    return Variant(key.value, values, published, about)


def _read_value(key: Scalar, node: Yaml, settings: Mapping[str, Value]) -> Value:
    value = read_setting(key.value, node)
    try:
        check_setting(key.value, value, settings)
    except SettingError as error:
        raise SpecError(error.message, (node if key.value in settings else key).place, error.hint) from None
    return value


def read_setting(name: str, node: Yaml) -> Value:
    """The value of a setting: a number, true or false, a text, or a list of those."""
    if isinstance(node, Scalar):
        return node.value if node.style in ("'", '"') else read_cell(whole_token(node))
    if isinstance(node, Items):
        return tuple(read_setting(name, item) for item in node.nodes)
    raise node.error(f"the setting '{name}' is a value or a list, not a mapping")


def _from_table(node: Scalar, settings: Mapping[str, Value]) -> dict[str, Variant]:
    header, *rows = read_lines(node)
    if header[0].text != "name":
        raise header[0].error("the first column of variants is 'name'")
    for column in header[1:]:
        if column.text.startswith(_PUBLISHED):
            check_key(column.cut(len(_PUBLISHED)))
        elif column.text != "about" and column.text not in settings:
            hint = did_you_mean(column.text, settings) or f"the settings are {' '.join(settings)}"
            raise column.error(f"there is no setting '{column.text}'", hint)
    variants: dict[str, Variant] = {}
    for row in rows:
        check_width(row, header)
        name = _check(row[0])
        if name in variants:
            raise row[0].error(f"the variant '{name}' stands twice")
        variants[name] = _from_row(name, header, row, settings)
    return variants


def _from_row(name: str, header: list[Token], row: list[Token], settings: Mapping[str, Value]) -> Variant:
    values: dict[str, Value] = {}
    figures: dict[str, Figure] = {}
    where = about = None
    for column, cell in zip(header[1:], row[1:], strict=True):
        if cell.text == "-":
            continue
        if column.text.startswith(_PUBLISHED):
            key = column.text[len(_PUBLISHED) :]
            if key in ("where", "source"):
                where = str(read_cell(cell))
            else:
                figures[key] = read_figure(key, cell)
        elif column.text == "about" and column.text not in settings:
            about = str(read_cell(cell))
        else:
            value = read_cell(cell)
            try:
                check_setting(column.text, value, settings)
            except SettingError as error:
                raise cell.error(error.message, error.hint) from None
            values[column.text] = value
    return Variant(name, values, Published(figures, where), about)


def _check(token: Token) -> str:
    if not _NAME.match(token.text):
        raise token.error(f"'{token.text}' cannot name a variant", "a name has letters, digits, '_', '-' and '.'")
    return token.text
