"""The sizes of a network in terms of the batch, as they show where it runs on several batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from cnnprof.errors import CnnprofError
from cnnprof.network.graph import Graph
from cnnprof.network.layers.arrangement import Expand, Rearrange, Reshape
from cnnprof.network.layers.linear import Constant, Parameter
from cnnprof.network.shapes import shapes_of
from cnnprof.record import record

BATCH = "N"
"""The samples in one run, where a size holds them."""

MANY = (11, 23)
"""Batches at which a network is looked at again: no sizes that are usual in one."""

_OF_ITS_OWN_SIZE = (Reshape, Expand, Rearrange, Constant, Parameter)
"""Layers whose output is of a size that they say themselves."""


@record
class PerBatch:
    """`times` the batch, and `plus` more."""

    times: int
    plus: int = 0

    def __str__(self) -> str:
        return sum_text(str(self.times), str(self.plus))


@record
class Besides:
    """The value of a field at a batch of several samples, and the one at a batch of one."""

    several: Any
    one: Any


def sum_text(times: str, plus: str) -> str:
    """`times` the batch and `plus`, each an expression, as one."""
    product = {"1": BATCH, "0": ""}.get(times, f"{BATCH}*{times}")
    if plus == "0" and product:
        return product
    return f"{product}{'' if plus.startswith('-') or not product else '+'}{plus}"


class Batches(NamedTuple):
    """The fields of layers that depend on the batch, by the layer's name; `only` is the one batch that a text holds for."""

    fields: Mapping[str, Mapping[str, Any]] = {}
    only: int | None = None

    @property
    def head(self) -> list[str]:
        """The line that says it."""
        return [f"batch: {BATCH if self.only is None else self.only}"] if self.fields or self.only is not None else []


EVERY = Batches()
"""Layers that say nothing of the batch."""


def batch_of(graph: Graph) -> int:
    """The samples in one run."""
    return int(graph.input_shape[0])


def is_samplewise(graph: Graph) -> bool:
    """Whether each layer gives something for each sample, whatever the batch is, whose size it does not say itself."""
    if any(isinstance(node.layer, _OF_ITS_OWN_SIZE) for node in graph):
        return False
    further = {name: (MANY[0], *shape[1:]) for name, shape in graph.further_inputs.items()}
    try:
        shapes = shapes_of(replace(graph, input_shape=(MANY[0], *graph.input_shape[1:]), further_inputs=further))
    except CnnprofError:
        return False
    return all(shape[:1] == (MANY[0],) for shape in shapes.values())


class _UnsteadyError(Exception):
    """A field does not follow the batch."""


def fields_by_batch(graph: Graph, other: Graph, alone: Graph) -> Mapping[str, Mapping[str, Any]] | None:
    """The fields of the graph's layers that depend on the batch, by the layers' names.

    Args:
        graph: the network at a batch of many samples.
        other: the same at another one.
        alone: the same at a batch of one sample, where views that change nothing are none.

    None where these are not the same layers, or a field does not follow the batch.
    """
    batches = batch_of(graph), batch_of(other)
    if len(graph.nodes) != len(other.nodes) or batches[0] == batches[1]:
        return None
    for_one = {node.name: node.layer for node in alone}
    from cnnprof.network.strides import copying_otherwise

    copies_as_said = frozenset().union(*map(copying_otherwise, (graph, other, alone)))
    found: dict[str, Mapping[str, Any]] = {}
    for node, twin in zip(graph, other, strict=True):
        one = for_one.get(node.name)
        if (node.name, node.inputs, type(node.layer)) != (twin.name, twin.inputs, type(twin.layer)):
            return None
        if node.layer == twin.layer and one in (None, node.layer):
            continue
        try:
            said = _fields(node.layer, twin.layer, one, batches)
        except _UnsteadyError:
            return None
        if node.name not in copies_as_said:
            said.pop("copy", None)
        if said:
            found[node.name] = said
    return found


def _fields(layer: Any, other: Any, alone: Any, batches: tuple[int, int]) -> dict[str, Any]:
    said = {}
    for name in type(layer).__record_defaults__:
        value = getattr(layer, name)
        followed = _followed(value, getattr(other, name), batches)
        if type(alone) is type(layer) and _at(followed, 1) != (one := getattr(alone, name)):
            followed = Besides(followed, one)
        if followed is not value:
            said[name] = followed
    return said


def _followed(value: Any, other: Any, batches: tuple[int, int]) -> Any:
    """A value at two batches as one for all; itself where they are the same."""
    if value == other:
        return value
    if isinstance(value, tuple) and isinstance(other, tuple) and len(value) == len(other):
        return tuple(_followed(a, b, batches) for a, b in zip(value, other, strict=True))
    if type(value) is not int or type(other) is not int:
        raise _UnsteadyError
    times, rest = divmod(other - value, batches[1] - batches[0])
    if rest:
        raise _UnsteadyError
    return PerBatch(times, value - times * batches[0])


def _at(value: Any, batch: int) -> Any:
    """The value at one batch."""
    if isinstance(value, tuple):
        return tuple(_at(each, batch) for each in value)
    return value.times * batch + value.plus if isinstance(value, PerBatch) else value


def holds_the_batch(value: Any) -> bool:
    """Whether a value depends on the batch, or one that it consists of does."""
    return isinstance(value, (PerBatch, Besides)) or (isinstance(value, tuple) and any(map(holds_the_batch, value)))
