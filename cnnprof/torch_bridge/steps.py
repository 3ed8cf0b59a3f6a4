"""The parts of a recorded run: steps, each a layer with the steps that it reads."""

from __future__ import annotations

from dataclasses import dataclass, field

from cnnprof.network.dims import Shape
from cnnprof.network.layers import Layer

NETWORK_INPUT = -1
"""Stands among a step's inputs for the network's own input; further inputs are -2, -3, ..."""


@dataclass
class Scope:
    """One call of a module: its path, and how many operations ran in it and below."""

    path: str
    operations: int = 0


@dataclass
class RecordedStep:
    """One recorded layer. `inputs` are numbers of earlier steps, or `NETWORK_INPUT`; `stored` names a parameter or buffer.

    `shared` is the number of the step that holds its weights, where that is the same layer.
    """

    layer: Layer
    inputs: tuple[int, ...]
    output: Shape
    scope: Scope
    word: str
    stored: str | None = None
    owns_params: bool = True
    trainable: bool = True
    shared: int | None = None
    bytes: int | None = None


@dataclass
class Trace:
    """A recorded run: the steps in order, those that the network returns, by which names, and the operations without a row.

    `held` has for a step the last one during which the module's code held what it made; `branches` says whether the data could
    have chosen other steps.
    """

    steps: list[RecordedStep] = field(default_factory=list)
    outputs: tuple[int, ...] = ()
    output_names: tuple[str, ...] = ()
    uncounted: list[tuple[int, str]] = field(default_factory=list)
    untouched: tuple[str, ...] = ()
    held: dict[int, int] = field(default_factory=dict)
    branches: bool = False
    owners: dict[tuple[int, ...], int] = field(default_factory=dict)

    def note_weights(self, number: int, weights: tuple[int, ...]) -> None:
        """Note whose weights a step uses, by their identity: its own, or those of an earlier step that is the same layer."""
        step = self.steps[number]
        if weights and step.owns_params:
            self.owners.setdefault(weights, number)
        elif weights in self.owners and self.steps[self.owners[weights]].layer == step.layer:
            step.shared = self.owners[weights]
