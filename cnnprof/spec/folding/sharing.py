"""Modules that run several times with the same weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnnprof.network.graph import Node
from cnnprof.spec.folding.groups import Group


def shared_modules(root: Group) -> Iterator[list[Group]]:
    """The runs of each module that does the same every time, with the weights of its first run; outermost modules first."""
    runs: dict[tuple[str, ...], list[Group]] = {}
    for group in root.groups():
        if group is not root:
            runs.setdefault(group.path, []).append(group)
    found: list[tuple[str, ...]] = []
    for path, groups in sorted(runs.items(), key=lambda each: len(each[0])):
        if len(groups) > 1 and not any(path[: len(outer)] == outer for outer in found) and _do_the_same(groups):
            found.append(path)
            yield groups


def _do_the_same(groups: Sequence[Group]) -> bool:
    first, *others = [[node for line in group.lines() for node in line.nodes] for group in groups]
    if any(node.shared or node.aux for node in first) or not any(node.shared for nodes in others for node in nodes):
        return False
    return all(len(nodes) == len(first) and all(map(_is_again, nodes, first)) for nodes in others)


def _is_again(node: Node, first: Node) -> bool:
    """Whether the node is the first one, run again."""
    return (
        node.layer == first.layer and not node.aux and node.shared in ("", first.name) and node.owns_params == (not node.shared)
    )
