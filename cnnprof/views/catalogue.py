"""`cnnprof list` and `cnnprof show`: which networks there are, and what is known of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnnprof.core.errors import CnnprofError
from cnnprof.core.graph import Graph
from cnnprof.core.report import Fact, Listing, Report, Table
from cnnprof.core.results import Profile
from cnnprof.views.model import header, model_dict
from cnnprof.views.summary import published_table


def show_names(profiles: Mapping[str, Profile | CnnprofError], others: Sequence[str]) -> Report:
    """The report of `list`: the specs with their figures (or what is wrong with one), and the names that a source offers."""
    rows, notes = [], []
    for name, profile in profiles.items():
        if isinstance(profile, CnnprofError):
            notes.append(f"{name} cannot be read: {profile}")
            continue
        facts = profile.graph.facts
        rows.append(
            {
                "model": name,
                "family": facts.family,
                "year": str(facts.year) if facts.year else None,
                "params": profile.totals.params,
                "macs": profile.totals.macs,
                "top1": facts.accuracy.top1 if facts.accuracy else None,
                "source": facts.source,
                "about": facts.about,
            }
        )
    sections: list[Table | Listing] = []
    if rows or not others:
        sections.append(Table(("model", "family", "year", "params", "macs", "top1", "about", "source"), tuple(rows)))
    if others:
        sections.append(Listing((Fact("without a spec", others, "words"),)))
    data = {"models": rows, "others": list(others)}
    return Report("list", f"{len(rows) + len(others)} networks", tuple(sections), tuple(notes), data)


def show_network(profile: Profile, text: str) -> Report:
    """The report of `show`: facts, published figures, and the spec's text where there is one."""
    graph: Graph = profile.graph
    sections: list[Table | Listing] = [Listing(header(graph))]
    if graph.facts.notes:
        sections.append(Listing((Fact("notes", graph.facts.notes),)))
    published = published_table(profile)
    if published.rows:
        sections.append(published)
    notes = () if text else (f"{graph.name} has no spec; it is read from {graph.facts.source}",)
    return Report("show", graph.name, tuple(sections), notes, {"model": model_dict(graph), "spec": text or None}, text)
