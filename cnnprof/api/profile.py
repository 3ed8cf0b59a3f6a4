"""`cnnprof.profile`: one network; and how the networks that a user names are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cnnprof import sources
from cnnprof.api.result import Result
from cnnprof.errors import UsageError
from cnnprof.footprint.analysis import MemoryAnalysis
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph
from cnnprof.record import record
from cnnprof.sources import Model

if TYPE_CHECKING:
    from cnnprof.footprint.capacity import Fit
    from cnnprof.report import Report

Notify = Callable[[str], None]
Network = str | Model
"""A reference, as on the command line, or what it was resolved to."""


@record(repr=False)
class Profile(MemoryAnalysis, Result):
    """One network: `graph`, `costs` (one a layer) and `totals`."""

    def report(
        self,
        by: str | None = None,
        depth: int | None = None,
        sort: str | None = None,
        top: int | None = None,
        check: bool = False,
        fits: Sequence[Fit] = (),
        legend: bool = False,
    ) -> Report:
        """The report of `cnnprof summary`, whose options these are. `check` runs the network under other counters."""
        from cnnprof.views.summary import summarize

        checks = None
        if check:
            from cnnprof.measure.checks import check as cross_check

            checks = cross_check(self.graph, self)
        return summarize(self, by, depth, sort, top, checks, fits, legend)

    def __repr__(self) -> str:
        return f"<Profile {self.graph.name}: {self.totals.params:,} params, {self.totals.macs:,} MACs>"


def load(
    reference: Network,
    settings: Mapping[str, Any] | None = None,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
) -> Graph:
    """The graph of a network: a spec's name, a file or a source's name, as on the command line.

    Args:
        settings: overrides, as text or numbers.
        input_shape: (C, H, W) instead of the network's own.
        batch: images in one run.
    """
    return as_model(reference, settings).graph(input_shape, batch)


def as_model(network: Network, settings: Mapping[str, Any] | None = None) -> Model:
    """The network that a reference names; a network itself as it is."""
    return network if isinstance(network, Model) else sources.resolve(network, settings)


def profile(
    reference: Network,
    settings: Mapping[str, Any] | None = None,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
) -> Profile:
    """Shapes, parameters, operations and memory of a network; arguments as for `load`."""
    analyzed = analyze(load(reference, settings, input_shape, batch))
    return Profile(analyzed.graph, analyzed.costs)


def pair(
    a: Network,
    b: Network,
    settings: Mapping[str, Any] | None = None,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
    notify: Notify = lambda _: None,
) -> list[Profile]:
    """The profiles of two networks, which may be the same; arguments as for `load`."""
    named = []
    for model in (as_model(a, settings), as_model(b, settings)):
        notify(f"reading {model.reference}")
        named.append((model.reference, profile(model, input_shape=input_shape, batch=batch)))
    return told_apart(named)


def to_spec(graph: Graph, compact: bool = True) -> str:
    """A spec that reproduces the graph, compact or with one line a layer.

    Raises CnnprofError with a list of what the language cannot say.
    """
    from cnnprof.sources.specs import write_text

    return write_text(graph, compact)


def profile_each(
    references: Sequence[Network],
    settings: Mapping[str, Any] | None,
    input_shape: tuple[int, ...] | None,
    batch: int,
    notify: Notify = lambda _: None,
) -> list[Profile]:
    """The profiles of all networks that the references and globs name; those that share a name are told apart by reference."""
    expanded = expand(references, settings)
    if not expanded:
        raise UsageError("no network is named")
    read = []
    for number, model in enumerate(expanded, 1):
        notify(f"reading {model.reference} ({number} of {len(expanded)})")
        read.append((model.reference, profile(model, input_shape=input_shape, batch=batch)))
    return told_apart(read)


def expand(networks: Sequence[Network], settings: Mapping[str, Any] | None = None) -> list[Model]:
    """The networks that references and globs name, each of them once; those that are given as such stay as they are."""
    found: dict[str, Model] = {}
    for network in networks:
        for model in [network] if isinstance(network, Model) else sources.expand([network], settings):
            found.setdefault(model.reference, model)
    return list(found.values())


def told_apart(named: list[tuple[str, Profile]]) -> list[Profile]:
    """Those that share a name bear their references instead."""
    taken = Counter(each.graph.name for _, each in named)
    return [
        replace(each, graph=replace(each.graph, name=reference)) if taken[each.graph.name] > 1 else each
        for reference, each in named
    ]
