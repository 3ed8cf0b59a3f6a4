"""Transfer learning: a new classifier on a network, which of its layers to train, and what a training step then costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import accumulate
from warnings import warn

from cnnprof.errors import CnnprofError, SpecWarning, UsageError, did_you_mean
from cnnprof.footprint.capacity import Fit
from cnnprof.footprint.liveness import Footprint
from cnnprof.footprint.saved_tensors import needs_weight_grad
from cnnprof.network.analysis import analyze
from cnnprof.network.dims import Dim, Shape
from cnnprof.network.graph import INPUT, Facts, Graph, Node
from cnnprof.network.layers.convolution import Conv, ConvTranspose
from cnnprof.network.layers.linear import Linear
from cnnprof.network.layers.regularization import Dropout
from cnnprof.network.results import Analysis, Cost
from cnnprof.network.stages import stage_depth, stage_of
from cnnprof.record import record
from cnnprof.timing.measurements import Measurement


@record
class Strategy:
    """A way to train: its name, what it trains, when it is the one to take, and the graph that a step runs."""

    name: str
    trains: str
    when: str
    graph: Graph


@record
class StrategyCost:
    """A strategy with what a step of it costs; `fit` and `measurement` if they were asked for."""

    strategy: Strategy
    profile: Analysis
    footprint: Footprint
    fit: Fit | None = None
    measurement: Measurement | None = None


SUGGESTED = 8
"""So many names are in a hint."""


def strategies(profile: Analysis, classes: int, classifier: str | None = None, freeze: Sequence[str] = ()) -> list[Strategy]:
    """The strategies of the lectures for a network with a new classifier of `classes` outputs, and one for `freeze`.

    Args:
        classifier: the name of the layer to replace; left out, the last one that has weights, if it can be one.
        freeze: patterns of layer names; what they match is not trained.

    Raises UsageError for a classifier that cannot be found or replaced, and for patterns that match nothing or everything.
    """
    graph = without_heads(profile.graph)
    head = find_classifier(profile, classifier)
    graph = with_classifier(graph, head, classes)
    try:
        analyze(graph)
    except CnnprofError as error:
        what = f"{graph.name} does not work with {classes} outputs of {head}: {error.message}"
        raise UsageError(what, hint="its scores are joined with those of another classifier, or have a fixed number") from None
    stages = _stages(profile, head)
    everything = {node.name for node in graph}
    graph = _training(graph, everything)
    found = [
        Strategy("from scratch", "all", "much data, different", graph),
        Strategy("fine-tune all", "all", "much data, different; a small learning rate", graph),
    ]
    for count, name, when in ((1, "last stage", "much data, similar"), (2, "last two stages", "much data, rather different")):
        if count < len(stages):
            trained = {name for _, names in stages[-count:] for name in names} | {head}
            labels = ", ".join(label for label, _ in stages[-count:])
            found.append(Strategy(name, f"{labels}, {head}", when, _training(graph, trained)))
    found.append(Strategy("classifier only", head, "little data, similar", _training(graph, {head})))
    found.append(
        Strategy("cached features", head, "little data, similar; features computed once", _head_alone(profile, graph, head))
    )
    if freeze:
        weighted = {cost.node.name for cost in profile.costs if has_weights(cost)} & everything
        chosen = _training(graph, everything - matching(graph, freeze, weighted))
        found.append(Strategy("chosen", f"all but {', '.join(freeze)}", "", chosen))
    return found


def find_classifier(profile: Analysis, name: str | None = None) -> str:
    """The layer that gives the scores: the one of that name, or the last with weights if it is linear or a 1x1 convolution.

    Behind it no layer may multiply by weights. A convolution of another kernel, which may give an image, is one by name.
    """
    candidates = [cost.node for cost in profile.costs if has_weights(cost) and not cost.node.aux]
    kind, inner = [node.name for node in candidates if _can_classify(node)], _before_weights(profile)
    able = [each for each in kind if each not in inner]
    network = profile.graph.name
    by_name = [node.name for node in candidates if _has_channels(node) and node.name not in inner]
    if name in by_name:
        return name
    if not able:
        message = f"{network} has no classifier: no linear layer and no 1x1 convolution with weights of its own gives an output"
        hints = [f"{network}@classes=N has N classes"] if "classes" in profile.graph.facts.settings else []
        hints += [f"--classifier {by_name[-1]} is replaced where it gives scores"] if by_name else []
        raise UsageError(message, hint="; ".join(hints) or None)
    hint = f"name one with --classifier: {', '.join(able[-SUGGESTED:])}"
    if name is None and len(able) > 1:
        others = ", ".join(able[:-1][-SUGGESTED:])
        warn(f"{able[-1]} of {network} is replaced, and not {others}; --classifier names another", SpecWarning, stacklevel=2)
    weighted = {node.name for node in candidates}
    last = next(owner for cost in reversed(profile.costs) if (owner := _owner(cost.node)) in weighted)
    if name is None and last not in able:
        raise UsageError(f"{network} has no classifier that can be found: {last} comes last", hint=hint)
    if name is not None and name not in able:
        unfit = f"{network} has no layer '{name}'"
        if name in kind:
            unfit = f"{name} of {network} gives no scores: layers with weights read it"
        elif any(node.name == name for node in profile.graph):
            unfit = f"{name} of {network} is no linear layer and no 1x1 convolution with weights of its own"
        raise UsageError(unfit, hint=did_you_mean(name, able) or hint)
    return name or last


def _owner(node: Node) -> str:
    """The layer whose weights the node uses: itself, or the one that shares them."""
    return node.shared or node.name


def _before_weights(profile: Analysis) -> set[str]:
    """The layers behind which another one multiplies by weights."""
    found: set[str] = set()
    for cost in reversed(profile.costs):
        if cost.node.name in found or (cost.macs and (cost.params or cost.node.shared)):
            found.update(cost.node.inputs)
    return found


def has_weights(cost: Cost) -> bool:
    """Whether the layer has weights of its own."""
    return bool(cost.node.owns_params and cost.params)


def _calls(graph: Graph, name: str) -> set[str]:
    """The layer of that name, and those that use its weights."""
    return {node.name for node in graph if _owner(node) == name}


def with_classifier(graph: Graph, name: str, classes: int) -> Graph:
    """The graph with another number of outputs at the layer of that name, trainable whatever it was, and no stated figures.

    Layers that use its weights have as many.
    """
    calls = _calls(graph, name)

    def swap(node: Node) -> Node:
        layer = node.layer
        if isinstance(layer, Linear):
            return replace(node, layer=replace(layer, out_features=classes), trainable=True, param_bytes=None)
        assert isinstance(layer, (Conv, ConvTranspose))
        return replace(node, layer=replace(layer, out_channels=classes), trainable=True, param_bytes=None)

    nodes = tuple(swap(node) if node.name in calls else node for node in graph)
    facts = Facts(graph.facts.family, "", graph.facts.year, graph.facts.paper)
    return replace(graph, nodes=nodes, facts=facts, origin=None)


def without_heads(graph: Graph) -> Graph:
    """The graph without the heads that only training runs."""
    return replace(graph, nodes=tuple(node for node in graph if not node.aux), aux_params={})


def matching(graph: Graph, patterns: Sequence[str], weighted: Set[str]) -> set[str]:
    """The layers that the patterns match; a block's name stands for all that is in it.

    Raises UsageError if one of them matches nothing, or all of them together every layer with weights (`weighted`).
    """
    names = [node.name for node in graph]
    found: set[str] = set()
    for pattern in patterns:
        matched = {name for name in names if any(fnmatchcase(part, pattern) for part in _blocks(name))}
        if not matched:
            blocks = [*dict.fromkeys(name.split(".")[0] for name in names)]
            listed = ", ".join(blocks[:SUGGESTED]) + (", ..." if len(blocks) > SUGGESTED else "")
            hint = did_you_mean(pattern, [*blocks, *names]) or f"its blocks are {listed}"
            raise UsageError(f"no layer's name matches '{pattern}'", hint=hint)
        if matched.isdisjoint(weighted):
            raise UsageError(
                f"nothing that '{pattern}' matches has weights", hint="cnnprof summary --by layer shows which have"
            )
        found |= matched
    if found.issuperset(weighted):
        raise UsageError(
            "nothing is left to train: the patterns match every layer with weights", hint="leave the classifier out of --freeze"
        )
    return found


def _blocks(name: str) -> Iterator[str]:
    """The blocks that a layer stands in, and its own name: `stage1`, `stage1.conv1`."""
    return accumulate(name.split("."), lambda block, part: f"{block}.{part}")


def backward_macs(costs: Sequence[Cost]) -> Dim:
    """Multiply-accumulates of a backward pass: as many as forward for the weights of a layer, and again for its input.

    Nothing is computed below the lowest layer that learns; heads that only training runs are left out, as they are forward.
    """
    learning: set[str] = set()
    total: Dim = 0
    for cost in costs:
        node = cost.node
        if node.aux:
            continue
        weights = needs_weight_grad(cost)
        # Attention has three inputs, but two products, each with two gradients.
        further = min(sum(name in learning for name in node.inputs), 2)
        if weights or further:
            learning.add(node.name)
            total = total + cost.macs * (int(weights) + further)
    return total


def _can_classify(node: Node) -> bool:
    layer = node.layer
    return isinstance(layer, Linear) or (isinstance(layer, Conv) and all(k == 1 for k in layer.kernel_size))


def _has_channels(node: Node) -> bool:
    """Whether the layer may have any number of output channels."""
    return isinstance(node.layer, (Conv, ConvTranspose)) and bool(node.layer.groups == 1)


def _stages(profile: Analysis, head: str) -> list[tuple[str, list[str]]]:
    """The stages before the classifier that have weights, in order, with their layers; linear layers in a row are one.

    Where there are too few for two of them to be less than all, the blocks in them are the stages.
    """
    depth = stage_depth([cost.node.name for cost in profile.costs])
    found = _stages_at(profile, head, depth)
    return found if len(found) > 3 else _stages_at(profile, head, depth + 1)


def _stages_at(profile: Analysis, head: str, depth: int) -> list[tuple[str, list[str]]]:
    computing = {stage_of(cost.node.name, depth) for cost in profile.costs if cost.macs}
    stages: list[tuple[list[str], list[str], bool]] = []
    for cost in profile.costs:
        node = cost.node
        if node.name == head:
            break
        if node.aux:
            continue
        label = stage_of(node.name, depth)
        linear = isinstance(node.layer, Linear)
        # A block without a convolution or linear layer belongs to what it follows.
        if stages and (label in stages[-1][0] or label not in computing or (linear and stages[-1][2])):
            labels, names, _ = stages[-1]
            names.append(node.name)
            if has_weights(cost) and label not in labels:
                labels.append(label)
        elif has_weights(cost):
            stages.append(([label], [node.name], linear))
    return [(", ".join(labels), names) for labels, names, _ in stages]


def _training(graph: Graph, names: Set[str]) -> Graph:
    """The graph with the layers of these names trained, and the others in eval mode; weights of another's are as they were."""

    def set_apart(node: Node) -> Node:
        if node.name in names:
            return replace(node, trainable=node.trainable or node.owns_params)
        idle = replace(node.layer, p=0.0) if isinstance(node.layer, Dropout) else node.layer
        return replace(node, layer=idle, trainable=False)

    return replace(graph, nodes=tuple(set_apart(node) for node in graph))


def _head_alone(profile: Analysis, graph: Graph, head: str) -> Graph:
    """The classifier and what is computed from it, on features as input; what other layers add to that is given, too."""
    shapes, calls = {cost.node.name: cost.output for cost in profile.costs} | graph.inputs, _calls(graph, head)
    (features,) = next(node.inputs for node in graph if node.name == head)
    kept: dict[str, Node] = {}
    given: dict[str, Shape] = {}
    for node in graph:
        if node.name not in calls and not kept.keys() & set(node.inputs):
            continue
        others = [name for name in node.inputs if name not in kept and name != features]
        given |= {name: shapes[name] for name in others}
        inputs = tuple(name if name in kept or name in given else INPUT for name in node.inputs)
        kept[node.name] = replace(node, inputs=inputs, shared=node.shared if node.shared in kept else "")
    return replace(
        graph,
        input_shape=shapes[features],
        input_name=INPUT,
        further_inputs=given,
        nodes=tuple(kept.values()),
        outputs=tuple(name for name in graph.outputs if name in kept),
        output_names=(),
    )
