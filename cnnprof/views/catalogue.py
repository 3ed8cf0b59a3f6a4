"""`cnnprof list` and `cnnprof show`: which networks there are, and what is known of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnprof.errors import CnnprofError
from cnnprof.judging.catalogue import Listed, sort_key
from cnnprof.network.graph import Graph
from cnnprof.network.results import Analysis
from cnnprof.report import Fact, Listing, Report, Table, plural
from cnnprof.views import columns as col
from cnnprof.views.model import header, model_dict
from cnnprof.views.summary import published_table


def show_names(
    networks: Sequence[Listed], others: Sequence[str], broken: Mapping[str, CnnprofError], sort: str | None
) -> Report:
    """The report of `list`: specs by family, or all in one table if `sort` orders them, and the names that a source offers.

    Args:
        broken: what is wrong with a spec that cannot be read.
    """
    columns = (col.FAMILY, col.MODEL, col.YEAR, col.PARAMS, col.MACS, col.TOP1, col.TAGS, col.INPUT, col.ABOUT, col.SOURCE)
    if sort:
        networks = sorted(networks, key=lambda network: sort_key(network, sort))
    rows = tuple(_row(network) for network in networks)
    sections: list[Table | Listing] = []
    if rows or not others:
        sections.append(Table(columns, rows, group="" if sort else "family"))
    if others:
        sections.append(Listing((Fact("without a spec", others, "words"),)))
    families = len({network.facts.family for network in networks})
    title = plural(len(networks) + len(others), "network") + (
        f", {len(networks)} of them specs of {plural(families, 'family', 'families')}" if networks and others else ""
    )
    notes = tuple(f"{name} cannot be read: {error}" for name, error in broken.items())
    return Report("list", title, tuple(sections), notes, {"models": [*rows], "others": list(others)})


def _row(network: Listed) -> dict[str, Any]:
    facts = network.facts
    return {
        "model": network.name,
        "family": facts.family,
        "year": facts.year,
        "params": network.params,
        "macs": network.macs,
        "top1": network.top1,
        "tags": list(network.tags),
        "input": list(network.input_shape[1:]),
        "about": facts.about,
        "source": facts.source,
    }


def show_network(profile: Analysis, text: str) -> Report:
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
