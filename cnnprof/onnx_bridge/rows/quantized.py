"""Operators in int8: ONNX's own, and those that onnxruntime's quantizer writes (its domain is com.microsoft)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from onnx import TensorProto

from cnnprof.network.layers import Layer
from cnnprof.network.layers import activation as layers
from cnnprof.network.layers.elementwise import Arithmetic, Reduce
from cnnprof.network.layers.linear import Linear
from cnnprof.network.layers.merging import Add, Concat, Mul
from cnnprof.network.layers.pooling import AdaptiveAvgPool
from cnnprof.onnx_bridge.rows.base import Call, UnknownFormError, row
from cnnprof.onnx_bridge.rows.convolution import convolution
from cnnprof.onnx_bridge.rows.linear import product
from cnnprof.onnx_bridge.rows.pooling import average
from cnnprof.onnx_bridge.values import Value

ONNXRUNTIME = "com.microsoft"


@row("QuantizeLinear")
@row("QuantizeLinear", domain=ONNXRUNTIME)
def _quantize(call: Call) -> Value:
    return call.layer(Arithmetic("quantize", "div"))


@row("DequantizeLinear")
@row("DequantizeLinear", domain=ONNXRUNTIME)
def _dequantize(call: Call) -> Value:
    if call.x.node:
        return call.layer(Arithmetic("dequantize", "mul"))
    # A stored tensor of whole numbers is the weight itself.
    return replace(call.x, data=None, tensor=None, dtype=TensorProto.FLOAT)


@row("DynamicQuantizeLinear")
def _quantize_by_range(call: Call) -> Sequence[Value]:
    """Whole numbers, and the scale and zero point that follow from the largest and the least entry."""
    axes = tuple(range(len(call.x.shape)))
    scale, zero = (call.layer(Reduce(name, axes)) for name in ("amax", "amin"))
    return call.layer(Arithmetic("quantize", "div")), scale, zero


@row("ConvInteger")
def _conv_integer(call: Call) -> Value:
    return convolution(call, call.x, call[1], None)


@row("QLinearConv")
def _conv(call: Call) -> Value:
    return convolution(call, call.x, call[3], call.get(8))


@row("MatMulInteger")
def _matmul_integer(call: Call) -> Value:
    return product(call, call.x, call[1])


@row("QLinearMatMul")
def _matmul(call: Call) -> Value:
    return product(call, call.x, call[3])


@row("DynamicQuantizeMatMul", "MatMulIntegerToFloat", domain=ONNXRUNTIME)
def _matmul_to_float(call: Call) -> Value:
    weight, bias = call[1], call.get(4 if call.op == "DynamicQuantizeMatMul" else 6)
    if weight.node or len(weight.shape) != 2:
        raise UnknownFormError("a second factor that is no stored matrix")
    return call.layer(Linear(weight.shape[1], bias is not None), weights=(weight, bias))


@row("QGemm", domain=ONNXRUNTIME)
def _gemm(call: Call) -> Value:
    weight, bias = call[3], call.get(6)
    if weight.node or len(weight.shape) != 2 or call.attribute("transA", 0):
        raise UnknownFormError("a second factor that is no stored matrix")
    return call.layer(Linear(weight.shape[0 if call.attribute("transB", 0) else 1], bias is not None), weights=(weight, bias))


@row("QLinearAdd", "QLinearMul", domain=ONNXRUNTIME)
def _join(call: Call) -> Value:
    return call.layer(Add() if call.op == "QLinearAdd" else Mul(), call.x, call[3])


@row("QLinearConcat", domain=ONNXRUNTIME)
def _concat(call: Call) -> Value:
    # Behind the result's scale and zero point each tensor has its own.
    tensors = call.given[2::3]
    return call.layer(Concat(call.axis(1, tensors[0])), *tensors)


@row("QLinearAveragePool", domain=ONNXRUNTIME)
def _average(call: Call) -> Value | Sequence[Value | None]:
    if call.attribute("channels_last", 0):
        raise UnknownFormError("channels behind")
    return average(call)


@row("QLinearGlobalAveragePool", domain=ONNXRUNTIME)
def _global_average(call: Call) -> Value:
    if call.attribute("channels_last", 0):
        raise UnknownFormError("channels behind")
    return call.layer(AdaptiveAvgPool((1,) * (len(call.x.shape) - 2)))


_ACTIVATIONS: dict[str, Layer] = {
    "QLinearSigmoid": layers.Sigmoid(),
    "QLinearLeakyRelu": layers.LeakyReLU(),
    "QLinearSoftmax": layers.Softmax(-1),
}


@row(*_ACTIVATIONS, domain=ONNXRUNTIME)
def _activation(call: Call) -> Value:
    return call.layer(_ACTIVATIONS[call.op])
