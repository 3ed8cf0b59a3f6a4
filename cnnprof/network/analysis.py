"""One pass over a graph: shapes, parameters, operations, activations, receptive fields."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cnnprof.collector import without_collections
from cnnprof.network.dims import Dim
from cnnprof.network.graph import Graph
from cnnprof.network.receptive_field import ONE_PIXEL, Fields, output_fields
from cnnprof.network.results import Analysis, Cost
from cnnprof.network.shapes import walk


@without_collections()
def analyze(graph: Graph, see_input: bool = True) -> Analysis:
    """Everything that can be known of a network without running it; without `see_input` all but the receptive fields.

    Sizes in the graph may be ints, numpy int64 arrays or sympy expressions; figures are then the same. Training-only heads are
    analyzed and left out of the totals. Raises CnnprofError where an input does not fit its layer.
    """
    # What is seen of the first input; what a layer that sees nothing of it sees of the others is told below.
    fields: dict[str, Fields] = dict.fromkeys(graph.inputs, ())
    fields[graph.input_name] = (ONE_PIXEL,) * (len(graph.input_shape) - 2)
    costs = []
    for node, inputs, output in walk(graph.nodes, graph.inputs):
        seen = output_fields(node, inputs, tuple([fields[name] for name in node.inputs])) if see_input else None
        fields[node.name] = seen
        layer = node.layer
        costs.append(
            Cost(
                node=node,
                inputs=inputs,
                output=output,
                params=layer.params(*inputs) if node.owns_params else 0,
                ops=layer.ops(*inputs, output=output),
                activations=layer.written(*inputs, output=output),
                fields=seen,
            )
        )
    for name in graph.further_inputs:
        seen_there = fields_of(graph, costs, name)
        costs = [replace(cost, fields=cost.fields or seen_there[cost.node.name]) for cost in costs]
    return Analysis(graph, tuple(costs))


def fields_of(graph: Graph, costs: Iterable[Cost], name: str) -> dict[str, Fields]:
    """The receptive field of each layer on the input of that name."""
    fields: dict[str, Fields] = dict.fromkeys(graph.inputs, ())
    fields[name] = (ONE_PIXEL,) * (len(graph.inputs[name]) - 2)
    for cost in costs:
        fields[cost.node.name] = output_fields(cost.node, cost.inputs, tuple([fields[each] for each in cost.node.inputs]))
    return fields


def params_and_macs(graph: Graph) -> tuple[Dim, Dim]:
    """Parameters and multiply-accumulates as `analyze` has them, and nothing else: in half the time."""
    params: Dim = 0
    macs: Dim = 0
    for node, inputs, output in walk(graph.nodes, graph.inputs):
        if not node.aux:
            params += node.layer.params(*inputs) if node.owns_params else 0
            macs += node.layer.ops(*inputs, output=output).mac
    return params, macs
