"""Graphs within operators: the branches of If, the bodies of Loop and Scan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from onnx import AttributeProto


def bodies(node: Any) -> Iterator[Any]:
    """The graphs that an operator has as attributes."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def read_by(node: Any) -> Iterator[str]:
    """The names that an operator reads, and those that the graphs within it do."""
    yield from node.input
    for body in bodies(node):
        for inner in body.node:
            yield from read_by(inner)
        yield from (each.name for each in body.output)


def size_of(body: Any) -> int:
    """How many operators a graph has, those of the graphs within it too."""
    return sum(1 + sum(map(size_of, bodies(node))) for node in body.node)
