"""Named ways to turn a layer's operations into one number. A figure without the name of its convention means nothing.

Each convention is a function of the layer, its input shapes, its output shape and its `Ops`; adding one is writing one.
"""

from __future__ import annotations

from collections.abc import Callable

from cnnprof.core.arith import Dim, Shape, prod
from cnnprof.core.layers import Layer, Ops, elements
from cnnprof.core.layers.pooling import AdaptivePool, Pool

Convention = Callable[[Layer, tuple[Shape, ...], Shape, Ops], Dim]
CONVENTIONS: dict[str, Convention] = {}


def convention(function: Convention) -> Convention:
    """Register a convention under the function's name; a second one of that name is refused."""
    if function.__name__ in CONVENTIONS:
        raise ValueError(f"convention '{function.__name__}' is registered twice")
    CONVENTIONS[function.__name__] = function
    return function


@convention
def macs(layer: Layer, inputs: tuple[Shape, ...], output: Shape, ops: Ops) -> Dim:
    """Multiply-accumulates of convolutions, linear layers and matrix products; no bias (torchvision's `_ops`)."""
    return ops.mac


@convention
def flops(layer: Layer, inputs: tuple[Shape, ...], output: Shape, ops: Ops) -> Dim:
    """Twice the multiply-accumulates: torch.utils.flop_counter.FlopCounterMode."""
    return 2 * ops.mac


@convention
def ops(layer: Layer, inputs: tuple[Shape, ...], output: Shape, ops: Ops) -> Dim:
    """Every arithmetic operation; a multiply-accumulate is one multiplication and one addition."""
    return 2 * ops.mac + ops.add + ops.mul + ops.div + ops.cmp + ops.exp


@convention
def lecture(layer: Layer, inputs: tuple[Shape, ...], output: Shape, ops: Ops) -> Dim:
    """Multiply-accumulates, and for pooling the window's size for every output, as in the tables of lecture slides."""
    if isinstance(layer, Pool):
        return elements(output) * prod(layer.kernel_size)
    if isinstance(layer, AdaptivePool):
        return elements(inputs[0])
    return ops.mac
