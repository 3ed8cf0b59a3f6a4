"""Layers in a row as steps: what a join reads becomes its branches where the layers before it are just that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cnnprof.spec.folding.outline import Aux, Body, Call, Item, Join, Name, Ref, Words, weight

_LONGEST = 24
"""Steps of a join's branches; where there are more, names are easier to read."""

_HEAVIEST = 60
_DEEPEST = 3
_SHORT = 8
"""Layers of a branch that begins with what is here, beside branches that begin elsewhere."""


class Element(NamedTuple):
    """A line of layers, a join or a call, with the tensors that it reads and makes.

    `reads` begins with the one that it continues from, if there is one; a join's are its branches.
    """

    item: Words | Join | Call
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    aux: bool = False


@dataclass
class _Placed:
    """An element with what it continues from; the branches of a join are tensors, or the elements that make them."""

    element: Element
    start: str | None
    branches: tuple[str | list[_Placed], ...] = ()
    depth: int = 0
    apart: tuple[str, ...] = ()
    """The tensors that branches of it begin with although they are not here."""

    @property
    def out(self) -> str | None:
        """The tensor that it leaves here; None for several."""
        return self.element.makes[-1] if len(self.element.makes) == 1 else None


def structure(
    elements: Sequence[Element],
    entry: str | None,
    ends: Sequence[str],
    name: Callable[[str], str],
    channels: Callable[[str], int | None],
    listed: Sequence[str] = (),
    nested: bool = True,
) -> Body:
    """The elements as steps, in their order.

    Args:
        entry: the tensor that is here before the first.
        ends: the tensors that are given back: one is what is here behind the last step, several have names.
        name: what a tensor is called.
        channels: how many it has.
        listed: tensors that have names whoever reads them.
        nested: layers before a join may be its branches; without it these are names.
    """
    placed: list[_Placed] = []
    heads: list[_Placed] = []
    readers = Counter([*ends, *listed, *(name for element in elements for name in element.reads)])
    for element in elements:
        if element.aux:
            heads = _place(heads, element, placed[-1].out if placed else entry, nested, readers)
            continue
        if heads:
            placed.append(_head(heads, placed[-1].out if placed else entry))
            heads = []
        placed = _place(placed, element, entry, nested, readers)
    if heads:
        placed.append(_head(heads, placed[-1].out if placed else entry))
    writer = _Writer(name, channels, {*listed, *(ends if len(ends) != 1 else ())})
    writer.write(placed, entry, ends)
    return writer.write(placed, entry, ends)


def _head(heads: list[_Placed], here: str | None) -> _Placed:
    """A training-only head: what is here stays here."""
    element = Element(heads[0].element.item, (), (here or "",), True)
    return _Placed(element, None, (heads,))


def _place(
    placed: list[_Placed], element: Element, entry: str | None, nested: bool, readers: Mapping[str, int]
) -> list[_Placed]:
    item = element.item
    if not isinstance(item, Join) or item.listed or (item.is_layer and len(element.reads) < 2):
        return [*placed, _Placed(element, element.reads[0] if element.reads else None)]
    longest = _LONGEST if nested else 0
    for first in range(len(placed) - 1, max(-1, len(placed) - 1 - longest), -1):
        start = placed[first - 1].out if first else entry
        branches = start and _branches(placed[first:], start, element.reads)
        if branches:
            depth = 1 + max(each.depth for each in placed[first:])
            if item.kind == "concat" and start in element.reads and any(map(_is_skip, placed[first:])):
                break  # a U-Net's skip connections are easier to follow by name
            if depth > _DEEPEST or sum(weight((each.element.item,)) for each in placed[first:]) > _HEAVIEST:
                break
            return [*placed[:first], _Placed(element, start, branches, depth)]
    if nested and (chains := _from_elsewhere(placed, element.reads, entry, readers)):
        first = len(placed) - sum(map(len, chains.values()))
        start = placed[first - 1].out if first else entry
        joined = tuple(chains.get(name) or name for name in element.reads)
        begins = tuple(chain[0].start or "" for chain in chains.values() if chain[0].start != start)
        return [*placed[:first], _Placed(element, start, joined, 1, begins)]
    here = placed[-1].out if placed else entry
    return [*placed, _Placed(element, here, element.reads)]


def _from_elsewhere(
    placed: list[_Placed], reads: Sequence[str], entry: str | None, readers: Mapping[str, int]
) -> dict[str, list[_Placed]]:
    """The last elements as branches, by what they give, that begin with tensors that have names; none if they are not that."""
    found: dict[str, list[_Placed]] = {}
    left, end, jumps = [*reads], len(placed), False
    while end and left and placed[end - 1].out in left and readers[placed[end - 1].out or ""] == 1:
        first = end
        while first and _is_plain(placed[first - 1]):
            first -= 1
            here = placed[first - 1].out if first else entry
            begins = placed[first].start
            if begins != here or readers[begins or ""] > 1:
                break
        if first == end or begins is None:
            break
        chain = placed[first:end]
        if begins == here and (found or readers[begins] == 1) and sum(weight((each.element.item,)) for each in chain) > _SHORT:
            break
        out = chain[-1].out or ""
        found = {out: chain, **found}
        left, end = left[: left.index(out)], first
        jumps = jumps or begins != here
        if begins == here:
            break
    alone = len(found) == 1 and not jumps and readers[begins or ""] > 1
    return found if jumps or alone else {}


def _is_plain(each: _Placed) -> bool:
    item = each.element.item
    takes = isinstance(item, Join) or (isinstance(item, Call) and bool(item.tensors))
    return not takes and not each.element.aux and each.start is not None and each.out is not None


def _is_skip(placed: _Placed) -> bool:
    item = placed.element.item
    return isinstance(item, Join) and item.kind == "concat" and placed.start in placed.branches


def _branches(placed: list[_Placed], start: str, reads: Sequence[str]) -> tuple[str | list[_Placed], ...]:
    """The elements as branches from `start` on that make what the join reads; none if they are not just that."""
    chains: list[list[_Placed]] = []
    for number, each in enumerate(placed):
        if number == 0 or each.start in (start, None):
            if each.start not in (start, None) or each.element.aux:
                return ()
            chains.append([each])
        elif each.start == chains[-1][-1].out and each.start is not None and not each.element.aux:
            chains[-1].append(each)
        else:
            return ()
    if any(chain[0].apart for chain in chains) or any(start in each.apart for each in placed):
        return ()  # what begins elsewhere is no part of what begins here
    ends = [chain[-1].out for chain in chains]
    if [name for name in reads if name != start] != ends:
        return ()
    left = iter(chains)
    return tuple(start if name == start else next(left) for name in reads)


class _Writer:
    """Steps with names for the tensors that are read elsewhere; it runs twice, as it finds them on its first run."""

    def __init__(self, name: Callable[[str], str], channels: Callable[[str], int | None], named: set[str]) -> None:
        self.name = name
        self.channels = channels
        self.named = named

    def write(self, placed: Sequence[_Placed], entry: str | None, ends: Sequence[str]) -> Body:
        body, here = self._chain(placed, entry)
        if len(ends) == 1 and here != ends[0]:
            body = (*body, Ref(self._read(ends[0])))
        return (Name(self.name(entry)), *body) if entry in self.named and entry is not None else body

    def _read(self, tensor: str) -> str:
        self.named.add(tensor)
        return self.name(tensor)

    def _chain(self, placed: Sequence[_Placed], here: str | None) -> tuple[Body, str | None]:
        body: list[Item] = []
        for each in placed:
            if each.element.aux and len(each.branches) == 1 and isinstance(each.branches[0], list):
                body.append(Aux(self._chain(each.branches[0], here)[0]))
                continue
            if each.start is not None and each.start != here and not self._is_free(each):
                body.append(Ref(self._read(each.start)))
            body.append(self._item(each, here))
            here = each.out
        return tuple(body), here

    def _is_free(self, each: _Placed) -> bool:
        """Whether the step reads nothing of what is here."""
        item = each.element.item
        return isinstance(item, Join) and bool(item.listed)

    def _item(self, each: _Placed, here: str | None) -> Item:
        item = each.element.item
        makes = each.element.makes
        if each.start is None and not isinstance(item, Call):
            item = item._replace(channels=(here and self.channels(here),))
        if isinstance(item, Join) and not item.listed:
            branches = tuple(self._branch(branch, each.start) for branch in each.branches)
            item = item._replace(branches=branches, channels=(each.start and self.channels(each.start),))
        elif isinstance(item, Call):
            tensors = tuple(map(self._argument, item.tensors))
            item = item._replace(tensors=tensors, gives=tuple(map(self._read, item.gives)))
        if len(makes) == 1 and makes[0] in self.named:
            return item._replace(name=self.name(makes[0]))
        return item

    def _argument(self, tensor: str | tuple[str, ...]) -> str:
        if isinstance(tensor, str):
            return self._read(tensor)
        return f"[{', '.join(map(self._read, tensor))}]"

    def _branch(self, branch: str | list[_Placed], start: str | None) -> Body:
        if isinstance(branch, list):
            return self._chain(branch, start)[0]
        return () if branch == start else (Ref(self._read(branch)),)
