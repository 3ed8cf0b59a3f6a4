"""Reports as paragraphs, for the formats that are made of lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from cnnprof.report import Listing, Report, Table
from cnnprof.reports._units import show
from cnnprof.texts import visible


def pairs(listing: Listing) -> list[tuple[str, str]]:
    """The labels with their values as text."""
    return [(visible(fact.label), visible(show(fact.value, fact.kind))) for fact in listing.facts]


class Markup(NamedTuple):
    """A markup language: how it writes a heading, labels with their texts, a table, a text as it is, and notes."""

    heading: Callable[[str], str]
    labels: Callable[[list[tuple[str, str]]], str]
    tables: Callable[[Table], list[str]]
    text: Callable[[str], str]
    notes: Callable[[Sequence[str]], str]


def write(report: Report, title: str, markup: Markup) -> str:
    """The report below its title, an empty line between two parts."""
    blocks = [title]
    for section in report.sections:
        if section.title:
            blocks.append(markup.heading(section.title))
        blocks += [markup.labels(pairs(section))] if isinstance(section, Listing) else markup.tables(section)
    if report.text:
        blocks.append(markup.text(report.text))
    if report.notes:
        blocks.append(markup.notes(report.notes))
    return "\n\n".join(blocks) + "\n"
