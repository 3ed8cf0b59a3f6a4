"""ONNX files in int8, in the forms that quantizers write: counts, bytes, and operators of onnxruntime's own."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnnprof.network.layers import Ops

MACS = 36 * 8 * 27
"""Of a 3x3 convolution, 3 to 8 channels, on 8x8: 36 positions."""


def whole(name, *shape, dtype=np.int8):
    return numpy_helper.from_array(np.ones(shape, dtype), name)


KEPT = (
    numpy_helper.from_array(np.float32(0.1), "s"),
    whole("z"),
    whole("w", 8, 3, 3, 3),
    whole("b", 8, dtype=np.int32),
    whole("m", 288, 5),
)


@pytest.fixture
def load(load_onnx):
    def load(*nodes, kept=KEPT):
        ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 8, 8))]
        outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
        opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
        made = [helper.make_node(op, inputs.split(), outs.split(), **more) for op, inputs, outs, more in map(as_node, nodes)]
        return load_onnx(helper.make_model(helper.make_graph(made, "net", ends, outputs, list(kept)), opset_imports=opsets))

    return load


def as_node(written):
    op, inputs, outputs, *more = written
    how = more[0] if more else {}
    return op.rpartition("/")[2], inputs, outputs, how | ({"domain": "com.microsoft"} if "/" in op else {})


QUANTIZED = ("QuantizeLinear", "x s z", "q")
CONV = ("QLinearConv", "q s z w s z s z b", "c")


def test_an_operator_graph_of_onnxruntime(load):
    profile = load(
        QUANTIZED,
        CONV,
        ("ms/QLinearSigmoid", "c s z s z", "g"),
        ("ms/QLinearMul", "c s z g s z s z", "h"),
        ("ms/QLinearAdd", "h s z c s z s z", "i"),
        ("ms/QLinearConcat", "s z c s z i s z", "j", {"axis": 1}),
        ("ms/QLinearAveragePool", "j s z s z", "k", {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("ms/QLinearGlobalAveragePool", "k s z s z", "l", {"channels_last": 0}),
        ("DequantizeLinear", "l s z", "y"),
    )
    assert (profile.totals.params, profile.totals.macs, profile.totals.uncounted) == (216 + 8, MACS, ())
    shapes = [cost.output for cost in profile.costs]
    assert [shape[1] for shape in shapes] == [3, 8, 8, 8, 8, 16, 16, 16, 16]
    assert shapes[6:8] == [(1, 16, 3, 3), (1, 16, 1, 1)]
    # Weights of one byte, and biases of four.
    assert profile.totals.param_bytes == 216 + 8 * 4


def test_a_network_that_is_quantized_as_it_runs(load):
    """Products of whole numbers, scaled back: ConvInteger has no bias, and MatMulInteger's lies in an addition."""
    profile = load(
        ("DynamicQuantizeLinear", "x", "q qs qz"),
        ("ConvInteger", "q w qz z", "c"),
        ("Cast", "c", "d", {"to": TensorProto.FLOAT}),
        ("Mul", "qs s", "t"),
        ("Mul", "d t", "e"),
        ("Flatten", "e", "f"),
        ("ms/DynamicQuantizeMatMul", "f m s z", "y"),
    )
    assert (profile.totals.params, profile.totals.macs) == (216 + 288 * 5, MACS + 288 * 5)
    assert profile.totals.param_bytes == 216 + 288 * 5
    assert profile.totals.uncounted == ()


def test_a_quantized_classifier(load):
    profile = load(
        ("Flatten", "x", "f"),
        ("QuantizeLinear", "f s z", "q"),
        ("ms/QGemm", "q s z w2 s z b2 s z", "c", {"transB": 1}),
        ("ms/QLinearSoftmax", "c s z s z", "d"),
        ("DequantizeLinear", "d s z", "y"),
        kept=(*KEPT[:2], whole("w2", 5, 192), whole("b2", 5, dtype=np.int32)),
    )
    assert (profile.totals.params, profile.totals.macs) == (965, 960)
    assert profile.totals.param_bytes == 960 + 20


@pytest.mark.parametrize(
    ("dtype", "size"), [(TensorProto.FLOAT16, 2), (TensorProto.BFLOAT16, 2), (TensorProto.FLOAT, 4), (TensorProto.DOUBLE, 8)]
)
def test_bytes_are_those_of_the_stored_format(load, dtype, size):
    weight = onnx.TensorProto(name="w", dims=(4, 3, 3, 3), data_type=dtype, raw_data=bytes(108 * size))
    profile = load(("Conv", "x w", "y"), kept=[weight])
    assert (profile.totals.param_bytes, profile.graph.number_bytes) == (108 * size, size)
    assert profile.totals.activation_bytes == 4 * 36 * size


@pytest.mark.parametrize(
    ("places", "batches", "output"),
    [((5, 2), 0, (5, 8, 8)), ((5, 4), 0, (5,)), ((1, 6, 1), 1, (1, 6, 8, 8)), ((1, 3, 2, 2), 2, (1, 3, 2))],
)
def test_slices_at_places(load, places, batches, output):
    """By ONNX's definition: the places without their last axis, then what of the data is behind the axes that it names."""
    profile = load(("GatherND", "x i", "y", {"batch_dims": batches}), kept=[whole("i", *places, dtype=np.int64)])
    assert profile.costs[-1].output == output
    assert profile.totals.uncounted == ()


def test_a_deformable_convolution(load):
    """Each of 36 positions: 8 outputs of 3 x 9 samples; in 3 groups of channels, 9 outputs of 9. Offsets are stored, too."""
    offset, bias = (numpy_helper.from_array(np.ones(size, np.float32), name) for name, size in (("o", (1, 18, 6, 6)), ("d", 8)))
    plain = load(("DeformConv", "x w o d", "y"), kept=[offset, bias, KEPT[2]]).totals
    assert (plain.params, plain.macs, plain.uncounted) == (216 + 8 + 18 * 36, MACS, ())
    grouped = numpy_helper.from_array(np.ones((9, 1, 3, 3), np.float32), "w")
    assert load(("DeformConv", "x w o", "y", {"group": 3}), kept=[offset, grouped]).totals.macs == 36 * 9 * 9


@pytest.mark.parametrize(
    ("op", "ops"),
    [
        ("ReduceL1", {"cmp": 192, "add": 191}),
        ("ReduceSumSquare", {"mul": 192, "add": 191}),
        ("ReduceLogSum", {"add": 191, "exp": 1}),
        ("ReduceLogSumExp", {"exp": 193, "add": 191}),
    ],
)
def test_sums_of_functions(load, op, ops):
    """Of all 192 entries: 191 additions, a function of each before, and the logarithm behind."""
    assert load((op, "x", "y")).totals.ops == Ops(**ops)


def test_places_as_vectors(load):
    profile = load(
        ("OneHot", "i d v", "o"),
        ("ReverseSequence", "o n", "y"),
        kept=[
            whole("i", 4, dtype=np.int64),
            numpy_helper.from_array(np.int64(7), "d"),
            numpy_helper.from_array(np.array([0.0, 1.0], "f4"), "v"),
            whole("n", 7, dtype=np.int64),
        ],
    )
    assert [cost.output for cost in profile.costs][-1] == (4, 7)
    assert profile.totals.uncounted == ()
