"""Layers that act in training only; in eval mode they hand their input on."""

from __future__ import annotations

from cnnprof.footprint.execution import Execution, Saved
from cnnprof.network.dims import Shape, prod
from cnnprof.network.layers.base import Layer, layer
from cnnprof.record import record


@layer
@record
class Dropout(Layer):
    """Zeroes elements with probability `p` in training, or whole `channels` (torch.nn.Dropout, Dropout2d)."""

    p: float = 0.5
    channels: bool = False

    @property
    def type(self) -> str:
        return "Dropout2d" if self.channels else super().type

    @property
    def writes(self) -> bool:
        return False

    @property
    def writes_in_training(self) -> bool:
        return self.p > 0

    @property
    def gradient(self) -> str:
        return "new" if self.p > 0 else "same"

    def saved(self, *inputs: Shape, output: Shape, run: Execution) -> Saved:
        # Its mask is of numbers on the processor and for channels, else of truth values on CUDA.
        size = run.element_bytes if run.device == "cpu" or self.channels else 1
        return Saved(extra=size * prod(output[:2] if self.channels else output) * int(self.p > 0))


@layer
class StochasticDepth(Dropout):
    """Drops a residual branch with probability `p` in training (Huang et al. 2016; torchvision.ops.StochasticDepth)."""

    def saved(self, *inputs: Shape, output: Shape, run: Execution) -> Saved:
        return Saved(extra=run.element_bytes * inputs[0][0] * int(self.p > 0))
