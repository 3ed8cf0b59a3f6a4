"""Layers that act in training only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cnnprof.core.layers.regularization import ChannelDropout, Dropout, StochasticDepth
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
    return Match(Dropout(call["p"]), (call.first,))


row(
    Dropout,
    lambda layer, _: nn.Dropout(layer.p),
    {"dropout": _capture, "alpha_dropout": _capture},
)
row(
    ChannelDropout,
    lambda layer, _: nn.Dropout2d(layer.p),
    dict.fromkeys(("feature_dropout", "feature_alpha_dropout"), lambda call: Match(ChannelDropout(call["p"]), (call.first,))),
)
row(StochasticDepth, lambda layer, _: DropPath(layer.p), lacks="in eval mode it runs no operation")
