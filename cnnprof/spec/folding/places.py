"""Places of a network whose steps are the same but for numbers, and but for a few steps that only some have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from cnnprof.spec.folding.columns import agree
from cnnprof.spec.folding.groups import Group
from cnnprof.spec.folding.outline import Body, Words, walk
from cnnprof.spec.folding.unify import unify


class Place(NamedTuple):
    """A group as a candidate for a block.

    It takes tensors from outside, `listed` if they go into a list, and gives some back, `named` within where they are several.
    `body` has its steps with loops, `loose` with loops of calls alone.
    """

    group: Group
    takes: tuple[str, ...]
    gives: tuple[str, ...]
    named: tuple[str, ...]
    listed: bool
    body: Body
    loose: Body


class Shared(NamedTuple):
    """Steps that several groups share, a column entry each."""

    places: list[Place]
    body: Body
    loose: Body


def shared_steps(places: Iterable[Place], conditions: bool) -> list[Shared]:
    """The places by what they share, in as few sorts as can be; with `conditions` steps that few lack are conditional."""
    found = _joined((Shared([place], place.body, place.loose) for place in places), False)
    return _joined(sorted(found, key=lambda each: -len(each.places)), True) if conditions else found


def _joined(sorts: Iterable[Shared], guards: bool) -> list[Shared]:
    found: list[Shared] = []
    for each in sorts:
        for number, other in enumerate(found):
            both = _together(other, each, guards) if _alike(each.places[0], other.places[0]) else None
            if both is not None:
                found[number] = both
                break
        else:
            found.append(each)
    return found


def _together(one: Shared, other: Shared, guards: bool) -> Shared | None:
    """The steps of both; equal lines that are a loop at one place and none at the other stand one by one."""
    sizes = len(one.places), len(other.places)
    body = _of_one_act(unify(one.body, other.body, sizes, guards))
    # Steps with conditions take long to find, so that they are looked for once.
    loose = None if guards and body is not None else _of_one_act(unify(one.loose, other.loose, sizes, guards))
    if body is None and loose is None:
        return None
    return Shared([*one.places, *other.places], body or loose or (), loose or body or ())


def _of_one_act(body: Body | None) -> Body | None:
    """The steps, if at each place those activations that are arguments are one and the same; else there are none."""
    parts = [part for item in walk(body or ()) if isinstance(item, Words) for part in item.parts if part.word == "use"]
    acts: list[Any] = [dict(part.options)["act"] for part in parts]
    return None if any(not agree(acts[0], other) for other in acts[1:]) else body


def _alike(one: Place, other: Place) -> bool:
    """Whether the two take and give as many tensors."""
    same = one.listed == other.listed and one.named == other.named
    return same and (one.listed or len(one.takes) == len(other.takes))
