"""What one training step holds in memory: forward pass, loss, backward pass, the optimizer's step.

The backward pass is autograd's: layers in the reverse of their order, each with the gradient of its output, which it gives up
when it is done, along with what was saved for it. Gradients that meet at a tensor are added in place where nothing else refers
to the first of them, and else into new memory (torch/csrc/autograd/input_buffer.cpp).
"""

from __future__ import annotations

from collections.abc import Container, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cnnprof.footprint.execution import USUAL, Execution
from cnnprof.footprint.liveness import (
    Footprint,
    LiveRanges,
    Moment,
    Tensor,
    by_step,
    half_weights,
    live_ranges,
    standing_workspace,
    stored,
)
from cnnprof.footprint.rules import Saved
from cnnprof.network.dims import Dim, Shape, greatest, known, maximum, reaches, same
from cnnprof.network.graph import Graph
from cnnprof.network.layers import elements
from cnnprof.network.results import Cost
from cnnprof.record import record

OPTIMIZERS = {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2, "none": 0}
"""How many numbers each optimizer keeps for a trained weight."""

ADAPTIVE = ("adam", "adamw")

LOSS = "loss"


def training(
    graph: Graph,
    costs: Sequence[Cost],
    run: Execution = USUAL,
    optimizer: str = "sgd",
    checkpointed: Sequence[range] = (),
) -> Footprint:
    """The memory of one training step, from the second on, when the optimizer's state is there; `none` leaves its step out.

    Layers that need no gradient, because neither they nor any before them learn, run as in inference. The loss is a
    cross-entropy of the outputs. Stretches of layers that are `checkpointed` keep their inputs only and run again in the
    backward pass.
    """
    kept = keep(graph, costs, run, checkpointed)
    loose = _loose(graph, costs)
    trained = [run.element_bytes * cost.params for cost in costs if learns(cost)]
    ends = _ends(graph, costs)
    loss = [_Loss.of(cost.output, kept.tensors.executions[cost.node.name]) for cost in costs if cost.node.name in ends]
    named = {cost.node.name: cost for cost in costs}
    standing = standing_workspace(costs, run, kept.learning)
    step = _TrainingStep(costs, named, loose & kept.learning, kept, run, standing)
    moments = [*step.forward(loss), *step.backward(ends)]
    if optimizer != "none":
        moments.append(Moment("step", optimizer, _step_tensors(optimizer, trained, run), standing, 0, sum(trained)))
    return Footprint(
        **stored(graph, costs, run, kept.tensors),
        optimizer_bytes=OPTIMIZERS[optimizer] * sum(trained),
        moments=tuple(moments),
        tensors=kept.named(),
    )


@record
class Kept:
    """The tensors of a forward pass that is trained, and what autograd keeps of them.

    Args:
        tensors: all tensors, by the memory they lie in.
        learning: the layers that need a gradient.
        by: for a memory that is kept, the first layer whose backward pass needs it.
        extra: bytes that a layer's backward pass needs and that lie in no other tensor.
        again: what runs once more, by the layer whose backward pass first needs something of it.
    """

    tensors: LiveRanges
    learning: frozenset[str]
    by: Mapping[str, int]
    extra: Mapping[str, Dim]
    again: Mapping[int, Again] = field(default_factory=dict)

    @property
    def bytes(self) -> Dim:
        """All of it, weights and the network's input aside."""
        return sum(self.tensors.size[name] for name in self.by) + sum(self.extra.values())

    def named(self) -> tuple[Tensor, ...]:
        """Every tensor of the forward pass."""
        sizes = ((name, size) for name, size in self.tensors.size.items() if name in self.tensors.memory)
        own = (Tensor(name, size, "saved" if name in self.by else "activation") for name, size in sizes)
        return (*own, *(Tensor(name, size, "extra") for name, size in self.extra.items()))


@record
class Again:
    """Layers of a checkpointed stretch that run again in the backward pass, and what is then kept of them."""

    steps: range
    kept: Kept


def keep(graph: Graph, costs: Sequence[Cost], run: Execution = USUAL, checkpointed: Sequence[range] = ()) -> Kept:
    """What autograd keeps of each layer's tensors until the backward pass."""
    learning: set[str] = set()
    for cost in costs:
        if weights_learn(cost) or not learning.isdisjoint(cost.node.inputs):
            learning.add(cost.node.name)
    tensors = live_ranges(graph, costs, run, learning, {cost.node.name for cost in costs if weights_learn(cost)})
    saved: dict[int, Saved] = {}
    for step, cost in enumerate(costs):
        if cost.node.name in learning:
            each = tensors.memory[cost.node.name].saved
            if weights_learn(cost):
                each = each._replace(inputs=(*each.inputs, *each.for_weights))
            saved[step] = _cast(each, tensors.casts[cost.node.name], half_weights(cost, run)) if run.amp else each
    apart = {step for stretch in checkpointed for step in stretch}
    by, extra = _kept_of(costs, {step: each for step, each in saved.items() if step not in apart}, tensors)
    loose = _loose(graph, costs) & learning
    by |= {tensors.owner[cost.node.name]: step for step, cost in enumerate(costs) if cost.node.name in loose}
    again = {}
    for stretch in checkpointed:
        inside = {step: saved[step] for step in stretch if step in saved and _keeps(costs[step], saved[step])}
        if not inside:
            continue
        own = {costs[step].node.name for step in stretch}
        for name in {name for step in stretch for name in costs[step].node.inputs} - own:
            owner = tensors.owner[name]
            by[owner] = min(by.get(owner, stretch.start), stretch.start)
        last = max(inside)
        # torch stops when the last tensor is there: a layer that keeps nothing but its input does not run again.
        steps = range(stretch.start, last + int(inside[last].output or not _is_zero(inside[last].extra)))
        by_own, extra_own = _kept_of(costs, inside, tensors)
        by_own = {name: step for name, step in by_own.items() if name in own}
        again[last] = Again(steps, Kept(tensors, frozenset(learning), by_own, extra_own))
    return Kept(tensors, frozenset(learning), by, extra, again)


def _cast(saved: Saved, casts: Mapping[int, Dim], weights: Dim) -> Saved:
    """What is kept under autocast: inputs as they were cast, and the copies of weights."""
    copies = sum(casts[position] for position in saved.inputs if position in casts)
    return Saved(tuple(i for i in saved.inputs if i not in casts), saved.output, saved.extra + copies + weights)


def _kept_of(costs: Sequence[Cost], saved: Mapping[int, Saved], tensors: LiveRanges) -> tuple[dict[str, int], dict[str, Dim]]:
    """`by` and `extra` of a `Kept`."""
    by: dict[str, int] = {}
    extra: dict[str, Dim] = {}
    for step, each in saved.items():
        node = costs[step].node
        for tensor in (*(node.inputs[i] for i in each.inputs), *((node.name,) if each.output else ())):
            by.setdefault(tensors.owner[tensor], step)
        if not _is_zero(each.extra):
            extra[node.name] = each.extra
    return by, extra


def _keeps(cost: Cost, saved: Saved) -> bool:
    return bool(saved.inputs) or saved.output or weights_learn(cost) or not _is_zero(saved.extra)


def _is_zero(size: Dim) -> bool:
    return known(size) and bool(size == 0)


def learns(cost: Cost) -> bool:
    """Whether the layer has weights of its own that are trained."""
    return cost.node.owns_params and cost.node.trainable and not (known(cost.params) and cost.params == 0)


def weights_learn(cost: Cost) -> bool:
    """Whether the layer's weights need a gradient: its own, or those that it shares or that others compute."""
    return learns(cost) or (cost.node.trainable and not cost.node.owns_params)


def _step_tensors(optimizer: str, trained: Sequence[Dim], run: Execution) -> Dim:
    """What the optimizer's step computes with: two copies of one weight tensor, on CUDA one of all of them at once."""
    if optimizer not in ADAPTIVE:
        return 0
    return sum(trained) if run.device == "cuda" else 2 * greatest(trained)


def _ends(graph: Graph, costs: Sequence[Cost]) -> frozenset[str]:
    """The layers whose results the loss looks at: the outputs, and those of training-only heads."""
    read = _read(costs)
    return frozenset(graph.outputs) | {cost.node.name for cost in costs if cost.node.aux and cost.node.name not in read}


def _read(costs: Sequence[Cost]) -> frozenset[str]:
    """The layers, and the network's input, that some layer has among its inputs."""
    return frozenset(name for cost in costs for name in cost.node.inputs)


def _loose(graph: Graph, costs: Sequence[Cost]) -> frozenset[str]:
    """Weights, and what is computed of weights alone, that no layer has as an input: those behind them have them as weights."""
    stored: set[str] = set()
    for cost in costs:
        if stored.issuperset(cost.node.inputs):
            stored.add(cost.node.name)
    return frozenset(stored) - _read(costs) - frozenset(graph.outputs)


@dataclass
class _Gradient:
    """The memory of a gradient, and how many layers wait for it or for a part of it."""

    bytes: Dim
    references: int = 1


class _Waiting(NamedTuple):
    """What a layer's backward pass waits with: the gradient of its output so far, or a part of that memory."""

    gradient: _Gradient
    part: bool


class _Loss(NamedTuple):
    """Bytes of one output's cross-entropy: its scores in fp32, a copy where they do not lie so, and the classes in int64."""

    scores: Dim
    copy: Dim
    target: Dim

    @classmethod
    def of(cls, output: Shape, run: Execution) -> _Loss:
        size = elements(output)
        copied = run.element_bytes < 4 or (run.layout == "channels_last" and len(output) > 2)
        return cls(4 * size, 4 * size * int(copied), 8 * size // output[1] if len(output) > 1 else 0)


@dataclass
class _TrainingStep:
    """One training step as it goes on: the bytes alive of each kind."""

    costs: Sequence[Cost]
    named: Mapping[str, Cost]
    loose: Container[str]
    kept: Kept
    run: Execution
    standing: int
    activations: Dim = 0
    saved: Dim = 0
    gradients: Dim = 0
    waiting: dict[str, _Waiting] = field(default_factory=dict)

    def forward(self, loss: Sequence[_Loss]) -> Iterator[Moment]:
        """The forward pass, and the loss."""
        held = yield from self._run("forward", range(len(self.costs)), self.kept)
        yield self._moment("forward", LOSS, beside=sum(each.scores + each.copy + each.target for each in loss))
        self.activations = self.activations - held
        # Logarithms of probabilities, and the gradients of both steps of the cross-entropy.
        yield self._moment("backward", LOSS, beside=sum(2 * each.scores + maximum(each.scores, each.target) for each in loss))

    def _run(self, phase: str, steps: range, kept: Kept) -> Generator[Moment, None, Dim]:
        """A forward pass over some of the layers; gives the bytes that are alive after it and not kept."""
        tensors = kept.tensors
        own = [name for step in steps if tensors.owner[name := self.costs[step].node.name] == name]
        done = by_step({name: tensors.last[name] for name in own if name not in kept.by})
        # Where a stretch is checkpointed, what it would keep is made all the same.
        passing = {name: extra for again in kept.again.values() for name, extra in again.kept.extra.items()}
        for step in steps:
            cost = self.costs[step]
            name = cost.node.name
            if tensors.owner[name] == name and name in kept.by:
                self.saved = self.saved + tensors.size[name]
            elif tensors.owner[name] == name:
                self.activations = self.activations + tensors.size[name]
            extra = kept.extra.get(name, 0)
            self.saved = self.saved + extra
            beside = passing.get(name, 0)
            workspace: Dim = 0
            if self.run.workspace:
                # Part of it is what is now kept: a maximum's places, a normalization's statistics.
                workspace = maximum(tensors.memory[name].workspace - extra - beside, 0)
            yield self._moment(phase, name, workspace, beside)
            self.activations = self.activations - sum(tensors.size[gone] for gone in done.pop(step, ()))
        return sum(tensors.size[name] for names in done.values() for name in names)

    def backward(self, outputs: Container[str]) -> Iterator[Moment]:
        """The backward pass, from the gradients of the outputs."""
        all_kept = (self.kept, *(again.kept for again in self.kept.again.values()))
        ends = [by_step(kept.by) for kept in all_kept]
        for step, cost in reversed([*enumerate(self.costs)]):
            name = cost.node.name
            if name in outputs and name in self.kept.learning:
                yield from self._meet(cost, self._new(name, cost.output), False)
            again = self.kept.again.get(step)
            if again:
                held = yield from self._run("recompute", again.steps, again.kept)
                self.activations = self.activations - held
            if name in self.loose and not cost.node.inputs:
                self.gradients = self.gradients + self.run.element_bytes * cost.params
            elif name in self.loose:
                yield from self._meet(cost, self._new(name, cost.output), False)
            if name in self.waiting:
                yield from self._back_through(cost)
            for kept, ending in zip(all_kept, ends, strict=True):
                gone = sum(self.kept.tensors.size[memory] for memory in ending.get(step, ()))
                self.saved = self.saved - gone - kept.extra.get(name, 0)
            if learns(cost) and self.run.amp:
                # Gradients of weights that were cast come in half precision, and are made full when the layer is done.
                self.gradients = self.gradients + self.run.element_bytes * cost.params
                yield self._moment("backward", name, beside=half_weights(cost, self.run))

    def _back_through(self, cost: Cost) -> Iterator[Moment]:
        node, memory = cost.node, self.kept.tensors.memory[cost.node.name]
        gradient, apart = self.waiting.pop(node.name)
        made = []
        for name, shape in zip(node.inputs, cost.inputs, strict=True):
            if name in self.kept.learning:
                part = memory.input_gradient == "part"
                hands_on = part or (memory.input_gradient == "same" and same(elements(shape), elements(cost.output)))
                gradient.references += int(hands_on)
                made.append((name, gradient if hands_on else self._new(name, shape), part or (hands_on and apart)))
        half = half_weights(cost, self.run) if learns(cost) else 0
        if weights_learn(cost) and not learns(cost):
            # What it adds to the gradient of weights that are not its own.
            half = half + self.run.element_bytes * node.layer.params(*cost.inputs)
        if learns(cost) and not self.run.amp:
            self.gradients = self.gradients + self.run.element_bytes * cost.params
        workspace: Dim = 0
        if self.run.workspace:
            workspace = memory.backward_workspace
            if apart and memory.gathers_gradient:
                # Parts of one image lie in one piece.
                size = self.kept.tensors.executions[node.name].element_bytes
                workspace = workspace + size * elements(cost.output) * reaches(cost.output[0], 2)
        yield self._moment("backward", node.name, workspace, beside=half)
        self._drop(gradient)
        for name, fresh, part in made:
            yield from self._meet(self.named[name], fresh, part)

    def _meet(self, cost: Cost, gradient: _Gradient, part: bool) -> Iterator[Moment]:
        """One more gradient of a layer's output."""
        name = cost.node.name
        first = self.waiting.get(name)
        if first is None:
            self.waiting[name] = _Waiting(gradient, part)
            return
        if first.gradient.references > 1 or first.part:
            self.waiting[name] = _Waiting(self._new(name, cost.output), False)
            yield self._moment("backward", name)
            self._drop(first.gradient)
        self._drop(gradient)

    def _new(self, name: str, shape: Shape) -> _Gradient:
        """A gradient of that layer's output, in its format."""
        gradient = _Gradient(self.kept.tensors.executions[name].element_bytes * elements(shape))
        self.activations = self.activations + gradient.bytes
        return gradient

    def _drop(self, gradient: _Gradient) -> None:
        gradient.references -= 1
        if not gradient.references:
            self.activations = self.activations - gradient.bytes

    def _moment(self, phase: str, name: str, workspace: Dim = 0, beside: Dim = 0) -> Moment:
        return Moment(phase, name, self.activations + beside, workspace + self.standing, self.saved, self.gradients)
