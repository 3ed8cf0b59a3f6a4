"""The seconds that an operation takes at the least, by a machine's ceilings."""

from __future__ import annotations

from math import sqrt

from cnnprof.timing.operations import Operation
from cnnprof.timing.roofline import CONVOLUTION, DEPTHWISE, MATMUL, Ceilings, FlopsKind


def limit_of(operation: Operation, ceilings: Ceilings, softly: bool) -> tuple[str, float]:
    """The name of what holds the operation (compute, bytes or overhead), and its seconds.

    Args:
        softly: add limits up as squares: a layer near two of them takes longer than either says; and no step between the
            working sets that were moved, so that layers of about one size are about as near to their limit.
    """
    compute = 2 * operation.macs / ceilings.flops(arithmetic_of(operation.kind)) if operation.macs else 0.0
    size = operation.bytes
    bandwidth = ceilings.usual_bandwidth(size) if softly else ceilings.bandwidth(size)
    parts = {"compute": compute, ceilings.level(size): size / bandwidth, "overhead": ceilings.overhead}
    held_by = max(parts, key=lambda name: parts[name])
    return held_by, sqrt(sum(part**2 for part in parts.values())) if softly else parts[held_by]


def arithmetic_of(kind: str) -> FlopsKind:
    """Which of the machine's arithmetic rates holds operations of a kind."""
    if "convolution" not in kind:
        return MATMUL
    return DEPTHWISE if "depthwise" in kind else CONVOLUTION
