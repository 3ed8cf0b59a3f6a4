"""From a Keras configuration to a graph: its layers are walked in the order in which they call one another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cnnprof.errors import CnnprofError
from cnnprof.keras_bridge.load import load_config
from cnnprof.keras_bridge.rows import ROWS, UnknownFormError
from cnnprof.network.dims import Shape
from cnnprof.network.graph import INPUT, Facts, Graph, Node
from cnnprof.network.layers import Layer, ShapeError
from cnnprof.network.layers.arrangement import Unknown
from cnnprof.network.naming import free_name

_MODELS = ("Functional", "Model", "Sequential")
_DEEPEST = 40


def read(path: Path, input_shape: Sequence[int] | None = None, batch: int = 1) -> Graph:
    """The graph of a `.keras` file or of a configuration in JSON.

    Args:
        path: the file.
        input_shape: (C, H, W), channels in front as everywhere here, where the file leaves sizes open or others are wanted.
        batch: images in one run.

    Raises CnnprofError for a file that is no model or does not fit the input.
    """
    config = load_config(path)
    try:
        return _Walk(config, path).graph(path.stem, input_shape, batch)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, OverflowError, ZeroDivisionError):
        raise CnnprofError(f"'{path}' holds a configuration that Keras would not write") from None


class _Call:
    """One call of a Keras layer; what `rows.Call` promises."""

    def __init__(
        self, walk: _Walk, layer: Mapping[str, Any], path: str, inputs: Sequence[str], numbers: Sequence[float]
    ) -> None:
        self.config = {**layer["config"], "class_name": layer["class_name"]}
        self.inputs, self.numbers = inputs, numbers
        self._walk, self._path = walk, path

    def shape(self, name: str) -> Shape:
        return self._walk.shapes[name]

    def add(self, word: str, layer: Layer, *inputs: str) -> str:
        return self._walk.add(f"{self._path}.{word}" if word else self._path, layer, inputs, self._path)

    def ordered(self, shape: Sequence[Any]) -> Shape:
        return self._walk.ordered(shape)

    def position(self, axis: int, rank: int) -> int:
        return self._walk.position(axis, rank)


class _Walk:
    def __init__(self, config: Mapping[str, Any], path: Path) -> None:
        self._config, self._file = config, path
        self._last = all(layer.get("data_format") != "channels_first" for layer in _configs(config))
        self.shapes: dict[str, Shape] = {}
        self._nodes: list[Node] = []
        self._uncounted: list[str] = []
        self._called: set[str] = set()

    def graph(self, name: str, input_shape: Sequence[int] | None, batch: int) -> Graph:
        """The graph of the whole model."""
        shape = self._input(input_shape, batch)
        self.shapes[INPUT] = shape
        outputs = self._model(self._config, "", [INPUT], 0)
        if not self._nodes:
            raise CnnprofError(f"'{self._file}' has no layers")
        facts = Facts(about="by its Keras configuration")
        return Graph(name, shape, tuple(self._nodes), tuple(dict.fromkeys(outputs)), facts, tuple(self._uncounted))

    def position(self, axis: int, rank: int) -> int:
        """Where an axis of Keras's stands here: its channels, the last axis, come second."""
        if not self._last or axis == 0:
            return axis
        return 1 if axis == rank - 1 else axis + 1

    def ordered(self, shape: Sequence[Any]) -> Shape:
        """Sizes without the batch, with the channels in front."""
        return (shape[-1], *shape[:-1]) if self._last and shape else tuple(shape)

    def add(self, name: str, layer: Layer, inputs: Sequence[str], path: str) -> str:
        """A new node under a name that no other has; weights belong to the first call of their Keras layer."""
        unique = free_name(name, self.shapes)
        self.shapes[unique] = layer.shape(*(self.shapes[each] for each in inputs))
        self._nodes.append(Node(unique, layer, tuple(inputs), owns_params=path not in self._called))
        return unique

    def _input(self, wanted: Sequence[int] | None, batch: int) -> Shape:
        said = next(_input_shapes(self._config), None)
        if wanted is not None:
            if said is not None and len(said) != len(wanted):
                raise CnnprofError(f"its input has {len(said)} sizes beside the batch, and --input {len(wanted)}")
            return (batch, *wanted)
        if said is None:
            raise CnnprofError(f"'{self._file}' does not say the sizes of its input", hint="--input CxHxW does")
        sizes = self.ordered(said)
        if None in sizes:
            shown = "x".join("?" if size is None else str(size) for size in sizes)
            hint = "--input " + "x".join("224" if size is None else str(size) for size in sizes)
            raise CnnprofError(f"the input of '{self._file}' has the sizes {shown}", hint=hint)
        return (batch, *sizes)

    def _model(self, model: Mapping[str, Any], path: str, inputs: Sequence[str], depth: int) -> list[str]:
        """The outputs of a model, or of one within another."""
        if depth > _DEEPEST:
            raise CnnprofError(f"'{self._file}' nests models more than {_DEEPEST} deep")
        config = model["config"]
        layers = config["layers"] if isinstance(config, dict) else config
        if model["class_name"] == "Sequential":
            for layer in layers:
                inputs = self._layer(layer, path, inputs, (), depth)
            return list(inputs)
        return self._functional(config, layers, path, inputs, depth)

    def _functional(
        self, config: Mapping[str, Any], layers: Sequence[Any], path: str, inputs: Sequence[str], depth: int
    ) -> list[str]:
        made: dict[tuple[str, int, int], str] = {}
        given = [key for key, _ in _references(config["input_layers"])]
        if len(given) != len(inputs):
            raise CnnprofError(f"'{self._file}' has a model of {len(given)} inputs, and {len(inputs)} is read")
        made.update(zip(given, inputs, strict=True))
        waiting = [(layer, number, call) for layer in layers for number, call in enumerate(layer.get("inbound_nodes", []))]
        while waiting:
            later = []
            for layer, number, call in waiting:
                references = list(_references(call))
                if any(key not in made for key, _ in references):
                    later.append((layer, number, call))
                    continue
                numbers = list(_numbers(call))
                outputs = self._layer(layer, path, [made[key] for key, _ in references], numbers, depth)
                made.update({(layer.get("name") or layer["config"]["name"], number, i): each for i, each in enumerate(outputs)})
            if len(later) == len(waiting):
                names = ", ".join(sorted({str(layer.get("name")) for layer, _, _ in later})[:3])
                raise CnnprofError(
                    f"'{self._file}': the layers {names} call one another in a circle, or read what is not there"
                )
            waiting = later
        return [made[key] for key, _ in _references(config["output_layers"])]

    def _layer(
        self, layer: Mapping[str, Any], path: str, inputs: Sequence[str], numbers: Sequence[float], depth: int
    ) -> list[str]:
        kind, name = layer["class_name"], re.sub(r"[^\w-]+", "_", str(layer.get("name") or layer["config"].get("name")))
        if kind == "InputLayer":
            return list(inputs)
        place = f"{path}.{name}" if path else name
        if kind in _MODELS:
            outputs = self._model(layer, place, inputs, depth + 1)
        else:
            before = len(self._nodes)
            try:
                if kind not in ROWS:
                    raise UnknownFormError(kind)
                outputs = [ROWS[kind](_Call(self, layer, place, inputs, numbers))]
            except ShapeError as error:
                raise CnnprofError(f"{place} ({kind}): {error.message}", hint=error.hint) from None
            except UnknownFormError:
                del self._nodes[before:]
                outputs = [self._unknown(layer, place, inputs)]
        self._called.add(place)
        return outputs

    def _unknown(self, layer: Mapping[str, Any], place: str, inputs: Sequence[str]) -> str:
        """A layer without a row, named as not counted; Keras's file has the sizes that others read of it."""
        kind, name = layer["class_name"], layer.get("name")
        for reader in _layers(self._config):
            for (read, _, _), shape in _references(reader.get("inbound_nodes", [])):
                if read == name and shape and None not in shape[1:]:
                    size = (self.shapes[inputs[0]][0], *self.ordered(shape[1:]))
                    self._uncounted.append(f"{place}: {kind}")
                    return self.add(place, Unknown(kind, size), inputs, place)
        raise CnnprofError(f"the Keras layer {place} ({kind}) is not known, and nothing says the sizes of its output")


def _layers(model: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """All layers, those of models within models too."""
    config = model["config"]
    for layer in config["layers"] if isinstance(config, dict) else config:
        yield layer
        if layer.get("class_name") in _MODELS and depth < _DEEPEST:
            yield from _layers(layer, depth + 1)


def _configs(model: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (layer["config"] for layer in _layers(model) if isinstance(layer.get("config"), dict))


def _input_shapes(model: Mapping[str, Any]) -> Iterator[list[int | None]]:
    """The sizes, without the batch, that layers say of the network's input."""
    for config in _configs(model):
        shape = config.get("batch_shape") or config.get("batch_input_shape")
        if shape:
            yield shape[1:]
    built = model["config"].get("build_input_shape") if isinstance(model["config"], dict) else None
    if built:
        yield built[1:]


def _references(value: Any) -> Iterator[tuple[tuple[str, int, int], list[int | None] | None]]:
    """The outputs of other layers that a call reads, with their sizes where they stand there (Keras 3), in their order."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            name, node, index = value["config"]["keras_history"]
            yield (name, node, index), value["config"].get("shape")
            return
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        if len(value) >= 3 and isinstance(value[0], str) and all(isinstance(each, int) for each in value[1:3]):
            yield (value[0], value[1], value[2]), None
            return
        for item in value:
            yield from _references(item)


def _numbers(call: Any) -> Iterator[float]:
    """Plain numbers among a call's arguments: `x * 0.5` is a Multiply of a tensor and a number (Keras 3)."""
    for each in call.get("args", []) if isinstance(call, dict) else []:
        if isinstance(each, (int, float)) and not isinstance(each, bool):
            yield each
