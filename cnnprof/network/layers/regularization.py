"""Layers that act in training only; in eval mode they hand their input on."""

from __future__ import annotations

from cnnprof.network.layers.base import Layer, layer


@layer
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


@layer
class StochasticDepth(Dropout):
    """Drops a residual branch with probability `p` in training (Huang et al. 2016; torchvision.ops.StochasticDepth)."""
