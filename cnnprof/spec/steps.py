"""The steps of a spec. Each runs on a network: it appends layers and moves the scope's `here` to its output."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import NamedTuple, Protocol

from cnnprof.errors import CnnprofError, Place, SpecError, did_you_mean
from cnnprof.network.dims import same
from cnnprof.network.layers.pooling import MaxPool
from cnnprof.record import record
from cnnprof.spec.arguments import Arguments, Fixed, Given
from cnnprof.spec.builder import GraphBuilder
from cnnprof.spec.located import Expression, OfToken, OfValue, Token
from cnnprof.spec.operators import ExpressionError
from cnnprof.spec.scope import RUNAWAY, SEVERAL_HINT, TOO_MUCH, Scope
from cnnprof.spec.values import Tensor, Value, describe_kind, describe_tokens
from cnnprof.spec.words import WORDS, Word
from cnnprof.spec.words.base import Layers


class Step(Protocol):
    """Anything that can stand in a list of steps."""

    @property
    def place(self) -> Place:
        """Where it stands."""

    def run(self, network: GraphBuilder, scope: Scope) -> None:
        """Append its layers. Raises CnnprofError where the network cannot be built."""


class Sequence(NamedTuple):
    """One step after the other."""

    steps: tuple[Step, ...]
    place: Place

    def run(self, network: GraphBuilder, scope: Scope) -> None:
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


def must_be_there(scope: Scope, place: Place) -> Tensor | tuple[Tensor, ...]:
    """The output that is here, or several. Raises SpecError behind a branch that was left out."""
    if scope.here is None:
        raise SpecError("'none' stands here outside of a join", place, NONE_HINT)
    return scope.here


def must_continue(scope: Scope, place: Place) -> Tensor:
    """The output to continue from. Raises SpecError where there is none, or where there are several."""
    here = must_be_there(scope, place)
    if not isinstance(here, Tensor):
        raise SpecError(f"here are {len(here)} outputs, and this step continues from one", place, SEVERAL_HINT)
    return here


class LayerStep(NamedTuple):
    """A layer word with its options."""

    word: str
    rule: Word
    given: Mapping[str, Given]
    place: Place
    normed: bool = False
    behind: bool = False

    def run(self, network: GraphBuilder, scope: Scope) -> None:
        """Append the word's layers."""
        here = must_be_there(scope, self.place)
        if not isinstance(here, Tensor):
            here = must_continue(scope, self.place) if self.rule.reads else here[0]
        behind = False
        if self.behind:
            before = network.layer_at(here.index)
            behind = before is not None and before.writes
        start = here
        first = len(network.names)
        made: list[Tensor] = []
        key = self._asked(scope, here, behind) if network.repeats else None
        layers, shapes = network.recall(key) or (self._build(scope, here, behind), ())
        for number, (kind, layer, *reads) in enumerate(layers):
            inputs = [_read(each, start, first) for each in reads[0]] if reads else [here.index]
            shape = shapes[number] if shapes else None
            here = network.add(kind, layer, () if layer.arity == 0 else tuple(inputs), self.place, shape)
            if isinstance(layer, MaxPool) and inputs == [start.index]:
                here = replace(here, pooled_from=start.shape[2:])
            made.append(here)
        if key and not shapes:
            network.keep(key, layers, first)
        if self.rule.several:
            scope.here = tuple([self._with_tokens(each, start) for each in made])
            return
        here = self._with_tokens(here, start)
        if "bias" in self.rule.flags and not self.normed and "bias" not in self.given and "nobias" not in self.given:
            network.unsaid_bias.append(tuple(range(first, len(network.names))))
        if network.inplace and self.rule.kind == "act" and not self.behind and "inplace" not in self.given:
            network.plain_activations.append(here.index)
        scope.here = here

    def _with_tokens(self, here: Tensor, start: Tensor) -> Tensor:
        """An output of the step, as tokens where it is some."""
        if self.rule.gives == "tokens":
            return replace(here, tokens=True, grid=start.shape[2:])
        if "tokens" in self.given:
            return replace(here, tokens=True, grid=())
        if start.tokens and not self.rule.gives and len(here.shape) > 2:
            return replace(here, tokens=True, grid=start.grid if same(here.shape[1], start.shape[1]) else ())
        return here

    def _build(self, scope: Scope, here: Tensor, behind: bool) -> Layers:
        """The word's layers."""
        arguments = Arguments(self.word, self.place, self.given, scope, here.shape, self.normed, behind, here.tokens, here.grid)
        if here.tokens and not self.rule.on_tokens:
            message = f"takes channels in front, and its input is {describe_tokens(here.shape)}"
            raise arguments.error(message, hint="'image' makes an image of tokens")
        return self.rule.build(arguments)

    def _asked(self, scope: Scope, here: Tensor, behind: bool) -> tuple[object, ...] | None:
        """All that the layers depend on, where that is this step, its input and whole numbers; None where it is more."""
        numbers = []
        for given in self.given.values():
            if type(given) is Expression:
                try:
                    value = given.code(scope)
                except ExpressionError:
                    return None
                if type(value) is not int:
                    return None
                numbers.append(value)
            elif type(given) is not Fixed:
                return None
        # A step that `use` makes is gone behind its run, and another of them may stand where it stood.
        return id(self), self.word, here.shape, here.tokens, here.grid, behind, *numbers


def _read(each: int | Tensor, start: Tensor, first: int) -> int:
    """The tensor that a layer of a step reads: where the step starts, one of its own layers, or another output."""
    if isinstance(each, Tensor):
        return each.index
    return first + each - 1 if each else start.index


class Nothing(NamedTuple):
    """`none`: the branch is left out."""

    place: Place

    def run(self, network: GraphBuilder, scope: Scope) -> None:  # noqa: ARG002 - every step is run the same way
        """Leave nothing to continue from."""
        scope.here = None


class Reference(NamedTuple):
    """The name of an output, or of a list of them: continue from there.

    `named` are the outputs that the file names anywhere.
    """

    token: Token
    named: AbstractSet[str] = frozenset()

    @property
    def place(self) -> Place:
        """Where the name stands."""
        return self.token.place

    def run(self, network: GraphBuilder, scope: Scope) -> None:  # noqa: ARG002 - every step is run the same way
        """Move to the named output."""
        name = self.token.text
        try:
            value = scope[name]
        except KeyError:
            if name in self.named:
                later = "a step reads what is named above it" if scope.outermost else _OWN_NAMES
                raise self.token.error(f"there is no output '{name}' yet", later) from None
            tensors = [known for known, value in scope.items() if isinstance(value, Tensor)]
            blocks = scope.outer.get(BLOCKS, ())
            from cnnprof.spec.mistakes import NEAR, of_step

            near = did_you_mean(name, [*blocks, *tensors], NEAR)
            hint = near or of_step(name, blocks) or did_you_mean(name, [*WORDS, *blocks, *tensors], NEAR)
            raise self.token.error(f"unknown layer, block or output '{name}'", hint) from None
        scope.here = _outputs(value, self.token, f"'{name}'")


def _outputs(value: Value, token: Token, shown: str) -> Tensor | tuple[Tensor, ...]:
    """The value, if it is an output or a list of outputs."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, tuple) and value and all(isinstance(each, Tensor) for each in value):
        return value
    raise token.error(f"{shown} is {describe_kind(value)}, not an output", "name an output with '-> name'")


_OWN_NAMES = "a block sees its arguments and what it names itself: give it the output as an argument"


@record
class Give(OfValue):
    """`give [a, b]`: what a block gives back. `ys[0]` as a step is one entry of a list."""

    value: Expression

    def run(self, network: GraphBuilder, scope: Scope) -> None:  # noqa: ARG002 - every step is run the same way
        """Move to the outputs."""
        scope.here = _outputs(self.value.evaluate(scope), self.value.token, "this")


BLOCKS = "blocks "
"""Where a scope's outer names keep the blocks; the blank keeps specs from naming it."""


@record
class Named(OfToken):
    """`STEP -> x`: names the output, and what the step creates."""

    step: Step | None
    token: Token

    def run(self, network: GraphBuilder, scope: Scope) -> None:
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
        scope[name] = must_be_there(scope, self.place)


class Unpack(NamedTuple):
    """`STEP -> [a, b]`: names for each of the outputs that are here."""

    tokens: tuple[Token, ...]
    place: Place

    def run(self, network: GraphBuilder, scope: Scope) -> None:  # noqa: ARG002 - every step is run the same way
        """Set the names."""
        here = must_be_there(scope, self.place)
        found = here if isinstance(here, tuple) else (here,)
        if len(found) != len(self.tokens):
            message = f"here {'are' if len(found) > 1 else 'is'} {len(found)} output{'s' * (len(found) > 1)}"
            raise SpecError(f"{message}, and {len(self.tokens)} names", self.place, "a block gives several with 'give [a, b]'")
        for token, tensor in zip(self.tokens, found, strict=True):
            scope[token.text] = tensor


@record
class Let(OfToken):
    """`let x = EXPR`."""

    token: Token
    value: Expression

    def run(self, network: GraphBuilder, scope: Scope) -> None:  # noqa: ARG002 - every step is run the same way
        """Set the value."""
        scope[self.token.text] = self.value.evaluate(scope)


class Choice(NamedTuple):
    """`STEP if COND else STEP`; without else, a step that is skipped passes its input on."""

    condition: Expression
    then: Step
    otherwise: Step | None
    place: Place

    def run(self, network: GraphBuilder, scope: Scope) -> None:
        """Run one of the two steps."""
        if self.condition.hold(scope):
            self.then.run(network, scope)
        elif self.otherwise is not None:
            self.otherwise.run(network, scope)


class Aux(NamedTuple):
    """A head that only training runs; the main flow continues from before it."""

    body: Step
    place: Place

    def run(self, network: GraphBuilder, scope: Scope) -> None:
        """Run the head and come back; one that does not fit is left out where the network can do so."""
        outer, here, was_aux, state = network.namer, scope.here, network.aux, (network.state(), dict(scope))
        network.namer = outer.inside(outer.count("aux"))
        network.aux = True
        try:
            self.body.run(network, scope)
            must_be_there(scope, self.place)
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
