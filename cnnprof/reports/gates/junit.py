"""JUnit XML, which GitLab, Jenkins and others show as tests: one test case for each thing that was checked."""

from __future__ import annotations

from xml.etree import ElementTree

from cnnprof.report import Report
from cnnprof.reports import Style
from cnnprof.reports._repository import from_root
from cnnprof.texts import visible

suffixes = (".xml",)
binary = False


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - every format has this signature
    """One suite; an annotation of level `error` is a failure, the message of another one its output."""
    failures = sum(annotation.level == "error" for annotation in report.annotations)
    counts = {"tests": str(len(report.annotations)), "failures": str(failures)}
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(root, "testsuite", {"name": f"cnnprof {report.command}", **counts})
    for annotation in report.annotations:
        place = annotation.place
        where = {"file": from_root(place.file), "line": str(place.line)} if place else {}
        names = {"name": annotation.title, "classname": f"cnnprof.{report.command}", **where}
        case = ElementTree.SubElement(suite, "testcase", {key: visible(text) for key, text in names.items()})
        message = visible(annotation.message)
        if annotation.level == "error":
            ElementTree.SubElement(case, "failure", {"message": message})
        elif message:
            ElementTree.SubElement(case, "system-out").text = message
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
