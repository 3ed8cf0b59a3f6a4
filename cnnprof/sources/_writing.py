"""Networks written as specs, each read back before anybody gets it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields
from math import isclose
from typing import TYPE_CHECKING, Any, NamedTuple
from warnings import catch_warnings, simplefilter

from cnnprof.errors import CnnprofError, SpecWarning
from cnnprof.footprint.holding import held_at_peak
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph
from cnnprof.network.layers import Layer
from cnnprof.network.layers.arrangement import Flatten, Identity, Reshape, shows_all
from cnnprof.network.layers.resizing import Upsample
from cnnprof.network.recognition import recognize
from cnnprof.network.shapes import walk
from cnnprof.spec import elaborate
from cnnprof.spec.batches import EVERY, MANY, Batches, batch_of, fields_by_batch, is_samplewise
from cnnprof.spec.family import parse_family
from cnnprof.spec.held import write_held
from cnnprof.spec.reader import MAX_BYTES, Source
from cnnprof.spec.writer import write_folded, write_spec

if TYPE_CHECKING:
    from cnnprof.sources import Model


_HOPELESS = 2
"""A folded text that is so many times as long as a file may be is too long in whatever other form, too."""

Again = Callable[[int], Graph]
"""The same network at another batch."""


def write_text(graph: Graph, compact: bool, flat: bool = False, partial: bool = False, again: Again | None = None) -> str:
    """A spec that describes the graph, by blocks and loops, or `flat`, or with one line a layer where it is not `compact`.

    What is not counted stands as `opaque` in a `partial` one. With `again` it describes the network at every batch as far as
    can be; where a size may hold the batch and nothing else is known, it says that it is for the graph's batch alone.

    It was read back and gives the same figures; with blocks, the same layers. Raises CnnprofError with a list of what the
    language cannot say.
    """
    *tried, last = _readings(graph, again)
    for reading in tried:
        try:
            return reading.text(compact, flat, partial)
        except _HopelessError:  # noqa: PERF203 - there is one, or none
            raise
        except CnnprofError:
            continue
    return last.text(compact, flat, partial)


def _readings(graph: Graph, again: Again | None) -> Iterator[_Reading]:
    """The network as it may be written, what holds for most batches first."""
    if again is not None:
        if (found := _at_many(graph, again)) is not None:
            yield found
    elif is_samplewise(_plain(graph)):
        yield _Reading((graph,))
        return
    yield _Reading((graph,), Batches(only=batch_of(graph)))


def _at_many(graph: Graph, again: Again) -> _Reading | None:
    """The network in terms of the batch; None where it cannot be run at another one, or its layers do not follow it."""
    with suppress(CnnprofError), catch_warnings():
        simplefilter("ignore", SpecWarning)
        one, other = map(again, MANY)
        fields = fields_by_batch(_plain(one), _plain(other), _plain(graph))
        if fields is not None:
            return _Reading((one, graph, other), Batches(fields))
    return None


class _HopelessError(CnnprofError):
    """The network is too large for any text."""


class _Reading(NamedTuple):
    """A network at several batches, and what its layers say of these; the text is made of the first."""

    graphs: tuple[Graph, ...]
    batches: Batches = EVERY

    def text(self, compact: bool, flat: bool, partial: bool) -> str:
        """The text, read back at each batch, with what is held longer. Raises CnnprofError where none says the same."""
        return self._with_held(self._written(compact, flat, partial))

    def _with_held(self, text: str) -> str:
        """The text, in which those layers have names that its own network gives them."""
        held = held_at_peak([*map(_plain, self.graphs)])
        if not held:
            return text
        read = next(self._read(text))
        ours, theirs = _numbers(_plain(self.graphs[0])), {number: name for name, number in _numbers(_plain(read)).items()}
        pairs = [(ours[layer], ours[last]) for layer, last in held.items()]
        named = {theirs[layer]: theirs[last] for layer, last in pairs if 0 <= layer < last and {layer, last} <= theirs.keys()}
        if not named:
            return text
        lines = text.splitlines(keepends=True)
        at = next(number for number, line in enumerate(lines) if line.rstrip() in ("tables:", "blocks:", "shared:", "layers:"))
        return "".join([*lines[:at], *(f"{line}\n" for line in write_held(named)), *lines[at:]])

    def _written(self, compact: bool, flat: bool, partial: bool) -> str:
        graph, batches = self.graphs[0], self.batches
        if compact and not flat:
            # Where a fold says something else than what it was made of, the plain steps are no worse.
            for text in self._folded(partial):
                if len(text) > _HOPELESS * MAX_BYTES:
                    self._check_size(text, _HopelessError)
                if self._is_said_by(text):
                    return text
        try:
            text = write_spec(graph, compact, batches)
        except CnnprofError:
            # Layers without a word stand by their types, as among blocks.
            text = write_folded(graph, partial, blocks=False, compact=compact, batches=batches)
            if (flat or not compact) and self._is_said_by(text):
                return text
            self._check_size(text)
            raise
        for each, read in zip(self.graphs, self._read(text), strict=True):
            ours, theirs = analyze(each).totals, analyze(read).totals
            for what in ("params", "aux_params", "ops", "activations"):
                if getattr(ours, what) != getattr(theirs, what):
                    raise CnnprofError(f"{graph.name} cannot be written as a spec: read back, it has other {what}")
        return text

    def _folded(self, partial: bool) -> Iterator[str]:
        """The text by blocks and loops, the best to read first: fewest lines and layers without a word."""
        graph = self.graphs[0]
        texts = [write_folded(graph, partial, batches=self.batches)]
        if " tokens" in texts[0]:
            texts.append(write_folded(graph, partial, batches=self.batches, tokens=False))
        yield from sorted(texts, key=lambda text: text.count("\n") + text.count("op "))
        yield write_folded(graph, partial, batches=self.batches, conditions=False, tokens=False)
        yield write_folded(graph, partial, blocks=False, batches=self.batches)

    def _is_said_by(self, text: str) -> bool:
        """Whether the text, read back, is the network, layer by layer."""
        with suppress(CnnprofError, RecursionError):
            return all(
                _layers(_plain(read)) == _layers(_plain(graph))
                for graph, read in zip(self.graphs, self._read(text), strict=True)
            )
        return False

    def _read(self, text: str) -> Iterator[Graph]:
        """The network that a text describes, at each batch. Raises CnnprofError if it is none."""
        self._check_size(text)
        family = parse_family(Source("the written spec", text), self.graphs[0].name)
        return (elaborate(family, batch=batch_of(graph)) for graph in self.graphs)

    def _check_size(self, text: str, kind: type[CnnprofError] = CnnprofError) -> None:
        """Raise CnnprofError, of that kind, for a text that no file may have."""
        if (size := len(text.encode())) > MAX_BYTES:
            message = f"{self.graphs[0].name} is too large for a spec: {size:,} bytes, and one has at most {MAX_BYTES:,}"
            raise kind(message, hint="cnnprof summary shows the network as it is")


def own_spec(model: Model) -> str:
    """The text of a spec of this very network: its file, or one of its layers. Raises CnnprofError as `write_text`."""
    if model.source == "specs" and not model.settings and model.size is None:
        from cnnprof.sources.specs import own_text

        return own_text(model.name)
    return write_text(model.graph(), compact=True, again=lambda batch: model.graph(batch=batch))


def _plain(graph: Graph) -> Graph:
    return recognize(graph)


def _layers(graph: Graph) -> list[tuple[Any, ...]]:
    """Every layer with those that it reads, by number, and the outputs; what only hands on its input is left out."""
    return _numbered(graph)[0]


def _numbers(graph: Graph) -> dict[str, int]:
    """The number that each layer has there, by name; that of its input for what only hands it on."""
    return _numbered(graph)[1]


def _numbered(graph: Graph) -> tuple[list[tuple[Any, ...]], dict[str, int]]:
    number = {name: -1 - at for at, name in enumerate(graph.inputs)}
    found: list[tuple[Any, ...]] = []
    for node, inputs, output in walk(graph.nodes, graph.inputs):
        sources = tuple(number[name] for name in node.inputs)
        if isinstance(node.layer, Identity) or (inputs and shows_all(node.layer, inputs[0])):
            number[node.name] = sources[0]
            continue
        number[node.name] = len(found)
        owner = number[node.shared] if node.shared else None
        said = _said(node.layer, len(inputs[0]) if inputs else 0)
        if isinstance(node.layer, Upsample):
            said = (Upsample, node.layer.mode, node.layer.antialias, output)  # a size says no more than a factor
        elif isinstance(node.layer, Flatten):
            said = _said(Reshape(output, copy=node.layer.copy), 0)  # what it makes may be said by its size
        found.append((said, sources, node.aux, owner, node.owns_params, node.trainable))
    return [*found, tuple(number[name] for name in graph.outputs)], number


def _said(layer: Layer, axes: int) -> tuple[Any, ...]:
    """A layer's type and what it is told, numbers as far as a text has them, and an axis counted from the front."""
    values = {each.name: getattr(layer, each.name) for each in fields(layer)}
    if axes and isinstance(values.get("dim"), int):
        values["dim"] %= axes
    return (type(layer), *(_Near(value) if isinstance(value, float) else value for value in values.values()))


class _Near(float):
    """A number that equals what is hardly another."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and isclose(self, other, rel_tol=1e-6)

    def __hash__(self) -> int:
        return hash(round(self, 6))
