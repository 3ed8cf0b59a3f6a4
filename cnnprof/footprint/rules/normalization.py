"""Normalization: stored or computed statistics, and copies of what does not lie as it is normalized."""

from __future__ import annotations

from cnnprof.footprint.rules.base import LayerMemory, RuleContext, Saved, rule
from cnnprof.network.dims import maximum, prod
from cnnprof.network.layers import elements
from cnnprof.network.layers import normalization as norm

COUNT_BYTES = 8
"""Of the count of batches, torch's int64."""


@rule(norm.BatchNorm)
def batch_norm(layer: norm.BatchNorm, run: RuleContext) -> LayerMemory:
    """Stored are mean and variance of each channel, and the count of batches; mean and deviation are computed."""
    channels = run.inputs[0][1]
    statistics = 2 * run.element_bytes * channels
    gathered = run.execution.layout == "sliced" and run.output[0] > 1
    return LayerMemory(
        statistics,
        Saved((0,), extra=statistics),
        run.output_bytes if run.on_cpu and not gathered else 0,
        2 * run.stored_bytes * channels + COUNT_BYTES,
    )


@rule(norm.LayerNorm, autocast="single on cuda")
def layer_norm(layer: norm.LayerNorm, run: RuleContext) -> LayerMemory:
    """Mean and deviation of each vector; an input whose normalized axes do not lie last in memory is copied."""
    (x,) = run.inputs
    vectors = elements(x) // x[1] if layer.channels_first else prod(x[: len(x) - layer.axes])
    statistics = 2 * vectors * run.element_bytes
    copied = run.output_bytes * int(run.execution.layout == ("nchw" if layer.channels_first else "permuted"))
    return LayerMemory(
        statistics + copied,
        Saved((0,), extra=statistics),
        # The input is copied once more, and so is a gradient that lies as it does.
        copied * (2 if layer.channels_first else 1),
        layout="channels_last" if layer.channels_first else "nchw",
    )


@rule(norm.GroupNorm, autocast="single on cuda")
def group_norm(layer: norm.GroupNorm, run: RuleContext) -> LayerMemory:
    """Mean and deviation of each group; torch runs an instance normalization as a batch normalization."""
    statistics = 2 * run.element_bytes * run.inputs[0][0] * layer.groups
    return LayerMemory(statistics, Saved((0,), extra=statistics), run.output_bytes if layer.instance and run.on_cpu else 0)


@rule(norm.GlobalResponseNorm)
def global_response_norm(layer: norm.GlobalResponseNorm, run: RuleContext) -> LayerMemory:
    """It runs as a norm, a mean and arithmetic on whole tensors: the scaled input, that shifted, and the output at a time."""
    whole, norms = run.output_bytes, run.element_bytes * run.output[0] * run.output[1]
    if not run.needs_grad:
        return LayerMemory(2 * whole + norms)
    # Saved are, for gamma's gradient, the input times the norms' ratios; for the input's, norms, ratios and each image's mean.
    ratios = whole if run.needs_weight_grad else 0
    numbers = 2 * norms + run.element_bytes * run.output[0] if run.needs_input_grad else 0
    saved = Saved((0,) if run.needs_input_grad else (), extra=ratios + numbers)
    # The gradient of the scaled input is there with those of its two factors, once what was saved for gamma is gone.
    back = 2 * whole + norms - ratios if run.needs_input_grad else 2 * whole
    return LayerMemory(2 * whole + ratios + maximum(numbers, norms), saved, back)


@rule(norm.LocalResponseNorm, autocast="single")
def local_response_norm(layer: norm.LocalResponseNorm, run: RuleContext) -> LayerMemory:
    """It runs as six operations on whole tensors, of which three are alive at a time; the squares are padded with channels."""
    whole = run.output_bytes
    padding = run.element_bytes * (layer.size - 1) * (elements(run.output) // run.output[1])
    return LayerMemory(
        whole + maximum(whole, padding),
        Saved((0,), extra=3 * whole + padding),
        # The division's two gradients, the second in three steps.
        3 * whole,
    )


@rule(norm.Normalize, autocast="single on cuda")
def normalize(layer: norm.Normalize, run: RuleContext) -> LayerMemory:
    """The norm of each vector, and that norm kept away from zero."""
    vectors = elements(run.output) // run.output[layer.dim]
    return LayerMemory(saved=Saved((0,), extra=2 * run.element_bytes * vectors))
