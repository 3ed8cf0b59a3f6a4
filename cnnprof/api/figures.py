"""Networks by their figures, which are kept: who only compares totals need not read any layer again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cnnprof.api.profile import Network, as_models
from cnnprof.errors import CnnprofError
from cnnprof.footprint.analysis import MemoryAnalysis, analyze_memory
from cnnprof.network.graph import Graph
from cnnprof.record import record
from cnnprof.sources import Model

if TYPE_CHECKING:
    from collections.abc import Callable

    from cnnprof.views.entry import Entry


@record
class Unresolved(Model):
    """In place of a network: a reference that names none, and why."""

    error: CnnprofError | None = None

    def graph(self, input_shape: tuple[int, ...] | None = None, batch: int = 1) -> Graph:  # noqa: ARG002 - as for a Model
        """Raises the error."""
        assert self.error is not None
        raise self.error


def resolve_each(networks: Network | Sequence[Network], settings: Mapping[str, Any] | None = None) -> list[Model]:
    """As `as_models`, with an `Unresolved` for what names no network."""
    found: dict[str, Model] = {}
    for network in [networks] if isinstance(networks, (str, Model)) else networks:
        try:
            models = as_models(network, settings)
        except CnnprofError as error:
            models = [Unresolved(str(network), "", str(network), error=error)]
        for model in models:
            found.setdefault(model.reference, model)
    return list(found.values())


def entries_of(
    models: Sequence[Model], input_shape: tuple[int, ...] | None, batch: int, notify: Callable[[str], None]
) -> list[Entry]:
    """An entry for each of the networks; one that cannot be read has the reason, unless none can: then the first one is raised.

    Those that share a name bear their references instead.
    """
    entries: list[Entry] = []
    errors: list[CnnprofError] = []
    for number, model in enumerate(models, 1):
        notify(f"reading {model.reference} ({number} of {len(models)})")
        try:
            entries.append(_entry(model, input_shape, batch))
        except CnnprofError as error:
            errors.append(error)
            entries.append(_failed(model, error))
    if errors and len(errors) == len(entries):
        raise errors[0]
    taken = Counter(entry.name for entry in entries)
    return [
        _renamed(entry, model.reference) if taken[entry.name] > 1 else entry
        for entry, model in zip(entries, models, strict=True)
    ]


def _entry(model: Model, input_shape: tuple[int, ...] | None, batch: int) -> Entry:
    from cnnprof.sources._kept import recall_of
    from cnnprof.views.entry import Entry
    from cnnprof.views.figures import describe, is_whole

    def load() -> MemoryAnalysis:
        return analyze_memory(model.graph(input_shape, batch))

    figures = recall_of(model, "figures", input_shape, batch, lambda: describe(load()), is_whole)
    return Entry.read(figures, load)


def _failed(model: Model, error: CnnprofError) -> Entry:
    from cnnprof.views.entry import Entry

    def load() -> MemoryAnalysis:
        raise error

    return Entry({"model": {"name": model.reference}}, load, error=error.message)


def _renamed(entry: Entry, name: str) -> Entry:
    named: dict[str, Any] = {**entry.figures, "model": {**entry.figures["model"], "name": name}}

    def load() -> MemoryAnalysis:
        profile = entry.profile
        return replace(profile, graph=replace(profile.graph, name=name))

    return replace(entry, figures=named, load=load)
