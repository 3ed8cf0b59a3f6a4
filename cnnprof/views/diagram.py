"""`cnnprof plot diagram`: a network's stages with what they put out and what they cost."""

from __future__ import annotations

from cnnprof.charts.diagram import Block, Diagram
from cnnprof.network.results import Analysis
from cnnprof.network.stages import stage_depth, stage_of
from cnnprof.units import SCALES


def chart_diagram(profile: Analysis, depth: int | None = None) -> Diagram:
    """A block a stage, or for each path down to `depth`; an edge wherever a layer of one reads a layer of another."""
    graph = profile.graph
    names = [cost.node.name for cost in profile.costs]
    depth = depth or stage_depth(names)
    of = {name: stage_of(name, depth) for name in names}
    stages = [*dict.fromkeys(of.values())]
    number = {stage: k + 1 for k, stage in enumerate(stages)}
    edges = set()
    blocks = [Block("input", "x".join(map(str, graph.input_shape[1:])), kind="input")]
    for stage in stages:
        costs = [cost for cost in profile.costs if of[cost.node.name] == stage]
        for cost in costs:
            for read in cost.node.inputs:
                start = number[of[read]] if read in of else 0
                if start != number[stage]:
                    edges.add((start, number[stage]))
        params, macs = (int(sum(getattr(cost, figure) for cost in costs)) for figure in ("params", "macs"))
        lines = tuple(f"{_scaled(value)} {what}" for value, what in ((params, "params"), (macs, "MACs")) if value)
        layers = f"{len(costs)} layers" if len(costs) > 1 else costs[0].node.layer.type
        shape = "x".join(map(str, costs[-1].output[1:]))
        blocks.append(Block(stage, shape, (layers, *lines), "several" if len(costs) > 1 else "layer"))
    size = "x".join(map(str, graph.input_shape))
    return Diagram(f"{graph.name}, input {size}", tuple(blocks), tuple(sorted(edges)))


def _scaled(value: int) -> str:
    prefix, factor = next((prefix, factor) for prefix, factor in SCALES if value >= factor)
    return f"{value / factor:.3g} {prefix}".rstrip()
