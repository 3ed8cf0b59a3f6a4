"""Gradient checkpointing by stage: which layers keep only their input, and what running them again computes.

The stages run through torch.utils.checkpoint (use_reentrant=False; Chen et al. 2016, arXiv:1604.06174): the forward pass keeps
what goes into a stage, and the backward pass runs the stage once more before it goes through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from cnnprof.errors import UsageError
from cnnprof.footprint.execution import USUAL, Execution, Optimizer
from cnnprof.footprint.liveness import Checkpointed
from cnnprof.footprint.saved_tensors import save_tensors
from cnnprof.footprint.training import training
from cnnprof.network.graph import Graph
from cnnprof.network.results import Cost
from cnnprof.network.stages import stage_depth


def stages(graph: Graph, costs: Sequence[Cost]) -> list[range]:
    """The segments of layers that are one block with more than one layer.

    Raises UsageError for a network without blocks.
    """
    found = _segments(costs, stage_depth([cost.node.name for cost in costs])) or _segments(costs, 1)
    if not found:
        raise UsageError(
            f"{graph.name} has no stages to checkpoint", hint="leave --checkpoint out: its layers stand in no block"
        )
    return found


def checkpoint(graph: Graph, costs: Sequence[Cost], run: Execution = USUAL, optimizer: Optimizer = "sgd") -> Checkpointed:
    """A training step whose stages are checkpointed. Raises UsageError for a network without stages."""
    segments = stages(graph, costs)
    recomputed = save_tensors(graph, costs, run, segments).recompute.values()
    extra = sum(costs[step].macs for each in recomputed for step in each.steps)
    return Checkpointed(training(graph, costs, run, optimizer, segments), extra)


def _segments(costs: Sequence[Cost], depth: int) -> list[range]:
    labelled = ((cost.node.path[:depth] if len(cost.node.path) > depth else None, step) for step, cost in enumerate(costs))
    groups = [(label, [step for _, step in group]) for label, group in groupby(labelled, key=lambda pair: pair[0])]
    return [range(steps[0], steps[-1] + 1) for label, steps in groups if label and len(steps) > 1]
