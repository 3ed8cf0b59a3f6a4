"""Peak memory of one forward pass, by last use: tensors only, no workspace of the kernels that compute them."""

from __future__ import annotations

from collections.abc import Iterator

from cnnprof.core.arith import Dim, maximum
from cnnprof.core.graph import INPUT, Graph
from cnnprof.core.layers import elements
from cnnprof.core.results import Cost


def peak_elements(graph: Graph, costs: tuple[Cost, ...]) -> Dim:
    """The most elements alive at one time, weights aside.

    The input and the outputs stay; any other tensor lives from its layer to its last reader. A view and an in-place output
    share the memory of what they look at. While a layer runs, its inputs and its output are alive.
    """
    peak = elements(graph.input_shape)
    for _, alive in _alive(graph, costs):
        peak = maximum(peak, alive)
    return peak


def peak_layer(graph: Graph, costs: tuple[Cost, ...]) -> tuple[Cost, int]:
    """The layer at which most elements are alive, and how many; of several the first. Sizes must be ints."""
    return max(_alive(graph, costs), key=lambda step: step[1])


def _alive(graph: Graph, costs: tuple[Cost, ...]) -> Iterator[tuple[Cost, Dim]]:
    """Each layer with the elements that are alive while it runs."""
    owner = {INPUT: INPUT}
    size = {INPUT: elements(graph.input_shape)}
    last_use: dict[str, int] = {}
    run = [cost for cost in costs if not cost.node.aux]
    for step, cost in enumerate(run):
        node = cost.node
        for name in node.inputs:
            last_use[owner[name]] = step
        shared = not node.layer.writes
        owner[node.name] = owner[node.inputs[0]] if shared and node.inputs else node.name
        if owner[node.name] == node.name:
            size[node.name] = cost.activations
        last_use[owner[node.name]] = step
    for name in graph.outputs:
        last_use[owner[name]] = len(run)
    last_use[INPUT] = len(run)  # the caller holds it

    free_after: dict[int, list[str]] = {}
    for name, step in last_use.items():
        free_after.setdefault(step, []).append(name)
    alive = size[INPUT]
    for step, cost in enumerate(run):
        alive = alive + (size[cost.node.name] if owner[cost.node.name] == cost.node.name else 0)
        yield cost, alive
        for name in free_after.get(step, ()):
            alive = alive - size[name]
