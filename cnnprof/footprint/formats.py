"""The bytes of a network in another number format: weights, activations, and an inference.

In fp16 and bf16 every number has two bytes, and kernels' workspace is that of the format. In int8 a weight and an activation
have one byte, biases and accumulators are int32 (as in Jacob et al. 2018, section 2.4, arXiv:1712.05877); parameters of
normalization, where they are not folded into the weights before, have four. Kernels of int8 differ from library to library,
and their workspace is not counted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.liveness import Footprint, inference
from cnnprof.network.dims import Dim
from cnnprof.network.graph import NUMBER_BYTES
from cnnprof.network.layers.convolution import Conv, ConvTranspose
from cnnprof.network.layers.linear import Linear
from cnnprof.network.results import Analysis, Cost
from cnnprof.record import record

NumberFormat = Literal["fp32", "fp16", "bf16", "int8", "fp64"]
FORMATS: tuple[NumberFormat, ...] = ("fp32", "fp16", "bf16", "int8")

BYTES = {**NUMBER_BYTES, "int8": 1}
"""Of a weight and of an activation."""

INT32_BYTES = 4


@record
class Sizes:
    """Bytes of a network in a number format.

    Args:
        param_bytes: weights, biases and parameters of normalization: what a file of them takes.
        activation_bytes: the sum of what layers write.
        peak_inference_bytes: an inference at its worst moment.
        scale_bytes: besides, scales of int8, one fp32 a channel that a weighted layer writes; 0 for floating point.
    """

    param_bytes: int
    activation_bytes: int
    peak_inference_bytes: int
    scale_bytes: int = 0


def sizes_in(analysis: Analysis, dtype: NumberFormat) -> Sizes:
    """The network's sizes in that format; heads that only training runs are left out."""
    totals = analysis.totals
    width = BYTES[dtype]
    if dtype != "int8":
        run = Execution(dtype=dtype)
        peak = inference(analysis.graph, analysis.costs, run).peak_bytes
        return Sizes(totals.params * width, totals.activations * width, peak)
    held = int8_inference(analysis)
    return Sizes(int(held.parameter_bytes), totals.activations, int(held.peak_bytes), int8_scale_bytes(analysis))


def int8_inference(analysis: Analysis) -> Footprint:
    """The memory of an inference in int8, without what kernels take.

    Statistics of batch normalization are no buffers of it: an inference needs them in its scale and shift alone.
    """
    held = inference(analysis.graph, analysis.costs, Execution(workspace=False))
    wide = BYTES["fp32"]  # inputs and tensors between layers have one byte a number in place of these
    return Footprint(
        parameter_bytes=int8_weight_bytes(analysis),
        buffer_bytes=0,
        input_bytes=held.input_bytes // wide,
        moments=tuple(replace(moment, activation_bytes=moment.activation_bytes // wide) for moment in held.moments),
        tensors=tuple(replace(tensor, bytes=tensor.bytes // wide) for tensor in held.tensors),
    )


def int8_scale_bytes(analysis: Analysis) -> int:
    """Bytes of int8's scales, one in fp32 for each channel that a layer with weights writes."""
    return int(BYTES["fp32"] * sum(_channels(cost) for cost in analysis.costs if not cost.node.aux))


def int8_weight_bytes(analysis: Analysis) -> Dim:
    """Bytes of the weights in int8, biases and parameters of normalization included."""
    used = [cost for cost in analysis.costs if not cost.node.aux]
    return sum(cost.params for cost in used) + (INT32_BYTES - 1) * sum(_wide(cost) for cost in used)


def _wide(cost: Cost) -> Dim:
    """How many of the layer's parameters have four bytes in int8: biases, and those of normalization."""
    layer = cost.node.layer
    if not cost.params:
        return 0
    if isinstance(layer, (Conv, ConvTranspose, Linear)):
        return _channels(cost) if layer.bias else 0
    return cost.params if type(layer).__module__.endswith(".normalization") else 0


def _channels(cost: Cost) -> Dim:
    """The channels that a layer with its own weights writes."""
    layer = cost.node.layer
    if not cost.params or not isinstance(layer, (Conv, ConvTranspose, Linear)):
        return 0
    return layer.out_features if isinstance(layer, Linear) else layer.out_channels
