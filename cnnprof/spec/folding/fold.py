"""A graph as an outline: blocks for the modules that come again, and what is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

from cnnprof.network.graph import Graph, Node
from cnnprof.network.layers.arrangement import Unknown
from cnnprof.network.naming import free_name
from cnnprof.spec.folding.arguments import RESERVED, Arguments
from cnnprof.spec.folding.groups import CONTAINERS, Group, Line, Namer, grouped, makers, snake_case
from cnnprof.spec.folding.joins import Element, structure
from cnnprof.spec.folding.loops import folded, lines_again
from cnnprof.spec.folding.outline import Block, Body, Call, Column, Join, Outline, Part, Words, read_part, walk
from cnnprof.spec.folding.places import Place, Shared, shared_steps
from cnnprof.spec.folding.roles import roles
from cnnprof.spec.folding.sharing import shared_modules
from cnnprof.spec.folding.stages import staged
from cnnprof.spec.folding.text import height
from cnnprof.spec.sayable import join_word
from cnnprof.spec.wording import Wording

_FROM_OUTSIDE = ("x", "y", "z", "u", "v")
"""Names for the tensors that a block gets from outside, the one that it continues from first."""

_LEAST = 3
"""Lines of a block without a class of its own."""


def fold(graph: Graph, wording: Wording, blocks: bool = True, nested: bool = True, conditions: bool = True) -> Outline:
    """The network as blocks and steps; without `blocks` as one step after the other, but for weights that are shared.

    Without `nested` the branches of joins are names, too; without `conditions` blocks have no steps that only some calls run.
    """
    folder = _Folder(graph, wording, nested)
    if blocks:
        folder.find_blocks(conditions)
    return folder.outline(_with_loops if blocks else lambda body: body)


def _with_loops(body: Body) -> Body:
    """The network's own steps with loops over lists and loops of equal lines, whichever of them first makes fewer lines."""
    return min(lines_again(staged(folded(body, lines=False))), staged(folded(body)), key=height)


class _Folder:
    def __init__(self, graph: Graph, wording: Wording, nested: bool) -> None:
        self.graph = graph
        self.wording = wording
        self.nested = nested
        steps = wording.steps()
        self.root = grouped(graph, steps)
        self.blocks: list[Block] = []
        self.names: set[str] = set()
        self.calls: dict[int, Element] = {}
        self.shared: dict[str, str] = {}
        modules = [*shared_modules(self.root)]
        self.whole = {node.name for groups in modules for each in groups for line in each.lines() for node in line.nodes}
        self.leaves = {line.number: self._leaf(line) for line in self.root.lines()}
        self.readers: dict[str, list[float]] = {name: [inf] for name in wording.outputs}
        for number, element in self.leaves.items():
            for name in element.reads:
                self.readers.setdefault(name, []).append(number)
        self.roles = roles(wording)
        self.makers = makers(self.root, {number: element.makes for number, element in self.leaves.items()}, self.readers)

        for groups in modules:
            self._share(groups)

    def _share(self, groups: Sequence[Group]) -> None:
        """A module that runs again as a block that shares its weights."""
        places = [self._place(group) for group in groups]
        if any(len(place.takes) != 1 or len(place.gives) != 1 or place.listed for place in places):
            numbers = {line.number: line for group in groups for line in group.lines()}
            self.whole -= {node.name for line in numbers.values() for node in line.nodes}
            self.leaves |= {number: self._leaf(line) for number, line in numbers.items()}
            return
        settled = Arguments(1).settle(places[0].body)
        name = self._free(snake_case("_".join(word for word in groups[0].path if not word.isdigit()) or groups[0].kind))
        self.blocks.append(Block(name, (), (), settled, shared=True))
        for group, place in zip(groups, places, strict=True):
            call = Call(name, (), (), (self._channels(place.takes[0]),))
            self.calls[id(group)] = Element(call, place.takes, place.gives)

    def find_blocks(self, conditions: bool) -> None:
        """Fold from the innermost modules on."""
        kinds: dict[tuple[str, int], list[Group]] = {}
        for group in self.root.groups():
            if group is not self.root and id(group) not in self.calls and self._may_be_block(group):
                kinds.setdefault((self._name(group), group.nested), []).append(group)
        for (name, _), members in sorted(kinds.items(), key=lambda kind: max(group.height for group in kind[1])):
            if len(members) > 1:
                self._block(name, members, conditions)

    def outline(self, finish: Callable[[Body], Body]) -> Outline:
        """The network's own steps, with the blocks that there are; `finish` finds loops in them."""
        entry = None if self.graph.further_inputs else self.graph.input_name
        ends = self.wording.outputs
        named = self.wording.names_outputs
        namer = Namer((), self.makers, {}, [block.name for block in self.blocks])
        for tensor in self.graph.further_inputs and self.graph.inputs:
            namer(tensor)
        body = structure(
            self._elements(self.root),
            entry,
            ends if not named else (),
            namer,
            self._channels,
            ends if named else (),
            self.nested,
        )
        return Outline(tuple(self.blocks), finish(body), tuple(map(namer, ends)) if named else (), namer)

    def _may_be_block(self, group: Group) -> bool:
        aux = {line.nodes[0].aux for line in group.lines()}
        bare = group.around is None or group.around.kind in CONTAINERS
        return aux == {False} and (group.kind not in CONTAINERS or bare)

    def _name(self, group: Group) -> str:
        if group.kind not in CONTAINERS:
            return group.kind
        return next((word for word in reversed(group.path) if not word.isdigit()), "block") + " block"

    def _leaf(self, line: Line) -> Element:
        first, last = line.nodes[0], line.nodes[-1]
        reads = self.wording.read_by(line.nodes)
        channels = (self._channels(reads[0]) if reads else None,)
        if first.name in self.wording.shared - self.whole:
            return self._shared(first, reads, channels)
        if first.name in self.wording.wordless:
            return Element(self._wordless(first, channels), reads, (last.name,), first.aux)
        if (word := join_word(first)) is not None:
            join = Join(word, getattr(first.layer, "inplace", False), (), channels)
            return Element(join, reads, (last.name,), first.aux)
        parts = tuple(map(read_part, self.wording.words(line.nodes)))
        if first.name in self.wording.runs and self.wording.runs[first.name].several:
            return self._split(parts[0], reads, channels, tuple(node.name for node in line.nodes), first.aux)
        return Element(Words(parts, channels, path=first.path), reads, (last.name,), first.aux)

    def _split(self, part: Part, reads: tuple[str, ...], channels: Column, makes: tuple[str, ...], aux: bool) -> Element:
        """A word that gives several outputs, as a call of a block that does."""
        options = dict(part.options)
        usual = tuple((key, -1 if key == "axis" else None) for key in options)
        call = Call(part.word, part.options, usual, (None,) if "axis" in options else channels, (), makes)
        return Element(call, reads, makes, aux)

    def _shared(self, node: Node, reads: tuple[str, ...], channels: tuple[int | None]) -> Element:
        """A layer whose weights others use, too, as a call of a block that has them."""
        owner = node.shared or node.name
        if owner not in self.shared:
            words = " ".join(word for word in owner.split(".") if not word.isdigit()) or "layer"
            name = self._free(snake_case(words))
            self.shared[owner] = name
            self.blocks.append(Block(name, (), (), (self._once(node, channels),), shared=True))
        return Element(Call(self.shared[owner], (), (), channels), reads, (node.name,), node.aux)

    def _once(self, node: Node, channels: Column) -> Words | Join:
        """A layer as what its weights belong to."""
        if node.name not in self.wording.wordless:
            return Words(tuple(map(read_part, self.wording.words([node]))), channels)
        item = self._wordless(node, channels)
        return item if node.owns_params else item._replace(fields=tuple(each for each in item.fields if each[0] != "weights"))

    def _wordless(self, node: Node, channels: Column) -> Join:
        """A layer by its type."""
        kind = f"opaque {node.layer.type}" if isinstance(node.layer, Unknown) else f"op {type(node.layer).__name__}"
        return Join(kind, False, (), channels, fields=self.wording.told(node))

    def _free(self, base: str) -> str:
        """A name for a block that nothing else has."""
        taken = {*self.names, *(block.name for block in self.blocks)}
        return free_name(f"{base}_block" if base in RESERVED else base, taken, first=2)

    def _elements(self, group: Group) -> list[Element]:
        found: list[Element] = []
        for part in group.parts:
            if isinstance(part, Line):
                found.append(self.leaves[part.number])
            elif id(part) in self.calls:
                found.append(self.calls[id(part)])
            else:
                found += self._elements(part)
        return found

    def _face(self, group: Group, elements: Sequence[Element]) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
        """The tensors that a group takes from outside and gives back, and whether what it takes goes into a list."""
        made = {name for element in elements for name in element.makes}
        takes = tuple(dict.fromkeys(name for element in elements for name in element.reads if name not in made))
        first, last = group.numbers
        gives = tuple(
            name
            for element in elements
            for name in element.makes
            if any(not first <= number < last for number in self.readers.get(name, ()))
        )
        head = elements[0]
        listed = (
            isinstance(head.item, Join)
            and head.item.kind == "concat"
            and head.reads == takes
            and not any(name in takes for element in elements[1:] for name in element.reads)
        )
        return takes, gives, listed

    def _place(self, group: Group) -> Place:
        elements = self._elements(group)
        takes, gives, listed = self._face(group, elements)
        entry = takes[0] if takes else None
        names = dict(zip(takes, _FROM_OUTSIDE, strict=False))
        if listed:
            head = elements[0]
            assert isinstance(head.item, Join)
            elements = [head._replace(item=head.item._replace(listed="xs"), reads=()), *elements[1:]]
            names, entry = {}, None
        taken = ("xs", *(block.name for block in self.blocks))
        namer = Namer(group.path, self.makers, names, taken, self.roles)
        body = structure(elements, entry, gives, namer, self._channels)
        self.names |= _names(body)
        named = tuple(map(namer, gives)) if len(gives) > 1 else ()
        return Place(group, takes, gives, named, listed, folded(body), folded(body, lines=False))

    def _block(self, name: str, members: Sequence[Group], conditions: bool) -> None:
        """Make blocks of the groups of one class, as few as can be."""
        places = [
            place
            for place in map(self._place, members)
            if place.takes and place.gives and (len(place.takes) <= len(_FROM_OUTSIDE) or place.listed)
        ]
        for found in shared_steps(places, conditions and members[0].kind not in CONTAINERS):
            if len(found.places) > 1:
                self._add(name, found)

    def _add(self, kind: str, found: Shared) -> None:
        first = found.places[0]
        tensors = ("xs",) if first.listed else _FROM_OUTSIDE[1 : len(first.takes)]
        entry = tuple(self._channels(place.takes[0]) for place in found.places) if not first.listed else ()
        taken = (*tensors, "x", *_names(found.body))
        arguments = Arguments(len(found.places), taken, entry, len(first.group.path))
        body = lines_again(arguments.settle(found.body))
        lines, calls = height(body), len(found.places)
        least = _LEAST if first.group.kind in CONTAINERS else 2
        lines += lines == 1 and height(body, True) > 2  # one line of several calls is worth a name
        if lines < least or calls * height(body, True) <= calls + lines + 1:
            return
        name = self._free(snake_case(kind))
        signature = arguments.arguments()
        self.blocks.append(Block(name, signature, tensors, body, first.named))
        for place_number, place in enumerate(found.places):
            given = arguments.given(place_number)
            call = Call(
                name,
                tuple((each.name, (given[each.name] if given[each.name] is not None else each.default,)) for each in signature),
                tuple(signature),
                (self._channels(place.takes[0]),),
                (place.takes,) if first.listed else place.takes[1:],
                place.gives if len(place.gives) > 1 else (),
                path=place.group.path,
            )
            takes = (place.takes[-1], *place.takes[:-1]) if first.listed else place.takes
            self.calls[id(place.group)] = Element(call, takes, place.gives)

    def _channels(self, tensor: str) -> int | None:
        shape = self.wording.shapes[tensor]
        axis = -1 if tensor in self.wording.tokens else 1
        return shape[axis] if len(shape) > 1 else None


def _names(body: Body) -> set[str]:
    return {name for item in walk(body) if (name := getattr(item, "name", ""))}
