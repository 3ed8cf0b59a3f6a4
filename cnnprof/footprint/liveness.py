"""Memory of a network, layer by layer, while it runs.

A tensor lives from the layer that writes it to the last that reads it, or longer where the code that called that layer holds
it; a view and an in-place output share the memory of what they look at. Weights, buffers and the input stay.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Literal, get_args

from cnnprof.collector import without_collections
from cnnprof.footprint.execution import ELEMENT_BYTES, USUAL, Dtype, Execution, Layout, Mode
from cnnprof.footprint.rules import LayerMemory, RuleContext, autocast_of, memory_of, rule_of
from cnnprof.network.dims import Dim, Shape, greatest, same
from cnnprof.network.graph import Graph
from cnnprof.network.layers import Layer, elements
from cnnprof.network.results import Cost, weight_bytes
from cnnprof.record import record

Phase = Literal["forward", "backward", "recompute", "step"]
"""A part of a run: `recompute` is a checkpointed stage's second forward pass, `step` the optimizer's."""

TensorKind = Literal["activation", "saved", "extra"]


@record
class Moment:
    """The bytes alive at the worst moment of one layer's forward or backward pass, weights, buffers and input aside.

    Args:
        phase: the part of the run.
        node: the layer's name.
        activation_bytes: tensors between layers, in the backward pass their gradients; what the optimizer computes with.
        workspace_bytes: what the layer's kernels hold for themselves.
        saved_bytes: what autograd keeps for the backward pass.
        gradient_bytes: gradients of the weights.
    """

    phase: Phase
    node: str
    activation_bytes: Dim
    workspace_bytes: Dim = 0
    saved_bytes: Dim = 0
    gradient_bytes: Dim = 0

    @property
    def total(self) -> Dim:
        """All of them together."""
        return self.activation_bytes + self.workspace_bytes + self.saved_bytes + self.gradient_bytes


Keep = Callable[[Iterator[Moment]], tuple[Moment, ...]]
"""Which of a run's moments are kept, one after the other as they come."""


def worst(moments: Iterator[Moment]) -> tuple[Moment, ...]:
    """One moment with the largest total of all, so that of arrays of design points not all are held at once."""
    return (Moment("forward", "", greatest(moment.total for moment in moments)),)


@record
class Tensor:
    """One tensor: the layer that made it, its size, and its kind.

    An `activation` goes when it has been read, `saved` ones are kept for the backward pass, `extra` ones are made for it only.
    """

    name: str
    bytes: Dim
    kind: TensorKind


@record
class Footprint:
    """The memory of one inference, or of one training step, in bytes."""

    parameter_bytes: Dim
    buffer_bytes: Dim
    input_bytes: Dim
    moments: tuple[Moment, ...]
    tensors: tuple[Tensor, ...] = field(default=(), repr=False)
    optimizer_bytes: Dim = 0

    @property
    def fixed_bytes(self) -> Dim:
        """Bytes that are held from the beginning to the end."""
        return self.parameter_bytes + self.buffer_bytes + self.input_bytes + self.optimizer_bytes

    @property
    def peak_bytes(self) -> Dim:
        """All that is held at the worst moment."""
        return self.fixed_bytes + greatest(moment.total for moment in self.moments)

    @property
    def peak(self) -> Moment:
        """The worst moment; of several the first. Sizes must be ints."""
        return max(self.moments, key=lambda moment: moment.total)


@record
class AllocatorRecord:
    """A device's allocator's record of one inference (`infer`) or training step (`train`).

    `peak_bytes` is the most that was allocated at one time, weights and input included. On CUDA `requested_bytes` is that
    before the allocator rounds sizes up, `reserved_bytes` what it took from the device. `error` says why there is no figure.
    """

    mode: Mode
    device: str
    peak_bytes: int | None = None
    requested_bytes: int | None = None
    reserved_bytes: int | None = None
    error: str | None = None

    @property
    def comparable_bytes(self) -> int | None:
        """The figure to hold a prediction against."""
        return self.peak_bytes if self.requested_bytes is None else self.requested_bytes


@record
class Checkpointed:
    """A training step with gradient checkpointing: its footprint, and the multiply-accumulates that run a second time."""

    footprint: Footprint
    extra_macs: Dim


@record
class LiveRanges:
    """The tensors of a run: which share memory, its bytes, and the last step at which a layer or the network's code needs it.

    Args:
        storage: by layer, the layer whose memory its output layout in; its own name if it has memory of its own.
        size: bytes of each memory.
        last_use: the step at which each memory is last needed.
        memory: what each layer's kernels hold.
        executions: how each layer runs: in the layout that its input has, and the format that it computes in.
        casts: under autocast, for a layer the bytes of its inputs in the format that it computes in, by position.
    """

    storage: dict[str, str]
    size: dict[str, Dim]
    last_use: dict[str, int]
    memory: dict[str, LayerMemory]
    executions: dict[str, Execution]
    casts: dict[str, dict[int, Dim]]


def live_ranges(
    graph: Graph, costs: Sequence[Cost], run: Execution, needs_grad: Container[str] = (), needs_weight_grad: Container[str] = ()
) -> LiveRanges:
    """The tensors of a run of these layers.

    Args:
        needs_grad: the layers with a backward pass, which do what they do in training only.
        needs_weight_grad: those of them whose weights need a gradient.
    """
    storage = {name: name for name in graph.inputs}
    size: dict[str, Dim] = dict.fromkeys(storage, 0)  # counted as inputs
    last_use = dict.fromkeys(storage, len(costs))
    layouts: dict[str, Layout] = dict.fromkeys(storage, run.layout)
    formats: dict[str, Dtype] = dict.fromkeys(storage, run.dtype)
    variants = {
        (layout, dtype): replace(run, dtype=dtype, layout=layout, reorders_weights=layout == "channels_last" != run.layout)
        for layout in get_args(Layout)
        for dtype in (run.dtype, run.amp or run.dtype)
    }
    memory, executions, casts = {}, {}, {}
    stored_bytes = run.element_bytes
    settled = _in_channels_last(graph, costs) if run.layout == "channels_last" else {}
    steps = {cost.node.name: step for step, cost in enumerate(costs)}
    for step, cost in enumerate(costs):
        node, layer, rule = cost.node, settled.get(cost.node.name, cost.node.layer), rule_of(cost.node.layer)
        for name in node.inputs:
            last_use[storage[name]] = max(last_use[storage[name]], step)
        given = tuple([layouts[name] for name in node.inputs])
        if rule.elementwise:
            whole = [layout for layout, shape in zip(given, cost.inputs, strict=True) if _alike(shape, cost.output)]
            given = tuple(whole[:1]) or given
        usual: Layout = "channels_last" if "channels_last" in given else "nchw"
        dtype = run.dtype
        if run.amp:
            autocast = autocast_of(layer)
            dtype = formats[node.name] = run.format_under_autocast(autocast, [formats[name] for name in node.inputs])
            casts[node.name] = {
                position: ELEMENT_BYTES[dtype] * elements(shape)
                for position, (name, shape) in enumerate(zip(node.inputs, cost.inputs, strict=True))
                if formats[name] != dtype and autocast != "widest"
            }
        execution = variants["channels_last" if usual == "channels_last" else given[0] if given else usual, dtype]
        executions[node.name] = execution
        context = RuleContext(
            cost.inputs,
            cost.output,
            execution,
            given,
            stored_bytes,
            node.name in needs_grad and any(name in needs_grad for name in node.inputs),
            node.name in needs_weight_grad,
        )
        held = memory[node.name] = rule.function(layer, context)
        layouts[node.name] = held.layout or ("permuted" if rule.elementwise and given[0] == "permuted" else usual)
        allocates = layer.writes if held.allocates is None else held.allocates
        own = node.name if allocates or not node.inputs else storage[node.inputs[0]]
        storage[node.name] = own
        if own == node.name:
            size[own] = (held.number_bytes or execution.element_bytes) * elements(cost.output) if allocates else 0
        last_use[own] = max(last_use.get(own, step), step, steps.get(node.until, step))
    for name in graph.outputs:
        last_use[storage[name]] = len(costs)
    return LiveRanges(storage, size, last_use, memory, executions, casts)


def _in_channels_last(graph: Graph, costs: Sequence[Cost]) -> dict[str, Layer]:
    """The reshapes that copy or do not where images and weights are in channels_last, other than they say."""
    from cnnprof.network.strides import settled_in_channels_last

    return settled_in_channels_last([(cost.node, cost.inputs, cost.output) for cost in costs], graph.inputs)


def _alike(shape: Shape, other: Shape) -> bool:
    return len(shape) == len(other) and all(same(a, b) for a, b in zip(shape, other, strict=True))


@without_collections()
def inference(graph: Graph, costs: Sequence[Cost], run: Execution = USUAL, keep: Keep = tuple) -> Footprint:
    """The memory of one forward pass in eval mode; `keep` says which moments it has, all unless told otherwise."""
    used = [cost for cost in costs if not cost.node.aux]
    tensors = live_ranges(graph, used, run)
    return Footprint(**stored(graph, costs, run, tensors), moments=keep(_forward(used, run, tensors)), tensors=_named(tensors))


def _forward(costs: Sequence[Cost], run: Execution, tensors: LiveRanges) -> Iterator[Moment]:
    cublas, done = cublas_workspace(costs, run), ends_by_step(tensors.last_use)
    alive: Dim = 0
    for step, cost in enumerate(costs):
        name = cost.node.name
        if tensors.storage[name] == name:
            alive = alive + tensors.size[name]
        workspace = tensors.memory[name].workspace if run.workspace else 0
        # Autocast casts weights for each layer anew where nothing is trained.
        beside = sum(tensors.casts[name].values()) + cast_weights(cost, run) if run.amp else 0
        yield Moment("forward", name, alive + beside, workspace + cublas)
        for gone in done.get(step, ()):
            alive = alive - tensors.size[gone]


def stored(graph: Graph, costs: Iterable[Cost], run: Execution, tensors: LiveRanges) -> dict[str, Dim]:
    """The bytes of weights (training-only heads' too), buffers and input, under the names that a `Footprint` gives them."""
    size = run.element_bytes
    weights = sum(weight_bytes(cost) for cost in costs) if run.as_written else size * sum(cost.params for cost in costs)
    return {
        "parameter_bytes": weights + size * sum(graph.aux_params.values()),
        "buffer_bytes": sum((tensors.memory.get(cost.node.name) or _idle(cost, run)).buffer_bytes for cost in costs),
        "input_bytes": size * sum(elements(shape) for shape in graph.inputs.values()),
    }


def _idle(cost: Cost, run: Execution) -> LayerMemory:
    """The memory of a layer that does not run: its buffers count all the same."""
    return memory_of(cost.node.layer, RuleContext(cost.inputs, cost.output, run, (run.layout,), run.element_bytes))


def cublas_workspace(costs: Iterable[Cost], run: Execution, needs_grad: Container[str] = ()) -> int:
    """Bytes that cuBLAS is given from the first run on, for all matrix products; convolutions have a library of their own.

    torch keeps a cuBLAS handle with a workspace for each thread, and autograd has a thread of its own for a CUDA device: the
    backward pass of layers that are in `needs_grad` takes a second.
    """
    if not run.workspace or run.device != "cuda":
        return 0
    products = [cost.node.name for cost in costs if rule_of(cost.node.layer).cublas]
    return run.cublas_bytes * (bool(products) + any(name in needs_grad for name in products))


def cast_weights(cost: Cost, run: Execution) -> Dim:
    """Bytes of the weights' copies that autocast makes."""
    return ELEMENT_BYTES[run.amp] * cost.params if run.amp and autocast_of(cost.node.layer) == "half" else 0


def ends_by_step(last_use: Mapping[str, int]) -> dict[int, list[str]]:
    """The memories that end with each step."""
    done: dict[int, list[str]] = {}
    for name, step in last_use.items():
        done.setdefault(step, []).append(name)
    return done


def _named(tensors: LiveRanges) -> tuple[Tensor, ...]:
    """The tensors that layers make."""
    return tuple(Tensor(name, size, "activation") for name, size in tensors.size.items() if name in tensors.memory)
