"""Networks written as specs, each read back before anybody gets it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from math import isclose
from typing import TYPE_CHECKING, Any

from cnnprof.errors import CnnprofError
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph
from cnnprof.network.layers import Layer
from cnnprof.network.layers.arrangement import Identity
from cnnprof.network.layers.resizing import Upsample
from cnnprof.network.shapes import walk

if TYPE_CHECKING:
    from cnnprof.sources import Model


def write_text(graph: Graph, compact: bool, flat: bool = False, partial: bool = False) -> str:
    """A spec that describes the graph, by blocks and loops, or `flat`, or with one line a layer where it is not `compact`.

    What is not counted stands as `opaque` in a `partial` one.

    It was read back and gives the same figures; with blocks, the same layers. Raises CnnprofError with a list of what the
    language cannot say.
    """
    from cnnprof.spec.writer import write_folded, write_spec

    if compact and not flat:
        # Where a fold says something else than what it was made of, the plain steps are no worse.
        for blocks in (True, False):
            text = write_folded(graph, partial, blocks)
            if _says(text, graph):
                return text
    try:
        text = write_spec(graph, compact)
    except CnnprofError:
        # Layers without a word stand by their types, as among blocks.
        if flat and _says(text := write_folded(graph, blocks=False), graph):
            return text
        raise
    ours, theirs = (analyze(each).totals for each in (graph, _read(text, graph)))
    for what in ("params", "aux_params", "ops", "activations"):
        if getattr(ours, what) != getattr(theirs, what):
            raise CnnprofError(f"{graph.name} cannot be written as a spec: read back, it has other {what}")
    return text


def _says(text: str, graph: Graph) -> bool:
    """Whether the text, read back, is the network, layer by layer."""
    with suppress(CnnprofError, RecursionError):
        return _layers(_read(text, graph)) == _layers(_plain(graph))
    return False


def own_spec(model: Model) -> str:
    """The text of a spec of this very network: its file, or one of its layers. Raises CnnprofError as `write_text`."""
    if model.source == "specs" and not model.settings and model.size is None:
        from cnnprof.sources.specs import own_text

        return own_text(model.name)
    return write_text(model.graph(), compact=True)


def _plain(graph: Graph) -> Graph:
    from cnnprof.network.recognition import recognize

    return recognize(graph)


def _read(text: str, graph: Graph) -> Graph:
    """The network that a text describes, as large as the graph's. Raises CnnprofError if it is none."""
    from cnnprof.spec import elaborate
    from cnnprof.spec.family import parse_family
    from cnnprof.spec.reader import MAX_BYTES, Source

    if (size := len(text.encode())) > MAX_BYTES:
        message = f"{graph.name} is too large for a spec: {size:,} bytes, and one has at most {MAX_BYTES:,}"
        raise CnnprofError(message, hint="cnnprof summary shows the network as it is")
    return elaborate(parse_family(Source("the written spec", text), graph.name), batch=int(graph.input_shape[0]))


def _layers(graph: Graph) -> list[tuple[Any, ...]]:
    """Every layer with those that it reads, by number, and the outputs; what only hands on its input is left out."""
    number = {name: -1 - at for at, name in enumerate(graph.inputs)}
    found: list[tuple[Any, ...]] = []
    for node, inputs, output in walk(graph.nodes, graph.inputs):
        sources = tuple(number[name] for name in node.inputs)
        if isinstance(node.layer, Identity):
            number[node.name] = sources[0]
            continue
        number[node.name] = len(found)
        owner = number[node.shared] if node.shared else None
        said = _said(node.layer, len(inputs[0]) if inputs else 0)
        if isinstance(node.layer, Upsample):
            said = (Upsample, node.layer.mode, output)  # a size says no more than a factor
        found.append((said, sources, node.aux, owner, node.owns_params, node.trainable))
    return [*found, tuple(number[name] for name in graph.outputs)]


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
