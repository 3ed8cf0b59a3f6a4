"""Layers that act in training only; in eval mode they hand their input on."""

from __future__ import annotations

from dataclasses import dataclass

from cnnprof.core.layers.base import Layer, layer


@layer
@dataclass(frozen=True)
class Dropout(Layer):
    """Zeroes elements with probability `p` in training (torch.nn.Dropout)."""

    p: float = 0.5

    @property
    def writes(self) -> bool:
        return False


@layer
class StochasticDepth(Dropout):
    """Drops a residual branch with probability `p` in training (Huang et al. 2016; torchvision.ops.StochasticDepth)."""
