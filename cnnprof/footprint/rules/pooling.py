"""Pooling."""

from __future__ import annotations

from cnnprof.footprint.execution import Autocast
from cnnprof.footprint.rules.base import INDEX_BYTES, LayerMemory, RuleContext, Saved, rule
from cnnprof.network.layers import elements
from cnnprof.network.layers.linear import is_one
from cnnprof.network.layers.pooling import AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, MaxIndices, MaxPool, MaxUnpool, Subsample


def _pooling_autocast(layer: MaxPool | AvgPool | AdaptiveMaxPool | AdaptiveAvgPool) -> Autocast:
    axes = layer.output_size if isinstance(layer, (AdaptiveMaxPool, AdaptiveAvgPool)) else layer.kernel_size
    return "single on cpu" if len(axes) == 3 else "widest"


@rule(MaxPool, AdaptiveMaxPool, autocast=_pooling_autocast)
def max_pool(layer: MaxPool | AdaptiveMaxPool, run: RuleContext) -> LayerMemory:
    """Where each maximum is, in inference, too, but for sequences on the processor (at::max_pool1d)."""
    places = INDEX_BYTES * elements(run.output)
    only_values = isinstance(layer, MaxPool) and len(layer.kernel_size) == 1 and run.on_cpu
    return LayerMemory(0 if only_values else places, Saved((0,), extra=places))


@rule(MaxIndices)
def max_indices(layer: MaxIndices, run: RuleContext) -> LayerMemory:
    """They live on where something reads them."""
    return LayerMemory(number_bytes=INDEX_BYTES, allocates=True)


@rule(MaxUnpool)
def max_unpool(layer: MaxUnpool, run: RuleContext) -> LayerMemory:
    """The gradient is gathered from where the values went: the places are those that the pooling has saved."""
    return LayerMemory()


@rule(AvgPool, autocast=_pooling_autocast)
def avg_pool(layer: AvgPool, run: RuleContext) -> LayerMemory:
    """torch saves the input, of which the gradient needs the size."""
    return LayerMemory(saved=Saved((0,)))


@rule(Subsample)
def subsample(layer: Subsample, run: RuleContext) -> LayerMemory:
    """The sum, and its product with the coefficient."""
    return LayerMemory(2 * run.output_bytes, Saved((0,), extra=run.output_bytes), 2 * run.output_bytes)


@rule(AdaptiveAvgPool, autocast=_pooling_autocast)
def adaptive_avg_pool(layer: AdaptiveAvgPool, run: RuleContext) -> LayerMemory:
    """To one position it is a mean, whose gradient is the same everywhere, and which is taken of a copy in fp32."""
    if not all(is_one(size) for size in layer.output_size):
        return LayerMemory(saved=Saved((0,)))
    return LayerMemory(run.averaged_bytes(run.inputs[0]) + run.averaged_bytes(run.output))
