"""The steps of a spec. Each runs on a network: it appends layers and moves the scope's `here` to its output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from cnnprof.errors import CnnprofError, Place, SpecError, did_you_mean
from cnnprof.network.layers import Layer
from cnnprof.network.layers.merging import Mean
from cnnprof.spec.arguments import Arguments, Given
from cnnprof.spec.located import Expression, Token
from cnnprof.spec.network import Network
from cnnprof.spec.scope import RUNAWAY, TOO_MUCH, Scope
from cnnprof.spec.values import Tensor, describe_kind
from cnnprof.spec.words import WORDS, Word


class Step(Protocol):
    """Anything that can stand in a list of steps."""

    @property
    def place(self) -> Place:
        """Where it stands."""

    def run(self, network: Network, scope: Scope) -> None:
        """Append its layers. Raises CnnprofError where the network cannot be built."""


class Sequence(NamedTuple):
    """One step after the other."""

    steps: tuple[Step, ...]
    place: Place

    def run(self, network: Network, scope: Scope) -> None:
        """Run the steps in order."""
        for step in self.steps:
            if scope.here is None:
                raise SpecError("'none' stands before this step and leaves nothing to continue from", step.place, NONE_HINT)
            if not scope.budget.spend(1):
                raise SpecError(TOO_MUCH, step.place, RUNAWAY)
            step.run(network, scope)


NONE_HINT = "'none' leaves out a branch of a join"


def last_step(step: Step) -> Step:
    """The step that a sequence ends with."""
    while isinstance(step, Sequence):
        step = step.steps[-1]
    return step


def must_continue(scope: Scope, place: Place) -> Tensor:
    """The output to continue from. Raises SpecError behind a branch that was left out."""
    if scope.here is None:
        raise SpecError("'none' stands here outside of a join", place, NONE_HINT)
    return scope.here


class LayerStep(NamedTuple):
    """A layer word with its options."""

    word: str
    rule: Word
    given: Mapping[str, Given]
    place: Place
    normed: bool = False
    behind: bool = False

    def run(self, network: Network, scope: Scope) -> None:
        """Append the word's layers."""
        here = must_continue(scope, self.place)
        behind = False
        if self.behind:
            before = network.layer_at(here.index)
            behind = before is not None and before.writes
        arguments = Arguments(self.word, self.place, self.given, scope, here.shape, self.normed, behind)
        for kind, layer in self.rule.build(arguments):
            here = network.add(kind, layer, () if layer.arity == 0 else (here.index,), self.place)
        scope.here = here


class Nothing(NamedTuple):
    """`none`: the branch is left out."""

    place: Place

    def run(self, network: Network, scope: Scope) -> None:  # noqa: ARG002 - every step is run the same way
        """Leave nothing to continue from."""
        scope.here = None


class Reference(NamedTuple):
    """The name of an output: continue from there."""

    token: Token

    @property
    def place(self) -> Place:
        """Where the name stands."""
        return self.token.place

    def run(self, network: Network, scope: Scope) -> None:  # noqa: ARG002 - every step is run the same way
        """Move to the named output."""
        name = self.token.text
        try:
            value = scope[name]
        except KeyError:
            tensors = [known for known, value in scope.items() if isinstance(value, Tensor)]
            blocks = scope.outer.get(BLOCKS, ())
            hint = did_you_mean(name, [*WORDS, *blocks, *tensors])
            raise self.token.error(f"unknown layer, block or output '{name}'", hint) from None
        if not isinstance(value, Tensor):
            raise self.token.error(f"'{name}' is {describe_kind(value)}, not an output", "name an output with '-> name'")
        scope.here = value


BLOCKS = "blocks "
"""Where a scope's outer names keep the blocks; the blank keeps specs from naming it."""


class Named(NamedTuple):
    """`STEP -> x`: names the output, and what the step creates."""

    step: Step | None
    token: Token

    @property
    def place(self) -> Place:
        """Where the name stands."""
        return self.token.place

    def run(self, network: Network, scope: Scope) -> None:
        """Run the step under the name; one layer alone takes the name itself."""
        name = self.token.text
        if self.step is not None:
            outer = network.namer
            component = outer.free(name)
            before = len(network.nodes)
            network.namer = outer.inside(component)
            self.step.run(network, scope)
            network.namer = outer
            created = len(network.nodes) - before
            if created:
                outer.use(component)
            if created == 1:
                network.rename_last(outer.prefix + component)
        scope[name] = must_continue(scope, self.place)


class Let(NamedTuple):
    """`let x = EXPR`."""

    token: Token
    value: Expression

    @property
    def place(self) -> Place:
        """Where the name stands."""
        return self.token.place

    def run(self, network: Network, scope: Scope) -> None:  # noqa: ARG002 - every step is run the same way
        """Set the value."""
        scope[self.token.text] = self.value.evaluate(scope)


class Choice(NamedTuple):
    """`STEP if COND else STEP`; without else, a step that is skipped passes its input on."""

    condition: Expression
    then: Step
    otherwise: Step | None
    place: Place

    def run(self, network: Network, scope: Scope) -> None:
        """Run one of the two steps."""
        if self.condition.hold(scope):
            self.then.run(network, scope)
        elif self.otherwise is not None:
            self.otherwise.run(network, scope)


class Aux(NamedTuple):
    """A head that only training runs; the main flow continues from before it."""

    body: Step
    place: Place

    def run(self, network: Network, scope: Scope) -> None:
        """Run the head and come back; one that does not fit is left out where the network can do so."""
        outer, here, was_aux, state = network.namer, scope.here, network.aux, (network.state(), dict(scope))
        network.namer = outer.inside(outer.count("aux"))
        network.aux = True
        try:
            self.body.run(network, scope)
            must_continue(scope, self.place)
        except CnnprofError as error:
            if isinstance(error, SpecError) or not network.leaves_heads_out:
                raise
            # What the head has named is gone with it, and blocks and loops that it broke off in are left.
            network.forget(state[0], error.message)
            scope.clear()
            scope.update(state[1])
        network.aux = was_aux
        network.namer = outer
        scope.here = here


class JoinStep(NamedTuple):
    """Branches that start from one output and are joined; what is written with one branch copies it."""

    kind: str
    layer: Layer
    branches: tuple[Step, ...]
    place: Place

    def run(self, network: Network, scope: Scope) -> None:
        """Run every branch and join what is left of them."""
        start = must_continue(scope, self.place)
        first = len(network.nodes)
        ends: list[Tensor] = []
        for branch in self.branches:
            scope.here = start
            branch.run(network, scope)
            if scope.here is not None:
                ends.append(scope.here)
        if not ends:
            raise SpecError(f"every branch of this {self.kind} is none", self.place, "one branch has to be left")
        if len(ends) == 1 < len(self.branches):
            scope.here = ends[0]
            return
        try:
            scope.here = network.add(self.kind, self.layer, self._inputs(network, ends, first), self.place)
        except CnnprofError as error:
            error.hint = error.hint or "what changes the size or the channels of one branch is needed in the other, too"
            raise

    def _inputs(self, network: Network, ends: list[Tensor], first: int) -> tuple[int, ...]:
        """The branches' outputs; the mean of a mean takes the inner one's inputs, so that every column weighs the same."""
        if not isinstance(self.layer, Mean):
            return tuple([end.index for end in ends])
        inputs: list[int] = []
        for end in ends:
            if end.index > first and isinstance(network.layer_at(end.index), Mean):
                inputs.extend(network.inputs[end.index])
                network.absorbed.add(end.index)
            else:
                inputs.append(end.index)
        return tuple(inputs)
