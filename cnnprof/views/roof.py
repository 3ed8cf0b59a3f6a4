"""`cnnprof plot roofline`: layers' arithmetic over its intensity, under what the machine can do (Williams et al. 2009)."""

from __future__ import annotations

from collections.abc import Mapping

from cnnprof.charts.points import Axis, Line, Point
from cnnprof.charts.scatter import Scatter
from cnnprof.errors import UsageError
from cnnprof.timing.roofline import ARITHMETIC, MEMORY, Ceilings
from cnnprof.views.reasons import TimedNetwork

SMALLEST_NAMED = 12
"""So many layers, those that take longest, have their name written beside."""


def chart_roofline(network: TimedNetwork, ceilings: Ceilings) -> Scatter:
    """A point a layer that multiplies, by the time it takes; a line for each kind of arithmetic under main memory's rate.

    Intensity is FLOP (two a multiply-accumulate) for each byte of inputs, weights and output. Raises UsageError if nothing in
    the network multiplies.
    """
    layers = sorted((each for each in network.layers if each.cost.macs and each.seconds > 0), key=lambda each: -each.seconds)
    if not layers:
        raise UsageError(f"{network.name} multiplies nothing, so that it has no roofline")
    longest = layers[0].seconds
    points = tuple(
        Point(
            layer.cost.node.name if number < SMALLEST_NAMED else "",
            2 * int(layer.cost.macs) / layer.bytes,
            2 * int(layer.cost.macs) / layer.seconds / 1e9,
            layer.seconds / longest,
            f"held by {layer.bound.name}",
            detail={"layer": layer.cost.node.name, "time (ms)": f"{layer.seconds * 1e3:.3g}"},
        )
        for number, layer in enumerate(layers)
    )
    low, high = min(point.x for point in points) / 2, max(point.x for point in points) * 2
    largest = max(rate.size for rate in ceilings.rates if rate.kind == MEMORY)
    moved = ceilings.bandwidth(largest)
    lines = []
    for kind in ARITHMETIC:
        top = ceilings.flops(kind)
        ridge = top / moved
        xs = tuple(sorted({min(low, ridge / 2), ridge, max(high, ridge * 2)}))
        lines.append(Line(f"{kind}: {top / 1e9:,.0f} GFLOP/s", xs, tuple(min(top, x * moved) / 1e9 for x in xs)))
    timed: Mapping[str, object] = network.times.environment
    where = ", ".join(f"{what}{timed[key]}" for key, what in (("device_name", ""), ("torch", "torch ")) if timed.get(key))
    return Scatter(
        f"layers of {network.name} under the ceilings of this machine, batch {network.times.batch}, {network.times.dtype}",
        Axis("arithmetic intensity (FLOP a byte)", log=True, better="higher"),
        Axis("GFLOP/s", log=True, better="higher"),
        points,
        tuple(lines),
        tuple((f"{share * longest * 1e3:.2g}", share) for share in (0.1, 1.0)),
        "time (ms)",
        (f"main memory moves {moved / 1e9:,.1f} GB/s at the most" + (f"; {where}" if where else ""),),
    )
