"""The names that an expression can see."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

from cnnprof.spec.values import Tensor, Value

MAX_STEPS = 1_000_000
RUNAWAY = "look for a loop that runs away"
TOO_MUCH = f"the network takes more than {MAX_STEPS:,} steps to build"
SEVERAL_HINT = "begin with the name of one of them; '-> [a, b]' names them"
AXES = ("C", "H", "W")
"""The shape here; nothing else can have these names."""

FURTHER_AXES = ("D", "L")
"""The depth of a volume and the length of a sequence, where nothing else has these names."""

Here: TypeAlias = "Tensor | tuple[Tensor, ...] | None"
"""The output that the next layer continues from; a tuple behind a block that gives several, None behind a left-out branch."""


class Budget:
    """How much work one network may still take."""

    __slots__ = ("left",)

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self.left = steps

    def spend(self, steps: int) -> bool:
        """Take so many steps; whether there were enough left."""
        self.left -= steps
        return self.left >= 0


class Scope(dict[str, Value]):
    """The names of one block call, or of the network's own layers.

    Args:
        outer: what every block sees: settings, tables and block names.
        here: what the next layer continues from.
        budget: shared by all scopes of a network.
        outermost: whether this is the scope of the network's own layers.

    `implied` are the names that loops have set without being told to.
    """

    __slots__ = ("budget", "here", "implied", "outer", "outermost")

    def __init__(self, outer: Mapping[str, Value], here: Here, budget: Budget, outermost: bool = False) -> None:
        super().__init__()
        self.outer = outer
        self.here = here
        self.budget = budget
        self.outermost = outermost
        self.implied: AbstractSet[str] = frozenset()

    def __missing__(self, name: str) -> Value:
        if isinstance(self.here, Tensor) and (name in AXES or (name in FURTHER_AXES and name not in self.outer)):
            size = self.here.axis(name)
            if size is None:
                raise KeyError(name)
            return size
        return self.outer[name]

    def known(self) -> list[str]:
        """Every name that can be used here."""
        return [*self, *(name for name in self.outer if name.isidentifier()), *(AXES if self.here is not None else ())]


class TextScope(Scope):
    """A scope for values from outside a network, in which an unknown word stands for itself as a text."""

    def __init__(self) -> None:
        super().__init__({}, None, Budget())

    def __missing__(self, name: str) -> Any:
        return name
