"""Memory of one training step: forward pass, loss, backward pass, the optimizer's step.

The backward pass is autograd's: layers in the reverse of their order, each with the gradient of its output, which it gives up
when it is done, along with what was saved for it. Gradients that meet at a tensor are added in place where nothing else refers
to the first of them, and else into new memory (torch/csrc/autograd/input_buffer.cpp).
"""

from __future__ import annotations

from collections.abc import Container, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, pairwise
from typing import Any, Literal, NamedTuple

from cnnprof.collector import without_collections
from cnnprof.footprint.execution import USUAL, Execution, Optimizer
from cnnprof.footprint.liveness import (
    Footprint,
    Keep,
    Moment,
    Phase,
    cast_weights,
    cublas_workspace,
    ends_by_step,
    stored,
)
from cnnprof.footprint.rules import InputGradient, rule_of
from cnnprof.footprint.saved_tensors import (
    SavedTensors,
    is_trained,
    names_read,
    needs_weight_grad,
    save_tensors,
    unread_weights,
)
from cnnprof.network.dims import Dim, Shape, greater_equal, greatest, maximum, same
from cnnprof.network.graph import Graph
from cnnprof.network.layers import elements
from cnnprof.network.layers.normalization import BatchNorm, GroupNorm, LayerNorm
from cnnprof.network.results import Cost

OPTIMIZERS: dict[Optimizer, int] = {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2, "none": 0}
"""How many numbers each optimizer keeps for a trained weight."""

ADAPTIVE = ("adam", "adamw")

SCALED = (BatchNorm, GroupNorm, LayerNorm)
"""Layers with a scale and a shift."""

LOSS = "loss"


@without_collections()
def training(
    graph: Graph,
    costs: Sequence[Cost],
    run: Execution = USUAL,
    optimizer: Optimizer = "sgd",
    checkpointed: Sequence[range] = (),
    keep: Keep = tuple,
) -> Footprint:
    """The memory of one training step, from the second on, when the optimizer's state is there; `none` leaves its step out.

    Layers that need no gradient, because neither they nor any before them learn, run as in inference. The loss is a
    cross-entropy of the outputs. Segments of layers that are `checkpointed` save their inputs only and run again in the
    backward pass. `keep` says which moments the footprint has, all unless told otherwise.
    """
    saved = save_tensors(graph, costs, run, checkpointed)
    trained = [run.element_bytes * size for cost in costs if is_trained(cost) for size in _weight_tensors(cost)]
    named = {cost.node.name: cost for cost in costs}
    losses = [_Loss.of(named[name], saved.live.executions[name]) for name in _ends(graph, costs)]
    step = _TrainingStep(costs, unread_weights(graph, costs) & saved.needs_grad, saved, run)
    moments = chain(step.forward(losses), step.backward(losses))
    if optimizer != "none":
        computed = _step_tensors(optimizer, trained, run)
        moments = chain(moments, [Moment("step", optimizer, computed, step.cublas, 0, sum(trained))])
    return Footprint(
        **stored(graph, costs, run, saved.live),
        optimizer_bytes=OPTIMIZERS[optimizer] * sum(trained),
        moments=keep(moments),
        tensors=saved.named(),
    )


def _step_tensors(optimizer: Optimizer, trained: Sequence[Dim], run: Execution) -> Dim:
    """Bytes that the optimizer's step computes with: on CUDA a copy of all weight tensors at once.

    On the processor two copies of one tensor, while one of the tensor before is still there.
    """
    if optimizer not in ADAPTIVE:
        return 0
    return sum(trained) if run.device == "cuda" else greatest(before + 2 * size for before, size in pairwise((0, *trained)))


def _weight_tensors(cost: Cost) -> tuple[Dim, ...]:
    """The numbers of each of a layer's weight tensors, in torch's order."""
    layer: Any = cost.node.layer
    if getattr(layer, "bias", False) is True:
        own = replace(layer, bias=False).params(*cost.inputs)
        return own, cost.params - own
    return (cost.params // 2,) * 2 if isinstance(layer, SCALED) else (cost.params,)


def _ends(graph: Graph, costs: Sequence[Cost]) -> tuple[str, ...]:
    """The layers whose results the loss looks at, in this order: the outputs, and those of training-only heads."""
    read = names_read(costs)
    heads = (cost.node.name for cost in costs if cost.node.aux and cost.node.name not in read)
    return tuple(dict.fromkeys((*graph.outputs, *heads)))


@dataclass
class _Gradient:
    """The memory of a gradient, and how many layers wait for it or for a part of it."""

    bytes: Dim
    references: int = 1


_Lies = Literal["whole", "part", "turned"]
"""How a gradient lies: as its own tensor, as a part of another's memory, or with its channels last."""


class _Pending(NamedTuple):
    """A backward pass that waits for further gradients: the gradient of its output so far, and how that lies."""

    gradient: _Gradient
    lies: _Lies


class _Loss(NamedTuple):
    """Bytes of one output's cross-entropy: its scores in fp32, a copy where they do not lie so, and the classes in int64."""

    of_output: Cost
    scores: Dim
    copy: Dim
    target: Dim

    @classmethod
    def of(cls, cost: Cost, run: Execution) -> _Loss:
        size, output = elements(cost.output), cost.output
        copied = run.element_bytes < 4 or (run.layout == "channels_last" and len(output) > 2)
        return cls(cost, 4 * size, 4 * size * int(copied), 8 * size // output[1] if len(output) > 1 else 0)

    @property
    def saved(self) -> Dim:
        """Logarithms of probabilities, and the classes."""
        return self.scores + self.target


def _as_input(kind: InputGradient, lies: _Lies) -> _Lies:
    """How the gradient of an input lies, of that kind, where that of the output lies so."""
    if kind == "turned":
        return "whole" if lies == "turned" else "turned"
    return "part" if kind == "part" else "turned" if kind == "new turned" else lies


@dataclass
class _TrainingStep:
    """One training step as it goes on: the bytes alive of each kind."""

    costs: Sequence[Cost]
    unread: Container[str]
    tensors: SavedTensors
    run: Execution
    activation_bytes: Dim = 0
    saved_bytes: Dim = 0
    gradient_bytes: Dim = 0
    pending: dict[str, _Pending] = field(default_factory=dict)

    @cached_property
    def named(self) -> dict[str, Cost]:
        """The layers by their names."""
        return {cost.node.name: cost for cost in self.costs}

    @cached_property
    def cublas(self) -> int:
        """Bytes that cuBLAS works in."""
        return cublas_workspace(self.costs, self.run, self.tensors.needs_grad)

    def forward(self, losses: Sequence[_Loss]) -> Iterator[Moment]:
        """The forward pass, and the loss, a term for each output."""
        held = yield from self._run("forward", range(len(self.costs)), self.tensors)
        before: Dim = 0
        for loss in losses:
            yield self._moment("forward", LOSS, beside=before + loss.saved + loss.copy)
            before = before + loss.saved
        self.activation_bytes = self.activation_bytes - held

    def _run(self, phase: Phase, steps: range, saved: SavedTensors) -> Generator[Moment, None, Dim]:
        """A forward pass over some of the layers; gives the bytes that are alive after it and not saved."""
        live = saved.live
        own = [name for step in steps if live.storage[name := self.costs[step].node.name] == name]
        done = ends_by_step({name: live.last_use[name] for name in own if name not in saved.freed})
        # Where a segment is checkpointed, what it would save is made all the same.
        passing = {name: extra for recompute in saved.recompute.values() for name, extra in recompute.saved.extra.items()}
        for step in steps:
            cost = self.costs[step]
            name = cost.node.name
            if live.storage[name] == name and name in saved.freed:
                self.saved_bytes = self.saved_bytes + live.size[name]
            elif live.storage[name] == name:
                self.activation_bytes = self.activation_bytes + live.size[name]
            extra = saved.extra.get(name, 0)
            self.saved_bytes = self.saved_bytes + extra
            beside = passing.get(name, 0)
            workspace: Dim = 0
            if self.run.workspace:
                # Part of it is what is now saved: a maximum's places, a normalization's statistics.
                workspace = maximum(live.memory[name].workspace - extra - beside, 0)
            yield self._moment(phase, name, workspace, beside)
            self.activation_bytes = self.activation_bytes - sum(live.size[gone] for gone in done.pop(step, ()))
        return sum(live.size[name] for names in done.values() for name in names)

    def backward(self, losses: Sequence[_Loss]) -> Iterator[Moment]:
        """The backward pass: of the last term of the loss, of those before it, and then of the layers."""
        every = (self.tensors, *(recompute.saved for recompute in self.tensors.recompute.values()))
        ends = [ends_by_step(saved.freed) for saved in every]
        waiting = sum(loss.saved for loss in losses)
        for loss in reversed(losses):
            waiting = waiting - loss.saved
            # Logarithms of probabilities, and the gradients of both steps of the cross-entropy.
            yield self._moment("backward", LOSS, beside=waiting + 2 * loss.scores + maximum(loss.scores, loss.target))
            cost = loss.of_output
            if cost.node.name in self.tensors.needs_grad:
                yield from self._accumulate(cost, self._new(cost.node.name, cost.output), "whole")
        for step, cost in reversed([*enumerate(self.costs)]):
            name = cost.node.name
            recompute = self.tensors.recompute.get(step)
            if recompute:
                held = yield from self._run("recompute", recompute.steps, recompute.saved)
                self.activation_bytes = self.activation_bytes - held
            if name in self.unread and not cost.node.inputs:
                self.gradient_bytes = self.gradient_bytes + self.run.element_bytes * cost.params
            elif name in self.unread:
                yield from self._accumulate(cost, self._new(name, cost.output), "whole")
            if name in self.pending:
                yield from self._layer_backward(cost)
            for saved, ending in zip(every, ends, strict=True):
                gone = sum(self.tensors.live.size[memory] for memory in ending.get(step, ()))
                self.saved_bytes = self.saved_bytes - gone - saved.extra.get(name, 0)
            if self.run.amp and is_trained(cost):
                # Gradients of weights that were cast come in half precision, and are made full when the layer is done.
                self.gradient_bytes = self.gradient_bytes + self.run.element_bytes * cost.params
                yield self._moment("backward", name, beside=cast_weights(cost, self.run))

    def _layer_backward(self, cost: Cost) -> Iterator[Moment]:
        node, memory = cost.node, self.tensors.live.memory[cost.node.name]
        gradient, lies = self.pending.pop(node.name)
        input_gradients = []
        for name, shape in zip(node.inputs, cost.inputs, strict=True):
            if name in self.tensors.needs_grad:
                kind = memory.input_gradient
                is_shared = kind in ("part", "turned") or (kind == "same" and same(elements(shape), elements(cost.output)))
                gradient.references += int(is_shared)
                follows = is_shared or (lies == "turned" and rule_of(node.layer).elementwise)
                lying = _as_input(kind, lies if follows else "whole")
                input_gradients.append((name, gradient if is_shared else self._new(name, shape), lying))
        trained = is_trained(cost)
        beside = cast_weights(cost, self.run) if trained else 0
        if not trained and needs_weight_grad(cost):
            # What it adds to the gradient of weights that are not its own.
            beside = beside + self.run.element_bytes * node.layer.params(*cost.inputs)
        if trained and not self.run.amp:
            self.gradient_bytes = self.gradient_bytes + self.run.element_bytes * cost.params
        workspace: Dim = 0
        if self.run.workspace:
            workspace = memory.backward_workspace
            size = self.tensors.live.executions[node.name].element_bytes * elements(cost.output)
            if lies == "part":
                # Parts of one image lie in one piece.
                workspace = workspace + size * memory.gathers_gradient * greater_equal(cost.output[0], 2)
            elif lies == "turned":
                workspace = workspace + size * memory.turns_gradient
        yield self._moment("backward", node.name, workspace, beside, memory.backward_freed)
        self._release(gradient)
        for name, fresh, lying in input_gradients:
            yield from self._accumulate(self.named[name], fresh, lying)

    def _accumulate(self, cost: Cost, gradient: _Gradient, lies: _Lies) -> Iterator[Moment]:
        """One more gradient of a layer's output."""
        name = cost.node.name
        first = self.pending.get(name)
        if first is None:
            self.pending[name] = _Pending(gradient, lies)
            return
        if first.gradient.references > 1 or first.lies == "part":
            self.pending[name] = _Pending(self._new(name, cost.output), "whole")
            yield self._moment("backward", name)
            self._release(first.gradient)
        self._release(gradient)

    def _new(self, name: str, shape: Shape) -> _Gradient:
        """A gradient of that layer's output, in its format."""
        gradient = _Gradient(self.tensors.live.executions[name].element_bytes * elements(shape))
        self.activation_bytes = self.activation_bytes + gradient.bytes
        return gradient

    def _release(self, gradient: _Gradient) -> None:
        gradient.references -= 1
        if not gradient.references:
            self.activation_bytes = self.activation_bytes - gradient.bytes

    def _moment(self, phase: Phase, name: str, workspace: Dim = 0, beside: Dim = 0, freed: Dim = 0) -> Moment:
        saved = self.saved_bytes - freed
        return Moment(phase, name, self.activation_bytes + beside, workspace + self.cublas, saved, self.gradient_bytes)
