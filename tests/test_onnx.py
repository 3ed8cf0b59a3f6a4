"""ONNX files: what the reader makes of operators, against sizes worked out by hand and against onnx's own inference."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnnprof.errors import CnnprofError
from cnnprof.footprint.liveness import inference
from cnnprof.onnx_bridge.read import read


def weight(name, *shape, dtype=np.float32):
    return numpy_helper.from_array(np.arange(1, np.prod(shape) + 1).reshape(shape).astype(dtype), name)


def model(nodes, weights=(), sizes=(1, 3, 8, 8), opset=20, outputs=("y",), functions=(), domains=()):
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, sizes)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        list(weights),
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(each, 1) for each in domains)]
    return helper.make_model(graph, opset_imports=opsets, functions=list(functions))


def shapes(profile):
    return [cost.output for cost in profile.costs]


def test_a_small_network_by_hand(load_onnx):
    profile = load_onnx(
        model(
            [
                helper.make_node("Conv", ["x", "conv.weight", "conv.bias"], ["a"], pads=[1, 1, 1, 1], strides=[2, 2]),
                helper.make_node("BatchNormalization", ["a", "bn.weight", "bn.bias", "m", "v"], ["b"]),
                helper.make_node("Relu", ["b"], ["c"]),
                helper.make_node("GlobalAveragePool", ["c"], ["d"]),
                helper.make_node("Flatten", ["d"], ["e"]),
                helper.make_node("Gemm", ["e", "fc.weight", "fc.bias"], ["y"], transB=1),
            ],
            [
                weight("conv.weight", 16, 3, 3, 3),
                weight("conv.bias", 16),
                *(weight(name, 16) for name in ("bn.weight", "bn.bias", "m", "v")),
                weight("fc.weight", 10, 16),
                weight("fc.bias", 10),
            ],
        )
    )
    # 16 (27 + 1) + 2 * 16 + 10 (16 + 1); 16 * 4 * 4 outputs of 27 products, 160 in the classifier.
    assert profile.totals.params == 448 + 32 + 170
    assert profile.totals.macs == 16 * 16 * 27 + 160
    assert shapes(profile) == [(1, 16, 4, 4)] * 3 + [(1, 16, 1, 1), (1, 16), (1, 10)]
    assert [cost.node.name for cost in profile.costs][::5] == ["conv", "fc"]
    assert profile.totals.uncounted == ()


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ({"auto_pad": "SAME_UPPER", "strides": [2, 2]}, (4, 4)),
        ({"auto_pad": "SAME_LOWER", "strides": [3, 1]}, (3, 8)),
        ({"auto_pad": "VALID", "dilations": [2, 2]}, (4, 4)),
        ({"pads": [1, 0, 2, 0]}, (9, 6)),
    ],
)
def test_paddings_are_those_of_onnx(load_onnx, attributes, size):
    net = model([helper.make_node("Conv", ["x", "w"], ["y"], **attributes)], [weight("w", 4, 3, 3, 3)])
    assert shapes(load_onnx(net))[-1] == (1, 4, *size)
    inferred = onnx.shape_inference.infer_shapes(net).graph.output[0].type.tensor_type.shape.dim
    assert tuple(dim.dim_value for dim in inferred) == (1, 4, *size)


@pytest.mark.parametrize("opset", range(7, 24))
def test_every_version_of_the_operators(load_onnx, opset):
    """Attributes became inputs over the versions: one network written as each of them has it."""
    extra = []

    def argument(name, values, kind=np.int64):
        extra.append(numpy_helper.from_array(np.asarray(values, dtype=kind), name))
        return name

    def node(op, since, inputs, output, **attributes):
        if opset >= since:
            names = [argument(f"{output}_{key}", value) for key, value in attributes.items()]
            return helper.make_node(op, [*inputs, *names], [output])
        return helper.make_node(op, inputs, [output], **attributes)

    nodes = [
        node("Pad", 11, ["x"], "p", pads=[0, 0, 1, 1, 0, 0, 1, 1]),
        helper.make_node("Conv", ["p", "w"], ["c"]),
        helper.make_node("Clip", ["c", argument("low", 0, np.float32), argument("high", 6, np.float32)], ["k"])
        if opset >= 11
        else helper.make_node("Clip", ["c"], ["k"], min=0.0, max=6.0),
        helper.make_node("Slice", ["k", *(argument(f"s{i}", [v]) for i, v in enumerate((0, 4, 2)))], ["s"])
        if opset >= 10
        else helper.make_node("Slice", ["k"], ["s"], starts=[0], ends=[4], axes=[2]),
        node("ReduceMean", 18, ["s"], "r", axes=[3]),
        node("Squeeze", 13, ["r"], "q", axes=[3]),
        node("Unsqueeze", 13, ["q"], "u", axes=[0]),
        helper.make_node("Softmax", ["u"], ["y"]),
    ]
    profile = load_onnx(model(nodes, [weight("w", 6, 3, 3, 3), *extra], opset=opset))
    assert profile.totals.uncounted == ()
    assert shapes(profile)[-1] == (1, 1, 6, 4)
    assert profile.totals.macs == 6 * 64 * 27
    assert "ReLU6" in [cost.node.layer.type for cost in profile.costs]


def test_sizes_computed_in_the_graph_are_followed(load_onnx):
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"], axis=0),
        helper.make_node("Unsqueeze", ["n", "axis"], ["n1"]),
        helper.make_node("Concat", ["n1", "rest"], ["to"], axis=0),
        helper.make_node("Reshape", ["x", "to"], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["m"]),
        helper.make_node("Add", ["m", "b"], ["y"]),
    ]
    numbers = {"zero": 0, "axis": [0], "rest": [-1]}
    known = [numpy_helper.from_array(np.asarray(value, dtype=np.int64), name) for name, value in numbers.items()]
    profile = load_onnx(model(nodes, [weight("w", 192, 5), weight("b", 5), *known], ("N", 3, 8, 8)), batch=4)
    # The product with its bias is one linear layer, its batch the one that is asked for.
    assert [cost.node.layer.type for cost in profile.costs] == ["Flatten", "Linear"]
    assert profile.totals.params == 192 * 5 + 5
    assert profile.totals.macs == 4 * 192 * 5
    assert shapes(profile)[-1] == (4, 5)


def test_weights_that_stand_in_two_places_are_counted_once(load_onnx):
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["a"], pads=[1] * 4),
        helper.make_node("Identity", ["b"], ["same"]),
        helper.make_node("Conv", ["a", "v", "same"], ["c"], pads=[1] * 4),
        helper.make_node("Conv", ["c", "w", "b"], ["y"], pads=[1] * 4),
    ]
    profile = load_onnx(model(nodes, [weight("w", 3, 3, 3, 3), weight("v", 3, 3, 3, 3), weight("b", 3)]))
    assert profile.totals.params == 2 * 81 + 3
    assert profile.totals.macs == 3 * 81 * 64
    assert profile.totals.ops.add == 3 * 3 * 64


def test_quantized_weights_are_weights(load_onnx):
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
        helper.make_node("DequantizeLinear", ["w", "scale", "zero"], ["wd"]),
        helper.make_node("Conv", ["d", "wd"], ["c"]),
        helper.make_node("QLinearConv", ["q", "scale", "zero", "w", "scale", "zero", "scale", "zero"], ["z"]),
        helper.make_node("DequantizeLinear", ["z", "scale", "zero"], ["e"]),
        helper.make_node("Add", ["c", "e"], ["y"]),
    ]
    kept = [
        weight("w", 8, 3, 3, 3, dtype=np.int8),
        numpy_helper.from_array(np.float32(0.1), "scale"),
        numpy_helper.from_array(np.int8(0), "zero"),
    ]
    profile = load_onnx(model(nodes, kept))
    assert profile.totals.params == 216
    assert profile.totals.macs == 2 * 8 * 36 * 27
    assert profile.totals.uncounted == ()


def test_the_branch_that_the_file_decides_is_taken(load_onnx):
    def body(op):
        output = helper.make_tensor_value_info("o", TensorProto.FLOAT, None)
        return helper.make_graph([helper.make_node(op, ["x"], ["o"])], op, [], [output])

    flag = helper.make_node("Constant", [], ["flag"], value=numpy_helper.from_array(np.array(True)))
    choice = helper.make_node("If", ["flag"], ["y"], then_branch=body("Relu"), else_branch=body("Tanh"))
    assert [cost.node.layer.type for cost in load_onnx(model([flag, choice])).costs] == ["ReLU"]


def test_an_operator_without_a_row_is_named(load_onnx):
    nodes = [
        helper.make_node("CumSum", ["x", "axis"], ["e"]),
        helper.make_node("Fancy", ["e"], ["f"], domain="com.example"),
        helper.make_node("Relu", ["f"], ["y"]),
    ]
    axis = numpy_helper.from_array(np.int64(2), "axis")
    profile = load_onnx(model(nodes, [axis], domains=["com.example"]))
    # What the first writes can be told, what comes behind the second cannot.
    assert profile.totals.uncounted == ("cum_sum: CumSum", "f: Fancy", "y: Relu")
    assert (1, 3, 8, 8) in shapes(profile)


def test_functions_are_written_out(load_onnx):
    body = [helper.make_node("Sigmoid", ["a"], ["s"]), helper.make_node("Mul", ["a", "s"], ["o"])]
    silu = helper.make_function("local", "Silu", ["a"], ["o"], body, [helper.make_opsetid("", 20)])
    profile = load_onnx(model([helper.make_node("Silu", ["x"], ["y"], domain="local")], functions=[silu], domains=["local"]))
    assert [cost.node.layer.type for cost in profile.costs] == ["Sigmoid", "Mul"]


def test_weights_in_other_files_are_not_read(load_onnx):
    tensor = weight("w", 4, 3, 3, 3)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    profile = load_onnx(model([helper.make_node("Conv", ["x", "w"], ["y"])], [tensor]))
    assert (profile.totals.params, profile.totals.macs) == (108, 108 * 36)


def test_memory_by_last_use(load_onnx):
    """The input, 768 bytes, is read again at the end: at the sum all three tensors are held."""
    nodes = [
        helper.make_node("Sigmoid", ["x"], ["a"]),
        helper.make_node("Tanh", ["a"], ["b"]),
        helper.make_node("Add", ["b", "x"], ["y"]),
    ]
    profile = load_onnx(model(nodes))
    assert inference(profile.graph, profile.costs).peak_bytes == 3 * 768


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda net: b"", "no ONNX model, or an empty one"),
        (lambda net: net.SerializeToString()[:-7], "no ONNX model, or only a part"),
        (lambda net: b"PK\x03\x04" + bytes(500), "no ONNX model, or only a part"),
    ],
)
def test_files_that_are_none(tmp_path, change, message):
    path = tmp_path / "net.onnx"
    path.write_bytes(change(model([helper.make_node("Relu", ["x"], ["y"])], [weight("w", 4)])))
    with pytest.raises(CnnprofError, match=message):
        read(path)


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (model([helper.make_node("Relu", ["z"], ["y"]), helper.make_node("Relu", ["y"], ["z"])]), "reads 'z', which nothing"),
        (model([helper.make_node("Relu", ["x"], ["y"])], opset=6), "uses version 6"),
        (model([helper.make_node("Relu", ["x"], ["y"])], sizes=("N", 3, "height", "width")), "sizes Nx3xheightxwidth"),
        (model([helper.make_node("Conv", ["x", "w"], ["y"])], [weight("w", 4, 5, 3, 3)]), "its filters are 4x5x3x3"),
        (model([], outputs=["x"]), "has no layers"),
    ],
)
def test_models_that_cannot_be_read(load_onnx, net, message):
    with pytest.raises(CnnprofError, match=message):
        load_onnx(net)


def test_the_size_of_an_open_input_can_be_said(load_onnx):
    net = model([helper.make_node("Relu", ["x"], ["y"])], sizes=("N", 3, "height", "width"))
    assert shapes(load_onnx(net, input_shape=(3, 5, 7), batch=2)) == [(2, 3, 5, 7)]
    with pytest.raises(CnnprofError, match="and --input 3x5"):
        load_onnx(net, input_shape=(3, 5))


@pytest.mark.parametrize(
    ("equation", "sizes", "macs", "output"),
    [
        ("nchw,kc->nkhw", (6, 3), 6 * 3 * 64, (1, 6, 8, 8)),
        ("nchw,nchv->nhwv", (1, 3, 8, 5), 8 * 8 * 3 * 5, (1, 8, 8, 5)),
        ("nchw,cd,de->nhwe", None, 64 * 3 * 4 + 64 * 4 * 5, (1, 8, 8, 5)),
    ],
)
def test_sums_of_products(load_onnx, equation, sizes, macs, output):
    shapes_of = [sizes] if sizes else [(3, 4), (4, 5)]
    stored = [weight(f"w{i}", *each) for i, each in enumerate(shapes_of)]
    profile = load_onnx(
        model([helper.make_node("Einsum", ["x", *(each.name for each in stored)], ["y"], equation=equation)], stored)
    )
    assert profile.totals.macs == macs
    assert profile.costs[-1].output == output


def test_sequences_of_parts(load_onnx):
    nodes = [
        helper.make_node("SplitToSequence", ["x", "two"], ["s"], axis=1),
        helper.make_node("SequenceAt", ["s", "last"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("SequenceConstruct", ["b", "x"], ["c"]),
        helper.make_node("ConcatFromSequence", ["c"], ["y"], axis=1),
    ]
    stored = [numpy_helper.from_array(np.int64(2), "two"), numpy_helper.from_array(np.int64(-1), "last")]
    profile = load_onnx(model(nodes, stored))
    assert profile.totals.uncounted == ()
    assert shapes(profile)[-1] == (1, 4, 8, 8)  # the third channel, and all three


@pytest.mark.parametrize(("op", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
@pytest.mark.parametrize("directions", [1, 2])
def test_recurrent_layers(load_onnx, op, gates, directions):
    """Of 5 steps of 2 samples of 7 numbers, with 6 hidden ones: gates (7 + 6 + 2) weights and biases, and as many products."""
    direction = "bidirectional" if directions == 2 else "forward"
    node = helper.make_node(op, ["x", "w", "r", "b"], ["y", "h"], hidden_size=6, direction=direction)
    stored = [weight("w", directions, gates * 6, 7), weight("r", directions, gates * 6, 6), weight("b", directions, gates * 12)]
    profile = load_onnx(model([node], stored, sizes=(5, 2, 7)))
    assert profile.totals.params == directions * gates * 6 * (7 + 6 + 2)
    assert profile.totals.macs == directions * 5 * 2 * gates * 6 * (7 + 6)
    assert profile.totals.uncounted == ()
    assert (5, directions, 2, 6) in shapes(profile)


def test_several_inputs_have_their_names(load_onnx):
    net = model([helper.make_node("Concat", ["x", "depth"], ["y"], axis=1)])
    net.graph.input.append(helper.make_tensor_value_info("depth", TensorProto.FLOAT, ["N", 1, 8, 8]))
    profile = load_onnx(net, batch=2)
    assert profile.graph.inputs == {"x": (2, 3, 8, 8), "depth": (2, 1, 8, 8)}
    assert shapes(profile) == [(2, 4, 8, 8)]
