"""Blocks whose calls share their weights: built once, run many times."""

from __future__ import annotations

from dataclasses import replace

from cnnprof.errors import Place, SpecError
from cnnprof.network.graph import Node
from cnnprof.network.layers.base import describe
from cnnprof.network.layers.linear import RBF
from cnnprof.network.layers.normalization import BatchNorm
from cnnprof.spec.builder import GraphBuilder


def share(network: GraphBuilder, block: str, holder: str, first: int, place: Place) -> None:
    """Let the layers made since `first` by the innermost call, which is one of the block, use the weights of its first call.

    Args:
        holder: the path of the call within which the block's calls share their weights; '' for all of the network's.

    Raises SpecError, naming the weight, where those do not fit.
    """
    prefix = network.namer.prefix
    made = {
        network.names[index].removeprefix(prefix): index
        for index in range(first, len(network.names))
        if _has_state(network, index)
    }
    owners = network.shared.setdefault((holder, block), made)
    if owners is made:
        return
    for name, index in made.items():
        node, here = network.node_at(index), _input(network, index)
        if name not in owners:
            message = f"{block} shares its weights, and its first call has no {name} ({node.layer.type})"
            raise SpecError(message, place, "what a shared block is made of is the same in every call")
        owner, there = network.node_at(owners[name]), _input(network, owners[name])
        if owner.layer != node.layer or _params(network, owners[name]) != _params(network, index):
            message = (
                f"{block} shares its weights, and those of {name} do not fit: it is {_shown(network, index)} here and"
                f" {_shown(network, owners[name])} in the first call"
            )
            hint = "give each call as many channels" if here != there else "every call builds the same: its arguments, too"
            if len(network.calls) > 1 and not holder:
                caller = network.calls[-2][0]
                hint += f"; 'in {caller}' behind its signature shares them within each call of {caller} only"
            raise SpecError(message, place, hint)
        if not node.shared:
            source = owner.shared or owner.name
            network.change(index, lambda node, source=source: replace(node, owns_params=False, shared=source))  # type: ignore[misc]


def give_to_inference(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """The nodes with weights that a training-only head made first, and that inference uses too, held by inference's first."""
    aux = {node.name for node in nodes if node.aux}
    moved: dict[str, str] = {}
    for node in nodes:
        if not node.aux and node.shared in aux:
            moved.setdefault(node.shared, node.name)
    if not moved:
        return nodes
    heirs = {new: old for old, new in moved.items()}

    def settle(node: Node) -> Node:
        if node.name in heirs:
            return replace(node, owns_params=True, shared="")
        source = moved.get(node.shared or node.name)
        return replace(node, owns_params=False, shared=source) if source else node

    return tuple(map(settle, nodes))


def _params(network: GraphBuilder, index: int) -> object:
    return network.node_at(index).layer.params(*_shapes(network, index))


def _has_state(network: GraphBuilder, index: int) -> bool:
    """Whether the layer learns or stores numbers."""
    params = _params(network, index)
    return not (isinstance(params, int) and params == 0) or isinstance(network.node_at(index).layer, (BatchNorm, RBF))


def _shapes(network: GraphBuilder, index: int) -> tuple[tuple[object, ...], ...]:
    return tuple(network.shapes[each] for each in network.inputs[index])


def _input(network: GraphBuilder, index: int) -> object:
    """The channels that the layer's weights see."""
    shapes = _shapes(network, index)
    return shapes[0][1] if shapes and len(shapes[0]) > 1 else None


def _shown(network: GraphBuilder, index: int) -> str:
    shapes = _shapes(network, index)
    weights = f"{_params(network, index):,}" if isinstance(_params(network, index), int) else "other"
    on = f" on {describe(shapes[0])}" if shapes else ""
    return f"{network.node_at(index).layer.type} with {weights} weights{on}"
