"""How long each layer of a network takes inside the whole, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from cnnprof.network.dims import Dim, Shape
from cnnprof.network.layers import NO_OPS, Layer, elements
from cnnprof.network.results import Cost
from cnnprof.record import record
from cnnprof.timing.intervals import Interval, geometric_interval, mean, median


@record
class LayerTimes:
    """One network timed layer by layer, in place.

    Args:
        model: the network's name.
        dtype: `fp32`, `fp16`, `bf16` or `amp`.
        batch: images in one run.
        names: of the layers, in order.
        layers: for each worker process the median seconds of every layer.
        outside: for each process the median seconds that a run spent between layers.
        stepped: for each process the median seconds of the whole run that was timed layer by layer.
        plain: for each process the median seconds of a run that nothing was timed in; the two kinds took turns.
        environment: what the figures hold for.
    """

    model: str
    dtype: str
    batch: int
    names: tuple[str, ...]
    layers: tuple[tuple[float, ...], ...]
    outside: tuple[float, ...]
    stepped: tuple[float, ...]
    plain: tuple[float, ...]
    environment: Mapping[str, Any] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """Seconds of a run without any timing inside."""
        return median(self.plain)

    @property
    def total_interval(self) -> Interval | None:
        """Its 95% interval across processes."""
        return geometric_interval(self.plain)

    @property
    def inflation(self) -> float:
        """How many times longer a run takes that is timed layer by layer."""
        return median([stepped / plain for stepped, plain in zip(self.stepped, self.plain, strict=True)])

    @property
    def coverage(self) -> float:
        """The seconds of all layers together, as they were timed, over those of the plain run."""
        runs = zip(self.stepped, self.outside, self.plain, strict=True)
        return median([(stepped - outside) / plain for stepped, outside, plain in runs])

    @property
    def steadiness(self) -> float:
        """The sum of the layers' medians over the plain run.

        Far below 1 where other programs take the core away: they lengthen every whole run, and hardly ever the same layer.
        """
        return median([sum(layers) / plain for layers, plain in zip(self.layers, self.plain, strict=True)])

    @property
    def disturbed(self) -> bool:
        """Whether something else had the core for a part of the time that matters."""
        return self.steadiness < 0.9

    @property
    def seconds(self) -> dict[str, float]:
        """The seconds of every layer: of the total, the part it has of what layers and the code between them took."""
        processes = [(layers, sum(layers) + outside) for layers, outside in zip(self.layers, self.outside, strict=True)]
        return {
            name: self.total * mean([layers[number] / whole for layers, whole in processes])
            for number, name in enumerate(self.names)
        }

    @property
    def unattributed(self) -> float:
        """Seconds of the total that no layer took."""
        return self.total - sum(self.seconds.values())


def traffic(cost: Cost, element_bytes: int) -> Dim:
    """Bytes that a layer moves at the least: inputs, weights and output once each; none for a view or a stored tensor."""
    return layer_traffic(cost.node.layer, cost.inputs, cost.output, element_bytes)


def layer_traffic(layer: Layer, inputs: Sequence[Shape], output: Shape, element_bytes: int) -> Dim:
    """The same for a layer on its own, with the shapes of its inputs and its output."""
    if not layer.writes and layer.ops(*inputs, output=output) == NO_OPS:
        return 0
    return (layer.params(*inputs) + sum(elements(shape) for shape in (*inputs, output))) * element_bytes
