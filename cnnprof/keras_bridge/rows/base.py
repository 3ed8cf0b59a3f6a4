"""The table of rows, and what they share. Tensors have their channels in front here, whatever Keras's own order is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from cnnprof.network.dims import Shape
from cnnprof.network.layers import Layer
from cnnprof.network.layers import activation as activations
from cnnprof.network.layers.arrangement import Pad
from cnnprof.network.layers.elementwise import Arithmetic


class UnknownFormError(Exception):
    """A layer in a form that its row does not know; it is named as not counted."""


class Call(Protocol):
    """One call of a Keras layer: its configuration, the names of its inputs, and where its layers go."""

    config: dict[str, Any]
    inputs: Sequence[str]
    numbers: Sequence[float]

    def shape(self, name: str) -> Shape:
        """The sizes of a tensor, channels in front."""

    def add(self, word: str, layer: Layer, *inputs: str) -> str:
        """A new node, named after the Keras layer and, if not empty, the word."""

    def ordered(self, shape: Sequence[Any]) -> Shape:
        """Sizes without the batch as Keras has them, with the channels in front."""

    def position(self, axis: int, rank: int) -> int:
        """Where an axis of Keras's stands here."""


Row = Callable[[Call], str]
"""The name of the last node. Raises UnknownFormError where the form is not known."""

ROWS: dict[str, Row] = {}
"""The row of each class, by its name."""


def row(*names: str) -> Callable[[Row], Row]:
    """Register a row under class names; a second one for a name is refused."""

    def register(function: Row) -> Row:
        for name in names:
            if name in ROWS:
                raise ValueError(f"class '{name}' has two rows")
            ROWS[name] = function
        return function

    return register


def _activations() -> dict[str, Layer | None]:
    plain = {
        "relu": activations.ReLU(),
        "relu6": activations.ReLU6(),
        "silu": activations.SiLU(),
        "sigmoid": activations.Sigmoid(),
        "tanh": activations.Tanh(),
        "gelu": activations.GELU(),
        "elu": activations.ELU(),
        "softplus": activations.Softplus(),
        "mish": activations.Mish(),
        "hard_sigmoid": activations.Hardsigmoid(),
        "hard_silu": activations.Hardswish(),
        "leaky_relu": activations.LeakyReLU(),
        "softmax": activations.Softmax(1),
        "log_softmax": activations.Softmax(1, log=True),
        "exponential": Arithmetic("exp", "exp"),
        "selu": Arithmetic("selu", "exp"),
        "softsign": Arithmetic("softsign", "div"),
    }
    return {**plain, "swish": plain["silu"], "hard_swish": plain["hard_silu"], "linear": None}


_ACTIVATIONS = _activations()


def activated(call: Call, name: str, said: Any) -> str:
    """The output behind an activation, which a configuration has as a name or as an object."""
    if isinstance(said, dict):
        inner = said.get("config")
        said = inner if isinstance(inner, str) else said.get("class_name", "").lower()
    if said is None:
        return name
    if said not in _ACTIVATIONS:
        raise UnknownFormError(f"the activation '{said}'")
    layer = _ACTIVATIONS[said]
    return name if layer is None else call.add(str(said), layer, name)


def entries(value: Any, axes: int) -> Shape:
    """One entry an axis, of a number or a list."""
    return tuple(value) if isinstance(value, (list, tuple)) else (value,) * axes


def padded(call: Call, name: str, reach: Shape, strides: Shape, value: float = 0.0) -> tuple[str, Shape]:
    """The input's name once `padding` has been applied to it, and the padding that is left to the window.

    `same` makes ceil(size / stride) positions; an odd row goes behind (TensorFlow's rule), as a layer of its own.
    """
    padding = call.config.get("padding", "valid")
    if padding == "valid":
        return name, (0,) * len(reach)
    if padding not in ("same", "causal"):
        raise UnknownFormError(f"the padding '{padding}'")
    pairs = []
    for size, k, s in zip(call.shape(name)[2:], reach, strides, strict=True):
        total = max((-(-size // s) - 1) * s + k - size, 0)
        pairs.append((total, 0) if padding == "causal" else (total // 2, total - total // 2))
    if all(before == after for before, after in pairs):
        return name, tuple(before for before, _ in pairs)
    return call.add("pad", Pad(tuple(pairs), value=value), name), (0,) * len(reach)
