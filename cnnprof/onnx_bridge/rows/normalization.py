"""Normalization."""

from __future__ import annotations

import math

from cnnprof.network.layers.elementwise import Arithmetic, Reduce
from cnnprof.network.layers.merging import Add, Mul
from cnnprof.network.layers.normalization import BatchNorm, GroupNorm, LayerNorm, LocalResponseNorm, Normalize
from cnnprof.onnx_bridge.rows.arrangement import reshaped
from cnnprof.onnx_bridge.rows.base import Call, UnknownFormError, resized, row
from cnnprof.onnx_bridge.values import Value


@row("BatchNormalization")
def _batch(call: Call) -> Value:
    layer = BatchNorm(True, float(call.attribute("epsilon", 1e-5)), len(call.x.shape) - 2)
    return call.layer(layer, weights=(call[1], call[2]))


@row("LayerNormalization")
def _layer(call: Call) -> Value:
    layer = LayerNorm(len(call.x.shape) - call.axis(-1), eps=float(call.attribute("epsilon", 1e-5)))
    return call.layer(layer, weights=(call[1], call.get(2)))


@row("RMSNormalization")
@row("SimplifiedLayerNormalization")
def _root_mean_square(call: Call) -> Value:
    """x / sqrt(mean(x^2) + eps) times a scale (Zhang and Sennrich 2019, equation 4), step by step as torch runs it."""
    return root_mean_square(call, call.x, call[1])


def root_mean_square(call: Call, x: Value, scale: Value) -> Value:
    """The norm over the axes from the attribute `axis` on."""
    axes = tuple(range(call.axis(-1, x), len(x.shape)))
    mean = call.layer(Reduce("mean", axes, True), call.layer(Arithmetic("square", "mul"), x))
    shifted = call.layer(Arithmetic("add", "add", float(call.attribute("epsilon", 1e-5))), mean)
    return call.layer(Mul(), call.layer(Mul(), x, call.layer(Arithmetic("rsqrt", "exp"), shifted)), scale)


@row("InstanceNormalization")
def _instance(call: Call) -> Value:
    return call.layer(GroupNorm(call.x.shape[1], instance=True), weights=(call[1], call[2]))


@row("GroupNormalization")
def _group(call: Call) -> Value:
    groups, shape = int(call.attribute("num_groups")), call.x.shape
    if call[1].shape == (shape[1],):
        return call.layer(GroupNorm(groups), weights=(call[1], call[2]))
    # Before version 21 a scale and a shift were those of a group.
    scale, shift = (resized(each, (groups, 1)) for each in (call[1], call[2]))
    plain = reshaped(call, call.layer(GroupNorm(groups, affine=False)), (shape[0], groups, math.prod(shape[1:]) // groups))
    return reshaped(call, call.layer(Add(), call.layer(Mul(), plain, scale), shift), shape)


@row("LRN")
def _local_response(call: Call) -> Value:
    names = (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))
    return call.layer(LocalResponseNorm(int(call.attribute("size")), *(float(call.attribute(*each)) for each in names)))


@row("LpNormalization")
def _normalize(call: Call) -> Value:
    if call.attribute("p", 2) != 2:
        raise UnknownFormError("a norm other than L2")
    return call.layer(Normalize(call.axis(-1)))
