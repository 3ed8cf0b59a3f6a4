"""Words for the shell's completion: networks, their settings and layers, and ways of counting.

No code of anybody's is run for it: settings and layers are those of networks that are written as specs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import typer

from cnnprof.errors import CnnprofError

if TYPE_CHECKING:
    from cnnprof.network.graph import Graph

PREFIXES = ("torchvision:", "timm:")


def complete_name(incomplete: str) -> list[str]:
    """Networks, and behind `@` the settings of one: `mobilenet_v2@w` gives `mobilenet_v2@width=`."""
    name, at, items = incomplete.partition("@")
    if at:
        *before, last = items.split(",")
        known = [] if "=" in last else ["input", *_settings([name])]
        return _starting([f"{name}@{','.join([*before, f'{each}='])}" for each in known], incomplete)
    from cnnprof.sources import every_name

    prefix, colon, _ = incomplete.partition(":")
    try:
        names = every_name(incomplete if colon else "")
    except CnnprofError:
        return []
    if prefix == "tv":
        names = [name.replace("torchvision:", "tv:", 1) for name in names]
    return _starting([*names, *(PREFIXES if not colon else ())], incomplete)


def complete_layer(incomplete: str) -> list[str]:
    """Networks, and behind `:` the layers and blocks of one, a step of their path at a time."""
    name, colon, path = incomplete.rpartition(":")
    graph = _graph(name) if colon else None
    if graph is None:
        return complete_name(incomplete)
    depth = path.count(".") + 1
    steps = dict.fromkeys(".".join(node.name.split(".")[:depth]) for node in graph.nodes)
    return _starting([f"{name}:{step}" for step in steps], incomplete)


def complete_setting(ctx: typer.Context, incomplete: str) -> list[str]:
    """The settings of the networks that the command line names so far."""
    if "=" in incomplete:
        return []
    given = [value for key in ("name", "names", "a", "b", "before", "after") if (value := ctx.params.get(key))]
    names = [name for value in given for name in ([value] if isinstance(value, str) else value)]
    if not names:
        # Behind an option that lacks its value the parser has seen no argument yet.
        line = os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", "")
        names = [word for word in line.split()[2:] if not word.startswith("-")]
    return _starting([f"{each}=" for each in _settings(names)], incomplete)


def complete_way(incomplete: str) -> list[str]:
    """Ways of counting, for `--vs`."""
    from cnnprof.counting.activations import ACTIVATION_CONVENTIONS
    from cnnprof.counting.conventions import CONVENTIONS
    from cnnprof.counting.gaps import NAMES

    return _starting([*CONVENTIONS, *NAMES, *ACTIVATION_CONVENTIONS], incomplete)


def _settings(names: Iterable[str]) -> Iterator[str]:
    found: dict[str, None] = {}
    for name in names:
        graph = _graph(name.partition("@")[0])
        found |= dict.fromkeys(graph.facts.settings if graph else ())
    yield from found


def _graph(name: str) -> Graph | None:
    """The network of that name if a spec has it; None for any other, and for a spec that cannot be read."""
    from cnnprof.sources import resolve

    try:
        model = resolve(name)
        return model.graph() if model.source == "specs" else None
    except CnnprofError:
        return None


def _starting(words: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
