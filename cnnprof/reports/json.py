"""JSON with the stable names: base units in the names, `schema_version` and `command` on top."""

from __future__ import annotations

import json
from time import gmtime, strftime

from cnnprof.environment import environment
from cnnprof.report import Report
from cnnprof.reports import Style
from cnnprof.reports._saved import KEY, SCHEMA_VERSION, to_saved

suffixes = (".json",)
binary = False


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - every format has this signature
    """The report's data as one JSON object, with what tables show under `report`, for `cnnprof render`."""
    holds_for = dict(report.environment) or environment() | {"time": strftime("%Y-%m-%dT%H:%M:%SZ", gmtime())}
    top = {"schema_version": SCHEMA_VERSION, "command": report.command, "environment": holds_for}
    text = json.dumps({**top, **report.data, KEY: to_saved(report)}, indent=2, ensure_ascii=False, allow_nan=False)
    # Not every character that a terminal obeys is one that JSON writes out.
    return (text if text.replace("\n", "").isprintable() else "".join(map(_written_out, text))) + "\n"


def _written_out(char: str) -> str:
    return char if char == "\n" or char.isprintable() else json.dumps(char)[1:-1]
