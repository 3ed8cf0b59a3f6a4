"""Networks by their figures, which are kept: who only compares totals need not read any layer again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from cnnprof.api.profile import Network, admit, as_models, listed, names_apart
from cnnprof.errors import CnnprofError
from cnnprof.footprint.analysis import MemoryAnalysis, analyze_memory
from cnnprof.network.graph import Graph
from cnnprof.notify import Notify
from cnnprof.record import record
from cnnprof.sources import Model
from cnnprof.sources._catalogue import looked_at_once
from cnnprof.sources._types import Settings

if TYPE_CHECKING:
    from cnnprof.footprint.formats import NumberFormat
    from cnnprof.views.entry import Entry


@record
class Unresolved(Model):
    """In place of a network: a reference that names none, and why."""

    error: CnnprofError | None = None

    def graph(self, input_shape: tuple[int, ...] | None = None, batch: int = 1) -> Graph:  # noqa: ARG002 - as for a Model
        """Raises the error."""
        assert self.error is not None
        raise self.error


@record
class Pruned(Model):
    """A network without a share of its widths."""

    share: float = 0.0

    def graph(self, input_shape: tuple[int, ...] | None = None, batch: int = 1) -> Graph:
        """The layers as `network.pruning.prune` leaves them."""
        from cnnprof.network.pruning import prune

        return prune(super().graph(input_shape, batch), self.share)


def in_form(model: Model, form: Form) -> Model:
    """The network, without a share of its widths if the form has one."""
    if form.prune is None or isinstance(model, Unresolved):
        return model
    own = {each.name: getattr(model, each.name) for each in fields(Model) if not each.name.startswith("_")}
    return Pruned(**own, share=form.prune)


@looked_at_once()
def resolve_each(networks: Network, settings: Settings = None) -> list[Model]:
    """As `as_models`, with an `Unresolved` for what names no network."""
    found: dict[str, Model] = {}
    for network in listed(networks):
        try:
            models = as_models(network, settings)
        except CnnprofError as error:
            models = [Unresolved(str(network), "", str(network), error=error)]
        for model in models:
            admit(model, found)
    return list(found.values())


@record
class Form:
    """A network in a number format, and without a share of its widths."""

    dtype: NumberFormat = "fp32"
    prune: float | None = None

    @property
    def mark(self) -> str:
        """The text behind the network's name that tells the form from the network as it is."""
        parts = [f"{self.prune:.0%} pruned" if self.prune else "", self.dtype if self.dtype != "fp32" else ""]
        return f" ({', '.join(part for part in parts if part)})"


AS_IT_IS = Form()


@looked_at_once()
def entries_of(
    models: Sequence[Model],
    input_shape: tuple[int, ...] | None,
    batch: int,
    notify: Notify,
    forms: Sequence[Form] = (AS_IT_IS,),
) -> list[Entry]:
    """An entry for each of the networks; one that cannot be read has the reason, unless none can: then the first one is raised.

    Those that share a name bear their references instead. With several forms there is an entry for each, which says its form.
    """
    if len(forms) > 1:
        by_form = [_of_form(models, input_shape, batch, notify, form) for form in forms]
        return [
            _renamed(entry, entry.name + ("" if form == AS_IT_IS else form.mark))
            for of_model in zip(*by_form, strict=True)
            for form, entry in zip(forms, of_model, strict=True)
        ]
    return _of_form(models, input_shape, batch, notify, forms[0])


def _of_form(
    models: Sequence[Model], input_shape: tuple[int, ...] | None, batch: int, notify: Notify, form: Form
) -> list[Entry]:
    entries: list[Entry] = []
    errors: list[CnnprofError] = []
    for number, model in enumerate(models, 1):
        notify(f"reading {model.reference} ({number} of {len(models)})")
        try:
            entries.append(_entry(model, input_shape, batch, form))
        except CnnprofError as error:
            errors.append(error)
            entries.append(_failed(model, error))
    if errors and len(errors) == len(entries) and form.prune is None:
        raise errors[0]
    names = names_apart([(entry.name, model.called) for entry, model in zip(entries, models, strict=True)])
    return [entry if entry.name == name else _renamed(entry, name) for entry, name in zip(entries, names, strict=True)]


def _entry(model: Model, input_shape: tuple[int, ...] | None, batch: int, form: Form) -> Entry:
    from cnnprof.sources._kept import recall_of
    from cnnprof.views.entry import Entry
    from cnnprof.views.figures import describe, is_whole

    def load() -> MemoryAnalysis:
        return analyze_memory(in_form(model, form).graph(input_shape, batch))

    asked = {} if form == AS_IT_IS else {"dtype": form.dtype, "prune": form.prune}
    dtype = None if form == AS_IT_IS else form.dtype
    figures = recall_of(model, "figures", input_shape, batch, lambda: describe(load(), dtype), is_whole, asked)
    return Entry.read(figures, load)


def _failed(model: Model, error: CnnprofError) -> Entry:
    from cnnprof.views.entry import Entry

    def load() -> MemoryAnalysis:
        raise error

    # On stderr the message is as the user wrote; a table may be shared.
    message = error.message.replace(model.reference, model.called)
    return Entry({"model": {"name": model.called}, "error": message}, load, error=error)


def _renamed(entry: Entry, name: str) -> Entry:
    named: dict[str, Any] = {**entry.figures, "model": {**entry.figures["model"], "name": name}}

    def load() -> MemoryAnalysis:
        profile = entry.profile
        return replace(profile, graph=replace(profile.graph, name=name))

    return replace(entry, figures=named, load=load)
