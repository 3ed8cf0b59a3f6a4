"""Which blocks of a network are its stages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

MOST = 0.75
DEEPEST = 4


def stage_of(name: str, depth: int) -> str:
    """The block that a layer stands in at that depth of its path: `features.3` of `features.3.0.conv`, at 2."""
    return ".".join(name.split(".")[:depth])


def stage_depth(names: Collection[str]) -> int:
    """The first depth of the layers' paths at which no block holds most of the network, and 1 where there is none.

    torchvision keeps some networks in a single `features` or `encoder`: there the second or third name is the stage.
    """
    for depth in range(1, DEEPEST + 1):
        if max(Counter(stage_of(name, depth) for name in names).values(), default=0) <= MOST * len(names):
            return depth
    return 1
