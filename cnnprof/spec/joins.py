"""Joins: branches that start from one output, and the layer that puts them together."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from cnnprof.errors import CnnprofError, Place, SpecError
from cnnprof.network.dims import Shape, prod, same
from cnnprof.network.layers import Layer
from cnnprof.network.layers.arrangement import Reshape, Select
from cnnprof.network.layers.base import describe
from cnnprof.network.layers.linear import Parameter, is_one
from cnnprof.network.layers.merging import Concat, Mean
from cnnprof.record import record
from cnnprof.spec.arguments import BATCH_STAYS, no_axis
from cnnprof.spec.builder import GraphBuilder
from cnnprof.spec.located import Expression, OfValue
from cnnprof.spec.scope import Scope
from cnnprof.spec.steps import NONE_HINT, Choice, Step
from cnnprof.spec.values import Tensor, describe_kind, find_axis
from cnnprof.spec.words import JOINS


class Branch(NamedTuple):
    """The body of a loop whose rounds are branches of the join around it."""

    body: Step

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.body.place

    def run(self, network: GraphBuilder, scope: Scope) -> None:
        """Run the branch from where the join starts."""
        start, ends = network.branches[-1]
        scope.here = start
        self.body.run(network, scope)
        _end(scope, ends)
        scope.here = start


class Rounds(NamedTuple):
    """A loop as the branches of a join."""

    loop: Step
    place: Place

    def run(self, network: GraphBuilder, scope: Scope) -> None:
        """Run each round as a branch of the join around it."""
        network.loops += 1  # no stage of the network is a branch
        self.loop.run(network, scope)
        network.loops -= 1
        scope.here = None


@record
class ListedBranches(OfValue):
    """A list of outputs as the branches of a join."""

    value: Expression

    def run(self, network: GraphBuilder, scope: Scope) -> None:  # noqa: ARG002 - every step is run the same way
        """Move to the outputs."""
        value = self.value.evaluate(scope)
        if not isinstance(value, tuple) or not all(isinstance(each, Tensor) for each in value):
            hint = "as in [a, b] or ys, whose entries are outputs"
            raise self.value.token.error(f"a join takes a list of outputs, not {describe_kind(value)}", hint)
        if not value:
            raise self.value.token.error("this list of outputs is empty")
        scope.here = value


class JoinStep(NamedTuple):
    """Branches that start from one output and are joined; what is written with one branch copies it."""

    kind: str
    layer: Layer
    branches: tuple[Step, ...]
    place: Place
    axis: Expression | None = None

    def run(self, network: GraphBuilder, scope: Scope) -> None:
        """Run every branch and join what is left of them."""
        start = scope.here
        if start is None:
            raise SpecError("'none' stands here outside of a join", self.place, NONE_HINT)
        last = len(network.names) - 1
        ends: list[Tensor] = []
        network.branches.append((start, ends))
        for branch in self.branches:
            scope.here = start
            branch.run(network, scope)
            _end(scope, ends)
        network.branches.pop()
        if not ends:
            raise SpecError(f"every branch of this {self.kind} is none", self.place, "one branch has to be left")
        row = JOINS[self.kind]
        if row.branches and len(ends) != row.branches:
            raise SpecError(f"'{self.kind}' takes {row.branches} branches, not {len(ends)}", self.place)
        if row.each:
            scope.here = self._shares(network, ends)
            return
        if len(ends) == 1 and self._leaves_one_out:
            scope.here = ends[0]
            return
        if len(ends) == 1 and ends[0].index > last:  # `concat: [identity]` copies, as torch.cat of one tensor does
            network.lone_joins[str(self.place)] = self.kind
        self._check_batch(network, ends)
        try:
            layer = self.layer
            tokens = any(end.tokens for end in ends)
            if isinstance(layer, Concat):
                layer = Concat(self._axis(scope, start, ends[0]) if self.axis else len(ends[0].shape) - 1 if tokens else 1)
            scope.here = network.add(self.kind, layer, self._inputs(network, ends, last), self.place)
            if tokens:
                scope.here = replace(scope.here, tokens=True, grid=_grid(ends, scope.here))
        except CnnprofError as error:
            hint = "what changes the size or the channels of one branch is needed in the other, too"
            if any(_may_be_skipped(branch) for branch in self.branches) and any(end is start for end in ends):
                hint = "a branch that is skipped passes its input on; 'else none' behind its condition leaves it out"
            if self.axis is None and _could_be_longer(self.layer, ends):
                hint = "channels are put behind channels; 'axis: 1' beside 'concat' puts tokens behind tokens"
            error.hint = error.hint or hint
            raise

    def _check_batch(self, network: GraphBuilder, ends: list[Tensor]) -> None:
        """Raise SpecError where a learned tensor, which has no batch, would make one of its own of what it is joined with."""
        learned = [end for end in ends if isinstance(network.layer_at(end.index), Parameter)]
        if self.kind == "matmul":
            learned = [end for end in learned if len(end.shape) > 2]  # one matrix for all
        others = [end for end in ends if end not in learned]
        if not learned or not others:
            return
        other = max(others, key=lambda end: len(end.shape))
        for end in learned:
            further = len(end.shape) - len(other.shape)
            front = end.shape[: further + 1]
            if further >= 0 and not all(map(is_one, front)) and not (further == 0 and same(front[0], other.shape[0])):
                size = "x".join(map(str, end.shape))
                message = f"a parameter of {size} would make a batch of its own of {describe(other.shape)}"
                each = "'parameter (C)'" if other.tokens else "'parameter (C,1,1)'"
                raise SpecError(message, self.place, f"it has no batch: {each} holds a number for each channel")

    def _axis(self, scope: Scope, start: Tensor | tuple[Tensor, ...], first: Tensor) -> int:
        """The axis that the branches are put together along."""
        assert self.axis is not None
        scope.here, rank = start, len(first.shape)
        value = self.axis.evaluate(scope)
        if (found := find_axis(value, rank)) is None:
            message = f"{self.kind}: {no_axis(rank)}, not {describe_kind(value)}"
            raise self.axis.token.error(message, BATCH_STAYS)
        return found

    def _shares(self, network: GraphBuilder, ends: list[Tensor]) -> tuple[Tensor, ...]:
        """An output for each branch, of the layer along a new axis on which the branches stand."""
        first, count = ends[0], len(ends)
        if count < 2:
            raise SpecError(f"'{self.kind}' of branches takes two or more, not {count}", self.place, f"write '| {self.kind}'")
        for end in ends[1:]:
            if len(end.shape) != len(first.shape) or not all(map(same, end.shape, first.shape)):
                shapes = " and ".join(describe(each.shape) for each in ends)
                raise SpecError(f"'{self.kind}' takes branches of one shape, not {shapes}", self.place)
        joined = network.add("concat", Concat(1), tuple([end.index for end in ends]), self.place)
        stacked = network.add("stack", Reshape((first.shape[0], count, *first.shape[1:])), (joined.index,), self.place)
        here = network.add(self.kind, self.layer, (stacked.index,), self.place)
        shares = [network.add("share", Select(1, index), (here.index,), self.place) for index in range(count)]
        return tuple([replace(share, tokens=first.tokens, grid=first.grid) for share in shares])

    @property
    def _leaves_one_out(self) -> bool:
        """Whether one branch that is left stands for itself: it is the only one written that is no layer of its own."""
        return len(self.branches) > 1 or isinstance(self.branches[0], (Rounds, ListedBranches))

    def _inputs(self, network: GraphBuilder, ends: list[Tensor], last: int) -> tuple[int, ...]:
        """The branches' outputs; the mean of a mean takes the inner one's inputs, so that every column weighs the same."""
        if not isinstance(self.layer, Mean):
            return tuple([end.index for end in ends])
        inputs: list[int] = []
        for end in ends:
            if end.index > last and isinstance(network.layer_at(end.index), Mean):
                inputs.extend(network.inputs[end.index])
                network.absorbed.add(end.index)
            else:
                inputs.append(end.index)
        return tuple(inputs)


def _may_be_skipped(branch: Step) -> bool:
    return isinstance(branch, Choice) and branch.otherwise is None


def _could_be_longer(layer: Layer, ends: list[Tensor]) -> bool:
    """Whether the branches are tokens of as many channels each, which fit one behind the other."""
    width = ends[0].shape[-1]
    return isinstance(layer, Concat) and all(end.tokens and same(end.shape[-1], width) for end in ends)


def _grid(ends: list[Tensor], joined: Tensor) -> Shape:
    """The image whose positions the joined tokens are: that of a branch with as many."""
    return next((end.grid for end in ends if end.grid and same(prod(end.grid), joined.shape[1])), ())


def _end(scope: Scope, ends: list[Tensor]) -> None:
    """Add what a branch ends with; several outputs are branches each, and a branch that is none is left out."""
    if isinstance(scope.here, tuple):
        ends.extend(scope.here)
    elif scope.here is not None:
        ends.append(scope.here)
