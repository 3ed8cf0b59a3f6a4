"""The memory that the processor's convolution kernels hold beside input and output.

torch lays out anew what oneDNN's kernels want otherwise, runs them, and lays the result out as it was: copies of input, weights
and output that live for the length of the call. What oneDNN does not run is a matrix product of torch's own.
"""

from __future__ import annotations

from math import prod
from types import ModuleType

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.rules import onednn_avx2, onednn_avx512, onednn_channels_last, onednn_sse41
from cnnprof.footprint.rules.base import LayerMemory, RuleContext, Saved, rule
from cnnprof.footprint.rules.onednn_convolution import Convolution, Copies, by_onednn, reordered_weights
from cnnprof.network.dims import Dim, Shape, greater_equal, lift
from cnnprof.network.layers import elements
from cnnprof.network.layers.convolution import Conv, ConvTranspose


@rule(Conv, autocast="half")
def convolution(layer: Conv, run: RuleContext) -> LayerMemory:
    """Copies in the blocks of oneDNN's kernels, or the columns of a matrix product."""
    gathered = _gathered(run)
    saved = Saved((0,))
    if not run.on_cpu:
        return LayerMemory(gathered, saved, gathered, gathers_gradient=1)
    sized = sized_convolution(layer, run)
    back: Dim = 0
    if run.needs_grad:
        back = backward_workspace(sized, run.execution, run.needs_input_grad, run.needs_weight_grad) + gathered
    gathers = gathers_gradient(sized, run.execution)
    turns = int(run.execution.layout != "channels_last")
    return LayerMemory(
        forward_workspace(sized, run.execution) + gathered, saved, back, gathers_gradient=gathers, turns_gradient=turns
    )


def _gathered(run: RuleContext) -> Dim:
    """A copy of channels that are a part of other tensors, each image apart; of rows and columns of one image, too."""
    (x,) = run.inputs
    if run.execution.layout == "cropped":
        return run.element_bytes * elements(x)
    return run.element_bytes * elements(x) * greater_equal(x[0], 2) if run.execution.layout == "sliced" else 0


def sized_convolution(layer: Conv | ConvTranspose, run: RuleContext) -> Convolution:
    """The convolution that a layer is in this run; torch runs one along a single axis as one over images of one row."""
    x, y = run.inputs[0], run.output
    if len(layer.kernel_size) > 1:
        return Convolution(x, y, layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.groups, layer.bias)
    x, y = (*x[:2], 1, x[2]), (*y[:2], 1, y[2])
    kernel, stride, dilation = (1, *layer.kernel_size), (1, *layer.stride), (1, *layer.dilation)
    return Convolution(x, y, kernel, stride, (0, *layer.padding), dilation, layer.groups, layer.bias)


@lift
def forward_workspace(conv: Convolution, run: Execution) -> int:
    """Bytes beside input and output at the worst moment of the forward pass."""
    if not by_onednn(conv, run):
        return _columns(conv, run)
    if run.layout == "channels_last":
        return onednn_channels_last.forward(conv, run)
    return result_workspace(kernels(run).forward(conv, run), conv.target_bytes(run))


@lift
def backward_workspace(conv: Convolution, run: Execution, needs_input_grad: bool, needs_weight_grad: bool) -> int:
    """Bytes beside the gradients of input and weights at the worst moment of the backward pass."""
    if not by_onednn(conv, run):
        return (
            _group_by_group(conv, run, needs_input_grad, needs_weight_grad)
            if conv.grouped and not _at_once(conv)
            else _gradients(conv, run, needs_input_grad, needs_weight_grad)
        )
    if run.layout == "channels_last":
        return onednn_channels_last.backward(conv, run, needs_input_grad, needs_weight_grad)
    chosen = kernels(run)
    source = conv.source_bytes(run) if needs_input_grad else 0
    worst = gradient_workspace(chosen.data_gradient(conv, run), source) if needs_input_grad else 0
    if not needs_weight_grad:
        return worst
    weights = conv.weight_bytes(run)
    own = weight_workspace(chosen.weight_gradient(conv, run), weights, conv.bias_bytes(run))
    # The gradient of the input comes first, and stays.
    return max(worst - weights - conv.bias_bytes(run), own)


@lift
def gathers_gradient(conv: Convolution, run: Execution) -> int:
    """1 where a gradient that is a part of others is copied as a whole: torch's own groups copy their share of it each."""
    return int(not conv.grouped or _at_once(conv) or by_onednn(conv, run))


def kernels(run: Execution) -> ModuleType:
    """Which kernels the processor's instruction set has: modules with `forward`, `data_gradient` and `weight_gradient`."""
    return onednn_avx512 if run.wide else onednn_sse41 if run.isa == "sse41" else onednn_avx2


def result_workspace(copies: Copies, out: int) -> int:
    """First all copies are made and the output is computed, then it is laid out as it was."""
    together = copies.scratch + copies.input + copies.weights + copies.output
    return max(together - out, copies.output + (copies.reorders - 1) * out)


def gradient_workspace(copies: Copies, source: int) -> int:
    """The same of the input's gradient."""
    together = copies.scratch + copies.input + copies.weights + copies.output
    return max(together, copies.input + copies.reorders * source) - source


def weight_workspace(copies: Copies, weights: int, bias: int) -> int:
    """The same of the gradients of weights and bias."""
    together = copies.scratch + copies.input + copies.weights + copies.output + bias
    return max(together - weights - bias, copies.weights + bias)


def _columns(conv: Convolution, run: Execution) -> int:
    """torch's matrix product: the input's windows as columns, unless a window is one position; groups one by one.

    In three dimensions groups without gaps run at once, and have columns of one position, too.
    """
    windows = 0 if conv.plain else _windows(conv, run)
    if len(conv.kernel) == 3 and (_at_once(conv) or not conv.grouped):
        return _windows(conv, run) if conv.grouped else windows
    if conv.grouped:
        return max(conv.target_bytes(run), one_group(conv, run, conv.x) + windows // conv.groups)
    return windows + reordered_weights(conv, run) if windows else 0


def _at_once(conv: Convolution) -> bool:
    """Whether torch's own kernel runs all groups at once."""
    return len(conv.kernel) == 3 and not conv.dilated


def _windows(conv: Convolution, run: Execution) -> int:
    """All windows as columns; those with gaps of one image at a time."""
    images = 1 if conv.dilated else conv.x[0]
    return run.element_bytes * images * conv.x[1] * conv.window * prod(conv.y[2:])


def _gradients(conv: Convolution, run: Execution, needs_input_grad: bool, needs_weight_grad: bool) -> int:
    """The same for the weights' gradient; windows with gaps and three axes take columns for the input's, too."""
    columns, bias = _columns(conv, run), conv.bias_bytes(run)
    weights = conv.weight_bytes(run) + bias if needs_weight_grad else 0
    own = columns + (bias if conv.dilated else 0) if needs_weight_grad else 0
    if needs_weight_grad:
        own = max(own, summed_bias(conv, run))
    if not needs_input_grad or not (conv.dilated or len(conv.kernel) == 3):
        return own
    return max(own, _windows(conv, run) - weights)


def _group_by_group(conv: Convolution, run: Execution, needs_input_grad: bool, needs_weight_grad: bool) -> int:
    """The groups' own gradients, which are joined, or while one is computed what it reads and its windows."""
    weights = conv.weight_bytes(run) + conv.bias_bytes(run)
    parts = (conv.source_bytes(run) if needs_input_grad else 0) + (weights if needs_weight_grad else 0)
    columns = 0 if conv.plain or not (needs_weight_grad or conv.dilated) else _windows(conv, run) // conv.groups
    columns = max(columns, summed_bias(conv, run)) if needs_weight_grad else columns
    return max(parts, one_group(conv, run, conv.x, conv.y) + columns)


def summed_bias(conv: Convolution, run: Execution) -> int:
    """A group's gradient in fp32, of which that of a bias in half precision is summed first, beside its weights'."""
    if not conv.bias or run.element_bytes == 4 or conv.x[0] == 1 or conv.dilated:
        return 0
    return (2 * (conv.target_bytes(run) + conv.bias_bytes(run)) - conv.weight_bytes(run)) // conv.groups


def one_group(conv: Convolution, run: Execution, *shapes: Shape) -> int:
    """A copy of one group's part of the tensors; of one image it lies in one piece."""
    return run.element_bytes * sum(prod(shape) for shape in shapes) // conv.groups if conv.x[0] > 1 else 0
