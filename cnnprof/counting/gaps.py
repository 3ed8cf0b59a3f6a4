"""Why another convention gives another number: the difference from the multiply-accumulates, by layer type."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnnprof.counting.activations import ACTIVATION_CONVENTIONS, ActivationConvention
from cnnprof.counting.conventions import CONVENTIONS
from cnnprof.errors import UsageError, suggest
from cnnprof.network.dims import Dim
from cnnprof.network.layers import elements
from cnnprof.network.results import Analysis, Cost
from cnnprof.record import record

NAMES = {"torch": "flops", "deepspeed": "calflops"}
"""Tools under whose name a convention is asked for, where it has another."""


@record
class Gap:
    """The count of one layer type here (`ours`) and there (`theirs`), and the rule that leads there.

    Counts are multiply-accumulates, or activations where the convention is one of those.
    """

    type: str
    layers: int
    ours: int
    theirs: int
    rule: str

    @property
    def difference(self) -> int:
        """The surplus of the other convention; negative where it counts less."""
        return self.theirs - self.ours


def find_gaps(profile: Analysis, convention: str) -> list[Gap]:
    """One entry for each layer type that counts here or there. Raises UsageError for a convention that there is not."""
    if convention in ACTIVATION_CONVENTIONS:
        return _activation_gaps(profile, ACTIVATION_CONVENTIONS[convention])
    name = NAMES.get(convention, convention)
    if name not in CONVENTIONS:
        known = [*CONVENTIONS, *NAMES, *ACTIVATION_CONVENTIONS]
        raise UsageError(f"there is no convention '{convention}'", hint=suggest(convention, known))
    count = CONVENTIONS[name]
    groups: dict[str, list[tuple[Cost, int]]] = {}
    for cost in profile.costs:
        theirs = count(cost.node.layer, cost.inputs, cost.output, cost.ops)
        if not cost.node.aux and (theirs or cost.macs):
            groups.setdefault(cost.node.layer.type, []).append((cost, theirs))
    return [
        Gap(kind, len(pairs), sum(cost.macs for cost, _ in pairs), sum(theirs for _, theirs in pairs), _rule(pairs))
        for kind, pairs in groups.items()
    ]


def _activation_gaps(profile: Analysis, count: ActivationConvention) -> list[Gap]:
    groups: dict[str, list[tuple[int, int]]] = {}
    for cost in profile.costs:
        ours, theirs = int(cost.activations), int(count(cost.node.layer, cost.inputs, cost.output))
        if not cost.node.aux and (ours or theirs):
            groups.setdefault(cost.node.layer.type, []).append((ours, theirs))
    gaps = []
    for kind, pairs in groups.items():
        same = all(ours == theirs for ours, theirs in pairs)
        rule = (
            "the same" if same else "differs from layer to layer" if any(theirs for _, theirs in pairs) else "not counted there"
        )
        gaps.append(Gap(kind, len(pairs), sum(ours for ours, _ in pairs), sum(theirs for _, theirs in pairs), rule))
    return gaps


Base = tuple[str, Callable[[Cost], Dim]]

MACS: Base = ("for each MAC", lambda cost: cost.macs)
PARAMETERS: Base = (
    "for each parameter, image by image",
    lambda cost: (cost.output or (1,))[0] * cost.node.layer.params(*cost.inputs),
)
INPUTS: Base = ("for each input element", lambda cost: elements(cost.inputs[0]) if cost.inputs else 0)
OUTPUTS: Base = ("for each output element", lambda cost: elements(cost.output))
BESIDE: tuple[Base, ...] = (("", lambda _: 0), ("for each bias", lambda cost: cost.ops.add if cost.macs else 0), OUTPUTS)
"""The bases that may be counted once, beside a rate for one of the others."""


def _rule(pairs: Sequence[tuple[Cost, int]]) -> str:
    """The smallest whole rate that gives the other figure for every layer of the type."""
    if all(theirs == cost.macs for cost, theirs in pairs):
        return "the same"
    if not any(theirs for _, theirs in pairs):
        return "not counted there"
    choices = ((MACS,), (PARAMETERS,)) if any(cost.macs for cost, _ in pairs) else ((INPUTS, OUTPUTS, PARAMETERS),)
    for bases in choices:
        for beside, once in BESIDE:
            left = [(cost, theirs - once(cost)) for cost, theirs in pairs]
            found = [(rate, what) for what, base in bases if (rate := _rate(left, base))]
            if found:
                rate, what = min(found, key=lambda each: each[0])
                return f"{rate} {what}" + (f", 1 {beside}" if beside else "")
    return "differs from layer to layer"


def _rate(pairs: Sequence[tuple[Cost, Dim]], base: Callable[[Cost], Dim]) -> int:
    """How often the base goes into the figure of each layer; 0 if not equally often, or not at all."""
    rates = {theirs // base(cost) if base(cost) and theirs % base(cost) == 0 else 0 for cost, theirs in pairs}
    return int(rates.pop()) if len(rates) == 1 else 0
