"""A machine's highest rates, and which of its limits holds a layer.

A layer cannot be faster than its arithmetic at the highest rate that such arithmetic has reached here, than its bytes at the
highest rate at which so many have been moved, and than what it takes to call any operation at all (Williams et al. 2009, with
several ceilings).
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import field
from functools import cached_property
from itertools import accumulate
from typing import Any, Literal, NamedTuple

from cnnprof.network.layers.convolution import Conv, ConvTranspose
from cnnprof.network.results import Cost
from cnnprof.record import record
from cnnprof.timing.layer_times import traffic

FlopsKind = Literal["matrix product", "convolution", "depthwise convolution"]
MATMUL: FlopsKind = "matrix product"
CONVOLUTION: FlopsKind = "convolution"
DEPTHWISE: FlopsKind = "depthwise convolution"
ARITHMETIC: tuple[FlopsKind, ...] = (MATMUL, CONVOLUTION, DEPTHWISE)

RateKind = FlopsKind | Literal["memory"]
"""A rate of arithmetic, in FLOP/s, or of `memory`, in bytes/s."""

BoundName = Literal["compute", "cache", "memory", "overhead", "kernel"]
COMPUTE: BoundName = "compute"
CACHE: BoundName = "cache"
MEMORY: Literal["memory"] = "memory"
OVERHEAD: BoundName = "overhead"
KERNEL: BoundName = "kernel"
BOUNDS: tuple[BoundName, ...] = (COMPUTE, CACHE, MEMORY, OVERHEAD, KERNEL)
"""The holds on a layer: the machine's limits, and the kernel itself where all of these are far away."""

FAR = 0.05
"""A layer that attains less than this part of what the nearest limit allows is held by none of them."""

FASTER = 2.0
"""A working set that is moved so many times as fast as the largest one lies in a cache."""

NEAR = 1.3
"""A working set that is moved at most this many times as fast as the largest one comes from main memory, too."""

FASTEST, LARGEST, SLOWEST = 1e24, 2**60, 1e6
"""FLOPs or bytes a second, bytes, and seconds that no machine reaches: a file that says so is damaged."""


class Rate(NamedTuple):
    """The highest rate that a kernel reached: FLOP/s (two a multiply-accumulate), or bytes/s for a working set of `size`."""

    kind: RateKind
    what: str
    rate: float
    size: int = 0


@record
class Ceilings:
    """The highest rates that a machine has reached.

    Args:
        machine: its fingerprint.
        options: device, dtype, threads and layout that it was measured with.
        rates: every kernel's highest rate; its kind is one of `ARITHMETIC`, or `memory`.
        overhead: seconds that the smallest operation takes.
        conditions: the `time` it was taken at (UTC), and `busy`, what else the machine did then, in words.
    """

    machine: Mapping[str, Any]
    options: Mapping[str, Any]
    rates: tuple[Rate, ...]
    overhead: float
    conditions: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @cached_property
    def _highest(self) -> Mapping[RateKind, float]:
        """The highest rate of each kind."""
        return {kind: max(rate.rate for rate in self.rates if rate.kind == kind) for kind in {rate.kind for rate in self.rates}}

    @cached_property
    def bandwidths(self) -> tuple[list[int], list[float]]:
        """The sizes of the working sets, rising, and for each the highest rate in bytes/s of any that is as large or larger."""
        moved = sorted((rate.size, rate.rate) for rate in self.rates if rate.kind == MEMORY)
        rates = list(accumulate((rate for _, rate in reversed(moved)), max))
        return [size for size, _ in moved], rates[::-1]

    def flops(self, kind: FlopsKind) -> float:
        """FLOP/s at the most for one of `ARITHMETIC`."""
        return self._highest[kind]

    def bandwidth(self, size: int) -> float:
        """Bytes/s at the most for a working set of `size` bytes.

        The highest rate of a measured set no smaller than half of it: what a larger set reached, a smaller one can.
        """
        sizes, rates = self.bandwidths
        return rates[bisect_left(sizes, min(size / 2, sizes[-1]))]

    def usual_bandwidth(self, size: int) -> float:
        """Bytes/s of a working set of `size` bytes, without steps: on a line through the measured ones, both in logarithms."""
        sizes, rates = self.bandwidths
        above = bisect_left(sizes, size)
        if above in (0, len(sizes)):
            return rates[min(above, len(sizes) - 1)]
        (low, high), (slower, faster) = sizes[above - 1 : above + 1], (rates[above], rates[above - 1])
        return float(faster * (slower / faster) ** (math.log(size / low) / math.log(high / low)))

    def level(self, size: int) -> BoundName:
        """Whether a working set of `size` bytes fits a `cache` or comes from main `memory`."""
        return MEMORY if self.bandwidth(size) <= NEAR * self._farthest else CACHE

    @cached_property
    def _farthest(self) -> float:
        """The rate of the largest working set."""
        return self.bandwidth(self.bandwidths[0][-1])

    @property
    def cache(self) -> int:
        """Bytes of the largest measured working set that lay in a cache; 0 if none did."""
        least = FASTER * self._farthest
        return max((size for size, rate in zip(*self.bandwidths, strict=True) if rate >= least), default=0)

    def to_dict(self) -> dict[str, Any]:
        """The ceilings as JSON types; `from_dict` is the inverse."""
        return {
            "machine": dict(self.machine),
            "options": dict(self.options),
            "rates": [rate._asdict() for rate in self.rates],
            "overhead": self.overhead,
            "conditions": dict(self.conditions),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Ceilings:
        """The ceilings that `to_dict` wrote. Raises KeyError, TypeError or ValueError on anything else."""
        rates = tuple(Rate(each["kind"], str(each["what"]), float(each["rate"]), int(each["size"])) for each in data["rates"])
        if {rate.kind for rate in rates} != {*ARITHMETIC, MEMORY}:
            raise ValueError("a ceiling is missing")
        if not all(0 < rate.rate < FASTEST and (rate.kind == MEMORY) <= rate.size < LARGEST for rate in rates):
            raise ValueError("no machine has such rates")
        overhead = float(data["overhead"])
        if not 0 < overhead < SLOWEST:
            raise ValueError("an operation takes some time")
        facts = [dict(data["machine"]), dict(data["options"]), dict(data.get("conditions") or {})]
        json.dumps(facts, allow_nan=False)
        machine, options, conditions = facts
        return cls(machine, options, rates, overhead, conditions)


class Bound(NamedTuple):
    """The hold on a layer (one of `BOUNDS`), and the seconds that its nearest limit needs at the least."""

    name: BoundName
    seconds: float


def bound_of(cost: Cost, ceilings: Ceilings, element_bytes: int) -> Bound:
    """The highest of a layer's limits."""
    size = int(traffic(cost, element_bytes))
    limits = [
        Bound(COMPUTE, 2 * int(cost.macs) / ceilings.flops(_arithmetic(cost))),
        Bound(ceilings.level(size), size / ceilings.bandwidth(size)),
        Bound(OVERHEAD, ceilings.overhead),
    ]
    return max(limits, key=lambda limit: limit.seconds)


def held_by(bound: Bound, seconds: float) -> Bound:
    """The hold on a layer that took so many seconds: the limit, or its `kernel` if that is far from every limit."""
    return Bound(KERNEL, bound.seconds) if bound.seconds < FAR * seconds else bound


def _arithmetic(cost: Cost) -> FlopsKind:
    layer = cost.node.layer
    if not isinstance(layer, (Conv, ConvTranspose)):
        return MATMUL
    return DEPTHWISE if layer.is_depthwise(cost.inputs[0]) else CONVOLUTION


def kind_of(cost: Cost) -> str:
    """A layer's type with what decides the kernel: `Conv2d 3x3 depthwise`."""
    layer = cost.node.layer
    if not isinstance(layer, (Conv, ConvTranspose)):
        return layer.type
    window = "x".join(map(str, layer.kernel_size))
    groups = " depthwise" if _arithmetic(cost) == DEPTHWISE else "" if layer.groups == 1 else " grouped"
    return f"{layer.type} {window}{groups}"
