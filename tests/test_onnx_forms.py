"""Forms of ONNX's operators that few exporters write, against sizes and products by hand and onnx's own inference."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from test_onnx import model, shapes, weight

from cnnprof.errors import CnnprofError

node = helper.make_node


def whole(name, *numbers):
    return numpy_helper.from_array(np.array(numbers, np.int64), name)


@pytest.mark.parametrize(
    ("attributes", "size", "macs"),
    [
        ({"pads": [0, 1, 1, 0], "strides": [2, 3]}, (16, 23), 3 * 64 * 2 * 9),
        ({"output_shape": [15, 18], "strides": [2, 2]}, (15, 18), 3 * 64 * 2 * 9),
        ({"auto_pad": "SAME_UPPER", "strides": [2, 2]}, (16, 16), 3 * 64 * 2 * 9),
    ],
)
def test_transposed_convolutions_cut_either_side(load_onnx, attributes, size, macs):
    net = model([node("ConvTranspose", ["x", "w"], ["y"], **attributes)], [weight("w", 3, 2, 3, 3)])
    profile = load_onnx(net)
    assert (profile.totals.params, profile.totals.macs, profile.totals.uncounted) == (54, macs, ())
    assert shapes(profile)[-1] == (1, 2, *size)


@pytest.mark.parametrize(
    ("equation", "factor", "macs", "output"),
    [
        ("...i,ij->...j", (8, 5), 3 * 8 * 8 * 5, (1, 3, 8, 5)),
        ("...hw,...wk", (3, 8, 4), 3 * 8 * 8 * 4, (1, 3, 8, 4)),
        ("nchw,wk", (8, 5), 3 * 8 * 8 * 5, (3, 8, 5, 1)),
    ],
)
def test_ellipses_and_results_that_are_not_written(load_onnx, equation, factor, macs, output):
    net = model([node("Einsum", ["x", "w"], ["y"], equation=equation)], [weight("w", *factor)])
    profile = load_onnx(net)
    assert (profile.totals.macs, profile.costs[-1].output, profile.totals.uncounted) == (macs, output, ())
    assert np.einsum(equation, np.ones((1, 3, 8, 8)), np.ones(factor)).shape == output


def attention(load_onnx, sizes, keys=None, **how):
    inputs = ["x", *(["k", "k"] if keys else ["x", "x"]), *how.pop("more", ())]
    net = model([node("Attention", inputs, ["y", "kept_k", "kept_v"], **how)], sizes=sizes, opset=23, outputs=("y", "kept_k"))
    for name, shape in {"k": keys, "past": (2, 3, 9, 4)}.items():
        if name in inputs:
            net.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    return load_onnx(net)


def test_attention_with_heads_in_the_last_axis(load_onnx):
    """4 heads of 4 numbers, 7 queries; 2 heads of keys and values serve 2 each: 7 x 7 scores of 4 products, twice."""
    profile = attention(load_onnx, (2, 7, 16), (2, 7, 8), q_num_heads=4, kv_num_heads=2)
    assert profile.totals.macs == 2 * 4 * 7 * 7 * (4 + 4)
    assert {cost.output for cost in profile.costs if cost.node.name in profile.graph.outputs} == {(2, 7, 16), (2, 2, 7, 4)}


def test_attention_to_earlier_steps(load_onnx):
    """One query a head to 9 keys from before and its own."""
    profile = attention(load_onnx, (2, 3, 1, 4), more=("", "past", "past"))
    assert (profile.totals.macs, profile.totals.uncounted) == (2 * 3 * 1 * 10 * 8, ())
    assert {cost.output for cost in profile.costs if cost.node.name in profile.graph.outputs} == {(2, 3, 1, 4), (2, 3, 10, 4)}


@pytest.mark.parametrize(("size", "params"), [((1,), 1), ((1, 1, 1), 1), ((3, 1, 1), 3)])
def test_slopes_for_all_or_for_each_channel(load_onnx, size, params):
    profile = load_onnx(model([node("PRelu", ["x", "s"], ["y"])], [weight("s", *size)]))
    assert (profile.totals.params, profile.totals.uncounted) == (params, ())


def test_columns_are_folded_into_an_image(load_onnx):
    """27 rows are 3 channels of 3 x 3 windows; 16 windows lie 4 by 4 in 8 x 8 (torch.nn.Fold)."""
    fold = node("Col2Im", ["x", "image", "kernel"], ["y"], pads=[1] * 4, strides=[2, 2])
    profile = load_onnx(model([fold], [whole("image", 8, 8), whole("kernel", 3, 3)], sizes=(2, 27, 16)))
    assert (profile.totals.params, profile.totals.macs, profile.totals.uncounted) == (0, 0, ())
    assert shapes(profile) == [(2, 3, 8, 8)]


@pytest.mark.parametrize(("opset", "size"), [(18, 3), (21, 6)])
def test_a_group_norm_of_either_version(load_onnx, opset, size):
    """A scale and a shift for each group, or for each channel from version 21 on."""
    norm = node("GroupNormalization", ["x", "s", "b"], ["y"], num_groups=3)
    profile = load_onnx(model([norm], [weight("s", size), weight("b", size)], sizes=(1, 6, 4, 4), opset=opset))
    assert (profile.totals.params, profile.totals.uncounted) == (2 * size, ())
    assert shapes(profile)[-1] == (1, 6, 4, 4)


@pytest.mark.parametrize(("policy", "size"), [("not_larger", (12, 12)), ("not_smaller", (20, 20)), ("stretch", (12, 20))])
def test_resizing_keeps_the_aspect_ratio_where_it_is_to(load_onnx, policy, size):
    net = model(
        [node("Resize", ["x", "", "", "z"], ["y"], mode="linear", axes=[2, 3], keep_aspect_ratio_policy=policy)],
        [whole("z", 12, 20)],
        opset=18,
    )
    assert shapes(load_onnx(net))[-1] == (1, 3, *size)
    inferred = onnx.shape_inference.infer_shapes(net, data_prop=True).graph.output[0].type.tensor_type.shape.dim
    assert tuple(dim.dim_value for dim in inferred) == (1, 3, *size)


def test_sequences_that_grow_and_values_that_may_be_missing(load_onnx):
    nodes = [
        node("SequenceEmpty", [], ["s0"]),
        node("SequenceInsert", ["s0", "x"], ["s1"]),
        node("Relu", ["x"], ["r"]),
        node("SequenceInsert", ["s1", "r", "first"], ["s2"]),
        node("SequenceErase", ["s2"], ["s3"]),
        node("SequenceAt", ["s3", "first"], ["a"]),
        node("ConcatFromSequence", ["s2"], ["b"], axis=0, new_axis=1),
        node("Optional", ["b"], ["o"]),
        node("OptionalGetElement", ["o"], ["c"]),
        node("Add", ["a", "c"], ["y"]),
    ]
    profile = load_onnx(model(nodes, [whole("first", 0)], opset=18))
    assert (profile.totals.uncounted, shapes(profile)[-1]) == ((), (2, 1, 3, 8, 8))


def test_states_that_are_stored_as_zero_are_no_weights(load_onnx):
    """4 gates x 6 numbers x (7 + 6 + 2); lengths that are the whole sequence change nothing."""
    kept = [weight("w", 1, 24, 7), weight("r", 1, 24, 6), weight("b", 1, 48), numpy_helper.from_array(np.int32([5, 5]), "n")]
    kept += [numpy_helper.from_array(np.zeros((1, 2, 6), np.float32), name) for name in ("h", "c")]
    net = model([node("LSTM", ["x", "w", "r", "b", "n", "h", "c"], ["y"], hidden_size=6)], kept, sizes=(5, 2, 7))
    profile = load_onnx(net)
    assert (profile.totals.params, profile.totals.macs, profile.totals.uncounted) == (24 * 15, 5 * 2 * 24 * 13, ())


def test_what_onnxruntime_fuses_counts_as_its_parts(load_onnx):
    """A convolution with a sum and a ReLU, a norm of a sum, attention of 2 heads over 64 places, a GELU."""
    nodes = [
        node("FusedConv", ["x", "w", "b", "x"], ["c"], domain="com.microsoft", pads=[1] * 4, activation="Relu"),
        node("Reshape", ["c", "to"], ["t"]),
        node("SkipLayerNormalization", ["t", "t", "g", "h"], ["n", "", "", "sum"], domain="com.microsoft"),
        node("MultiHeadAttention", ["n", "n", "sum"], ["a"], domain="com.microsoft", num_heads=2),
        node("BiasGelu", ["a", "h"], ["y"], domain="com.microsoft"),
    ]
    kept = [weight("w", 4, 4, 3, 3), weight("b", 4), weight("g", 4), weight("h", 4), whole("to", 1, -1, 4)]
    profile = load_onnx(model(nodes, kept, sizes=(1, 4, 8, 8), domains=["com.microsoft"]))
    assert profile.totals.params == 144 + 4 + 4 + 4
    assert profile.totals.macs == 64 * 144 + 2 * 64 * 64 * (2 + 2)
    assert profile.totals.uncounted == ()


def test_the_norm_by_the_root_mean_square(load_onnx):
    profile = load_onnx(model([node("RMSNormalization", ["x", "s"], ["y"], axis=-2)], [weight("s", 8, 8)], opset=23))
    assert (profile.totals.params, profile.totals.uncounted, shapes(profile)[-1]) == (64, (), (1, 3, 8, 8))


@pytest.mark.parametrize("attributes", [{"strides": [-1, 1]}, {"dilations": [0, 1]}])
def test_a_window_that_moves_back_is_named(load_onnx, attributes):
    totals = load_onnx(model([node("Conv", ["x", "w"], ["y"], **attributes)], [weight("w", 4, 3, 3, 3)])).totals
    assert (totals.params, totals.macs, totals.uncounted) == (108, 0, ("y: Conv",)) or totals.uncounted == ("conv: Conv",)


def test_sizes_that_the_file_does_not_allow_are_explained(load_onnx):
    net = model([node("Reshape", ["x", "to"], ["y"])], [whole("to", 1, 192)], sizes=("N", 3, 8, 8))
    assert shapes(load_onnx(net)) == [(1, 192)]
    with pytest.raises(CnnprofError, match=r"(?s)cannot see 3x8x8.*leave out --input or --batch"):
        load_onnx(net, batch=2)
    fixed = model([node("Reshape", ["x", "to"], ["y"])], [whole("to", 1, 191)])
    with pytest.raises(CnnprofError, match="cannot see 3x8x8") as caught:
        load_onnx(fixed)
    assert caught.value.hint is None


@pytest.mark.parametrize("op", ["Gemm", "MatMul"])
def test_what_is_stored_in_front_of_a_layer_counts_and_may_be_a_buffer(load_onnx, op):
    """Queries of 4 x 6 go through a linear layer of 6 to 5: parameters, unless the file says otherwise, and it says nothing."""
    nodes = [node(op, ["q", "w"], ["p"]), node("Flatten", ["x"], ["f"]), node("MatMul", ["f", "v"], ["m"])]
    profile = load_onnx(
        model([*nodes, node("Mul", ["p", "m"], ["y"])], [weight("q", 4, 6), weight("w", 6, 5), weight("v", 192, 5)])
    )
    assert (profile.totals.params, profile.totals.macs) == (24 + 30 + 960, 4 * 30 + 960)
    assert profile.graph.facts.about == "24 of the parameters may be buffers: the file does not tell (q)"
