"""Blocks: named steps with arguments, and the calls that run them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cnnprof.errors import CnnprofError, Place, SpecError, did_you_mean
from cnnprof.spec.arguments import Given
from cnnprof.spec.builder import MAX_CALLS, GraphBuilder
from cnnprof.spec.located import Expression, Token
from cnnprof.spec.scope import RUNAWAY, TOO_MUCH, Scope
from cnnprof.spec.sharing import share
from cnnprof.spec.steps import BLOCKS, LayerStep, Nothing, Step, must_be_there
from cnnprof.spec.values import describe_kind, show
from cnnprof.spec.words import ACTIVATIONS, WORDS

_CALL_STEPS = 5
"""How many steps a call takes from the budget: about as long as so many layers."""


def _named(name: str, value: Given) -> Token:
    """The name of an argument in front of its value."""
    return Token(name, value.token.scalar, value.token.start - len(name) - 1)


class BlockParameter(NamedTuple):
    """An argument of a block, with its default if it has one."""

    token: Token
    default: Given | None

    @property
    def name(self) -> str:
        """Its name in the body."""
        return self.token.text


class Block:
    """A named step with arguments; the calls of one that is `shared` use the same weights.

    With `within`, the name of another block, they do so in each call of that block apart. The body is filled in when all blocks
    are known, as blocks may call each other.
    """

    __slots__ = ("body", "name", "parameters", "place", "shared", "within")

    def __init__(
        self,
        name: str,
        parameters: tuple[BlockParameter, ...],
        place: Place,
        shared: bool = False,
        within: Token | None = None,
    ) -> None:
        self.name = name
        self.shared = shared
        self.within = within
        self.parameters = parameters
        self.place = place
        self.body: Step = Nothing(place)

    @property
    def signature(self) -> str:
        """The key as the spec writes it."""
        shown = (f"{p.name}={p.default.token.text}" if p.default else p.name for p in self.parameters)
        return f"{self.name}({', '.join(shown)})"


class BlockCall(NamedTuple):
    """A block called with arguments; `target` is its name, or the expression behind `use`."""

    target: str | Expression
    arguments: tuple[Given, ...]
    named: Mapping[str, Given]
    place: Place

    def run(self, network: GraphBuilder, scope: Scope) -> None:
        """Run the block's body in a scope of its own."""
        block = self._block(scope)
        if isinstance(block, LayerStep):
            block.run(network, scope)
            return
        inner = Scope(scope.outer, must_be_there(scope, self.place), scope.budget)
        self._bind(block, scope, inner)
        values = [inner[parameter.name] for parameter in block.parameters]
        if block.shared and any(name == block.name for name, _ in network.calls):
            hint = "each depth would need weights of its own: move the block from 'shared' to 'blocks'"
            raise SpecError(f"{block.name} shares its weights and calls itself", self.place, hint)
        if len(network.calls) >= MAX_CALLS:
            raise self._cycle([*(name for name, _ in network.calls), block.name])
        if not scope.budget.spend(_CALL_STEPS):
            raise SpecError(TOO_MUCH, self.place, RUNAWAY)
        outer = network.namer
        holder = self._holder(block, network)
        network.namer = outer.inside(outer.count(block.name))
        network.calls.append((block.name, network.namer.prefix))
        first = len(network.names)
        try:
            block.body.run(network, inner)
            if block.shared:
                share(network, block.name, holder, first, self.place)
        except CnnprofError as error:
            shown = ", ".join(show(value) for value in values)
            error.trace = (*error.trace, f"in {block.name}({shown}), called at line {self.place.line}")
            raise
        network.calls.pop()
        network.namer = outer
        scope.here = inner.here

    def _holder(self, block: Block, network: GraphBuilder) -> str:
        """The path of the call that the block's weights are shared within; '' where that is the network."""
        if block.within is None:
            return ""
        name = block.within.text
        path = next((path for called, path in reversed(network.calls) if called == name), None)
        if path is None:
            hint = f"all calls share its weights without 'in {name}' behind its signature"
            raise SpecError(f"{block.name} is shared within the calls of {name}, and this is none", self.place, hint)
        return path

    def _block(self, scope: Scope) -> Block | LayerStep:
        """The block that is called, or the activation that `use` names, as if it stood behind the layer before it."""
        blocks: Mapping[str, Block] = scope.outer[BLOCKS]
        if isinstance(self.target, str):
            return blocks[self.target]
        name = self.target.evaluate(scope)
        if not isinstance(name, str):
            raise self.target.token.error(f"'use' takes the name of a block, not {describe_kind(name)}")
        if name not in blocks and name in (*ACTIVATIONS, "identity") and not self.arguments and not self.named:
            return LayerStep(name, WORDS[name], {}, self.place, behind=name != "identity")
        if name not in blocks:
            near = did_you_mean(name, [*blocks, *ACTIVATIONS])
            hint = near or f"the blocks are {' '.join(blocks)}" if blocks else near or "there are no blocks"
            raise self.target.token.error(f"unknown block '{name}'", hint)
        return blocks[name]

    def _bind(self, block: Block, scope: Scope, inner: Scope) -> None:
        names = [parameter.name for parameter in block.parameters]
        given = len(self.arguments) + len(self.named)
        if len(self.arguments) > len(names):
            raise self._miscounted(block, given)
        for name, value in zip(names, self.arguments, strict=False):
            inner[name] = value.evaluate(scope)
        for name, value in self.named.items():
            if name not in names:
                raise _named(name, value).error(f"{block.name} has no argument '{name}'", f"its signature is {block.signature}")
            if name in inner:
                raise _named(name, value).error(f"the argument '{name}' is given twice", f"its signature is {block.signature}")
            inner[name] = value.evaluate(scope)
        for parameter in block.parameters:
            if parameter.name not in inner:
                if parameter.default is None:
                    raise self._miscounted(block, given)
                inner[parameter.name] = parameter.default.evaluate(Scope(scope.outer, None, scope.budget))

    def _miscounted(self, block: Block, given: int) -> SpecError:
        fewest = sum(parameter.default is None for parameter in block.parameters)
        most = len(block.parameters)
        count = str(most) if fewest == most else f"{fewest} to {most}"
        message = f"{block.name} takes {count} argument{'s' * (count != '1')}, not {given}"
        word = next((each.token.text for each in self.arguments if each.token.text in WORDS), None)
        hint = f"its signature is {block.signature}" + (f"; a layer behind it is '| {word}'" if word else "")
        return SpecError(message, self.place, hint)

    def _cycle(self, calls: list[str]) -> SpecError:
        last = calls[-1]
        earlier = len(calls) - 2
        while earlier and calls[earlier] != last:
            earlier -= 1
        circle = " -> ".join(calls[earlier:])
        hint = "a block that calls itself needs a condition under which it stops"
        return SpecError(f"a cycle of blocks: {circle}, {MAX_CALLS} calls deep", self.place, hint)
