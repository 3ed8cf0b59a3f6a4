"""Inputs of ONNX files by name, and weights that are stored, computed or made up."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from test_onnx import model, weight

from cnnprof.errors import CnnprofError


def test_inputs_are_asked_for_by_name(load_onnx):
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["left.image", "w"], ["a"]),
            helper.make_node("Conv", ["right", "w"], ["b"]),
            helper.make_node("Add", ["a", "b"], ["y"]),
        ],
        "net",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ("n", 3, "h", "w")) for name in ("left.image", "right")],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [weight("w", 4, 3, 3, 3)],
    )
    net = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    for asked in ((("right", (3, 8, 8)), ("left.image", (3, 8, 8))), (("", (3, 8, 8)), ("right", (3, 8, 8)))):
        assert load_onnx(net, input_shape=asked).totals.macs == 2 * 36 * 4 * 27
    for asked, message in (
        ((("rigth", (3, 8, 8)),), "has no input 'rigth'\n.*did you mean 'right'"),
        ((("", (3, 8, 8)),) * 3, "has 2 inputs, and 3 are given"),
        ((3, 8, 8), "the input 'right' of .* has the sizes nx3xhxw"),
        (None, "--input left.image=3x224x224 right=3x224x224"),
        ((("right", (8, 8)), ("left.image", (3, 8, 8))), "and --input 8x8 does not fit"),
    ):
        with pytest.raises(CnnprofError, match=f"(?s){message}"):
            load_onnx(net, input_shape=asked)


def test_a_norm_counts_what_is_stored(load_onnx):
    """A scale that is computed, or made up by the exporter, is no parameter; a shift that is stored is one."""

    def norm(op, scale, *kept, more=()):
        nodes = [helper.make_node("Relu", ["s"], ["t"]), helper.make_node(op, ["x", scale, *more], ["y"])]
        return load_onnx(model(nodes, [weight("s", 3), *kept])).totals.params

    shift, mean = weight("b", 3), (weight("m", 3), weight("v", 3))
    plain = [numpy_helper.from_array(np.full(3, value, np.float32), name) for name, value in (("one", 1), ("zero", 0))]
    # Scales by way of a ReLU count where they are read; here that is their three numbers, beside the stored shift's three.
    assert norm("BatchNormalization", "t", shift, *mean, more=("b", "m", "v")) == 3 + 3
    assert norm("InstanceNormalization", "s", shift, more=("b",)) == 6
    made_up = [helper.make_node("Constant", [], [tensor.name], value=tensor) for tensor in plain]
    nodes = [*made_up, helper.make_node("InstanceNormalization", ["x", "one", "zero"], ["y"])]
    assert load_onnx(model(nodes)).totals.params == 0
    # A layer norm with a scale of 8 and no shift.
    assert load_onnx(model([helper.make_node("LayerNormalization", ["x", "s"], ["y"])], [weight("s", 8)])).totals.params == 8


@pytest.mark.parametrize(
    ("name", "producer", "params"), [("lab.scale", "pytorch", 1), ("onnx", "pytorch", 0), ("lab.scale", "", 0)]
)
def test_a_single_number_that_torch_learns(load_onnx, name, producer, params):
    """torch's exporters leave a parameter its path in the module; any other single number is an argument."""
    net = model([helper.make_node("Mul", ["x", name], ["a"]), helper.make_node("Add", ["a", name], ["y"])])
    net.graph.initializer.append(numpy_helper.from_array(np.ones(1, np.float32), name))
    net.producer_name = producer
    profile = load_onnx(net)
    assert profile.totals.params == params
    assert [cost.output for cost in profile.costs][-2:] == [(1, 3, 8, 8)] * 2
