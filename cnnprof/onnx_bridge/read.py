"""From an ONNX model to a graph: its operators are walked in their order, and each is read by its row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from cnnprof.errors import CnnprofError, did_you_mean
from cnnprof.network.dims import Shape
from cnnprof.network.graph import INPUT, Facts, Graph, Node
from cnnprof.network.layers import Layer, ShapeError
from cnnprof.network.layers.arrangement import Rearrange, Unknown
from cnnprof.network.layers.base import describe
from cnnprof.network.layers.linear import Constant, Linear, Parameter
from cnnprof.network.layers.merging import Add
from cnnprof.onnx_bridge.facts import bytes_of, inferred, is_made_up, is_zero, number_format, title
from cnnprof.onnx_bridge.graphs import bodies, read_by, size_of
from cnnprof.onnx_bridge.inputs import Wanted, inputs_of, stated
from cnnprof.onnx_bridge.load import MOST_NODES, STANDARD, load_model, opset_of
from cnnprof.onnx_bridge.naming import Names, dotted, note
from cnnprof.onnx_bridge.rows import ROWS, Call
from cnnprof.onnx_bridge.rows.base import RUNS_GRAPHS, UnknownFormError
from cnnprof.onnx_bridge.values import Value, fold, is_uniform, stored

_KEEPS_WEIGHTS = {"Identity", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Cast", "DequantizeLinear"}
"""Operators whose result is the stored tensor that they are given, in another form."""


def read(path: Path, input_shape: Wanted = None, batch: int = 1) -> Graph:
    """The graph of an ONNX file.

    Args:
        path: the file.
        input_shape: sizes of its inputs, where those in the file are symbols or not wanted.
        batch: images in one run, where the file leaves it open or says 1.

    Raises CnnprofError for a file that is no model or does not fit the input, UnavailableError without onnx.
    """
    model = load_model(path)
    inputs = inputs_of(model.graph, input_shape, batch, path)
    return _Walk(model, inputs).graph(path.stem)


FOLDED = "onnx::"
"""The beginning of names that torch's older exporter gives to what it computes."""


class _Walk:
    """One walk over a model's operators; a `Writer` for their rows."""

    def __init__(self, model: Any, inputs: Mapping[str, Shape]) -> None:
        self._model = model
        self._opsets = {each.domain if each.domain not in STANDARD else "": each.version for each in model.opset_import}
        self._opset = opset_of(model)
        self._inputs = inputs
        self._said = stated(model.graph, inputs)
        self._values: dict[str, Value | None] = {"": None}
        self._nodes: list[Node] = []
        self._shapes: dict[str, Shape] = {}
        self._names = Names(model.graph)
        self._uncounted: list[str] = []
        # Each weight that counts somewhere, with the module that it counts in.
        self._counted: dict[str, str] = {}
        self._held: dict[str, str] = {}
        self._remarks: list[str] = []
        self._unsaid: dict[str, int] = {}
        self._written = 0
        self._absorbed: dict[str, Value] = {}
        # torch's newer exporter notes what a stored tensor was to the module.
        noted = {each.name: note(each, "InputSpec.kind") for each in model.graph.value_info}
        self._kinds = {name: kind for name, kind in noted.items() if kind}
        # The older one leaves a parameter its path in the module.
        self._of_torch = model.producer_name == "pytorch"
        self._readers: dict[str, list[Any]] = {}
        self._lost = {each.name for each in model.graph.output}
        self._inferred: dict[str, Shape] | None = None

    def graph(self, name: str) -> Graph:
        """The graph of the whole model."""
        graph = self._model.graph
        called = [INPUT] if len(self._inputs) == 1 else [dotted(key) or f"input_{i}" for i, key in enumerate(self._inputs)]
        for (key, sizes), node in zip(self._inputs.items(), called, strict=True):
            self._values[key] = Value(sizes, node)
            self._shapes[node] = sizes
        self._names.keep(called)
        first, *further = zip(called, self._inputs.values(), strict=True)
        self._run(graph)
        outputs = [self._values.get(each.name) for each in graph.output]
        if not self._nodes:
            unread = ", ".join(entry.rpartition(": ")[2] for entry in self._uncounted[:3])
            why = f"nothing is known of what it runs ({unread})" if unread else "it hands on its input as it is"
            raise CnnprofError(f"'{name}' has no layers: {why}")
        return Graph(
            name=name,
            input_shape=first[1],
            nodes=tuple(self._nodes),
            outputs=tuple(dict.fromkeys(value.node for value in outputs if value is not None and value.node)),
            facts=Facts(about="; ".join(self._about()) or None),
            uncounted=tuple(self._uncounted),
            input_name=first[0],
            further_inputs=dict(further),
            number_format=number_format(graph),
        )

    def _about(self) -> Iterator[str]:
        if said := self._model.graph.doc_string.strip().partition("\n")[0]:
            yield said
        yield from dict.fromkeys(self._remarks)
        if self._unsaid:
            names = f"{', '.join([*self._unsaid][:2])}{', ...' * (len(self._unsaid) > 2)}"
            yield f"{sum(self._unsaid.values()):,} of the parameters may be buffers: the file does not tell ({names})"

    # What rows call.

    def add(self, layer: Layer, inputs: Sequence[Value], weights: Sequence[Value | None], node: Any) -> Value:
        """A new node, and its output. Raises ShapeError where the inputs do not fit."""
        read = tuple(self._node_of(value, node, learned=self._learned(value)) for value in inputs)
        held = [weight for weight in weights if weight is not None]
        if getattr(layer, "bias", False) and is_zero(held[-1]):
            # Some exporters make up a bias for a layer that has none.
            return self.add(replace(layer, bias=False), inputs, held[:-1], node)  # type: ignore[call-arg]
        if getattr(layer, "affine", False) and held and all(map(is_made_up, held)):
            return self.add(replace(layer, affine=False), inputs, (), node)  # type: ignore[call-arg]
        roots = [self._root(weight, node) for weight in held]
        new = [root for root in roots if root and root not in self._counted]
        if new and roots[0] in self._counted and new == roots[1:] and new[0].startswith(FOLDED) and is_uniform(held[1]):
            new = []  # the layer runs again, and its bias is another only by name
        if getattr(layer, "bias", False) and len(new) == 1:
            # Exporters store equal tensors once: a bias that counts elsewhere is read here, and no weight of this layer's.
            plain = self.add(replace(layer, bias=False), inputs, held[:-1], node)  # type: ignore[call-arg]
            return self._shifted(plain, held[-1], node)
        shape = layer.shape(*(self._shapes[name] for name in read))
        owned = [weight for weight, root in zip(held, roots, strict=True) if root in new]
        if owned and sum(prod(weight.shape) for weight in owned) != layer.params(*(self._shapes[name] for name in read)):
            # The others are computed, or left out: what is stored stands by itself.
            for weight in owned:
                if self._learned(weight):
                    self._node_of(weight, node, learned=True)
            owned = []
        self._counted |= dict.fromkeys(new, self._names.path(node))
        name = self._names.new(node)
        self._nodes.append(Node(name, layer, read, owns_params=bool(owned) or not roots, param_bytes=bytes_of(owned)))
        self._shapes[name] = shape
        return Value(shape, name)

    def _root(self, weight: Value, node: Any) -> str:
        """The key that tells a weight from others; "" for one that is computed, or stored as a buffer: no layer's parameter.

        Exporters store equal tensors once. Those of one value throughout, as before training, are none that layers share: they
        are told apart by the modules, which torch's newer exporter notes.
        """
        if weight.node or self._kinds.get(weight.weight, "PARAMETER") != "PARAMETER":
            return ""
        path = self._names.path(node) if weight.weight in self._kinds else ""
        if path and path != self._counted.get(weight.weight, path) and is_uniform(weight):
            return f"{weight.weight} of {path}"
        return weight.weight or f"#{id(weight.data)}"

    def _shifted(self, plain: Value, bias: Value, node: Any) -> Value:
        behind = 0 if isinstance(self._nodes[-1].layer, Linear) else len(plain.shape) - 2
        return self.add(Add(), (plain, replace(bias, shape=(*bias.shape, *(1,) * behind))), (), node)

    def readers_of(self, name: str) -> list[Any]:
        """The operators that read a name; none where it leaves the network, too."""
        if not self._readers:
            for node in self._model.graph.node:
                for each in dict.fromkeys(read_by(node)):
                    self._readers.setdefault(each, []).append(node)
        return [] if name in self._lost else self._readers.get(name, [])

    def stored(self, name: str) -> Value | None:
        """The value that the file stores under a name, if there is one."""
        value = self._values.get(name)
        return value if value is not None and not value.node else None

    def absorb(self, node: Any, output: Value) -> None:
        """The output of a later operator, which is part of the present one."""
        self._absorbed[node.output[0]] = output

    def run(self, body: Any, given: Mapping[str, Value | None]) -> list[Value | None]:
        """The outputs of a graph within an operator, whose inputs have these values."""
        self._values |= given
        self._written += size_of(body)
        self._run(body)
        return [self._values.get(each.name) for each in body.output]

    def has_room(self, operators: int) -> bool:
        """Whether so many operators more may be written out."""
        return self._written + operators <= MOST_NODES

    def take(self, body: Any, node: Any) -> None:
        """Count what a graph that does not run keeps and reads: its weights are weights all the same."""
        for tensor in body.initializer:
            self._values[tensor.name] = stored(tensor)
        for inner in body.node:
            self._take(filter(None, map(self.stored, inner.input)), node)
            for within in bodies(inner):
                self.take(within, node)

    def _take(self, values: Iterable[Value], node: Any) -> None:
        """Count those of the values that are weights and count nowhere yet."""
        for value in values:
            if self._learned(value) and value.weight not in self._counted:
                self._node_of(value, node, learned=True)

    def remark(self, text: str) -> None:
        """Say this of the network, once."""
        self._remarks.append(text)

    # The walk.

    def _run(self, graph: Any) -> None:
        for tensor in graph.initializer:
            if min(tensor.dims, default=0) < 0:
                raise CnnprofError(f"the stored tensor '{tensor.name}' has the sizes {describe((1, *tensor.dims))}")
            one = stored(tensor)
            if prod(one.shape) == 1 and self._is_parameter(tensor.name):
                one = replace(one, data=None, parameter=True)
            self._values[tensor.name] = one
        for sparse in graph.sparse_initializer:
            self._values[sparse.values.name] = Value(
                tuple(sparse.dims), weight=sparse.values.name, dtype=sparse.values.data_type
            )
        for node in graph.node:
            inputs = [self._read(name, node) for name in node.input]
            results = [*self._evaluate(node, inputs)]
            results += [self._beside(name, results[0], node) for name in node.output[len(results) :]]
            self._values |= {name: value for name, value in zip(node.output, results, strict=False) if name}

    def _beside(self, name: str, result: Value | None, node: Any) -> Value | None:
        """A value that a layer gives beside its result, such as indices and statistics, where something reads it."""
        if not name or not (name in self._lost or self.readers_of(name)):
            return None
        shape = self._inference().get(name)
        if shape is None or result is None or not result.node:
            return None
        return self.add(Rearrange("statistics", shape), (result,), (), node)

    def _read(self, name: str, node: Any) -> Value | None:
        if name not in self._values:
            raise CnnprofError(
                f"the operator {title(node)} reads '{name}', which nothing before it makes",
                hint=did_you_mean(name, self._values) or "onnx.checker.check_model says more",
            )
        return self._values[name]

    def _evaluate(self, node: Any, inputs: Sequence[Value | None]) -> Sequence[Value | None]:
        if node.output and node.output[0] in self._absorbed:
            return [self._absorbed.pop(node.output[0])]
        row = ROWS.get(("" if node.domain in STANDARD else node.domain, node.op_type))
        if any(value is None and name for name, value in zip(node.input, inputs, strict=True)) and row not in RUNS_GRAPHS:
            return self._unknown(node, inputs)
        first = inputs[0] if inputs else None
        keeps = node.op_type in _KEEPS_WEIGHTS and first is not None and first.weight
        if keeps and node.op_type == "Identity" and first is not None and self._is_own(node.output[0]) and is_uniform(first):
            # torch's older exporter says so where a tensor has the values of another, tied to it or not.
            return [replace(first, weight=node.output[0])]
        if node.op_type != "Shape" and not keeps and (folded := fold(node, inputs, self._opsets)) is not None:
            return folded
        if row is None:
            return self._unknown(node, inputs)
        before = self._mark()
        try:
            result = row(Call(node, inputs, self._opset, self))
        except ShapeError as error:
            raise CnnprofError(f"{title(node)}: {error.message}", hint=error.hint or self._of_sizes()) from None
        except (UnknownFormError, ValueError, TypeError, IndexError, KeyError, ZeroDivisionError, OverflowError):
            # A form that the row does not know, or attributes that make no sense: what it did so far is undone.
            self._undo(before)
            return self._unknown(node, inputs)
        return [result] if isinstance(result, Value) else result

    def _mark(self) -> tuple[int, ...]:
        return len(self._nodes), len(self._uncounted), len(self._counted), len(self._held), len(self._unsaid)

    def _undo(self, mark: tuple[int, ...]) -> None:
        """Take back what was added since the mark was made."""
        del self._nodes[mark[0] :], self._uncounted[mark[1] :]
        added: tuple[dict[str, Any], ...] = (self._counted, self._held, self._unsaid)
        for each, size in zip(added, mark[2:], strict=True):
            while len(each) > size:
                each.popitem()

    def _of_sizes(self) -> str | None:
        """A hint for sizes that do not fit, where others were asked for than the file has, or it leaves them open."""
        asked = [*self._inputs.values()]
        if all(
            shape[1:] == said[1:] and shape[0] in (1, said[0]) for shape, said in zip(asked, self._said, strict=True) if shape
        ):
            return None
        return "operators may hold sizes of the export: leave out --input or --batch, or export the network with dynamic sizes"

    def _unknown(self, node: Any, inputs: Sequence[Value | None]) -> list[Value | None]:
        """An operator without a row: named as not counted, its outputs of the sizes that ONNX infers."""
        results: list[Value | None] = []
        read = [value for value in inputs if value is not None]
        self._take(read, node)
        for body in bodies(node):
            self.take(body, node)
        for position, output in enumerate(node.output):
            shape = self._inference().get(output)
            layer = Unknown(node.op_type, shape) if shape is not None else None
            results.append(self.add(layer, read, (), node) if layer is not None else None)
            if position == 0:
                last = results[0]
                name = last.node if last is not None else self._names.path(node) or node.output[0]
                self._uncounted.append(f"{name}: {node.op_type}")
        return results

    def _inference(self) -> Mapping[str, Shape]:
        """Sizes as ONNX's own shape inference has them, for inputs of the sizes that are asked for."""
        if self._inferred is None:
            self._inferred = dict(inferred(self._model, self._inputs))
        return self._inferred

    def _is_own(self, name: str) -> bool:
        """Whether it is the name of a parameter, or of what torch's older exporter made of some."""
        return self._is_parameter(name) or (self._of_torch and name.startswith(FOLDED))

    def _is_parameter(self, name: str) -> bool:
        """Whether it is the name of a parameter in a module of torch's."""
        return self._of_torch and "." in name and self._kinds.get(name, "PARAMETER") == "PARAMETER"

    def _learned(self, value: Value) -> bool:
        return value.learned and self._kinds.get(value.weight, "PARAMETER") == "PARAMETER"

    def _node_of(self, value: Value, reader: Any, learned: bool) -> str:
        """The node that a value comes from; what is stored becomes one, once."""
        if value.node:
            return value.node
        key = f"{value.weight or id(value.data)} {value.shape}"
        if key not in self._held:
            layer = Parameter(value.shape) if learned else Constant(value.shape)
            owns = not learned or value.weight not in self._counted
            if learned and owns and value.weight not in self._kinds:
                self._unsaid[value.weight] = prod(value.shape)
            if learned:
                self._counted[value.weight] = ""
            name = self._names.new(reader, value.weight)
            self._nodes.append(
                Node(name, layer, (), owns_params=owns, param_bytes=bytes_of([value] if learned and owns else []))
            )
            self._shapes[name] = value.shape
            self._held[key] = name
        return self._held[key]
