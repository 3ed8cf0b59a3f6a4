"""CSV of a report's first table, or of what it lists: raw values in base units under the column keys."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

from cnnprof.report import Kind, Listing, Report, Table
from cnnprof.reports import Style
from cnnprof.reports._units import show
from cnnprof.texts import visible, without_commands

suffixes = (".csv",)
binary = False


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - every format has this signature
    """One line a row; shapes as 64x56x56, what is unknown as an empty field. The total line is left out: it is a sum.

    A report without a table gives its labels and values.
    """
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    table = next((section for section in report.sections if isinstance(section, Table)), None)
    if table:
        writer.writerow([column.key for column in table.columns])
        writer.writerows([_raw(row.get(column.key), column.kind) for column in table.columns] for row in table.rows)
    else:
        facts = [fact for section in report.sections if isinstance(section, Listing) for fact in section.facts]
        writer.writerow(("label", "value"))
        writer.writerows((fact.label, _raw(fact.value, fact.kind)) for fact in facts)
    return out.getvalue()


def _raw(value: Any, kind: Kind) -> Any:
    if kind == "quantity" and value:
        return value[0]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (tuple, list)):
        return " ".join(str(item) for item in value) if "interval" in kind else _harmless(show(value, kind))
    return _harmless(value) if isinstance(value, str) else value


def _harmless(text: str) -> str:
    """The text so that a spreadsheet does not take it for a formula."""
    return without_commands(visible(f"'{text}" if text[:1] in "=+-@\t\r" and text else text))
