"""JUnit XML, which GitLab, Jenkins and others show as tests: one test case for each thing that was checked."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree

from cnnprof.report import Report
from cnnprof.reports import Style
from cnnprof.reports._repository import from_root
from cnnprof.texts import visible

suffixes = (".xml",)
_RESULTS = {"error": "failure", "unknown": "skipped"}
binary = False


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - every format has this signature
    """One suite; an annotation of level `error` is a failure, what is not known skipped, the message of others their output."""
    levels = Counter(annotation.level for annotation in report.annotations)
    counts = {"tests": str(levels.total()), "failures": str(levels["error"])}
    root = ElementTree.Element("testsuites", counts)
    named = {"name": f"cnnprof {report.command}", **counts, "skipped": str(levels["unknown"])}
    suite = ElementTree.SubElement(root, "testsuite", named)
    for annotation in report.annotations:
        place = annotation.place
        where = {"file": from_root(place.file), "line": str(place.line)} if place else {}
        names = {"name": annotation.title, "classname": f"cnnprof.{report.command}", **where}
        case = ElementTree.SubElement(suite, "testcase", {key: visible(text) for key, text in names.items()})
        message = visible(annotation.message)
        if annotation.level in _RESULTS:
            ElementTree.SubElement(case, _RESULTS[annotation.level], {"message": message})
        elif message:
            ElementTree.SubElement(case, "system-out").text = message
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
