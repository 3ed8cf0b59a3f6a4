"""Whether a graph that was read back is one: every field of the type that its class says, and the layers fit together.

A file in a cache folder can hold anything. What is not a graph is found here, and not where it would be a defect.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from cnnprof.errors import Place
from cnnprof.network.analysis import params_and_macs
from cnnprof.network.graph import Accuracy, Facts, Figure, Graph
from cnnprof.record import annotations_of, choices

LARGEST = 2**62
"""No size, count or figure of a network is larger."""


def validate(graph: Graph) -> Graph:
    """The graph itself. Raises an exception of some kind if it is none."""
    _check(graph)
    _check(graph.facts)
    for part in (*graph.facts.published.values(), graph.facts.accuracy):
        if part is not None:
            _check(part)
    known = {*graph.inputs}
    for node in graph:
        _check(node)
        _check(node.layer)
        if not known.issuperset(node.inputs) or node.name in known:
            raise ValueError(f"node {node.name} is not defined rightly")
        known.add(node.name)
    if not known.issuperset(graph.outputs):
        raise ValueError("an output is not defined")
    params_and_macs(graph)
    return graph


def validate_place(place: Place) -> Place:
    """The place itself. Raises TypeError if it is none."""
    _check(place)
    return place


def _check(value: Any) -> None:
    kind: Any = type(value)
    for name, holds in _rules(kind):
        if not holds(getattr(value, name)):
            raise TypeError(f"{name} is {getattr(value, name)!r:.100}")


@cache
def _rules(kind: Any) -> tuple[tuple[str, Callable[[Any], bool]], ...]:
    """A check for each field of a record, by its annotation."""
    return tuple((name, _check_of(str(annotation), kind)) for name, annotation in annotations_of(kind).items())


def _check_of(annotation: str, kind: Any) -> Callable[[Any], bool]:
    """The check for an annotation as it is written in that class."""
    words = choices(annotation, kind)
    return CHECKS[annotation] if words is None else lambda value: value in words


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -LARGEST < value < LARGEST


def _is_number(value: Any) -> bool:
    return _is_whole(value) or (isinstance(value, float) and -LARGEST < value < LARGEST)


def _is_size(value: Any) -> bool:
    return isinstance(value, tuple) and all(map(_is_whole, value))


def _is_nested_size(value: Any) -> bool:
    return isinstance(value, tuple) and all(map(_is_size, value))


def _are_texts(value: Any) -> bool:
    return isinstance(value, tuple) and all(map(_is_text, value))


def _or_none(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


def _of(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds)


def _mapping(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(isinstance(key, str) and check(value[key]) for key in value)


CHECKS: dict[str, Callable[[Any], bool]] = {
    "str": _is_text,
    "str | None": _or_none(_is_text),
    "bool": _is_flag,
    "int": _is_whole,
    "int | None": _or_none(_is_whole),
    "Dim": _is_whole,
    "float": _is_number,
    "float | None": _or_none(_is_number),
    "Size": _is_size,
    "Shape": _is_size,
    "tuple[int, ...]": _is_size,
    "tuple[int, ...] | None": _or_none(_is_size),
    "tuple[tuple[int, ...], ...]": _is_nested_size,
    "tuple[tuple[Dim, Dim], ...]": _is_nested_size,
    "tuple[str, ...]": _are_texts,
    "tuple[Node, ...]": _of(tuple),
    "Layer": _of(object),
    "Facts": _of(Facts),
    "Place | None": _or_none(_of(Place)),
    "Accuracy | None": _or_none(_of(Accuracy)),
    "Origin | None": _or_none(_of(type(None))),
    "Mapping[str, int]": _mapping(_is_whole),
    "Mapping[str, str]": _mapping(_is_text),
    "Mapping[str, Shape]": _mapping(_is_size),
    "Mapping[str, Any]": _mapping(lambda _: True),
    "Mapping[str, Figure]": _mapping(_of(Figure)),
}
"""For each annotation of a field of a graph, what its value must be."""
