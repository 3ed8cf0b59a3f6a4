"""JSON with the stable names: base units in the names, `schema_version` and `command` on top."""

from __future__ import annotations

import json

from cnnprof.environment import environment
from cnnprof.report import Report
from cnnprof.reports import Style

suffixes = (".json",)
binary = False

SCHEMA_VERSION = 1


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - every format has this signature
    """The report's data as one JSON object."""
    top = {"schema_version": SCHEMA_VERSION, "command": report.command, "environment": environment()}
    return json.dumps({**top, **report.data}, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
