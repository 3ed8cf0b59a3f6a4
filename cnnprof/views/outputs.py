"""Outputs of a network with several inputs or outputs: how much of each input each of them sees."""

from __future__ import annotations

from typing import Any

from cnnprof.network.analysis import fields_of
from cnnprof.network.results import Analysis
from cnnprof.report import Column, Table

OUTPUT = Column("output", "output")
SHAPE = Column("output_shape", "shape", "shape")


def output_dicts(profile: Analysis) -> list[dict[str, Any]]:
    """`outputs` of the JSON report, in order; none of a network with one input and one output.

    `receptive_field` has, by the input's name, what a position of the output sees of it: null where that is not defined, zeros
    where it sees nothing.
    """
    graph = profile.graph
    if len(graph.inputs) == 1 and len(graph.outputs) == 1:
        return []
    fields = {name: fields_of(graph, profile.costs, name) for name in graph.inputs}
    shapes = {**graph.inputs, **{cost.node.name: cost.output for cost in profile.costs}}
    return [
        {
            "name": graph.output_names[position] if graph.output_names else layer,
            "layer": layer,
            "output_shape": list(shapes[layer]),
            "receptive_field": {name: _sizes(seen[layer], len(graph.inputs[name]) - 2) for name, seen in fields.items()},
        }
        for position, layer in enumerate(graph.outputs)
    ]


def _sizes(fields: Any, axes: int) -> list[int] | None:
    if fields is None:
        return None
    return [field.size for field in fields] or [0] * axes


def outputs_table(outputs: list[dict[str, Any]]) -> Table:
    """A row an output, with a column for what it sees of each input."""
    inputs = [*outputs[0]["receptive_field"]]
    fields = [
        Column(f"receptive_field_{name}", f"field on {name}" if len(inputs) > 1 else "field", "shape", weight=position)
        for position, name in enumerate(inputs)
    ]
    rows = [
        {"output": each["name"], "output_shape": each["output_shape"][1:]}
        | {f"receptive_field_{name}": each["receptive_field"][name] for name in inputs}
        for each in outputs
    ]
    return Table((OUTPUT, SHAPE, *fields), tuple(rows), "Outputs")
