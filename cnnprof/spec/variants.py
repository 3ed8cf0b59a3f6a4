"""Variants of a family: a mapping, or a text table whose first column is `name`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field

from cnnprof.errors import SpecError, did_you_mean
from cnnprof.network.graph import Figure
from cnnprof.record import record
from cnnprof.spec.literals import read_cell
from cnnprof.spec.located import Token, whole_token
from cnnprof.spec.published import Published, check_figure, read_figure, read_published
from cnnprof.spec.reader import Entries, Scalar, Yaml
from cnnprof.spec.settings import SettingError, check_setting, read_setting
from cnnprof.spec.tables import check_width, read_lines
from cnnprof.spec.texts import TEXTS, Description, read_text, read_year
from cnnprof.spec.values import Value

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}\Z", re.ASCII)
_PUBLISHED = "published."


@record
class Variant:
    """One network of a family: the settings that differ, what its paper states, and its own description."""

    name: str
    settings: Mapping[str, Value] = field(default_factory=dict)
    published: Published = field(default_factory=Published)
    description: Description = field(default_factory=Description)


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
    texts: dict[str, str | None] = {}
    year = None
    for entry, value in node.pairs:
        if entry.value == "published":
            published = read_published(value)
        elif entry.value in settings:
            values[entry.value] = _read_value(entry, value, settings)
        elif entry.value == "year":
            year = read_year(value)
        elif entry.value in TEXTS:
            texts[entry.value] = read_text(entry.value, value)
        else:
            values[entry.value] = _read_value(entry, value, settings)
    return Variant(key.value, values, published, Description(year, **texts))


def _read_value(key: Scalar, node: Yaml, settings: Mapping[str, Value]) -> Value:
    value = read_setting(key.value, node)
    try:
        check_setting(key.value, value, settings)
    except SettingError as error:
        raise SpecError(error.message, (node if key.value in settings else key).place, error.hint) from None
    return value


def _from_table(node: Scalar, settings: Mapping[str, Value]) -> dict[str, Variant]:
    header, *rows = read_lines(node)
    if header[0].text != "name":
        hint = "blanks separate the columns: take out commas and bars" if header[0].text in ("name,", "|") else None
        raise header[0].error("the first column of variants is 'name'", hint)
    for column in header[1:]:
        if column.text.startswith(_PUBLISHED):
            check_figure(column.cut(len(_PUBLISHED)))
        elif column.text not in TEXTS and column.text not in settings:
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
    texts: dict[str, str | None] = {}
    for column, cell in zip(header[1:], row[1:], strict=True):
        if cell.text == "-":
            continue
        if column.text.startswith(_PUBLISHED):
            key = column.text[len(_PUBLISHED) :]
            figures[key] = read_figure(key, cell)
        elif column.text in settings:
            values[column.text] = _cell_value(column.text, cell, settings)
        else:
            texts[column.text] = str(read_cell(cell))
    return Variant(name, values, Published(figures), Description(None, **texts))


def _cell_value(name: str, cell: Token, settings: Mapping[str, Value]) -> Value:
    value = read_cell(cell)
    try:
        check_setting(name, value, settings)
    except SettingError as error:
        raise cell.error(error.message, error.hint) from None
    return value


def _check(token: Token) -> str:
    if not _NAME.match(token.text):
        raise token.error(f"'{token.text}' cannot name a variant", "a name has letters, digits, '_', '-' and '.'")
    return token.text
