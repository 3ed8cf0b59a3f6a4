"""Layers that act in training only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cnnprof.network.layers.regularization import Dropout, StochasticDepth
from cnnprof.torch_bridge.rows.base import Call, Match, row


class DropPath(nn.Module):
    """Zeroes whole images of a branch with probability `p` in training, and scales the others up."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        if not self.training or self.p == 0:
            return x
        kept = torch.empty(x.shape[0], *[1] * (x.dim() - 1), dtype=x.dtype, device=x.device).bernoulli_(1 - self.p)
        return x * kept.div_(1 - self.p)


def _capture(call: Call) -> Match:
    return Match(Dropout(call["p"], call.op.startswith("feature_")), (call.first,))


_OF_CHANNELS: dict[int, type[nn.Module]] = {3: nn.Dropout1d, 5: nn.Dropout3d}

row(
    Dropout,
    lambda layer, inputs: (_OF_CHANNELS.get(len(inputs[0]), nn.Dropout2d) if layer.channels else nn.Dropout)(layer.p),
    {"dropout": _capture, "feature_dropout": _capture, "alpha_dropout": _capture, "feature_alpha_dropout": _capture},
)
row(StochasticDepth, lambda layer, _: DropPath(layer.p), lacks="in eval mode it runs no operation")
