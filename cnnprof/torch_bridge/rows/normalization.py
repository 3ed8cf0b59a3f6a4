"""Normalization. Statistics that are stored but not learned are no weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnprof.network.dims import Shape
from cnnprof.network.layers import normalization as layers
from cnnprof.torch_bridge.rows.base import Call, Function, Match, row

_INSTANCE_NORM: dict[int, type[nn.Module]] = {3: nn.InstanceNorm1d, 4: nn.InstanceNorm2d, 5: nn.InstanceNorm3d}
_BATCH_NORM: dict[int, type[nn.Module]] = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}


def _build_batch(layer: layers.BatchNorm, inputs: tuple[Shape, ...]) -> nn.Module:
    return _BATCH_NORM[len(inputs[0])](inputs[0][1], eps=layer.eps, affine=layer.affine)


class ChannelNorm(nn.LayerNorm):
    """Layer normalization over the channels of (N, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


def _build_layer(layer: layers.LayerNorm, inputs: tuple[Shape, ...]) -> nn.Module:
    (x,) = inputs
    if layer.channels_first:
        return ChannelNorm(x[1], eps=layer.eps, elementwise_affine=layer.affine)
    return nn.LayerNorm(x[-layer.axes :], eps=layer.eps, elementwise_affine=layer.affine)


def _capture_layer(call: Call) -> Match:
    weights = (call["weight"], call["bias"])
    layer = layers.LayerNorm(len(call["normalized_shape"]), affine=weights != (None, None), eps=call["eps"])
    return Match(layer, (call.first,), weights)


def _build_group(layer: layers.GroupNorm, inputs: tuple[Shape, ...]) -> nn.Module:
    (x,) = inputs
    if layer.instance and len(x) > 2:
        return _INSTANCE_NORM[len(x)](x[1], affine=layer.affine, eps=layer.eps)
    return nn.GroupNorm(layer.groups, x[1], eps=layer.eps, affine=layer.affine)


def _capture_group(call: Call) -> Match:
    weights = (call["weight"], call["bias"])
    return Match(layers.GroupNorm(call["num_groups"], weights != (None, None), eps=call["eps"]), (call.first,), weights)


def _capture_instance(call: Call) -> Match:
    # Every channel is its own group.
    weights = (call["weight"], call["bias"])
    return Match(layers.GroupNorm(call.first.shape[1], weights != (None, None), True, call["eps"]), (call.first,), weights)


def _capture_batch(call: Call) -> Match:
    weights = (call["weight"], call["bias"])
    return Match(layers.BatchNorm(weights != (None, None), call["eps"], call.first.dim() - 2), (call.first,), weights)


row(
    layers.BatchNorm,
    _build_batch,
    {"batch_norm": _capture_batch, "native_batch_norm": _capture_batch},
)
row(layers.LayerNorm, _build_layer, {"layer_norm": _capture_layer, "native_layer_norm": _capture_layer})
row(
    layers.GroupNorm,
    _build_group,
    {"group_norm": _capture_group, "instance_norm": _capture_instance},
)
row(
    layers.LocalResponseNorm,
    lambda layer, _: nn.LocalResponseNorm(layer.size, layer.alpha, layer.beta, layer.k),
    lacks="torch runs it as a pooling over channels and arithmetic",
)


class ResponseNorm(nn.Module):
    """Global response normalization (Woo et al. 2023, algorithm 1) of (N, C, H, W)."""

    def __init__(self, channels: int, axes: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(channels, *[1] * axes))
        self.beta = nn.Parameter(torch.zeros(channels, *[1] * axes))

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        norms = x.norm(p=2, dim=tuple(range(2, x.dim())), keepdim=True)
        scaled: Tensor = self.gamma * (x * (norms / (norms.mean(dim=1, keepdim=True) + 1e-6)))
        return scaled + self.beta + x


row(
    layers.GlobalResponseNorm,
    lambda _, inputs: ResponseNorm(inputs[0][1], len(inputs[0]) - 2),
    lacks="torch has no such operation: it runs as norms, a mean and arithmetic",
)
row(
    layers.Normalize,
    lambda layer, _: Function(lambda x: functional.normalize(x, dim=layer.dim), f"dim={layer.dim}"),
    lacks="torch runs it as a norm, a clamp and a division",
)
