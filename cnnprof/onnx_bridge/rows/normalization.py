"""Normalization."""

from __future__ import annotations

from cnnprof.network.layers.normalization import BatchNorm, GroupNorm, LayerNorm, LocalResponseNorm, Normalize
from cnnprof.onnx_bridge.rows.base import Call, UnknownFormError, row
from cnnprof.onnx_bridge.values import Value


@row("BatchNormalization")
def _batch(call: Call) -> Value:
    layer = BatchNorm(True, float(call.attribute("epsilon", 1e-5)), len(call.x.shape) - 2)
    return call.layer(layer, weights=(call[1], call[2]))


@row("LayerNormalization")
def _layer(call: Call) -> Value:
    layer = LayerNorm(len(call.x.shape) - call.axis(-1), eps=float(call.attribute("epsilon", 1e-5)))
    return call.layer(layer, weights=(call[1], call.get(2)))


@row("InstanceNormalization")
def _instance(call: Call) -> Value:
    return call.layer(GroupNorm(call.x.shape[1], instance=True), weights=(call[1], call[2]))


@row("GroupNormalization")
def _group(call: Call) -> Value:
    if call[1].shape != (call.x.shape[1],):
        raise UnknownFormError("one scale a group")
    return call.layer(GroupNorm(int(call.attribute("num_groups"))), weights=(call[1], call[2]))


@row("LRN")
def _local_response(call: Call) -> Value:
    names = (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))
    return call.layer(LocalResponseNorm(int(call.attribute("size")), *(float(call.attribute(*each)) for each in names)))


@row("LpNormalization")
def _normalize(call: Call) -> Value:
    if call.attribute("p", 2) != 2:
        raise UnknownFormError("a norm other than L2")
    return call.layer(Normalize(call.axis(-1)))
