"""Which accuracy is stated of each network of a table: its own, a user's, or one source's for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cnnprof.accuracies import RECIPES, TORCHVISION, Stated, accuracy_from, read_accuracies, torchvision_weights
from cnnprof.config import find_project
from cnnprof.errors import SpecError, UsageError, did_you_mean
from cnnprof.network.graph import Accuracy, Graph
from cnnprof.sources import Model

if TYPE_CHECKING:
    from cnnprof.views.entry import Entry


def state(
    entries: Sequence[Entry],
    models: Sequence[Model],
    source: str | None = None,
    file: Path | None = None,
    own_input: bool = True,
) -> list[Entry]:
    """The entries with the accuracies that are chosen.

    Args:
        models: the entries' networks.
        source: one for the whole table: one of `RECIPES`, another kind of torchvision's weights, or a file.
        file: a user's accuracies, which go before what others state; the project's own if None.
        own_input: whether every network has its own input; a row of a file that names no input is stated of that alone.

    Raises UsageError for an unknown source, and for a file that is none or, if it was named, has a network that is not there.
    """
    # Fewer bits a number are another network to whoever measures it: what is stated is not stated of int8.
    entries = [replace(entry, accuracy=None) if entry.figures.get("dtype") == "int8" else entry for entry in entries]
    if source and source.endswith(".csv"):
        rows = _read(Path(source), entries, models)
        return [replace(e, accuracy=_of_file(rows, e, m, own_input)) for e, m in zip(entries, models, strict=True)]
    if source:
        _check(source)
        entries = [replace(e, accuracy=_from(source, e, m)) for e, m in zip(entries, models, strict=True)]
    rows = _read(file, entries, models) if file else _of_project()
    if not rows:
        return list(entries)
    found = [_of_file(rows, entry, model, own_input) for entry, model in zip(entries, models, strict=True)]
    return [replace(e, accuracy=accuracy or e.accuracy) for e, accuracy in zip(entries, found, strict=True)]


def _check(source: str) -> None:
    weights = {weight.accuracy.source for each in torchvision_weights().values() for weight in each}
    others = {TORCHVISION + name.rpartition("IMAGENET1K_")[2].lower().replace("_", "-") for name in weights}
    known = [*RECIPES, *sorted(others - {*RECIPES})]
    if source not in known:
        hint = did_you_mean(source, known) or f"one of {', '.join(RECIPES)}, or a file that ends with .csv"
        raise UsageError(f"nobody called '{source}' states accuracies", hint=hint)


def _from(source: str, entry: Entry, model: Model) -> Accuracy | None:
    params = entry.total("params")
    if params is None or entry.figures.get("dtype") == "int8":
        return None
    name = model.name if model.source != "specs" else str(entry.figures["model"]["name"]).partition("@")[0]
    # With other settings it is another network, whatever it is called; what is stated of it, it has itself.
    stated = accuracy_from(source, "" if model.settings else name, params, entry.accuracy)
    size = tuple(entry.figures["model"]["input_shape"][1:])
    return stated if stated and stated.input in (None, size) else None


def _read(path: Path, entries: Sequence[Entry], models: Sequence[Model]) -> Mapping[str, Stated]:
    rows = read_accuracies(path)
    names = {entry.name for entry in entries} | {model.reference for model in models}
    for name, stated in rows.items():
        if name not in names:
            hint = did_you_mean(name, names) or f"there are {', '.join(sorted(names)[:5])}"
            raise UsageError(f"there is no network '{name}' in this table", stated.place, hint)
    return rows


def _of_project() -> Mapping[str, Stated]:
    project = find_project()
    name = project.section.get("accuracy") if project else None
    if project is None or name is None:
        return {}
    if not isinstance(name, str):
        raise SpecError(
            "[tool.cnnprof] accuracy is a file's name", project.place_of("accuracy"), 'as in accuracy = "results.csv"'
        )
    if not project.holds(project.folder / name):
        # Its first wrong line would be shown, whatever it is a line of.
        at = project.place_of("accuracy", word=name)
        raise SpecError(f"[tool.cnnprof] accuracy names '{name}', which lies outside of the project", at)
    return read_accuracies(project.folder / name)


def own_accuracy(graph: Graph, model: Model, own_input: bool) -> Accuracy | None:
    """The accuracy that the project's own file states of a network, if it does."""
    rows = _of_project()
    return _stated_at(rows.get(graph.name) or rows.get(model.reference), graph.input_shape[1:], own_input or bool(model.size))


def _of_file(rows: Mapping[str, Stated], entry: Entry, model: Model, own_input: bool) -> Accuracy | None:
    if "totals" not in entry.figures:
        return None
    stated, size = rows.get(entry.name) or rows.get(model.reference), entry.figures["model"]["input_shape"][1:]
    return _stated_at(stated, size, own_input or bool(model.size))


def _stated_at(stated: Stated | None, size: Sequence[int], own_input: bool) -> Accuracy | None:
    """The accuracy, if it is stated of that input; a row that names none is of the network's own."""
    if stated is None:
        return None
    holds = own_input if stated.accuracy.input is None else stated.accuracy.input == tuple(size)
    return stated.accuracy if holds else None
