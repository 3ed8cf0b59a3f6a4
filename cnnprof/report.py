"""The result of a command as plain data: every output format renders a `Report`, and no format knows what made it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, Literal

from cnnprof.charts import Chart
from cnnprof.errors import Place
from cnnprof.record import record
from cnnprof.units import Holds

Kind = Literal[
    "text", "year", "count", "scaled",
    "change", "scaled_change", "exact", "size", "megabytes", "quantity", "share", "percent", "error",
    "ms", "factor", "interval", "factor_interval", "shape", "shapes", "words", "rate", "joules", "mark", "result",
    "verdict", "status", "shaded",
]  # fmt: skip
"""How a value reads; `reports/_units.py` has a function for each."""

WIDE_ONLY = 9
"""The weight of a column that only `--format wide` shows, and the formats that are read by programs."""

LAST_RESORT = 0.5
"""The weight of a column that is dropped only where numbers would be split or a table run over."""


@record
class Column:
    """A figure as a table shows it.

    Args:
        key: its JSON name; base units are in the name.
        heading: what stands above it.
        kind: how its values read.
        weight: when a narrow terminal drops it: the highest goes first, 0 never.
        of: its value in a result; left out, the result's attribute of that name, or its entry if the result is a mapping.
    """

    key: str
    heading: str
    kind: Kind = "text"
    weight: float = 0
    of: Callable[[Any], Any] | None = None

    def cell(self, result: Any) -> Any:
        """The column's raw value of a result; "" where a mapping lacks it."""
        if self.of is not None:
            return self.of(result)
        return result.get(self.key, "") if isinstance(result, Mapping) else getattr(result, self.key)


HOLDS: Mapping[Kind, Holds] = {
    "count": "count",
    "scaled": "count",
    "exact": "count",
    "size": "bytes",
    "megabytes": "bytes",
    "ms": "time",
    **dict.fromkeys(("text", "shape", "shapes", "words", "verdict", "result", "mark", "status", "shaded"), "text"),
}
"""The quantity that conditions take a column of each kind for; any other kind is a number."""

UNITS = ("_bytes", "_ms", "_img_s", "_j")
"""Units that a column's name may leave out: `latency` is `latency_ms`."""


def holds_of(column: Column) -> Holds:
    """The quantity that conditions take the column for."""
    return HOLDS.get(column.kind, "number")


def names_of(columns: Sequence[Column]) -> dict[str, Column]:
    """Every name that a column may be asked for by: its key, its key without the unit, and `peak` for an inference's memory."""
    found = {column.key: column for column in columns}
    for column in columns:
        for unit in UNITS:
            if column.key.endswith(unit) and column.key not in ("param_bytes", "activation_bytes"):
                found.setdefault(column.key.removesuffix(unit), column)
    if "peak_inference_bytes" in found:
        found.setdefault("peak", found["peak_inference_bytes"])
    return found


@record
class Table:
    """Rows of raw values in base units, by the columns' keys.

    `total` is the last line; `best` holds the (row, column) pairs to mark; `faint` the rows that are outside the total. `group`
    names the column whose values stand above the rows that share one, in place of the column.
    """

    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Any], ...]
    title: str = ""
    total: Mapping[str, Any] | None = None
    best: frozenset[tuple[int, str]] = frozenset()
    faint: frozenset[int] = frozenset()
    group: str = ""

    @classmethod
    def of(cls, columns: Iterable[Column], results: Iterable[Any], title: str = "", **more: Any) -> Table:
        """The table with a row a result, whose cells the columns take from it; `more` are the other fields."""
        columns = tuple(columns)
        return cls(columns, tuple({column.key: column.cell(each) for column in columns} for each in results), title, **more)

    def groups(self) -> dict[str, list[int]]:
        """The numbers of the rows that stand together, by what stands above them; all under "" if nothing groups them."""
        found: dict[str, list[int]] = {}
        for number, row in enumerate(self.rows):
            found.setdefault(str(row[self.group]) if self.group else "", []).append(number)
        return found or {"": []}


@record
class Fact:
    """A labelled value; `kind` is one of the kinds of `reports/_units.py`."""

    label: str
    value: Any
    kind: Kind = "text"


@record
class Listing:
    """Labelled values, one a line."""

    facts: tuple[Fact, ...]
    title: str = ""


Level = Literal["ok", "unknown", "warn", "error"]


@record
class Annotation:
    """The outcome of a check: it holds (`ok`), nobody knows (`unknown`), it does not (`error`), or may not (`warn`).

    A code host shows all but those that hold beside the change.
    """

    level: Level
    title: str
    message: str
    place: Place | None = None


@record
class Report:
    """The result of one command.

    Args:
        command: its name.
        title: the first line.
        sections: tables and listings in reading order; the first table is the one that CSV writes.
        notes: remarks below, one a line.
        data: the same as JSON, under the stable names, without `schema_version`, `command` and `environment`.
        text: a text below the sections, as it is: a spec.
        annotations: what each thing that was checked came to, for code hosts and collectors of test results.
        chart: what a picture shows, where there is one.
        chapters: what a page says of each part after all of it.
        environment: what the figures of a saved result hold for; empty for one of now.
        doubts: those of the notes that nobody may miss; they go to stderr where a format has no place for notes.
    """

    command: str
    title: str
    sections: tuple[Table | Listing, ...] = ()
    notes: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    annotations: tuple[Annotation, ...] = ()
    chart: Chart | None = None
    chapters: tuple[Report, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()


def plural(number: int, one: str, many: str = "") -> str:
    """`1 network`, `1,203 networks`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
