"""The results of an analysis as plain data: nothing here knows how it is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Literal

from cnnprof.network.dims import Dim, Shape
from cnnprof.network.graph import Graph, Node
from cnnprof.network.layers import NO_OPS, Layer, Ops
from cnnprof.network.receptive_field import Fields
from cnnprof.network.stages import stage_of
from cnnprof.record import record

FP32_BYTES = 4


@record
class _Figures:
    """The figures of a layer, or of several as one: shapes at both ends, sums, and what its output sees of the network's input.

    `activations` counts the elements that are written (views and in-place outputs write none); `fields` says, for each spatial
    axis of the network's input, which pixels an output position sees: () for a stored tensor, None where that is not defined.
    """

    inputs: tuple[Shape, ...]
    output: Shape
    params: Dim
    ops: Ops
    activations: Dim
    fields: Fields

    @property
    def macs(self) -> Dim:
        """Multiply-accumulates."""
        return self.ops.mac

    @property
    def receptive_field(self) -> tuple[Dim, ...] | None:
        """(height, width) in input pixels, of the last layer of several; None where it is not defined."""
        return tuple([field.size for field in self.fields]) if self.fields else None


RowsBy = Literal["layer", "stage", "type"]
"""A row of a table for each layer, stage or type of layers."""


@record
class Cost(_Figures):
    """The cost of one layer."""

    node: Node


@record
class LayerGroup(_Figures):
    """One line of a table of layers: a layer, or several rolled up; `layer` is set where it is one."""

    name: str
    types: tuple[str, ...]
    layers: int
    aux: bool = False
    layer: Layer | None = None


@record
class Totals:
    """A network's sums. Training-only heads are left out of all but `aux_params`; bytes are those of its weights."""

    params: Dim
    trainable_params: Dim
    aux_params: Dim
    ops: Ops
    activations: Dim
    param_bytes: Dim
    activation_bytes: Dim
    layers: int
    uncounted: tuple[str, ...]

    @property
    def macs(self) -> Dim:
        """Multiply-accumulates."""
        return self.ops.mac


def sum_up(graph: Graph, costs: Sequence[Cost]) -> Totals:
    """The sums over a network's layers."""
    run = [cost for cost in costs if not cost.node.aux]
    params = sum(cost.params for cost in run)
    activations = sum(cost.activations for cost in run)
    return Totals(
        params=params,
        trainable_params=sum(cost.params for cost in run if cost.node.trainable),
        aux_params=sum(cost.params for cost in costs if cost.node.aux) + sum(graph.aux_params.values()),
        ops=sum((cost.ops for cost in run), NO_OPS),
        activations=activations,
        param_bytes=sum(weight_bytes(cost) for cost in run),
        activation_bytes=activations * graph.number_bytes,
        layers=len(run),
        uncounted=graph.uncounted,
    )


def weight_bytes(cost: Cost) -> Dim:
    """Bytes of the layer's weights in the format that they are written in."""
    own = cost.node.param_bytes
    return cost.params * FP32_BYTES if own is None else own


@record
class Analysis:
    """A graph with the cost of every node, in order."""

    graph: Graph
    costs: tuple[Cost, ...]

    @cached_property
    def totals(self) -> Totals:
        """The network's sums."""
        return sum_up(self.graph, self.costs)

    def rows(self) -> list[LayerGroup]:
        """One row a layer."""
        return [_row(cost.node.name, [cost]) for cost in self.costs]

    def rollup(self, depth: int) -> list[LayerGroup]:
        """The layers by blocks.

        Args:
            depth: how many names of a block's path tell groups apart.

        Returns:
            A row for each path, in order of first use.
        """
        return self.grouped(lambda cost: stage_of(cost.node.name, depth))

    def by_type(self) -> list[LayerGroup]:
        """One row a layer type, in order of first use."""
        return self.grouped(lambda cost: cost.node.layer.type)

    def grouped(self, key: Callable[[Cost], str]) -> list[LayerGroup]:
        """The layers in groups.

        Args:
            key: the name of a layer's group.

        Returns:
            A row for each group, in order of first use; training-only heads stand apart.
        """
        groups: dict[tuple[str, bool], list[Cost]] = {}
        for cost in self.costs:
            groups.setdefault((key(cost), cost.node.aux), []).append(cost)
        return [_row(name, costs) for (name, _), costs in groups.items()]


def _row(name: str, costs: list[Cost]) -> LayerGroup:
    last = costs[-1]
    return LayerGroup(
        name=name,
        types=tuple(dict.fromkeys(cost.node.layer.type for cost in costs)),
        layers=len(costs),
        inputs=costs[0].inputs,
        output=last.output,
        params=sum(cost.params for cost in costs),
        ops=sum((cost.ops for cost in costs), NO_OPS),
        activations=sum(cost.activations for cost in costs),
        fields=last.fields,
        aux=last.node.aux,
        layer=last.node.layer if len(costs) == 1 else None,
    )
