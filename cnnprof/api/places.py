"""Where a network is written: the place beside which a code host shows what came of a gate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cnnprof.errors import Place
from cnnprof.network.graph import Graph, Node

if TYPE_CHECKING:
    from cnnprof.judging.alignment import Pair


def file_of(graph: Graph) -> str:
    """The file that the network is written in, if it lies in this folder or below and is none of cnnprof's own."""
    source = graph.facts.source.removeprefix("python:")
    file = source.rpartition(":")[0] if ".py:" in source else source.partition("#")[0]
    return file if file and _is_own(file) else ""


def place_of(graph: Graph) -> Place | None:
    """Where a network is written.

    Args:
        graph: the network.

    Returns:
        The first line of its file, as `file_of` has it; None where there is none.
    """
    file = file_of(graph)
    return Place(file, 1, 1) if file else None


def place_of_change(before: Graph, after: Graph, pairs: Sequence[Pair]) -> Place | None:
    """Where the first layer that is not the same is written, as it is now; else the file of the one network or the other."""
    changed = [pair for pair in pairs if pair.kind != "same"]
    now = _first_own(pair.after.node for pair in changed if pair.after)
    then = _first_own(pair.before.node for pair in changed if pair.before)
    return now or place_of(after) or then or place_of(before)


def _first_own(nodes: Iterable[Node]) -> Place | None:
    # Hundreds of layers stand in one file, and each look at it asks the disk.
    is_own = cache(_is_own)
    return next((node.place for node in nodes if node.place and is_own(node.place.file)), None)


def _is_own(file: str) -> bool:
    from cnnprof.sources._catalogue import bundled_folder

    return Path(file).is_file() and not Path(file).resolve().is_relative_to(bundled_folder().resolve())
