"""Memory rules of layers: one decorated function a layer type, as `jax.experimental.roofline` has it.

To say what a layer type holds, write one function with `@rule(TheType)` in the file of its kind. It takes the layer and the
`RuleContext` that it runs in, and uses only `network.dims` on dimensions. A test names every layer type without a rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeVar

from cnnprof.footprint.execution import Autocast, Execution, Layout
from cnnprof.network.dims import Dim, Shape
from cnnprof.network.layers import Layer, elements

INDEX_BYTES = 8
"""Of a position, torch's int64."""

InputGradient = Literal["new", "new turned", "same", "part", "turned"]
"""The gradient of an input: a tensor of its own, also with its channels last; that of the output itself, a part of that, or
that with its channels last."""


class Saved(NamedTuple):
    """The tensors that autograd saves of one layer until its backward pass, weights aside.

    `inputs` are positions among the layer's inputs, and so are those `for_weights`, which only weights that learn need;
    `extra` bytes belong to no other tensor: indices, a mask, a copy.
    """

    inputs: tuple[int, ...] = ()
    output: bool = False
    extra: Dim = 0
    for_weights: tuple[int, ...] = ()


class RuleContext(NamedTuple):
    """The run of one layer that a rule is asked about.

    Args:
        inputs: the shapes of its inputs, batch first.
        output: the shape of its output.
        execution: how it runs; the layout is that of its input, the format the one that it computes in.
        layouts: how each of the inputs that matter lies, by the names that `Execution.layout` has.
        stored_bytes: those of a stored number (weights, buffers), which autocast leaves as they are.
        needs_input_grad: whether an input needs a gradient.
        needs_weight_grad: whether the layer's weights need one.
    """

    inputs: tuple[Shape, ...]
    output: Shape
    execution: Execution
    layouts: tuple[Layout, ...] = ("nchw",)
    stored_bytes: int = 4
    needs_input_grad: bool = False
    needs_weight_grad: bool = False

    @property
    def needs_grad(self) -> bool:
        """Whether the layer has a backward pass."""
        return self.needs_input_grad or self.needs_weight_grad

    @property
    def element_bytes(self) -> int:
        """Bytes of a number that the layer computes."""
        return self.execution.element_bytes

    @property
    def output_bytes(self) -> Dim:
        """Bytes of a tensor of the output's size."""
        return self.execution.element_bytes * elements(self.output)

    def averaged_bytes(self, shape: Shape) -> Dim:
        """Bytes of the fp32 copy that the processor makes of a tensor in half precision for its mean, and of none of others."""
        return 4 * elements(shape) * int(self.on_cpu and self.element_bytes < 4)

    @property
    def on_cpu(self) -> bool:
        """Whether the processor's kernels run it."""
        return self.execution.device == "cpu"


class LayerMemory(NamedTuple):
    """Memory that a layer's kernels hold, and how they leave their output.

    Args:
        workspace: bytes beside inputs and output at the worst moment of the forward pass.
        saved: what autograd saves for the backward pass.
        backward_workspace: bytes beside all gradients and what was saved, at the worst moment of the backward pass.
        buffer_bytes: those of tensors that the layer stores and does not learn.
        number_bytes: those of one number of the output; None for the format that the layer computes in.
        allocates: whether each run takes new memory for the output; None for `Layer.writes`.
        layout: how the output lies; None for channels_last if an input lies so, and else NCHW.
        input_gradient: what the gradient of an input is.
        gathers_gradient: 1 where the backward pass copies a gradient that does not lie in one piece.
        turns_gradient: 1 where it copies one whose channels lie last.
        backward_freed: bytes of what the layer saved that are gone at the worst moment of the backward pass.
    """

    workspace: Dim = 0
    saved: Saved = Saved()
    backward_workspace: Dim = 0
    buffer_bytes: Dim = 0
    number_bytes: int | None = None
    allocates: bool | None = None
    layout: Layout | None = None
    input_gradient: InputGradient = "new"
    gathers_gradient: Dim = 0
    turns_gradient: Dim = 0
    backward_freed: Dim = 0


RuleFunction = Callable[[Any, RuleContext], LayerMemory]


class Rule(NamedTuple):
    """A registered rule: its function, and what has to be known before a layer's `RuleContext` is.

    Args:
        autocast: what torch.autocast computes the layer in, or a function of the layer that says it.
        elementwise: whether each element is computed for itself: then the first input of the output's size says how it lies.
        cublas: whether cuBLAS computes it on a CUDA device.
    """

    function: RuleFunction
    autocast: Autocast | Callable[[Any], Autocast]
    elementwise: bool
    cublas: bool


RULES: dict[type[Layer], Rule] = {}
"""The rule of every layer type."""

F = TypeVar("F", bound=RuleFunction)


def rule(
    *layers: type[Layer],
    autocast: Autocast | Callable[[Any], Autocast] = "widest",
    elementwise: bool = False,
    cublas: bool = False,
) -> Callable[[F], F]:
    """Register a function as the rule of these layer types; a second rule for one of them is refused with ValueError."""

    def register(function: F) -> F:
        for layer in layers:
            if layer in RULES:
                raise ValueError(f"layer '{layer.__name__}' has two memory rules")
            RULES[layer] = Rule(function, autocast, elementwise, cublas)
        return function

    return register


def rule_of(layer: Layer) -> Rule:
    """The rule of a layer's type. Raises LookupError if there is none: nothing is taken to hold no memory in silence."""
    try:
        return RULES[type(layer)]
    except KeyError:
        raise LookupError(f"layer '{type(layer).__name__}' has no memory rule: write one in cnnprof/footprint/rules") from None


def autocast_of(layer: Layer) -> Autocast:
    """The format that torch.autocast computes the layer in."""
    autocast = rule_of(layer).autocast
    return autocast(layer) if callable(autocast) else autocast


def memory_of(layer: Layer, context: RuleContext) -> LayerMemory:
    """The memory of the layer in this run of it. Raises LookupError for a layer type without a rule."""
    return rule_of(layer).function(layer, context)
