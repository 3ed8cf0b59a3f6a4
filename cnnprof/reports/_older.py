"""A saved result without tables of its own, as versions wrote before results had them: its figures under their JSON names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cnnprof.report import Column, Fact, Kind, Listing, Report, Table
from cnnprof.units import sizes_text

KINDS: tuple[tuple[str, Kind], ...] = (("_ms", "ms"), ("_share", "share"), ("year", "year"))
"""How numbers read, by the ends of their names; other whole numbers are counts."""

SHORT = 8
"""A list of more values is said by its length."""


def show_older(command: str, content: Mapping[str, Any], version: str) -> Report:
    """The report on a result: a listing of what stands alone, and a table for each list of entries.

    Args:
        command: the command that made it.
        content: the result without what says how and when it was made.
        version: of cnnprof, for the remark.
    """
    alone, lists = _parted(content, "")
    sections: list[Table | Listing] = [Listing(tuple(Fact(name, *_read(name, value)) for name, value in alone.items()))]
    sections += [_table(title, entries) for title, entries in lists.items()]
    note = f"saved by cnnprof {version}, whose results have no tables: figures stand under their JSON names, - is not known"
    shown = tuple(section for section in sections if not isinstance(section, Listing) or section.facts)
    return Report(command, f"{command}, as saved", shown, (note,), content)


def _parted(content: Mapping[str, Any], before: str) -> tuple[dict[str, Any], dict[str, list[Mapping[str, Any]]]]:
    """The single values and the lists of entries, both under the dotted path of their names."""
    alone: dict[str, Any] = {}
    lists: dict[str, list[Mapping[str, Any]]] = {}
    for name, value in content.items():
        path = f"{before}{name}"
        if isinstance(value, Mapping):
            inner, deeper = _parted(value, f"{path}.")
            alone |= inner
            lists |= deeper
        elif isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
            lists[path] = value
        else:
            alone[path] = value
    return alone, lists


def _table(title: str, entries: Sequence[Mapping[str, Any]]) -> Table:
    """A row an entry; an entry's own lists of entries are said by their lengths."""
    rows = []
    for entry in entries:
        alone, lists = _parted(entry, "")
        rows.append(alone | {path: _length(inner) for path, inner in lists.items()})
    names = dict.fromkeys(name for row in rows for name in row)
    columns = tuple(Column(name, name, _kind(name, [row.get(name) for row in rows]), weight=1) for name in names)
    cells = tuple(
        {column.key: _cell(row.get(column.key), column.kind, column.key.endswith("_shape")) for column in columns}
        for row in rows
    )
    return Table(columns, cells, title)


def _kind(name: str, values: Sequence[Any]) -> Kind:
    known = [value for value in values if value is not None]
    if not known or not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known):
        return "text"
    usual: Kind = "count" if all(isinstance(value, int) for value in known) else "text"
    last = name.rpartition(".")[2]
    return next((kind for end, kind in KINDS if last.endswith(end)), usual)


def _read(name: str, value: Any) -> tuple[Any, Kind]:
    kind = _kind(name, [value])
    return _cell(value, kind, name.endswith("_shape")), kind


def _cell(value: Any, kind: Kind, shape: bool = False) -> Any:
    if value is None or kind != "text":
        return value
    if isinstance(value, list):
        return (" ", "x")[shape].join(_texts(value)) if len(value) <= SHORT else _length(value)
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


def _texts(values: Sequence[Any]) -> Iterator[str]:
    for value in values:
        yield sizes_text(value) if isinstance(value, list) else "-" if value is None else str(value)


def _length(values: Sequence[Any]) -> str:
    return f"{len(values):,} values"
