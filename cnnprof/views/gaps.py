"""`cnnprof explain --vs`: why another convention gives another number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from cnnprof.counting.activations import ACTIVATION_CONVENTIONS
from cnnprof.counting.conventions import CONVENTIONS
from cnnprof.counting.gaps import NAMES, Gap
from cnnprof.network.results import Analysis
from cnnprof.report import LAST_RESORT, Column, Fact, Listing, Report, Table
from cnnprof.views import columns as col
from cnnprof.views.model import header, lower_bound_notes, model_dict

COUNTED_TYPE = Column("counted_type", "layer type", of=lambda gap: gap.type)
GAP = Column("gap", "difference", "count", LAST_RESORT, lambda gap: gap.difference)
RULE = Column("reason", "reason", of=lambda gap: gap.rule)


def show_gaps(profile: Analysis, convention: str, gaps: Sequence[Gap]) -> Report:
    """One row a layer type; the differences add up to the whole one."""
    ours, theirs = sum(gap.ours for gap in gaps), sum(gap.theirs for gap in gaps)
    total = {
        "counted_type": "total",
        "layers": sum(gap.layers for gap in gaps),
        "ours": ours,
        "theirs": theirs,
        "gap": theirs - ours,
    }
    of_activations = convention in ACTIVATION_CONVENTIONS
    rule = ACTIVATION_CONVENTIONS[convention] if of_activations else CONVENTIONS[NAMES.get(convention, convention)]
    text = " ".join((rule.__doc__ or "").split())
    what = "activations" if of_activations else "MACs"
    graph = profile.graph
    sections = (
        Listing((*header(graph), Fact(convention, text))),
        Table.of((COUNTED_TYPE, col.LAYERS, col.OURS, col.THEIRS, GAP, RULE), gaps, total=total),
    )
    data = {
        "model": model_dict(graph),
        "convention": convention,
        what.lower(): ours,
        "theirs": theirs,
        "gaps": [asdict(gap) | {"difference": gap.difference} for gap in gaps],
    }
    return Report(
        "explain",
        f"{graph.name}: {what} against {convention}",
        sections,
        tuple(lower_bound_notes("note", profile.totals)),
        data,
    )
