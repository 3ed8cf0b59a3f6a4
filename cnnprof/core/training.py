"""What one training step holds in memory: forward pass, loss, backward pass, the optimizer's step.

The backward pass is autograd's: layers in the reverse of their order, each with the gradient of its output, which it gives up
when it is done, along with what was saved for it. Gradients that meet at a tensor are added in place where nothing else refers
to the first of them, and else into new memory (torch/csrc/autograd/input_buffer.cpp).
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cnnprof.core.arith import Dim, Shape, greatest, known, maximum, same
from cnnprof.core.execution import USUAL, Execution, Saved
from cnnprof.core.graph import INPUT, Graph
from cnnprof.core.layers import elements
from cnnprof.core.memory import Footprint, Lives, Moment, Tensor, by_step, lives, stored
from cnnprof.core.results import Cost

OPTIMIZERS = {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2, "none": 0}
"""How many numbers each optimizer keeps for a trained weight."""

ADAPTIVE = ("adam", "adamw")

LOSS = "loss"


def training(graph: Graph, costs: Sequence[Cost], run: Execution = USUAL, optimizer: str = "sgd") -> Footprint:
    """The memory of one training step, from the second on, when the optimizer's state is there; `none` leaves its step out.

    Layers that need no gradient, because neither they nor any before them learn, run as in inference. The loss is a
    cross-entropy of the outputs.
    """
    kept = keep(graph, costs, run)
    trained = [run.element_bytes * cost.params for cost in costs if learns(cost)]
    ends = _ends(graph, costs)
    scores = sum(run.element_bytes * elements(cost.output) for cost in costs if cost.node.name in ends)
    step = _Step({cost.node.name: cost for cost in costs}, kept, run)
    moments = [*step.forward(scores), *step.backward(ends)]
    if optimizer != "none":
        moments.append(Moment("step", optimizer, 0, _step_workspace(optimizer, trained, run), 0, sum(trained)))
    return Footprint(
        **stored(graph, costs, run),
        optimizer_bytes=OPTIMIZERS[optimizer] * sum(trained),
        moments=tuple(moments),
        tensors=kept.named(),
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """The tensors of a forward pass that is trained, and what autograd keeps of them.

    Args:
        tensors: all tensors, by the memory they lie in.
        learning: the layers that need a gradient.
        by: for a memory that is kept, the first layer whose backward pass needs it.
        extra: bytes that a layer's backward pass needs and that lie in no other tensor.
    """

    tensors: Lives
    learning: frozenset[str]
    by: Mapping[str, int]
    extra: Mapping[str, Dim]

    @property
    def bytes(self) -> Dim:
        """All of it, weights and the network's input aside."""
        return sum(self.tensors.size[name] for name in self.by) + sum(self.extra.values())

    def named(self) -> tuple[Tensor, ...]:
        """Every tensor of the forward pass."""
        sizes = ((name, size) for name, size in self.tensors.size.items() if name != INPUT)
        own = (Tensor(name, size, "saved" if name in self.by else "activation") for name, size in sizes)
        return (*own, *(Tensor(name, size, "extra") for name, size in self.extra.items()))


def keep(graph: Graph, costs: Sequence[Cost], run: Execution = USUAL) -> Kept:
    """What autograd keeps of each layer's tensors until the backward pass."""
    learning: set[str] = set()
    for cost in costs:
        if learns(cost) or not learning.isdisjoint(cost.node.inputs):
            learning.add(cost.node.name)
    tensors = lives(graph, costs, run, learning)
    by: dict[str, int] = {}
    extra: dict[str, Dim] = {}
    for step, cost in enumerate(costs):
        name = cost.node.name
        if name not in learning:
            continue
        saved: Saved = cost.node.layer.saved(*cost.inputs, output=cost.output, run=tensors.runs[name])
        for tensor in (*(cost.node.inputs[i] for i in saved.inputs), *((name,) if saved.output else ())):
            by.setdefault(tensors.owner[tensor], step)
        if not (known(saved.extra) and saved.extra == 0):
            extra[name] = saved.extra
    return Kept(tensors, frozenset(learning), by, extra)


def learns(cost: Cost) -> bool:
    """Whether the layer has weights of its own that are trained."""
    return cost.node.owns_params and cost.node.trainable and not (known(cost.params) and cost.params == 0)


def _step_workspace(optimizer: str, trained: Sequence[Dim], run: Execution) -> Dim:
    """What the optimizer's step computes with: two copies of one weight tensor, on CUDA one of all of them at once."""
    if optimizer not in ADAPTIVE or not run.workspace:
        return run.standing_workspace
    return sum(trained) + run.standing_workspace if run.device == "cuda" else 2 * greatest(trained)


def _ends(graph: Graph, costs: Sequence[Cost]) -> frozenset[str]:
    """The layers whose results the loss looks at: the outputs, and those of training-only heads."""
    read = {name for cost in costs for name in cost.node.inputs}
    return frozenset(graph.outputs) | {cost.node.name for cost in costs if cost.node.aux and cost.node.name not in read}


@dataclass
class _Gradient:
    """The memory of a gradient, and how many layers wait for it or for a part of it."""

    bytes: Dim
    references: int = 1


class _Waiting(NamedTuple):
    """What a layer's backward pass waits with: the gradient of its output so far, or a part of that memory."""

    gradient: _Gradient
    part: bool


@dataclass
class _Step:
    """One training step as it goes on: the bytes alive of each kind."""

    costs: Mapping[str, Cost]
    kept: Kept
    run: Execution
    activations: Dim = 0
    saved: Dim = 0
    gradients: Dim = 0
    waiting: dict[str, _Waiting] = field(default_factory=dict)

    def forward(self, scores: Dim) -> Iterator[Moment]:
        """The forward pass, and the loss, whose outputs have `scores` bytes."""
        tensors, kept = self.kept.tensors, self.kept
        done = by_step({name: step for name, step in tensors.last.items() if name not in kept.by})
        for step, cost in enumerate(self.costs.values()):
            name = cost.node.name
            if tensors.owner[name] == name:
                self._hold(name, tensors.size[name])
            extra = kept.extra.get(name, 0)
            self.saved = self.saved + extra
            workspace: Dim = 0
            if self.run.workspace:
                workspace = cost.node.layer.workspace(*cost.inputs, output=cost.output, run=tensors.runs[name])
                # Part of it is what is now kept: a maximum's places, a normalization's statistics.
                workspace = maximum(workspace - extra, 0)
            yield self._moment("forward", name, workspace)
            for gone in done.get(step, ()):
                self._hold(gone, -tensors.size[gone])
        yield self._moment("forward", LOSS, beside=scores)
        for gone in done.get(len(self.costs), ()):
            self._hold(gone, -tensors.size[gone])
        # Logarithms of probabilities, and the gradients of both steps of the cross-entropy.
        yield self._moment("backward", LOSS, beside=3 * scores)

    def backward(self, outputs: Container[str]) -> Iterator[Moment]:
        """The backward pass, from the gradients of the outputs."""
        ends = by_step(self.kept.by)
        for step, (name, cost) in reversed([*enumerate(self.costs.items())]):
            if name in outputs and name in self.kept.learning:
                yield from self._meet(cost, self._new(cost.output), False)
            if name in self.waiting:
                yield from self._back_through(cost)
            for gone in ends.get(step, ()):
                self._hold(gone, -self.kept.tensors.size[gone])
            self.saved = self.saved - self.kept.extra.get(name, 0)

    def _back_through(self, cost: Cost) -> Iterator[Moment]:
        layer, node = cost.node.layer, cost.node
        gradient = self.waiting.pop(node.name).gradient
        made = []
        for name, shape in zip(node.inputs, cost.inputs, strict=True):
            if name in self.kept.learning:
                part = layer.gradient == "part"
                hands_on = part or (layer.gradient == "same" and same(elements(shape), elements(cost.output)))
                gradient.references += int(hands_on)
                made.append((name, gradient if hands_on else self._new(shape), part))
        if learns(cost):
            self.gradients = self.gradients + self.run.element_bytes * cost.params
        workspace: Dim = 0
        if self.run.workspace:
            way = self.kept.tensors.runs[node.name]
            workspace = layer.backward_workspace(
                *cost.inputs, output=cost.output, run=way, further=bool(made), learned=learns(cost)
            )
        yield self._moment("backward", node.name, workspace)
        self._drop(gradient)
        for name, fresh, part in made:
            yield from self._meet(self.costs[name], fresh, part)

    def _meet(self, cost: Cost, gradient: _Gradient, part: bool) -> Iterator[Moment]:
        """One more gradient of a layer's output."""
        name = cost.node.name
        first = self.waiting.get(name)
        if first is None:
            self.waiting[name] = _Waiting(gradient, part)
            return
        if first.gradient.references > 1 or first.part:
            self.waiting[name] = _Waiting(self._new(cost.output), False)
            yield self._moment("backward", name)
            self._drop(first.gradient)
        self._drop(gradient)

    def _new(self, shape: Shape) -> _Gradient:
        gradient = _Gradient(self.run.element_bytes * elements(shape))
        self.activations = self.activations + gradient.bytes
        return gradient

    def _drop(self, gradient: _Gradient) -> None:
        gradient.references -= 1
        if not gradient.references:
            self.activations = self.activations - gradient.bytes

    def _hold(self, name: str, size: Dim) -> None:
        if name in self.kept.by:
            self.saved = self.saved + size
        else:
            self.activations = self.activations + size

    def _moment(self, phase: str, name: str, workspace: Dim = 0, beside: Dim = 0) -> Moment:
        workspace = workspace + self.run.standing_workspace
        return Moment(phase, name, self.activations + beside, workspace, self.saved, self.gradients)
