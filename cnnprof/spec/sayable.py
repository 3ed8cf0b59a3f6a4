"""Layers by themselves, and what words say of them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from cnnprof.network.dims import Shape
from cnnprof.network.graph import Node
from cnnprof.network.layers.activation import Softmax
from cnnprof.network.layers.arrangement import Copy, Flatten, Pad, Reshape, Roll, Select, Slice, Unknown
from cnnprof.network.layers.base import Layer
from cnnprof.network.layers.elementwise import Arithmetic, Reduce
from cnnprof.network.layers.linear import Linear, Parameter
from cnnprof.network.layers.normalization import LayerNorm
from cnnprof.record import changed
from cnnprof.spec.operations import is_elementwise, key_of
from cnnprof.spec.words import JOINS, UnsayableError, write_layer


def _kind(layer: Layer) -> object:
    """The key by which layers of joins are told apart."""
    return layer.op if isinstance(layer, Arithmetic) else type(layer)


_JOIN_WORDS = {_kind(row.layer()): word for word, row in JOINS.items() if not row.each}
_JOINED_ARITHMETIC = [layer for row in JOINS.values() if isinstance(layer := row.layer(), Arithmetic)]


def join_word(node: Node) -> str | None:
    """The word that joins what the node reads; None for a layer that joins nothing."""
    if isinstance(node.layer, Arithmetic) and (len(node.inputs) != 2 or node.layer not in _JOINED_ARITHMETIC):
        return None
    return _JOIN_WORDS.get(_kind(node.layer))


def told(node: Node, by_batch: Mapping[str, Any], copies_as_said: bool) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """The keys behind `op` or `opaque`: the fields of the layer, and weights that are not its own or not trained."""
    values = {**changed(node.layer), **by_batch}
    if isinstance(node.layer, (Flatten, Reshape)):
        copies = values.pop("copy", node.layer.copy)
        values |= {"copy": copies} if copies_as_said else {}
    weights = " ".join(["given"] * (not node.owns_params) + ["frozen"] * (not node.trainable))
    if isinstance(node.layer, Unknown):
        del values["op"]
    said = {key_of(name): (value,) for name, value in values.items()}
    return tuple((said | ({"weights": (weights,)} if weights else {})).items())


def flattens(layer: Layer) -> bool:
    """Whether the layer makes all axes behind the batch one."""
    return isinstance(layer, Flatten) and layer.start_dim == 1


def is_scalar(layer: Layer) -> bool:
    """Whether it is a learned tensor of a size that no word says."""
    return isinstance(layer, Parameter) and not 1 <= len(layer.size) <= 6


def is_of_last_axis(layer: Layer) -> bool:
    """Whether the layer works on the last axis."""
    return isinstance(layer, Linear) or (isinstance(layer, LayerNorm) and not layer.channels_first and layer.axes == 1)


def has_word(layer: Layer, x: Shape) -> bool:
    """Whether a word says the layer of an input of that shape."""
    try:
        write_layer(layer, x)
    except UnsayableError:
        return False
    return True


def keeps_channels(layer: Layer, output: Shape) -> bool:
    """Whether what the layer gives has its channels where its input has them, the last of two axes or more."""
    return is_elementwise(layer) or (isinstance(layer, (Copy, Pad, Roll, Slice)) and len(output) >= len("NLC"))


def is_one_token(layer: Layer, x: Shape) -> bool:
    """Whether the layer is one token of `x`."""
    return isinstance(layer, Select) and len(x) == len("NLC") and layer.dim == 1 and layer.index >= 0


def words_of_tokens(layer: Layer, x: Shape) -> str:
    """The step of a layer along one axis, or over all tokens, of tokens of the shape `x`; empty where it is none."""
    last = len(x) - 1
    if isinstance(layer, Reduce) and not layer.keepdim and layer.dims == tuple(range(1, last)):
        return {"mean": "gap", "amax": "gmp"}.get(layer.op, "")
    if isinstance(layer, (Slice, Softmax)) and layer.dim % len(x):
        along = "" if layer.dim % len(x) == last else f" axis={layer.dim % len(x)}"
        with suppress(UnsayableError):
            return write_layer(replace(layer, dim=1), x) + along
    return ""


def is_sayable_of_tokens(layer: Layer, x: Shape) -> bool:
    """Whether a word says the layer where it reads tokens of the shape `x`."""
    said = (is_elementwise(layer) or isinstance(layer, Arithmetic)) and has_word(layer, x)
    return is_of_last_axis(layer) or said or is_one_token(layer, x) or bool(words_of_tokens(layer, x))
