"""A log of GitHub Actions: the wide table, and each annotation as a workflow command."""

from __future__ import annotations

from cnnprof.report import Annotation, Report
from cnnprof.reports import Style
from cnnprof.reports._repository import from_root
from cnnprof.reports.table import lay_out
from cnnprof.texts import visible

suffixes: tuple[str, ...] = ()
binary = False

_COMMANDS = {"error": "error", "warn": "warning", "unknown": "warning"}


def render(report: Report, style: Style) -> str:
    """The table with every column; below it a line for each annotation, which GitHub shows beside the change."""
    return lay_out(report, Style(None, style.color), wide=True) + "".join(commands(report))


def commands(report: Report) -> list[str]:
    """A line for each annotation of what does not hold."""
    return [command_of(annotation) + "\n" for annotation in report.annotations if annotation.level in _COMMANDS]


def command_of(annotation: Annotation) -> str:
    """The workflow command that makes an annotation."""
    place = annotation.place
    properties = {"file": from_root(place.file), "line": str(place.line)} if place else {}
    properties["title"] = annotation.title
    options = ",".join(f"{key}={_escape(text, ':,')}" for key, text in properties.items())
    return f"::{_COMMANDS[annotation.level]} {options}::{_escape(annotation.message)}"


def _escape(text: str, also: str = "") -> str:
    return "".join(f"%{ord(char):02X}" if char in "%\r\n" + also else visible(char) for char in text)
