"""A network as plain data: nodes in execution order, each a layer with the names of its inputs."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Any, Literal, get_args

from cnnprof.errors import Place
from cnnprof.network.dims import Dim, Shape
from cnnprof.network.layers import Layer, layer_from_dict, layer_to_dict
from cnnprof.record import plain, record

NUMBER_BYTES = {"fp32": 4, "fp16": 2, "bf16": 2, "fp64": 8}
"""Of a number of each format that a network can be written in."""

INPUT = "input"
"""The name under which nodes refer to the network's input, where that has no name of its own."""


@record
class Node:
    """One layer at one place of a network.

    Args:
        name: unique in the graph; for a node inside blocks the dotted path, `stage3.bottleneck2.conv1`.
        layer: what it does.
        inputs: names of earlier nodes, or of an input of the network.
        place: where it was written, if it was.
        aux: part of a head that only training runs.
        owns_params: False if the weights belong to another node (sharing) or are computed by one.
        trainable: False if its weights are frozen.
        shared: the node whose weights this one uses, where both are layers of one module; it has none of its own then.
        param_bytes: what its weights take, where that is not 4 bytes each.
        until: the last node during which the code that ran it held its output, where that is known.
    """

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    place: Place | None = None
    aux: bool = False
    owns_params: bool = True
    trainable: bool = True
    until: str = ""
    shared: str = ""
    param_bytes: int | None = None

    @property
    def path(self) -> tuple[str, ...]:
        """The blocks the node stands in, outermost first, and its own name."""
        return tuple(self.name.split("."))


@record
class Figure:
    """A published figure: `value` in base units, right to `tolerance`, as written in `text`.

    `why` explains a difference from the computed figure; `where` names the table or source.
    """

    value: float
    tolerance: float = 0.0
    text: str = ""
    why: str | None = None
    where: str | None = None


@record
class Accuracy:
    """Reported accuracy in percent, with its source (weights or paper, condition), the data set and the input (C, H, W) that it
    was measured on; None where the source does not say the input.
    """

    top1: float | None
    top5: float | None
    source: str
    dataset: str = "ImageNet-1K"
    input: tuple[int, ...] | None = None


@record
class Facts:
    """Facts about a network besides its layers; `dataset` is what it is for, where its source says so."""

    family: str = ""
    source: str = ""
    year: int | None = None
    paper: str | None = None
    about: str | None = None
    notes: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    published: Mapping[str, Figure] = field(default_factory=dict)
    accuracy: Accuracy | None = None
    dataset: str | None = None


OriginKind = Literal["torchvision", "timm", "python", "exported", "onnx"]


@record
class Origin:
    """Whose torch module a graph describes, as it was decided where the user's word was resolved, once.

    Args:
        kind: `torchvision`, `timm`, `python`, or that of a file: `exported`, `onnx`.
        name: the model's, as the source of that kind takes it.
        settings: keyword arguments that it was made with.
        inputs: what it is fed with, where that is not one image: each as `--input` has it.
    """

    kind: OriginKind
    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()


@record
class Graph:
    """A network.

    Args:
        name: what the user calls it.
        input_shape: (N, C, H, W) of the input, or of the first of several.
        nodes: in execution order; every input is defined before it is used.
        outputs: names of the nodes whose results the network returns.
        facts: paper, year, published figures.
        uncounted: what the source saw and could not turn into a layer, as `name: operation`; totals are then lower bounds.
        aux_params: weights of training-only heads that the source could name but not run, by name.
        left_out: training-only heads of the spec that this input is too small for, each with the reason.
        origin: whose module it is; None for a network that is built from its layers. No text of a file decides it.
        input_name: what nodes call the first input.
        further_inputs: the shapes of all other inputs, by name.
        output_names: what the network calls each of its outputs; none if it returns them without names.
        number_format: that of the numbers that it computes with: `fp32`, `fp16`, `bf16`, or of eight bytes `fp64`.
        modules: the class of each torch module that holds some of its layers, by path, where it comes from one.
        warnings: what its source says and nothing reads, each with its place.
    """

    name: str
    input_shape: Shape
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    facts: Facts = field(default_factory=Facts)
    uncounted: tuple[str, ...] = ()
    aux_params: Mapping[str, int] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    origin: Origin | None = None
    input_name: str = INPUT
    further_inputs: Mapping[str, Shape] = field(default_factory=dict)
    output_names: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    number_format: str = "fp32"
    modules: Mapping[str, str] = field(default_factory=dict)

    @property
    def number_bytes(self) -> int:
        """Bytes of the numbers that it computes with."""
        return NUMBER_BYTES.get(self.number_format, 4)

    @property
    def is_single(self) -> bool:
        """Whether it is written in fp32, all of its weights too."""
        return self.number_format == "fp32" and all(node.param_bytes is None for node in self.nodes)

    @property
    def inputs(self) -> dict[str, Shape]:
        """The shape of every input by name, in their order."""
        return {self.input_name: self.input_shape, **self.further_inputs}

    def with_batch(self, batch: Dim) -> Graph:
        """The network with so many samples in every input."""
        further = {name: (batch, *shape[1:]) for name, shape in self.further_inputs.items()}
        return replace(self, input_shape=(batch, *self.input_shape[1:]), further_inputs=further)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def to_dict(self) -> dict[str, Any]:
        """The graph as JSON types; `Graph.from_dict` is its inverse. Places are left out."""
        return {
            "name": self.name,
            "input_shape": list(self.input_shape),
            "nodes": [
                {"name": n.name, "layer": layer_to_dict(n.layer), "inputs": list(n.inputs)}
                | {flag: getattr(n, flag) for flag in _DEFAULT if getattr(n, flag) != _DEFAULT[flag]}
                for n in self.nodes
            ],
            "outputs": list(self.outputs),
            "facts": plain(self.facts) | {"settings": _written(self.facts.settings)},
            "uncounted": list(self.uncounted),
            "aux_params": dict(self.aux_params),
            "left_out": list(self.left_out),
            "origin": _origin_to_dict(self.origin) if self.origin else None,
            "input_name": self.input_name,
            "further_inputs": {name: list(shape) for name, shape in self.further_inputs.items()},
            "output_names": list(self.output_names),
            "warnings": list(self.warnings),
            "number_format": self.number_format,
            "modules": dict(self.modules),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Graph:
        """The graph that `to_dict` wrote. Raises KeyError, TypeError or ValueError on anything else."""
        facts = dict(data["facts"])
        facts["settings"] = _evaluated(facts["settings"])
        facts["published"] = {key: Figure(**figure) for key, figure in facts["published"].items()}
        facts["accuracy"] = _accuracy(**facts["accuracy"]) if facts["accuracy"] else None
        return cls(
            name=data["name"],
            input_shape=tuple(data["input_shape"]),
            nodes=tuple(
                Node(**(entry | {"layer": layer_from_dict(entry["layer"]), "inputs": tuple(entry["inputs"])}))
                for entry in data["nodes"]
            ),
            outputs=tuple(data["outputs"]),
            facts=Facts(**facts),
            uncounted=tuple(data["uncounted"]),
            aux_params=dict(data["aux_params"]),
            left_out=tuple(data["left_out"]),
            origin=_origin_from_dict(data["origin"]) if data["origin"] else None,
            input_name=data["input_name"],
            further_inputs={name: tuple(shape) for name, shape in data["further_inputs"].items()},
            output_names=tuple(data["output_names"]),
            warnings=tuple(data["warnings"]),
            number_format=data["number_format"],
            modules=dict(data["modules"]),
        )


_DEFAULT = {"aux": False, "owns_params": True, "trainable": True, "until": "", "shared": "", "param_bytes": None}


def _origin_to_dict(origin: Origin) -> dict[str, Any]:
    return {
        "kind": origin.kind,
        "name": origin.name,
        "settings": _written(origin.settings),
        "inputs": list(origin.inputs),
    }


def _origin_from_dict(data: Mapping[str, Any]) -> Origin:
    if data["kind"] not in get_args(OriginKind):
        raise ValueError(f"a module is not of '{data['kind']}'")
    return Origin(data["kind"], data["name"], _evaluated(data["settings"]), tuple(data["inputs"]))


def _written(settings: Mapping[str, Any]) -> dict[str, str]:
    """As Python writes them: JSON would make a list of a tuple, and texts of a dictionary's numbers."""
    return {name: repr(value) for name, value in settings.items()}


def _evaluated(settings: Mapping[str, str]) -> dict[str, Any]:
    return {name: literal_eval(text) for name, text in settings.items()}


def _accuracy(**entry: Any) -> Accuracy:
    size = entry.pop("input", None)
    return Accuracy(**entry, input=tuple(size) if size else None)
