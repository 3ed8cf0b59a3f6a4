"""A report as JSON types and back, so that a saved result can be shown again in any format."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

from cnnprof.errors import UsageError
from cnnprof.report import Column, Fact, Kind, Listing, Report, Table

if TYPE_CHECKING:
    from cnnprof.charts import Chart

KEY = "report"
"""Where a result in JSON has it."""

_KINDS = frozenset(get_args(Kind))


def to_saved(report: Report) -> dict[str, Any]:
    """Title, sections, notes, text and what the chart shows; chapters are not kept."""
    chart = _chart_to_saved(report.chart)
    return {
        "title": report.title,
        "sections": [_section(section) for section in report.sections],
        "notes": list(report.notes),
        **({"text": report.text} if report.text else {}),
        **({"chart": chart} if chart else {}),
    }


def from_saved(data: Any) -> Report:
    """The report that JSON of `cnnprof ... --json` has. Raises UsageError for JSON of another kind."""
    try:
        saved = data[KEY]
        content = {key: value for key, value in data.items() if key not in ("schema_version", "command", "environment", KEY)}
        sections = tuple(_read_section(section) for section in saved["sections"])
        texts = (data["command"], saved["title"], saved.get("text", ""), *saved["notes"])
        if not all(isinstance(text, str) for text in texts):
            raise TypeError
        return Report(
            data["command"],
            saved["title"],
            sections,
            tuple(saved["notes"]),
            content,
            saved.get("text", ""),
            chart=_chart_from_saved(saved["chart"]) if "chart" in saved else None,
            environment=dict(data.get("environment", {})),
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise UsageError(
            "this is no result of cnnprof that can be shown again", hint="save one: cnnprof compare ... -o saved.json"
        ) from None


def _chart_to_saved(chart: Chart | None) -> dict[str, Any] | None:
    if chart is None:
        return None
    from cnnprof.charts.saved import to_saved

    return to_saved(chart)


def _chart_from_saved(saved: Any) -> Chart:
    from cnnprof.charts.saved import from_saved

    return from_saved(saved)


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
