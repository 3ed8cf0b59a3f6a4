"""A graph as a torch module that runs, forward and backward, with random weights."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from torch import Tensor, nn

from cnnprof.errors import CnnprofError
from cnnprof.network.dims import Shape
from cnnprof.network.graph import Graph, Node
from cnnprof.network.layers.arrangement import Flatten, Reshape
from cnnprof.network.layers.pooling import MaxIndices
from cnnprof.network.shapes import walk
from cnnprof.network.strides import copying_otherwise
from cnnprof.torch_bridge.rows import ROWS


def build(graph: Graph) -> BuiltNetwork:
    """A module that does what the graph says, its parts named along the block paths (`stage3.bottleneck2.conv1`).

    Raises CnnprofError if a layer's inputs do not fit it, or torch has no module for a layer.
    """
    return BuiltNetwork(graph)


class ModuleStep(NamedTuple):
    """A module of a network, the names of the tensors it reads, and of the one it makes."""

    module: nn.Module
    inputs: tuple[str, ...]
    output: str
    done: tuple[str, ...]
    """Names whose tensors nobody reads after this step."""


class BuiltNetwork(nn.Module):
    """A graph's layers, run in their order; a tensor is dropped after its last reader.

    In eval mode it returns the network's output, a tuple of several, or a dictionary of those that have names. In training mode
    a network with training-only heads returns its outputs followed by those of the heads; layers that are not trained stay in
    eval mode. A layer that uses another's weights runs the other's module.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        modules = _add_modules(self, graph)
        main = tuple(node for node in graph if not node.aux)
        read = {name for node in graph for name in node.inputs}
        heads = tuple(node.name for node in graph if node.aux and node.name not in read)
        self._outputs = tuple(name for name in graph.outputs if name not in heads)
        self._heads = heads
        self._inputs = tuple(graph.inputs)
        self._output_names = graph.output_names
        self._frozen = [modules[node.name] for node in graph if not node.trainable]
        self._inference = _plan(main, modules, self._outputs)
        self._training = _plan(graph.nodes, modules, self._outputs + heads) if heads else self._inference

    @property
    def steps(self) -> list[ModuleStep]:
        """The steps that inference runs, in order."""
        return self._inference

    def train(self, mode: bool = True) -> BuiltNetwork:
        """As `torch.nn.Module.train`, for layers that are trained."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self

    def forward(self, *given: Tensor, **named: Tensor) -> Tensor | tuple[Tensor, ...] | dict[str, Tensor]:
        """The network's inputs, in their order or by name, to its outputs. Raises TypeError if one is missing or unknown."""
        tensors = dict(zip(self._inputs, given, strict=False)) | named
        if len(given) + len(named) != len(self._inputs) or tensors.keys() != {*self._inputs}:
            raise TypeError(f"the network takes {' '.join(self._inputs)}, each once")
        for module, inputs, output, done in self._training if self.training else self._inference:
            tensors[output] = module(*[tensors[name] for name in inputs])
            for name in done:
                del tensors[name]
        wanted = self._outputs + self._heads if self.training else self._outputs
        if self._output_names:
            return dict(zip((*self._output_names, *self._heads), [tensors[name] for name in wanted], strict=False))
        return tensors[wanted[0]] if len(wanted) == 1 else tuple(tensors[name] for name in wanted)


def _add_modules(root: nn.Module, graph: Graph) -> dict[str, nn.Module]:
    """A module for each node, by the node's name, each hung under the root at its path."""
    modules: dict[str, nn.Module] = {}
    copies_as_said = copying_otherwise(graph)
    for node, inputs, _ in walk(graph, graph.inputs):
        if node.shared:
            modules[node.name] = modules[node.shared]
            continue
        module = _module(node if node.name in copies_as_said else _as_torch_does(node), inputs)
        _hang(root, node.path, module)
        if isinstance(node.layer, MaxIndices) and node.inputs[0] in modules:
            modules[node.inputs[0]].finds_places = True  # type: ignore[assignment]
        modules[node.name] = module
    return modules


def _as_torch_does(node: Node) -> Node:
    """A reshape that says nothing of copies: torch makes one where it has to, in another layout perhaps elsewhere."""
    said = isinstance(node.layer, (Flatten, Reshape)) and node.layer.copy
    return replace(node, layer=replace(node.layer, copy=False)) if said else node  # type: ignore[call-arg]


def _module(node: Node, inputs: tuple[Shape, ...]) -> nn.Module:
    row = ROWS[type(node.layer)]
    if row.build is None:
        raise CnnprofError(f"torch has no module for {node.name} ({node.layer.type}): {row.lacks}", node.place)
    module = row.build(node.layer, inputs)
    if not node.owns_params:
        _to_buffers(module)
    for parameter in module.parameters():
        parameter.requires_grad_(node.trainable)
    return module


def _to_buffers(module: nn.Module) -> None:
    """Weights that another node holds or makes are data here, and no parameters."""
    for part in module.modules():
        for name, parameter in list(part.named_parameters(recurse=False)):
            delattr(part, name)
            part.register_buffer(name, parameter.detach())


def _hang(root: nn.Module, path: tuple[str, ...], module: nn.Module) -> None:
    """Put the module at the path; a component that a module has another use for (`type`, `forward`) gets a `_` behind it."""
    parent = root
    for component in path[:-1]:
        name = _legal(parent, component)
        if name not in parent._modules:
            parent.add_module(name, nn.Module())
        parent = parent.get_submodule(name)
    name = _legal(parent, path[-1])
    while name in parent._modules:
        name += "_"
    parent.add_module(name, module)


def _legal(parent: nn.Module, component: str) -> str:
    name = component
    while not name or (hasattr(parent, name) and name not in parent._modules):
        name += "_"
    return name


def _plan(nodes: tuple[Node, ...], modules: dict[str, nn.Module], kept: tuple[str, ...]) -> list[ModuleStep]:
    """The nodes in order, each with the tensors it is the last to need."""
    last = {node.name: number for number, node in enumerate(nodes)}
    for number, node in enumerate(nodes):
        last |= dict.fromkeys(node.inputs, number)
    done: dict[int, list[str]] = {}
    for name, number in last.items():
        if name not in kept:
            done.setdefault(number, []).append(name)
    return [
        ModuleStep(modules[node.name], node.inputs, node.name, tuple(done.get(number, ()))) for number, node in enumerate(nodes)
    ]
