"""Two networks side by side: which layer became which, what changed, and what it costs.

Layers are aligned in order (Needleman and Wunsch 1970), by what they are, their hyper-parameters, where the network has got to
and their names, so that what was inserted or taken out shows as just that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, Literal, NamedTuple

from cnnprof.collector import without_collections
from cnnprof.network.layers import Layer
from cnnprof.network.layers.arrangement import Flatten, Reshape, shows_all
from cnnprof.network.layers.merging import Concat
from cnnprof.network.layers.resizing import Upsample
from cnnprof.network.results import Analysis, Cost
from cnnprof.record import record

PairKind = Literal["added", "removed", "changed", "same"]
ADDED: PairKind = "added"
REMOVED: PairKind = "removed"
CHANGED: PairKind = "changed"
SAME: PairKind = "same"

CELLS = 300_000
"""How much of the table of all pairs is computed: all of it for networks up to some 500 layers, a band along the diagonals of
longer ones, where equal parts of two networks lie."""
SLACK = 64
"""The least half-width of that band."""


class Change(NamedTuple):
    """A hyper-parameter, the output's shape or the inputs, before and after."""

    what: str
    before: Any
    after: Any


@record
class Pair:
    """A layer of one network and what stands in its place in the other; None where it has no counterpart."""

    before: Cost | None
    after: Cost | None
    changes: tuple[Change, ...] = ()

    @property
    def kind(self) -> PairKind:
        """`added`, `removed`, `changed` or `same`."""
        if self.before is None:
            return ADDED
        if self.after is None:
            return REMOVED
        return CHANGED if self.changes else SAME

    @property
    def cost(self) -> Cost:
        """The layer as it was; one that was added, as it is."""
        cost = self.before or self.after
        assert cost is not None
        return cost

    def difference(self, figure: str) -> int:
        """How much more of `params`, `macs` or `activations` there is."""
        before, after = (getattr(cost, figure) if cost else 0 for cost in (self.before, self.after))
        return int(after - before)


@without_collections()
def align(before: Analysis, after: Analysis) -> list[Pair]:
    """Every layer of both networks once, in order, without training-only heads, and views that show all of what they read."""
    ours, theirs = ([cost for cost in profile.costs if not (cost.node.aux or _is_bare(cost))] for profile in (before, after))
    matches = list(_matches(ours, theirs))
    twin = dict(zip(before.graph.inputs, after.graph.inputs, strict=False))
    twin |= {ours[i].node.name: theirs[j].node.name for i, j in matches if i is not None and j is not None}
    known = set(twin.values())
    pairs = []
    for i, j in matches:
        a = None if i is None else ours[i]
        b = None if j is None else theirs[j]
        pairs.append(Pair(a, b, tuple(_changes(a, b, twin, known)) if a and b else ()))
    return pairs


def _is_bare(cost: Cost) -> bool:
    return bool(cost.inputs) and shows_all(cost.node.layer, cost.inputs[0])


def differ(before: Analysis, after: Analysis, pairs: Sequence[Pair]) -> bool:
    """Whether anything is different: a layer, the input, or a head that only training runs."""
    return (
        any(pair.kind != SAME for pair in pairs)
        or [*before.graph.inputs.values()] != [*after.graph.inputs.values()]
        or before.totals.aux_params != after.totals.aux_params
    )


def alike(pairs: Sequence[Pair]) -> bool:
    """Whether the two networks have something in common: a quarter, at least, of the weighted layers of the one with fewer.

    Where one has no weights at all, any layer will do.
    """
    layers = [
        [cost for cost in costs if cost and cost.params] for costs in zip(*((p.before, p.after) for p in pairs), strict=True)
    ]
    fewer = min(map(len, layers))
    if not fewer:
        return any(pair.kind == SAME for pair in pairs)
    common = sum(
        1
        for pair in pairs
        if pair.before and pair.after and pair.before.params and _likeness(pair.before.node.layer, pair.after.node.layer) > 0.6
    )
    return common > 0 and 4 * common >= fewer


def _changes(before: Cost, after: Cost, twin: dict[str, str], known: set[str]) -> Iterator[Change]:
    old, new = before.node.layer, after.node.layer
    if type(old) is not type(new) and not _are_one_view(before, after):
        own = [Change("type", old.type, new.type)]
    elif type(old) is not type(new) or _means_the_same(before, after):
        own = []
    else:
        values = [(entry.name, getattr(old, entry.name), getattr(new, entry.name)) for entry in fields(old)]
        own = [Change(*value) for value in values if value[1] != value[2]]
    yield from own
    # Where its output follows its input, the output says it.
    if before.inputs != after.inputs and before.params != after.params and (own or before.output == after.output):
        yield Change("input", _first_input(before), _first_input(after))
    if before.output != after.output:
        yield Change("output", before.output[1:], after.output[1:])
    expected = [twin.get(name) for name in before.node.inputs]
    actual = [name if name in known else None for name in after.node.inputs]
    # What was added or removed before a layer is told there; other wiring between layers that both networks have is told here.
    if None not in expected and None not in actual and _rewired(expected, actual, old):
        yield Change("inputs", before.node.inputs, after.node.inputs)


def _are_one_view(before: Cost, after: Cost) -> bool:
    """Whether one flattens axes, and the other says what shape that has."""
    layers = before.node.layer, after.node.layer
    same = before.inputs == after.inputs and before.output == after.output
    return same and all(isinstance(layer, (Flatten, Reshape)) for layer in layers) and layers[0].writes == layers[1].writes


def _means_the_same(before: Cost, after: Cost) -> bool:
    """Whether two layers of one type that do the same are told it in other words: a size as a factor, an axis from behind."""
    old, new = before.node.layer, after.node.layer
    if before.output != after.output or not (before.inputs and after.inputs):
        return False
    if isinstance(old, Upsample) and isinstance(new, Upsample):
        return (old.mode, old.antialias) == (new.mode, new.antialias) and before.inputs == after.inputs
    told = [{each.name: getattr(layer, each.name) for each in fields(layer)} for layer in (old, new)]
    for fields_of, cost in zip(told, (before, after), strict=True):
        if isinstance(fields_of.get("dim"), int):
            fields_of["dim"] %= len(cost.inputs[0])
    return told[0] == told[1]


def _first_input(cost: Cost) -> tuple[Any, ...] | None:
    """The size of what a layer reads first; None for a stored tensor, which reads nothing."""
    return cost.inputs[0][1:] if cost.inputs else None


def _rewired(expected: list[str | None], actual: list[str | None], layer: Layer) -> bool:
    return expected != actual if isinstance(layer, Concat) else Counter(expected) != Counter(actual)


def _matches(ours: list[Cost], theirs: list[Cost]) -> Iterator[tuple[int | None, int | None]]:
    """Index pairs in order, from the path with the highest score through the band of the table of all pairs."""
    n, m = len(ours), len(theirs)
    slack = max(SLACK, CELLS // (2 * max(1, min(n, m))))
    lowest, highest = min(0, m - n) - slack, max(0, m - n) + slack
    scores = _Scores(ours, theirs)
    best = [0] * (m + 1)
    steps: list[tuple[int, bytearray]] = []
    for i in range(1, n + 1):
        first, last = max(1, i + lowest), min(m, i + highest)
        row = bytearray(last - first + 1)
        diagonal = best[first - 1]
        left = 0 if first == 1 else -1
        for j, score in enumerate(scores.between(i - 1, first - 1, last), first):
            up = best[j]
            both = diagonal + score
            # Where it makes no difference, the earlier layers are the ones that match.
            if left >= both and left >= up:
                row[j - first] = _SKIP_THEIRS
            elif up >= both:
                row[j - first] = _SKIP_OURS
                left = up
            else:
                row[j - first] = _BOTH
                left = both
            diagonal = up
            best[j] = left
        steps.append((first, row))
    return reversed(_trace(steps, m))


_SKIP_THEIRS, _SKIP_OURS, _BOTH = range(3)


def _trace(steps: list[tuple[int, bytearray]], j: int) -> list[tuple[int | None, int | None]]:
    i = len(steps)
    path: list[tuple[int | None, int | None]] = []
    while i and j:
        first, row = steps[i - 1]
        step = row[j - first]
        if step != _SKIP_THEIRS:
            i -= 1
        if step != _SKIP_OURS:
            j -= 1
        path.append((None if step == _SKIP_THEIRS else i, None if step == _SKIP_OURS else j))
    path += [(index, None) for index in reversed(range(i))]
    path += [(None, index) for index in reversed(range(j))]
    return path


class _Scores:
    """How well two layers match, 0 if not at all; what is the same for many pairs is computed once."""

    def __init__(self, ours: list[Cost], theirs: list[Cost]) -> None:
        self._ours = [_what(cost, level) for cost, level in _levels(ours)]
        numbers: dict[Any, int] = {}
        self._theirs = [numbers.setdefault(_what(cost, level), len(numbers)) for cost, level in _levels(theirs)]
        self._kinds = list(numbers)
        self._known: dict[Any, _LayerScores] = {}
        position = {cost.node.name: j for j, cost in enumerate(theirs)}
        self._namesakes = [position.get(cost.node.name, -1) for cost in ours]

    def between(self, i: int, first: int, last: int) -> list[int]:
        """The scores of our layer i with theirs from index `first` up to, and not with, `last`; a namesake's has one more."""
        mine = self._ours[i]
        if mine not in self._known:
            self._known[mine] = _LayerScores(mine, self._kinds)
        scores = list(map(self._known[mine].__getitem__, self._theirs[first:last]))
        namesake = self._namesakes[i] - first
        if 0 <= namesake < len(scores) and scores[namesake]:
            scores[namesake] += 1
        return scores


class _LayerScores(dict[int, int]):
    """One layer's scores with every kind of layer of the other network, by number, each computed when it is asked for."""

    def __init__(self, mine: tuple[Any, ...], kinds: list[tuple[Any, ...]]) -> None:
        super().__init__()
        self._mine = mine
        self._kinds = kinds

    def __missing__(self, number: int) -> int:
        value = self[number] = _score(self._mine, self._kinds[number])
        return value


def _what(cost: Cost, level: int) -> tuple[Any, ...]:
    return cost.node.layer, level, cost.output


def _score(a: tuple[Any, ...], b: tuple[Any, ...]) -> int:
    (layer, level, output), (other, other_level, other_output) = a, b
    if type(layer) is not type(other):
        # One activation for another, say, is a change; anything else is a layer less and a layer more.
        return 1 if type(layer).__module__ == type(other).__module__ else 0
    return 4 + int(4 * _likeness(layer, other)) + (3 if level == other_level else 0) + (2 if output == other_output else 0)


def _likeness(layer: Layer, other: Layer) -> float:
    """The share of hyper-parameters that are equal."""
    if type(layer) is not type(other):
        return 0.0
    names = [entry.name for entry in fields(layer)]
    equal = sum(getattr(layer, name) == getattr(other, name) for name in names)
    return equal / len(names) if names else 1.0


def _levels(costs: list[Cost]) -> list[tuple[Cost, int]]:
    """Each layer with how often the resolution has changed by then, which does not depend on the input's size."""
    sizes: dict[Any, int] = {}
    return [(cost, sizes.setdefault(cost.output[2:], len(sizes))) for cost in costs]
