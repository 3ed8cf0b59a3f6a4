"""Normalization. Statistics that are stored but not learned are no weights."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from cnnprof.network.dims import Shape
from cnnprof.network.layers.normalization import BatchNorm, GroupNorm, LayerNorm, LocalResponseNorm, Normalize
from cnnprof.torch_bridge.rows.base import Call, Function, Match, row

_BATCH_NORM: dict[int, type[nn.Module]] = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}


def _build_batch(layer: BatchNorm, inputs: tuple[Shape, ...]) -> nn.Module:
    return _BATCH_NORM[len(inputs[0])](inputs[0][1], eps=layer.eps, affine=layer.affine)


class ChannelNorm(nn.LayerNorm):
    """Layer normalization over the channels of (N, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


def _build_layer(layer: LayerNorm, inputs: tuple[Shape, ...]) -> nn.Module:
    (x,) = inputs
    if layer.channels_first:
        return ChannelNorm(x[1], eps=layer.eps, elementwise_affine=layer.affine)
    return nn.LayerNorm(x[-layer.axes :], eps=layer.eps, elementwise_affine=layer.affine)


def _capture_layer(call: Call) -> Match:
    weights = (call["weight"], call["bias"])
    layer = LayerNorm(len(call["normalized_shape"]), affine=weights != (None, None), eps=call["eps"])
    return Match(layer, (call.first,), weights)


def _capture_group(call: Call) -> Match:
    weights = (call["weight"], call["bias"])
    return Match(GroupNorm(call["num_groups"], weights != (None, None)), (call.first,), weights)


def _capture_instance(call: Call) -> Match:
    # Every channel is its own group.
    weights = (call["weight"], call["bias"])
    return Match(GroupNorm(call.first.shape[1], weights != (None, None), instance=True), (call.first,), weights)


def _capture_batch(call: Call) -> Match:
    weights = (call["weight"], call["bias"])
    return Match(BatchNorm(weights != (None, None), call["eps"], call.first.dim() - 2), (call.first,), weights)


row(
    BatchNorm,
    _build_batch,
    {"batch_norm": _capture_batch, "native_batch_norm": _capture_batch},
)
row(LayerNorm, _build_layer, {"layer_norm": _capture_layer, "native_layer_norm": _capture_layer})
row(
    GroupNorm,
    lambda layer, inputs: nn.GroupNorm(layer.groups, inputs[0][1], affine=layer.affine),
    {"group_norm": _capture_group, "instance_norm": _capture_instance},
)
row(
    LocalResponseNorm,
    lambda layer, _: nn.LocalResponseNorm(layer.size, layer.alpha, layer.beta, layer.k),
    lacks="torch runs it as a pooling over channels and arithmetic",
)
row(
    Normalize,
    lambda layer, _: Function(lambda x: functional.normalize(x, dim=layer.dim), f"dim={layer.dim}"),
    lacks="torch runs it as a norm, a clamp and a division",
)
