"""A listing as rows of label and text, for the formats that are made of lines."""

from __future__ import annotations

from cnnprof.report import Listing
from cnnprof.reports._units import show
from cnnprof.texts import visible


def pairs(listing: Listing) -> list[tuple[str, str]]:
    """The labels with their values as text."""
    return [(visible(fact.label), visible(show(fact.value, fact.kind))) for fact in listing.facts]
