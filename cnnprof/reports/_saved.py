"""A report as JSON types and back, so that a saved result can be shown again in any format."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from cnnprof.environment import __version__
from cnnprof.errors import UsageError
from cnnprof.report import Column, Fact, Kind, Listing, Report, Table

if TYPE_CHECKING:
    from cnnprof.charts import Chart

KEY = "report"
"""Where a result in JSON has it."""

SCHEMA_VERSION = 1
_ABOUT = ("schema_version", "command", "environment", KEY)

_KINDS = frozenset(get_args(Kind))


def to_saved(report: Report) -> dict[str, Any]:
    """Title, sections, notes, text, what the chart shows, and the chapters, which have the same."""
    chart = _chart_to_saved(report.chart)
    return {
        "title": report.title,
        "sections": [_section(section) for section in report.sections],
        "notes": list(report.notes),
        **({"text": report.text} if report.text else {}),
        **({"chart": chart} if chart else {}),
        **({"chapters": [{"command": each.command, **to_saved(each)} for each in report.chapters]} if report.chapters else {}),
    }


def from_saved(data: Any) -> Report:
    """The report that JSON of `cnnprof ... --json` has, of this version or another. Raises UsageError for other JSON."""
    try:
        _check_version(data)
        version = str(data.get("environment", {}).get("cnnprof", "of another version"))
        content = {key: value for key, value in data.items() if key not in _ABOUT}
        try:
            report = _read_report(_text(data["command"]), data[KEY], content, version)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            # Without tables it is a result of an older version, and so may be one whose tables are written otherwise.
            if "schema_version" not in data or (KEY in data and version == __version__):
                raise
            from cnnprof.reports._older import show_older

            report = show_older(_text(data["command"]), content, version)
        return replace(report, environment=dict(data.get("environment", {})))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise UsageError(
            "this is no result of cnnprof that can be shown again", hint="save one: cnnprof compare ... -o saved.json"
        ) from None


def _read_report(command: str, saved: Any, content: Mapping[str, Any], version: str, depth: int = 0) -> Report:
    """The report, or one of its chapters, which have chapters of their own at most."""
    sections = tuple(_read_section(section) for section in saved["sections"])
    chart, without = _chart_of(saved, version)
    notes = (*map(_text, saved["notes"]), *without)
    chapters = saved.get("chapters", ())
    if chapters and depth == 2:
        raise ValueError(depth)
    inner = tuple(_read_report(_text(each["command"]), each, {}, version, depth + 1) for each in chapters)
    text = _text(saved.get("text", ""))
    return Report(command, _text(saved["title"]), sections, notes, content, text, chart=chart, chapters=inner)


def _chart_to_saved(chart: Chart | None) -> dict[str, Any] | None:
    if chart is None:
        return None
    from cnnprof.charts.saved import to_saved

    return to_saved(chart)


def _check_version(data: Any) -> None:
    """Raises UsageError for a result that only a later version can show."""
    number = data.get("schema_version", SCHEMA_VERSION)
    if isinstance(number, int) and number > SCHEMA_VERSION:
        version = data.get("environment", {}).get("cnnprof", "a later version")
        raise UsageError(
            f"this result was saved by cnnprof {version} in form {number}, and {__version__} reads form {SCHEMA_VERSION}",
            hint="show it with that version",
        )


def _chart_of(saved: Mapping[str, Any], version: str) -> tuple[Chart | None, tuple[str, ...]]:
    """The chart, if there is one; one of another version that has other fields is left out, with a remark."""
    if "chart" not in saved:
        return None, ()
    from cnnprof.charts.saved import from_saved

    try:
        return from_saved(saved["chart"]), ()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        if version == __version__:
            raise
        return None, (f"saved by cnnprof {version}, whose chart cannot be drawn by {__version__}",)


def _section(section: Table | Listing) -> dict[str, Any]:
    if isinstance(section, Listing):
        return {"title": section.title, "facts": [[fact.label, _plain(fact.value), fact.kind] for fact in section.facts]}
    keys = [column.key for column in section.columns]
    return {
        "title": section.title,
        "columns": [[column.key, column.heading, column.kind, column.weight] for column in section.columns],
        "rows": [[_plain(row.get(key, "")) for key in keys] for row in section.rows],
        "total": [_plain(section.total.get(key, "")) for key in keys] if section.total else None,
        "best": sorted([row, key] for row, key in section.best),
        "faint": sorted(section.faint),
        "group": section.group,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _read_section(saved: Mapping[str, Any]) -> Table | Listing:
    if "facts" in saved:
        facts = tuple(Fact(_text(label), _cell(value), _kind(kind)) for label, value, kind in saved["facts"])
        return Listing(facts, _text(saved["title"]))
    columns = tuple(Column(_text(k), _text(heading), _kind(kind), _number(w)) for k, heading, kind, w in saved["columns"])
    keys = [column.key for column in columns]
    rows = tuple(dict(zip(keys, map(_cell, row), strict=True)) for row in saved["rows"])
    total = dict(zip(keys, map(_cell, saved["total"]), strict=True)) if saved["total"] else None
    best = frozenset((int(row), _text(key)) for row, key in saved["best"])
    group = _text(saved["group"])
    if group and group not in keys:
        raise ValueError(group)
    return Table(columns, rows, _text(saved["title"]), total, best, frozenset(map(int, saved["faint"])), group)


def _cell(value: Any) -> Any:
    """Lists are tuples again; anything but JSON's plain values is refused."""
    if isinstance(value, list):
        return tuple(map(_cell, value))
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(value)
    return value


def _kind(value: Any) -> Kind:
    if value not in _KINDS:
        raise ValueError(value)
    kind: Kind = value
    return kind
