"""`cnnprof list` and `cnnprof show`: which networks there are, and what is known of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cnnprof.judging.catalogue import Listed
from cnnprof.judging.filters import read_condition
from cnnprof.network.graph import Graph
from cnnprof.network.results import Analysis
from cnnprof.report import Column, Fact, Listing, Report, Table, holds_of, names_of, plural
from cnnprof.views import columns as col
from cnnprof.views.choice import NONE, Choice, choose_columns, compared, find_column, order
from cnnprof.views.model import header, model_dict
from cnnprof.views.summary import published_table

ABOUT = Column("about", "about", weight=8)
TAGS = Column("tags", "tags", "words", 5)

COLUMNS = (
    col.FAMILY,
    replace(col.MODEL, of=lambda network: network.name),
    col.YEAR,
    col.PARAMS,
    col.MACS,
    col.TOP1,
    replace(col.TOP5, weight=7.5),
    col.DATASET,
    TAGS,
    col.INPUT,
    ABOUT,
    col.SOURCE,
    col.FAILURE,
)


def _listed(column: Column) -> Column:
    taken = {
        "family": lambda network: network.facts.family,
        "year": lambda network: network.facts.year,
        "about": lambda network: network.facts.about,
        "source": lambda network: network.facts.source,
        "input": lambda network: network.input_shape[1:] or None,
        "failure": lambda network: network.error or None,
    }
    return replace(column, of=taken[column.key]) if column.key in taken else column


OF_NETWORK = tuple(map(_listed, COLUMNS))
"""The columns of a list of networks."""

ALIASES = {"name": "model"}

ROUNDED = {
    "torchvision": "torchvision: figures of its weights' metadata, MACs to 10^6, until a network's layers were read once",
    "timm": "timm: parameters to 10,000 and no MACs, until a network's layers were read once (cnnprof compare)",
}
"""How far the figures of a source go that does not say its layers."""


def show_names(networks: Sequence[Listed], sort: str | None = None, choice: Choice = NONE, more: str = "") -> Report:
    """The report of `list`: networks by family, or all in one table if `sort` orders them.

    Args:
        sort: a column; accuracies on one data set stand together, those on the most common first.
        choice: which rows and columns to show.
        more: what a reader is told of networks that are not shown.
    """
    rows = [{column.key: column.cell(network) for column in OF_NETWORK} for network in networks]
    numbers = list(range(len(rows)))
    notes = []
    if choice.where:
        condition = read_condition(choice.where, {name: holds_of(column) for name, column in names_of(OF_NETWORK).items()})
        cells = compared(rows, OF_NETWORK)
        unknown = sum(map(condition.is_unknown, cells))
        numbers = [i for i in numbers if condition.holds(cells[i])]
        notes += [f"{plural(unknown, 'network')} left out, as a figure is not known"] if unknown else []
    if sort:
        by = find_column(ALIASES.get(sort, sort), OF_NETWORK, "--sort")
        apart, note = _datasets_apart([rows[i] for i in numbers]) if by.key in ("top1", "top5") else ({}, "")
        numbers = order(numbers, rows, by, higher=("top1", "top5"))
        numbers.sort(key=lambda i: apart.get(rows[i]["dataset"], 0))
        notes += [note] if note else []
    chosen = choose_columns(choice, OF_NETWORK, _usual(rows, grouped=not (sort or choice.columns)))
    shown = tuple(rows[i] for i in numbers)
    table = Table(chosen, shown, group="" if sort or choice.columns else "family")
    families = len({row["family"] for row in shown})
    title = f"{plural(len(shown), 'network')} of {plural(families, 'family', 'families')}"
    notes += [f"{row['model']} cannot be read: {row['failure']}" for row in shown if row["failure"]]
    sources = {str(row["source"]).partition(":")[0] for row in shown if row["failure"] is None}
    notes += [note for source, note in ROUNDED.items() if source in sources]
    data = {"models": [_entry(row) for row in shown], "others": []}
    return Report("list", title, (table,), (*notes, *([more] if more else [])), data)


def _usual(rows: Sequence[Mapping[str, Any]], grouped: bool) -> tuple[Column, ...]:
    """All but what says nothing: data sets where there is one, or all have the tag; failures where there are none."""
    several = len({row["dataset"] for row in rows if row["dataset"]}) > 1
    failed = any(row["failure"] for row in rows)
    hidden = {col.FAILURE.key: not failed, col.DATASET.key: grouped or not several}
    return tuple(column for column in OF_NETWORK if not hidden.get(column.key))


def _datasets_apart(rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str | None, int], str]:
    """In which order data sets follow each other where accuracies are sorted, and that they do; what has none comes last."""
    counts = Counter(row["dataset"] for row in rows if row["dataset"])
    ranks: dict[str | None, int] = {name: rank for rank, (name, _) in enumerate(counts.most_common())}
    ranks[None] = len(ranks)
    if len(counts) < 2:
        return ranks, ""
    named = ", then ".join(name for name, _ in counts.most_common())
    return ranks, f"accuracies on several data sets do not compare: {named}; --dataset leaves one"


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    entry = {key: list(value) if isinstance(value, tuple) else value for key, value in row.items() if key != "failure"}
    return entry | ({"error": row["failure"]} if row["failure"] else {})


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
