"""Queries, keys and values: what the parts of a tensor are to the attention that reads them."""

from __future__ import annotations

from collections.abc import Sequence

from cnnprof.network.graph import Node
from cnnprof.network.layers.linear import MatMul, ScaledDotProductAttention
from cnnprof.spec.wording import Wording

_FARTHEST = 12
"""Layers between the parts and the attention."""

_NAMES = ("q", "k", "v")


def roles(wording: Wording) -> dict[str, str]:
    """The names of tensors that are parts of one: `q`, `k` or `v`, or `part1` and so on where this is not clear."""
    found: dict[str, str] = {}
    for run in wording.runs.values():
        if run.several:
            parts = [node.name for node in run.nodes]
            names = _roles([_read_by(wording, part) for part in parts]) if len(parts) <= len(_NAMES) else []
            clear = len({*names}) == len(parts)
            found |= dict(zip(parts, names if clear else [f"part{at}" for at, _ in enumerate(parts, 1)], strict=True))
    return found


def _roles(reads: Sequence[tuple[Node, int] | None]) -> list[str]:
    """The name of each part, by the layer that reads it and as which of its inputs; fewer where one is not clear."""
    known = [read for read in reads if read is not None]
    if len(known) < len(reads):
        return []
    if all(isinstance(node.layer, ScaledDotProductAttention) for node, _ in known):
        return [_NAMES[at] for _, at in known if at < len(_NAMES)]
    first = known[0][0]
    scores = [at for node, at in known if node is first]
    if len(known) == len(_NAMES) and known[1][0] is first and known[2][0] is not first:
        return [*(_NAMES[at] for at in scores), _NAMES[2]]
    return []


def _read_by(wording: Wording, tensor: str) -> tuple[Node, int] | None:
    """The product of matrices or the attention that the tensor comes to, and as which of its inputs."""
    for _ in range(_FARTHEST):
        readers = wording.readers.get(tensor, ())
        if not readers:
            return None
        node = readers[0]
        if isinstance(node.layer, (MatMul, ScaledDotProductAttention)):
            return node, wording.sources(node).index(tensor)
        tensor = node.name
    return None
