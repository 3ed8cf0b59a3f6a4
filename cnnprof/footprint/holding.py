"""Outputs that a network's own code holds longer than they are read, as far as an inference takes more memory for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from cnnprof.footprint.execution import as_written
from cnnprof.footprint.liveness import inference
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph
from cnnprof.network.results import Analysis

MOST = 64
"""Layers that may be held at once; nobody would read a longer list."""


def held_at_peak(graphs: Sequence[Graph]) -> dict[str, str]:
    """The layers whose outputs are held where an inference takes the most, each with the layer until which they are.

    None of them where it makes no difference, or where they are more than `MOST`.

    Args:
        graphs: one network at several batches, the layers under the same names.
    """
    analyses = [analyze(graph, see_input=False) for graph in graphs]
    peaks = [_peak(analysis) for analysis in analyses]
    held: dict[str, str] = {}
    for analysis, (_, last) in zip(analyses, peaks, strict=True):
        held |= _alive(analysis, last)
    wanted = [peak for peak, _ in peaks]
    if len(held) > MOST or [_peak(analysis, ())[0] for analysis in analyses] == wanted:
        return {}
    for name in [*held]:
        others = held.keys() - {name}
        if [_peak(analysis, others)[0] for analysis in analyses] == wanted:
            del held[name]
    return held


def _peak(analysis: Analysis, held: Collection[str] | None = None) -> tuple[int, str]:
    """The bytes of an inference, and the layer at which it takes the most; only those layers are `held`, if that is said."""
    graph = analysis.graph
    costs = [
        cost if held is None or cost.node.name in held else replace(cost, node=replace(cost.node, until=""))
        for cost in analysis.costs
    ]
    footprint = inference(graph, costs, as_written(graph))
    return footprint.peak_bytes, footprint.peak.node


def _alive(analysis: Analysis, moment: str) -> dict[str, str]:
    """The layers in front of that one whose outputs are held until it, or longer."""
    steps = {cost.node.name: step for step, cost in enumerate(analysis.costs)}
    found = {}
    for cost in analysis.costs[: steps[moment]]:
        if steps.get(cost.node.until, -1) >= steps[moment]:
            found[cost.node.name] = cost.node.until
    return found
