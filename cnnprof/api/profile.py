"""`cnnprof.profile`: one network; and how the networks that a user names are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any

from cnnprof import sources
from cnnprof.api.result import Result
from cnnprof.errors import UsageError
from cnnprof.footprint.analysis import MemoryAnalysis
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph
from cnnprof.notify import Notify, quiet
from cnnprof.record import record
from cnnprof.sources import Model
from cnnprof.sources._catalogue import looked_at_once
from cnnprof.sources._types import Settings

if TYPE_CHECKING:
    from cnnprof.charts import Chart
    from cnnprof.footprint.capacity import Fit
    from cnnprof.footprint.formats import NumberFormat
    from cnnprof.report import Report
    from cnnprof.views.summary import By, Sort

Network = Any
"""A network, as every function takes it: a reference, as on the command line, a torch module, or a Model."""

Size = Any
"""(C, H, W) of the input, or its text, `3x160x160`; None for the network's own. Of a torch module also a tensor, or a
dictionary or list of sizes and tensors."""


@record(repr=False)
class Profile(MemoryAnalysis, Result):
    """One network: `graph`, `costs` (one a layer) and `totals`."""

    def report(
        self,
        by: By | None = None,
        depth: int | None = None,
        sort: Sort | None = None,
        top: int | None = None,
        check: bool = False,
        fits: Sequence[Fit] = (),
        legend: bool = False,
        dtype: NumberFormat | None = None,
    ) -> Report:
        """The report of `cnnprof summary`.

        Args:
            by: a row for each `layer`, `stage`, `type` or `kind`; left out, by layer, or by stage of a long network.
            depth: how many names of a block's path stages have.
            sort: the figure whose largest come first, or `name`; left out, the order of execution.
            top: how many rows.
            check: also run the network under fvcore and torch's own counter.
            fits: the largest batches that fit, as `compare` finds them.
            legend: say how each figure is defined.
            dtype: the number format that bytes are of; left out, that of each weight.

        Returns:
            A Report: a table of layers, totals, and published figures beside.

        Raises:
            UsageError: there are no such rows, or nothing that they are sorted by.
            UnavailableError: the network is to be checked, and torch is missing.
        """
        from cnnprof.views.summary import summarize

        checks = None
        if check:
            from cnnprof.measure.checks import check as cross_check

            checks = cross_check(self.graph, self)
        return summarize(self, by, depth, sort, top, checks, fits, legend, dtype)

    def chart(self, by: By | None = None, depth: int | None = None) -> Chart:
        """The chart of `cnnprof plot summary`: parameters, MACs and activations over the depth.

        Args:
            by: a bar for each `layer`, `stage`, `type` or `kind`, as for `report`.
            depth: how many names of a block's path stages have.

        Returns:
            A Chart of three panels.

        Raises:
            UsageError: there are no such bars.
        """
        from cnnprof.views.summary import chart_layers

        return chart_layers(self, by, depth)

    def __repr__(self) -> str:
        return f"<Profile {self.graph.name}: {self.totals.params:,} params, {self.totals.macs:,} MACs>"


def load(network: Network, input_shape: Size = None, batch: int = 1, settings: Settings = None) -> Graph:
    """The layers of a network.

    Args:
        network: a spec's name, a file or a source's name, as on the command line; a torch module, or a Model.
        input_shape: (C, H, W) instead of the network's own.
        batch: images in one run.
        settings: values that override the network's own, by name.

    Returns:
        A Graph: nodes in execution order.

    Raises:
        CnnprofError: the name, spec or setting is wrong.
        UnavailableError: torch or another package that the source needs is missing.
    """
    return as_model(network, settings).graph(input_shape, batch)


def as_model(network: Network, settings: Settings = None) -> Model:
    """The network that a reference names, or that a module is; a Model as it is, with more settings if some are given.

    Raises UsageError for anything else, and for settings of a module, which is made already.
    """
    if isinstance(network, Model):
        return network.having(settings) if settings else network
    if isinstance(network, (str, PathLike)):
        return sources.resolve(str(network), settings)
    if isinstance(network, type):
        raise UsageError(f"{network.__name__} is a class, and no network yet", hint=f"make one: {network.__name__}(...)")
    if not (callable(network) and hasattr(network, "named_modules")):
        raise UsageError(f"a network is a name, a file, a torch module or a Model, not {network!r:.60}")
    if settings:
        raise UsageError("a module takes no settings: it is made already")
    return Model.of(network)


@looked_at_once()
def as_models(networks: Network, settings: Settings = None) -> list[Model]:
    """The networks that references and globs name, each of them once; a single one may stand without a list.

    A dictionary has names of the caller's own for them.
    """
    found: dict[str, Model] = {}
    for network in listed(networks):
        is_reference = isinstance(network, (str, PathLike))
        for model in sources.expand([str(network)], settings) if is_reference else [as_model(network, settings)]:
            admit(model, found)
    return list(found.values())


def listed(networks: Network) -> Sequence[Network]:
    """The networks; a single one, a module that has a length too, as one of a list; those of a dictionary under its names."""
    if isinstance(networks, Mapping):
        return [_called(str(name), network) for name, network in networks.items()]
    return [*networks] if isinstance(networks, (list, tuple, set, Iterator)) else [networks]


def _called(name: str, network: Network) -> Model:
    """The network under a name that the caller has for it."""
    model = as_model(network)
    return replace(model, title=name, reference=name if model.module is not None else model.reference)


def admit(model: Model, found: dict[str, Model]) -> None:
    """Add the network by its reference, if it is not among them; another module of the same class gets a number."""
    name, number = model.reference, 1
    while name in found and found[name].module is not model.module:
        number += 1
        name = f"{model.reference} ({number})"
    found.setdefault(name, model if name == model.reference else replace(model, reference=name))


def profile(network: Network, input_shape: Size = None, batch: int = 1, settings: Settings = None) -> Profile:
    """Shapes, parameters, operations and memory of a network.

    Args:
        network: it, `input_shape`, `batch` and `settings` are as for `load`.
        input_shape: (C, H, W) instead of the network's own.
        batch: images in one run.
        settings: values that override the network's own, by name.

    Returns:
        A Profile: `costs`, one a layer, and `totals`.

    Raises:
        CnnprofError: as `load`, and where an input does not fit its layer.
    """
    analyzed = analyze(load(network, input_shape, batch, settings))
    return Profile(analyzed.graph, analyzed.costs)


def pair(a: Model, b: Model, input_shape: Size, batch: int, notify: Notify = quiet) -> list[Profile]:
    """The profiles of two networks, which may be the same."""
    named = []
    for model in (a, b):
        notify(f"reading {model.reference}")
        named.append((model.called, profile(model, input_shape, batch)))
    return told_apart(named) if a.reference != b.reference else [each for _, each in named]


def to_spec(
    graph: Graph | Network,
    compact: bool = True,
    flat: bool = False,
    partial: bool = False,
    input_shape: Size = None,
    settings: Settings = None,
) -> str:
    """A spec that reproduces the network.

    Args:
        graph: the network; it, `input_shape` and `settings` are as for `load`. The spec holds at every batch, if it can.
            Of a Graph, which is the network at one batch, the spec is for that batch alone where a size may hold it.
        compact: blocks and loops where layers repeat; False for one line a layer.
        flat: no blocks and loops, but what goes behind a layer on its line.
        partial: operations that are not counted stand as `opaque`; without it, they are an error.
        input_shape: (C, H, W) instead of the network's own.
        settings: values that override the network's own, by name.

    Returns:
        The text of a YAML file.

    Raises:
        CnnprofError: with a list of what the language cannot say.
    """
    from cnnprof.sources._writing import write_text

    if isinstance(graph, Graph):
        return write_text(graph, compact, flat, partial)
    model = as_model(graph, settings)
    return write_text(model.graph(input_shape), compact, flat, partial, lambda batch: model.graph(input_shape, batch))


@looked_at_once()
def profile_each(models: Sequence[Model], input_shape: Size = None, batch: int = 1, notify: Notify = quiet) -> list[Profile]:
    """The profiles of the networks; those that share a name are told apart by reference. Raises UsageError for none."""
    if not models:
        raise UsageError("no network is named")
    read = []
    for number, model in enumerate(models, 1):
        notify(f"reading {model.reference} ({number} of {len(models)})")
        read.append((model.called, profile(model, input_shape, batch)))
    return told_apart(read)


def told_apart(named: list[tuple[str, Profile]]) -> list[Profile]:
    """Those that share a name bear their references instead."""
    names = names_apart([(each.graph.name, reference) for reference, each in named])
    return [
        each if each.graph.name == name else replace(each, graph=replace(each.graph, name=name))
        for name, (_, each) in zip(names, named, strict=True)
    ]


def names_apart(named: Sequence[tuple[str, str]]) -> list[str]:
    """A name for each network: its own, the reference where another has the same, and a number where that is not enough."""
    taken = Counter(own for own, _ in named)
    found: dict[str, None] = {}
    for own, reference in named:
        name, number = reference if taken[own] > 1 else own, 1
        while name in found:
            number += 1
            name = f"{reference} ({number})"
        found[name] = None
    return list(found)
