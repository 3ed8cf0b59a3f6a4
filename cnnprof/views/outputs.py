"""Outputs of a network with several inputs or outputs: how much of each input each of them sees."""

from __future__ import annotations

from typing import Any

from cnnprof.network.analysis import fields_of
from cnnprof.network.results import Analysis
from cnnprof.report import Column, Table

OUTPUT = Column("output", "output", of=lambda output: output["name"])
SHAPE = Column("output_shape", "shape", "shape", of=lambda output: output["output_shape"][1:])


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

    def field_on(name: str, position: int) -> Column:
        heading = f"field on {name}" if len(inputs) > 1 else "field"
        # A column without a figure stays where it could be dropped: that none is defined is said of every input.
        weight = position if any(output["receptive_field"][name] for output in outputs) else 0
        return Column(f"receptive_field_{name}", heading, "shape", weight, lambda output: output["receptive_field"][name])

    return Table.of((OUTPUT, SHAPE, *map(field_on, inputs, range(len(inputs)))), outputs, "Outputs")
