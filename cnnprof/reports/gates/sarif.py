"""SARIF 2.1.0, which GitHub's code scanning and editors read: a result for each thing that does not hold."""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import quote

from cnnprof.environment import __version__
from cnnprof.report import Annotation, Report
from cnnprof.reports import Style
from cnnprof.reports._repository import from_root
from cnnprof.texts import visible

suffixes = (".sarif",)
binary = False

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warn": "warning", "unknown": "warning"}


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - every format has this signature
    """One run of the tool, whose only rule is the command."""
    rule = {"id": f"cnnprof/{report.command}", "shortDescription": {"text": f"cnnprof {report.command}"}}
    results = [_result(each, rule["id"]) for each in report.annotations if each.level in _LEVELS]
    driver = {"name": "cnnprof", "version": __version__, "rules": [rule]}
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    return json.dumps(log, indent=2) + "\n"


def _result(annotation: Annotation, rule: Any) -> dict[str, Any]:
    text = visible(f"{annotation.title}: {annotation.message}")
    found: dict[str, Any] = {"ruleId": rule, "level": _LEVELS[annotation.level], "message": {"text": text}}
    if place := annotation.place:
        region = {"startLine": place.line, "startColumn": place.column, "endColumn": place.column + max(1, place.length)}
        file = {"uri": quote(from_root(place.file).replace(os.sep, "/"), errors="surrogateescape")}
        found["locations"] = [{"physicalLocation": {"artifactLocation": file, "region": region}}]
    else:
        found["locations"] = [{"logicalLocations": [{"name": visible(annotation.title), "kind": "command line"}]}]
    return found
