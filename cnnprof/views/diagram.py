"""`cnnprof plot diagram`: a network's stages with what they put out and what they cost."""

from __future__ import annotations

from cnnprof.charts.diagram import Box, Diagram
from cnnprof.network.results import Analysis, Cost
from cnnprof.network.stages import stage_depth, stage_of
from cnnprof.units import SCALES, sizes_text


def chart_diagram(profile: Analysis, depth: int | None = None) -> Diagram:
    """A block a stage, or for each path down to `depth`; an edge wherever a layer of one reads a layer of another."""
    graph = profile.graph
    depth = depth or stage_depth([cost.node.name for cost in profile.costs])
    several = len(graph.inputs) > 1
    blocks = [Box(name if several else "input", sizes_text(shape[1:]), kind="input") for name, shape in graph.inputs.items()]
    number = {name: k for k, name in enumerate(graph.inputs)}
    parts: dict[tuple[str, bool], list[Cost]] = {}
    for cost in profile.costs:
        parts.setdefault((stage_of(cost.node.name, depth), cost.node.aux), []).append(cost)
    for (stage, aux), costs in parts.items():
        number |= {cost.node.name: len(blocks) for cost in costs}
        params, macs = (int(sum(getattr(cost, figure) for cost in costs)) for figure in ("params", "macs"))
        lines = tuple(f"{_scaled(value)} {what}" for value, what in ((params, "params"), (macs, "MACs")) if value)
        layers = f"{len(costs)} layers" if len(costs) > 1 else costs[0].node.layer.type
        name = f"{stage} (aux)" if aux else stage
        kind = "aux" if aux else "several" if len(costs) > 1 else "layer"
        blocks.append(Box(name, sizes_text(costs[-1].output[1:]), (layers, *lines), kind))
    reads = {(number[read], number[cost.node.name]) for cost in profile.costs for read in cost.node.inputs}
    edges = sorted((start, end) for start, end in reads if start != end)
    sizes = ", ".join(sizes_text(shape) for shape in graph.inputs.values())
    return Diagram(f"{graph.name}, input {sizes}", tuple(blocks), tuple(edges))


def _scaled(value: int) -> str:
    prefix, factor = next((prefix, factor) for prefix, factor in SCALES if value >= factor)
    return f"{value / factor:.3g} {prefix}".rstrip()
