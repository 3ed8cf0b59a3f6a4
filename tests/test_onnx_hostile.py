"""ONNX files that mean harm or make no sense: one message, or an operator that is named, and nothing that takes the machine."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from onnx import helper, numpy_helper
from test_onnx import model, weight

from cnnprof.errors import CnnprofError
from cnnprof.onnx_bridge.load import MOST_NODES

node = helper.make_node


def chain(length):
    names = ["x", *(f"t{i}" for i in range(length - 1)), "y"]
    return model([node("Relu", [before], [after]) for before, after in pairwise(names)])


def functions(*bodies):
    """Functions `f0`, `f1`, ...: each the names of those that it calls, one on the result of the other."""
    made = []
    for number, calls in enumerate(bodies):
        names = ["a", *(f"m{i}" for i in range(len(calls) - 1)), "o"]
        nodes = [
            node(call, [names[i]], [names[i + 1]], domain="local" if call.startswith("f") else "")
            for i, call in enumerate(calls)
        ]
        opsets = [helper.make_opsetid("", 20), helper.make_opsetid("local", 1)]
        made.append(helper.make_function("local", f"f{number}", ["a"], ["o"], nodes, opsets))
    last = node(f"f{len(bodies) - 1}", ["x"], ["y"], domain="local")
    return model([last], functions=made, domains=["local"])


def numbers(name, *values):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def test_a_long_chain_is_read(load_onnx):
    profile = load_onnx(chain(5000))
    assert len(profile.costs) == len({cost.node.name for cost in profile.costs}) == 5000
    assert profile.costs[-1].node.name == "relu_4999"


def test_more_nodes_than_are_read(load_onnx):
    with pytest.raises(CnnprofError, match="has 100,001 nodes"):
        load_onnx(chain(MOST_NODES + 1))


def test_more_inputs_than_are_read(load_onnx):
    net = model([node("Sum", ["x"] * 1000, [f"t{i}"]) for i in range(399)])
    assert load_onnx(net).totals.ops.add == 399 * 999 * 192
    net.graph.node.append(node("Sum", ["x"] * 1000, ["y"]))
    with pytest.raises(CnnprofError, match="have 400,400 inputs and outputs"):
        load_onnx(net)


@pytest.mark.parametrize(
    "bodies",
    [
        (("Relu", "Relu"), *((f"f{i}", f"f{i}") for i in range(40))),
        (("f0",),),
        (("f1",), ("f0", "Relu")),
        (("Relu",) * 500, ("f0",) * 500),
    ],
)
def test_functions_that_would_fill_the_memory(load_onnx, bodies):
    """2^41 operators, two that call themselves, and 250,000; they are counted before anything is written out."""
    with pytest.raises(CnnprofError, match="more than 100,000 nodes with its functions written out"):
        load_onnx(functions(*bodies))


def test_functions_of_functions(load_onnx):
    profile = load_onnx(functions(("Relu", "Tanh"), ("f0", "f0", "Sigmoid"), ("f1", "f0", "f1")))
    assert [cost.node.layer.type for cost in profile.costs].count("Tanh") == 5


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("Relu", ["b"], ["a"]), node("Relu", ["a"], ["b"]), node("Add", ["a", "x"], ["y"])], "reads 'b'"),
        ([node("Add", ["x", "y"], ["y"])], "reads 'y', which nothing before it makes"),
        ([node("Conv", ["x", "w"], ["y"], group=-1)], "its filters are"),
        ([node("Reshape", ["x", "s"], ["y"])], "cannot see 3x8x8 as"),
    ],
)
def test_what_makes_no_sense_is_one_message(load_onnx, nodes, message):
    with pytest.raises(CnnprofError, match=message):
        load_onnx(model(nodes, [weight("w", 4, 3, 3, 3), numbers("s", 7, 7)]))


@pytest.mark.parametrize(
    "last",
    [
        node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[0, 0]),
        node("Einsum", ["x"], ["y"], equation="->" * 1000),
        node("", ["x"], ["y"]),
        node("Tile", ["x", "short"], ["y"]),
        node("RoiAlign", ["x", "i", "i"], ["y"]),
    ],
)
def test_what_no_row_reads_is_named(load_onnx, last):
    """The convolution before it counts all the same."""
    kept = [weight("w", 3, 3, 1, 1), numbers("short", 2), numbers("i", 0, 0)]
    nodes = [node("Conv", ["x", "w"], ["c"]), helper.make_node(last.op_type, ["c", *last.input[1:]], list(last.output))]
    nodes[1].attribute.extend(last.attribute)
    totals = load_onnx(model(nodes, kept)).totals
    assert (totals.params, totals.macs) == (9, 64 * 9)
    assert [entry.rpartition(": ")[2] for entry in totals.uncounted] == [last.op_type]


@pytest.mark.parametrize("keep", [0, 1])
def test_a_sequence_of_more_parts_than_are_written_out(load_onnx, keep):
    split = node("SplitToSequence", ["x"], ["s"], axis=3, keepdims=keep)
    totals = load_onnx(model([node("Relu", ["x"], ["y"]), split], sizes=(1, 3, 8, 10**9))).totals
    assert totals.uncounted == ("s: SplitToSequence",)


def test_a_name_of_any_length(load_onnx):
    net = model([node("Relu", ["x"], ["y"], name="/".join("ab" * 40_000))])
    assert len(load_onnx(net).costs[0].node.name) <= 200


@pytest.mark.parametrize("sizes", [(2**40, 2**40), (2**31, 4)])
def test_constants_of_any_size_take_no_memory(load_onnx, sizes):
    nodes = [
        node("Constant", [], ["s"], value=numbers("", *sizes)),
        node("ConstantOfShape", ["s"], ["k"]),
        node("Relu", ["x"], ["y"]),
        node("Identity", ["k"], ["z"]),
    ]
    assert load_onnx(model(nodes)).costs[-1].output == (1, 3, 8, 8)


def test_sizes_of_stored_tensors_that_lie(load_onnx):
    liar = weight("w", 4, 3, 3, 3)
    liar.dims[0] = 2**40
    profile = load_onnx(model([node("Conv", ["x", "w"], ["y"])], [liar]))
    assert profile.totals.macs == 2**40 * 27 * 36
    liar.dims[0] = -4
    with pytest.raises(CnnprofError, match="the stored tensor 'w' has the sizes -4x3x3x3"):
        load_onnx(model([node("Conv", ["x", "w"], ["y"])], [liar]))


def test_an_input_without_sizes_is_asked_for(load_onnx):
    net = model([node("Relu", ["x"], ["y"])])
    net.graph.input[0].type.tensor_type.ClearField("shape")
    with pytest.raises(CnnprofError, match=r"(?s)does not say the sizes of its input 'x'.*--input CxHxW"):
        load_onnx(net)
