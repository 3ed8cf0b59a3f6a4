"""Figures and facts of every network of a source without reading its layers again: kept, or stated by others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from cnnprof.accuracies import timm_checkpoints, torchvision_weights
from cnnprof.errors import CnnprofError
from cnnprof.network.analysis import params_and_macs
from cnnprof.network.graph import Accuracy, Facts
from cnnprof.record import record
from cnnprof.sources import _cache, specs
from cnnprof.sources._shared import from_project


@record
class KnownNetwork:
    """A network of a source: its facts, input and costs, as far as they are known; or why it cannot be read."""

    name: str
    facts: Facts
    input_shape: tuple[int, ...] = ()
    params: int | None = None
    macs: int | None = None
    error: str = ""


def known_specs(wanted: set[str] | None = None) -> Iterator[KnownNetwork]:
    """The networks that are written as specs, each under its own name; a file is read again only when it has changed."""
    files: dict[Path, list[str]] = {}
    for name, path in specs.names().items():
        if wanted is None or name in wanted:
            files.setdefault(path, []).append(name)
    for path, defined in files.items():
        yield from _of_file(path, sorted(defined))


def _of_file(path: Path, defined: list[str]) -> list[KnownNetwork]:
    try:
        digest = sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return [KnownNetwork(name, Facts(source=path.name), error=error.strerror or str(error)) for name in defined]
    asked = {"listed": defined, "stem": path.stem, "file": digest, "code": _cache.figures_stamp()}
    source = from_project(path)
    rows = _cache.recall(asked, "listed", lambda: _read(set(defined)), _is_whole)
    return [_from_row(row, source) for row in rows]


def _read(wanted: set[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name, graph in specs.catalogue(wanted):
        if isinstance(graph, CnnprofError):
            rows.append({"name": name, "error": str(graph)})
            continue
        try:
            params, macs = params_and_macs(graph)
        except CnnprofError as error:
            rows.append({"name": name, "error": str(error)})
            continue
        facts = graph.facts
        rows.append(
            {
                "name": name,
                "error": "",
                "facts": {key: getattr(facts, key) for key in _TEXTS} | {"year": facts.year},
                "accuracy": asdict(facts.accuracy) if facts.accuracy else None,
                "input": list(graph.input_shape),
                "params": params,
                "macs": macs,
            }
        )
    return rows


_TEXTS = ("family", "paper", "about", "dataset")


def _from_row(row: Mapping[str, Any], source: str) -> KnownNetwork:
    if row["error"]:
        return KnownNetwork(row["name"], Facts(source=source), error=row["error"])
    stated = row["accuracy"]
    accuracy = Accuracy(**{**stated, "input": tuple(stated["input"]) if stated["input"] else None}) if stated else None
    facts = Facts(**row["facts"], source=source, accuracy=accuracy)
    return KnownNetwork(row["name"], facts, tuple(row["input"]), row["params"], row["macs"])


def _is_whole(rows: Any) -> bool:
    """Whether rows that were kept are as `_read` makes them."""
    try:
        for row in rows:
            if not isinstance(row["name"], str) or not isinstance(row["error"], str):
                return False
            if not row["error"]:
                known = _from_row(row, "")
                sizes = (*known.input_shape, known.params, known.macs)
                texts = [getattr(known.facts, key) for key in _TEXTS]
                if not all(type(size) is int for size in sizes) or not all(isinstance(t, (str, type(None))) for t in texts):
                    return False
    except (TypeError, KeyError, AttributeError, ValueError):
        return False
    return isinstance(rows, list)


def known_torchvision(names: list[str], prefix: str = "") -> Iterator[KnownNetwork]:
    """torchvision's classification models, by the metadata of the weights that a bare name stands for."""
    for name in names:
        weights = torchvision_weights().get(name, ())
        stated = next((each for each in weights if each.default), None)
        facts = Facts("torchvision", f"torchvision:{name}", accuracy=stated.accuracy if stated else None)
        known = KnownNetwork(f"{prefix}{name}", facts)
        if stated and stated.accuracy.input:
            known = replace(known, input_shape=(1, *stated.accuracy.input), params=stated.params, macs=stated.macs)
        yield _exact(known, "torchvision", name)


def known_timm(names: list[str]) -> Iterator[KnownNetwork]:
    """timm's models, by the accuracies of the checkpoint that a bare name stands for; of a `NAME.TAG`, by its own."""
    for name in names:
        stated = timm_checkpoints().get(name)
        facts = Facts("timm", f"timm:{name}", accuracy=stated.accuracy if stated else None)
        known = KnownNetwork(f"timm:{name}", facts)
        if stated and stated.accuracy.input:
            known = replace(known, input_shape=(1, *stated.accuracy.input), params=stated.params)
        yield _exact(known, "timm", name)


def _exact(known: KnownNetwork, source: str, name: str) -> KnownNetwork:
    """With the figures of the network's layers, if those were read once."""
    from cnnprof.sources import Model
    from cnnprof.sources._kept import peek

    kept = peek(Model(known.name, source, name), "figures")
    if kept is None:
        return known
    try:
        totals = kept["totals"]
        facts = replace(known.facts, family=str(kept["model"]["family"]), year=kept["model"].get("year"))
        size = tuple(int(extent) for extent in kept["model"]["input_shape"])
        if facts.accuracy and facts.accuracy.input not in (None, size[1:]):
            facts = replace(facts, accuracy=None)
        return replace(known, input_shape=size, params=int(totals["params"]), macs=int(totals["macs"]), facts=facts)
    except (KeyError, TypeError, ValueError):
        return known
