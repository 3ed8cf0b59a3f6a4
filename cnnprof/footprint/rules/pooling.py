"""Pooling."""

from __future__ import annotations

from cnnprof.footprint.rules.base import INDEX_BYTES, LayerMemory, RuleContext, Saved, rule
from cnnprof.network.layers import elements
from cnnprof.network.layers.linear import is_one
from cnnprof.network.layers.pooling import AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, MaxIndices, MaxPool, MaxUnpool, Subsample


@rule(MaxPool, AdaptiveMaxPool)
def max_pool(layer: MaxPool | AdaptiveMaxPool, run: RuleContext) -> LayerMemory:
    """Where each maximum is, in inference, too."""
    places = INDEX_BYTES * elements(run.output)
    return LayerMemory(places, Saved((0,), extra=places))


@rule(MaxIndices)
def max_indices(layer: MaxIndices, run: RuleContext) -> LayerMemory:
    """They live on where something reads them."""
    return LayerMemory(number_bytes=INDEX_BYTES, allocates=True)


@rule(MaxUnpool)
def max_unpool(layer: MaxUnpool, run: RuleContext) -> LayerMemory:
    """The gradient is gathered from where the values went: the places are those that the pooling has saved."""
    return LayerMemory()


@rule(AvgPool)
def avg_pool(layer: AvgPool, run: RuleContext) -> LayerMemory:
    """torch saves the input, of which the gradient needs the size."""
    return LayerMemory(saved=Saved((0,)))


@rule(Subsample)
def subsample(layer: Subsample, run: RuleContext) -> LayerMemory:
    """The sum, and its product with the coefficient."""
    return LayerMemory(2 * run.output_bytes, Saved((0,), extra=run.output_bytes), 2 * run.output_bytes)


@rule(AdaptiveAvgPool)
def adaptive_avg_pool(layer: AdaptiveAvgPool, run: RuleContext) -> LayerMemory:
    """To one position it is a mean, whose gradient is the same everywhere, and which is taken of a copy in fp32."""
    if not all(is_one(size) for size in layer.output_size):
        return LayerMemory(saved=Saved((0,)))
    copied = run.on_cpu and run.element_bytes < 4
    return LayerMemory(4 * (elements(run.inputs[0]) + elements(run.output)) * int(copied))
