"""The tensors that autograd saves in a forward pass, until the backward pass has used them.

A segment of layers that is checkpointed saves what goes into it, and saves its own tensors when it is run once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from cnnprof.footprint.execution import USUAL, Execution
from cnnprof.footprint.liveness import LiveRanges, Tensor, cast_weights, live_ranges
from cnnprof.footprint.rules import Saved
from cnnprof.network.dims import Dim, known
from cnnprof.network.graph import Graph
from cnnprof.network.results import Cost
from cnnprof.record import record


@record
class SavedTensors:
    """The tensors of a forward pass that is trained, and what autograd saves of them.

    Args:
        live: all tensors of the forward pass, by the memory they lie in.
        needs_grad: the layers that have a backward pass.
        freed: for each memory that is saved, the layer whose backward pass is the last to need it.
        extra: bytes that a layer's backward pass needs and that lie in no other tensor.
        recompute: what runs once more, by the layer whose backward pass first needs something of it.
    """

    live: LiveRanges
    needs_grad: frozenset[str]
    freed: Mapping[str, int]
    extra: Mapping[str, Dim]
    recompute: Mapping[int, Recompute] = field(default_factory=dict)

    @property
    def bytes(self) -> Dim:
        """All of it, weights and the network's input aside."""
        return sum(self.live.size[name] for name in self.freed) + sum(self.extra.values())

    def named(self) -> tuple[Tensor, ...]:
        """Every tensor of the forward pass."""
        sizes = ((name, size) for name, size in self.live.size.items() if name in self.live.memory)
        own = (Tensor(name, size, "saved" if name in self.freed else "activation") for name, size in sizes)
        return (*own, *(Tensor(name, size, "extra") for name, size in self.extra.items()))


@record
class Recompute:
    """Layers of a checkpointed segment that run again in the backward pass, and what is then saved of them."""

    steps: range
    saved: SavedTensors


def save_tensors(
    graph: Graph, costs: Sequence[Cost], run: Execution = USUAL, checkpointed: Sequence[range] = ()
) -> SavedTensors:
    """The tensors that autograd saves until the backward pass; `checkpointed` are ranges of positions among the costs."""
    learning = {cost.node.name for cost in costs if needs_weight_grad(cost)}
    needs_grad = set(learning)
    for cost in costs:
        if not needs_grad.isdisjoint(cost.node.inputs):
            needs_grad.add(cost.node.name)
    live = live_ranges(graph, costs, run, needs_grad, learning)
    saved: dict[int, Saved] = {}
    for step, cost in enumerate(costs):
        if cost.node.name in needs_grad:
            each = live.memory[cost.node.name].saved
            if each.for_weights and cost.node.name in learning:
                each = each._replace(inputs=(*each.inputs, *each.for_weights))
            saved[step] = _cast(each, live.casts[cost.node.name], cast_weights(cost, run)) if run.amp else each
    recomputed = {step for segment in checkpointed for step in segment}
    freed, extra = _collect(costs, {step: each for step, each in saved.items() if step not in recomputed}, live)
    unread = unread_weights(graph, costs) & needs_grad
    freed |= {live.storage[cost.node.name]: step for step, cost in enumerate(costs) if cost.node.name in unread}
    recompute = {}
    for segment in checkpointed:
        inside = {step: saved[step] for step in segment if step in saved and _saves(costs[step], saved[step])}
        if not inside:
            continue
        own = {costs[step].node.name for step in segment}
        for name in {name for step in segment for name in costs[step].node.inputs} - own:
            storage = live.storage[name]
            freed[storage] = min(freed.get(storage, segment.start), segment.start)
        last = max(inside)
        # torch stops when the last tensor is there: a layer that saves nothing but its input does not run again.
        steps = range(segment.start, last + int(inside[last].output or not _is_zero(inside[last].extra)))
        own_freed, own_extra = _collect(costs, inside, live)
        own_freed = {name: step for name, step in own_freed.items() if name in own}
        recompute[last] = Recompute(steps, SavedTensors(live, frozenset(needs_grad), own_freed, own_extra))
    return SavedTensors(live, frozenset(needs_grad), freed, extra, recompute)


def _cast(saved: Saved, casts: Mapping[int, Dim], weights: Dim) -> Saved:
    """The saved tensors under autocast: inputs as they were cast, and the copies of weights."""
    copies = sum(casts[position] for position in saved.inputs if position in casts)
    return Saved(tuple(i for i in saved.inputs if i not in casts), saved.output, saved.extra + copies + weights)


def _collect(costs: Sequence[Cost], saved: Mapping[int, Saved], live: LiveRanges) -> tuple[dict[str, int], dict[str, Dim]]:
    """`freed` and `extra` of a `SavedTensors`."""
    freed: dict[str, int] = {}
    extra: dict[str, Dim] = {}
    for step, each in saved.items():
        node = costs[step].node
        for tensor in (*(node.inputs[i] for i in each.inputs), *((node.name,) if each.output else ())):
            freed.setdefault(live.storage[tensor], step)
        if not _is_zero(each.extra):
            extra[node.name] = each.extra
    return freed, extra


def _saves(cost: Cost, saved: Saved) -> bool:
    return bool(saved.inputs) or saved.output or needs_weight_grad(cost) or not _is_zero(saved.extra)


def _is_zero(size: Dim) -> bool:
    return known(size) and bool(size == 0)


def is_trained(cost: Cost) -> bool:
    """Whether the layer has weights of its own that are trained."""
    return cost.node.owns_params and cost.node.trainable and not (known(cost.params) and cost.params == 0)


def needs_weight_grad(cost: Cost) -> bool:
    """Whether the layer's weights need a gradient: its own, or those that it shares or that others compute."""
    return is_trained(cost) or (cost.node.trainable and not cost.node.owns_params)


def names_read(costs: Sequence[Cost]) -> frozenset[str]:
    """The layers, and the network's input, that some layer has among its inputs."""
    return frozenset(name for cost in costs for name in cost.node.inputs)


def unread_weights(graph: Graph, costs: Sequence[Cost]) -> frozenset[str]:
    """Weights, and what is computed of weights alone, that no layer has as an input: those behind them have them as weights."""
    stored: set[str] = set()
    for cost in costs:
        if stored.issuperset(cost.node.inputs):
            stored.add(cost.node.name)
    return frozenset(stored) - names_read(costs) - frozenset(graph.outputs)
