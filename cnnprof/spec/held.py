"""How long a network's own code holds what its layers give, where that is longer than it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from cnnprof.errors import did_you_mean
from cnnprof.network.graph import Node
from cnnprof.spec.located import Token, whole_token
from cnnprof.spec.reader import Entries, Scalar, Yaml

_WIDTH = 120


class Held(NamedTuple):
    """A layer whose output is held until another one has run."""

    layer: Token
    last: Token


def read_held(node: Yaml) -> tuple[Held, ...]:
    """The entries under `held`. Raises SpecError for what is no mapping of names."""
    if not isinstance(node, Entries):
        raise node.error("'held' is a mapping of layers to layers", "as in held: {maxpool1: stage1.conv2}")
    found = []
    for key, last in node.pairs:
        if not isinstance(last, Scalar):
            raise last.error("this is the name of a layer", "as in held: {maxpool1: stage1.conv2}")
        found.append(Held(whole_token(key), whole_token(last)))
    return tuple(found)


def hold(nodes: Sequence[Node], held: Sequence[Held]) -> tuple[Node, ...]:
    """The nodes, those that are held until the last that is said.

    Raises SpecError for a layer that is not there, or that runs before the one that is held.
    """
    steps = {node.name: step for step, node in enumerate(nodes)}
    until = {}
    for each in held:
        for token in each:
            if token.text not in steps:
                raise token.error(f"there is no layer '{token.text}'", did_you_mean(token.text, steps))
        if steps[each.last.text] <= steps[each.layer.text]:
            raise each.last.error(f"'{each.last.text}' does not run after '{each.layer.text}'")
        until[each.layer.text] = each.last.text
    return tuple([replace(node, until=until[node.name]) if node.name in until else node for node in nodes])


def write_held(held: Mapping[str, str]) -> list[str]:
    """The lines that say it."""
    pairs = [f"{layer}: {last}" for layer, last in held.items()]
    line = f"held: {{{', '.join(pairs)}}}"
    return [line] if len(line) <= _WIDTH else ["held:", *(f"  {pair}" for pair in pairs)]
