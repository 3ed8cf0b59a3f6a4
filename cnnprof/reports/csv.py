"""CSV of a report's first table: raw values in base units under the column keys."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

from cnnprof.core.report import Report, Table
from cnnprof.reports import Style
from cnnprof.reports._columns import COLUMNS
from cnnprof.reports._units import show


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - every format has this signature
    """One line a row; shapes as 64x56x56, what is unknown as an empty field. The total line is left out: it is a sum."""
    out = StringIO()
    table = next((section for section in report.sections if isinstance(section, Table)), None)
    if table:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(table.columns)
        writer.writerows([_raw(row.get(key), COLUMNS[key].kind) for key in table.columns] for row in table.rows)
    return out.getvalue()


def _raw(value: Any, kind: str) -> Any:
    if isinstance(value, (tuple, list)):
        return " ".join(str(item) for item in value) if "interval" in kind else show(value, kind)
    return value
