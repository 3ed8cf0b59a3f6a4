"""The modules of a network, as the names of its layers tell them: runs of lines within runs of lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cnnprof.network.graph import Graph, Node
from cnnprof.spec.folding.arguments import RESERVED
from cnnprof.spec.naming import take_name

CONTAINERS = ("Sequential", "ModuleList", "ModuleDict", "")
"""Classes that say nothing of what they hold."""

_LONGEST = 28
"""Characters of a name, which has the last words of a path."""


@dataclass(eq=False)
class Line:
    """Layers that share a line, by the number of the line."""

    number: int
    nodes: list[Node]


@dataclass(eq=False)
class Group:
    """One run of lines of a module, with its class; `numbers` are those of its first line and of the one behind its last.

    `height` says how many groups lie within one another in it, `nested` how many of these are of its own class.
    """

    path: tuple[str, ...]
    kind: str
    parts: list[Group | Line]
    numbers: tuple[int, int]
    height: int = field(init=False)
    nested: int = field(init=False)
    around: Group | None = None

    def __post_init__(self) -> None:
        inner = [part for part in self.parts if isinstance(part, Group)]
        self.height = 1 + max((part.height for part in inner), default=-1)
        self.nested = max((each.nested + 1 for part in inner for each in part.groups() if each.kind == self.kind), default=0)
        for part in inner:
            part.around = self

    def lines(self) -> Iterator[Line]:
        """Its lines, in order."""
        for part in self.parts:
            if isinstance(part, Group):
                yield from part.lines()
            else:
                yield part

    def groups(self) -> Iterator[Group]:
        """Itself, and all groups within."""
        yield self
        for part in self.parts:
            if isinstance(part, Group):
                yield from part.groups()


def grouped(graph: Graph, steps: Sequence[list[Node]]) -> Group:
    """The network as a group."""
    lines = [Line(number, nodes) for number, nodes in enumerate(steps)]
    return _group(lines, (), graph.modules)


def _group(lines: Sequence[Line], path: tuple[str, ...], modules: Mapping[str, str]) -> Group:
    parts: list[Group | Line] = []
    at = 0
    while at < len(lines):
        below = _below(lines[at], len(path))
        end = at + 1
        if below is None:
            parts.append(lines[at])
        else:
            aux = lines[at].nodes[0].aux
            made = {node.shared or node.name for node in lines[at].nodes}
            while end < len(lines) and _below(lines[end], len(path)) == below and lines[end].nodes[0].aux == aux:
                if any(node.shared in made for node in lines[end].nodes):
                    break  # the module runs again
                made.update(node.shared or node.name for node in lines[end].nodes)
                end += 1
            parts.append(_group(lines[at:end], (*path, below), modules))
        at = end
    return Group(path, kind_of(path, modules), parts, (lines[0].number, lines[-1].number + 1) if lines else (0, 0))


def _below(line: Line, depth: int) -> str | None:
    """The module at this depth that holds the whole line."""
    found = {node.path[:-1][depth : depth + 1] for node in line.nodes}
    below = found.pop()
    return below[0] if below and not found else None


def kind_of(path: tuple[str, ...], modules: Mapping[str, str]) -> str:
    """The class of the module; the path's last word where none is known."""
    if modules or not path:
        return modules.get(".".join(path), "")
    words = [re.sub(r"[\d_]+$", "", word) for word in path]
    return next((word for word in reversed(words) if word), "")


def makers(
    root: Group, makes: Mapping[int, Sequence[str]], readers: Mapping[str, Sequence[float]]
) -> dict[str, list[tuple[str, ...]]]:
    """The modules that give a tensor and no other, for each tensor, outermost first.

    Args:
        root: the network.
        makes: the tensors that each line makes.
        readers: the lines that read each tensor, infinity among them if it is an output of the network.
    """
    runs = Counter(group.path for group in root.groups())
    given: dict[int, list[str]] = {}
    around: dict[int, list[Group]] = {}
    for group in root.groups():
        for line in (part for part in group.parts if isinstance(part, Line)):
            around[line.number] = [*_outwards(group)]
    for number, groups in around.items():
        for tensor in makes[number]:
            found = readers.get(tensor, ())
            for group in groups:
                first, last = group.numbers
                if any(not first <= reader < last for reader in found):
                    given.setdefault(id(group), []).append(tensor)
    names: dict[str, list[tuple[str, ...]]] = {}
    for group in root.groups():
        if group is not root and runs[group.path] == 1 and len(tensors := given.get(id(group), [])) == 1:
            names.setdefault(tensors[0], []).append(group.path)
    return names


def _outwards(group: Group | None) -> Iterator[Group]:
    while group is not None:
        yield group
        group = group.around


def snake_case(kind: str) -> str:
    """`BasicBlock` as `basic_block`."""
    word = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind).lower().strip("_")
    word = re.sub(r"\W+", "_", word, flags=re.ASCII)
    return word if word and not word[0].isdigit() else f"block_{word}".rstrip("_")


class Namer:
    """Words for tensors within one group: their paths from there on, or those of the modules that make them.

    Args:
        makers: the modules that give a tensor and no other, outermost first.
        given: the words of tensors that come from outside.
        avoid: words of which no tensor may be called by one.
        roles: what tensors are called within modules, as parts of others: the queries, keys and values of attention.
    """

    def __init__(
        self,
        path: tuple[str, ...],
        makers: Mapping[str, Sequence[tuple[str, ...]]],
        given: Mapping[str, str],
        avoid: Collection[str] = (),
        roles: Mapping[str, str] | None = None,
    ) -> None:
        self._depth = len(path)
        self._makers = makers
        self._names = dict(given)
        self._roles = roles or {}
        self._taken = {*given.values(), *avoid}

    def __call__(self, tensor: str) -> str:
        """The word of a tensor."""
        if tensor not in self._names:
            makers = (path for path in self._makers.get(tensor, ()) if len(path) > self._depth)
            words = next(makers, tensor.split("."))[self._depth :]
            if self._depth and tensor in self._roles:
                words = [self._roles[tensor]]
            while len("_".join(words)) > _LONGEST and any(word[:1].isalpha() for word in words[1:]):
                words = words[next(at for at, word in enumerate(words) if at and word[:1].isalpha()) :]
            self._names[tensor] = take_name("_".join(words) or tensor, RESERVED, self._taken)
        return self._names[tensor]
