"""Operators of ONNX that run graphs within them, and values beside a layer's result: counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from test_onnx import model, shapes, weight

from cnnprof.errors import CnnprofError
from cnnprof.onnx_bridge import read

node = helper.make_node


def value(name, kind=TensorProto.FLOAT, sizes=None):
    return helper.make_tensor_value_info(name, kind, sizes)


def body(nodes, inputs, outputs, kept=()):
    return helper.make_graph(nodes, "body", list(inputs), list(outputs), list(kept))


def number(name, content, dtype=np.int64):
    return numpy_helper.from_array(np.asarray(content, dtype), name)


def round_of(*nodes, adds=()):
    """The body of a Loop: it carries `a` to `b`, goes on as long as it is let, and adds what `adds` names to lists."""
    carried = [value("i", TensorProto.INT64, ()), value("on", TensorProto.BOOL, ()), value("a")]
    return body([*nodes, node("Identity", ["on"], ["goes_on"])], carried, map(value, ("goes_on", "b", *adds)))


FILTERS = weight("w", 3, 3, 3, 3)
CONV = node("Conv", ["a", "w"], ["b"], pads=[1] * 4)


def test_a_loop_is_written_out(load_onnx):
    """Five rounds of 3 x 64 results of 27 products with one set of weights, each of them kept in a list."""
    loop = node("Loop", ["rounds", "yes", "x"], ["last", "y"], body=round_of(CONV, node("Relu", ["b"], ["c"]), adds=["c"]))
    profile = load_onnx(model([loop], [FILTERS, number("rounds", 5), number("yes", True, bool)], outputs=("last", "y")))
    assert (profile.totals.params, profile.totals.macs, profile.totals.uncounted) == (81, 5 * 3 * 64 * 27, ())
    assert {cost.output for cost in profile.costs if cost.node.name in profile.graph.outputs} == {(1, 3, 8, 8), (5, 1, 3, 8, 8)}


def test_a_loop_stops_where_it_says(load_onnx):
    stop = body(
        [CONV, node("Less", ["i", "two"], ["goes_on"])],
        [value("i", TensorProto.INT64, ()), value("on", TensorProto.BOOL, ()), value("a")],
        map(value, ("goes_on", "b")),
    )
    profile = load_onnx(
        model([node("Loop", ["most", "", "x"], ["y"], body=stop)], [FILTERS, number("most", 2**40 // 2**30), number("two", 2)])
    )
    assert profile.totals.macs == 3 * 3 * 64 * 27


@pytest.mark.parametrize("rounds", [10**12, 60_000])
def test_a_loop_of_too_many_rounds_is_named_and_its_weights_count(load_onnx, rounds):
    loop = node("Loop", ["rounds", "", "x"], ["y"], body=round_of(CONV))
    totals = load_onnx(model([node("Relu", ["x"], ["z"]), loop], [FILTERS, number("rounds", rounds)])).totals
    assert (totals.params, totals.macs, totals.uncounted) == (81, 0, ("y: Loop",))


def test_loops_in_loops_stay_within_bounds(load_onnx, monkeypatch):
    monkeypatch.setattr(read, "MOST_NODES", 10_000)
    inner = node("Loop", ["rounds", "", "a"], ["b"], body=round_of(CONV.__class__.FromString(CONV.SerializeToString())))
    for _ in range(3):
        inner = node("Loop", ["rounds", "", "a"], ["b"], body=round_of(inner))
    inner.input[2], inner.output[0] = "x", "y"
    profile = load_onnx(model([node("Relu", ["x"], ["z"]), inner], [FILTERS, number("rounds", 40)]))
    assert profile.totals.params == 81
    assert 1_000 < len(profile.costs) <= 10_000
    assert any(entry.endswith(": Loop") for entry in profile.totals.uncounted)


def test_a_loop_that_the_data_ends_is_named(load_onnx):
    ends = body(
        [CONV, node("ReduceMax", ["b"], ["m"], keepdims=0), node("Greater", ["m", "zero"], ["goes_on"])],
        [value("i", TensorProto.INT64, ()), value("on", TensorProto.BOOL, ()), value("a")],
        map(value, ("goes_on", "b")),
    )
    kept = [FILTERS, number("rounds", 9), number("zero", 0, np.float32)]
    totals = load_onnx(model([node("Relu", ["x"], ["z"]), node("Loop", ["rounds", "", "z"], ["y"], body=ends)], kept)).totals
    assert (totals.params, totals.macs, totals.uncounted) == (81, 0, ("y: Loop",))


def test_a_scan_is_written_out(load_onnx):
    """An Elman cell over 6 steps of 2 samples: (3 + 4) by 4 products in each."""
    cell = body(
        [
            node("Concat", ["h", "step"], ["c"], axis=1),
            node("MatMul", ["c", "w"], ["d"]),
            node("Tanh", ["d"], ["e"]),
            node("Identity", ["e"], ["f"]),
        ],
        [value("h", sizes=(2, 4)), value("step", sizes=(2, 3))],
        [value("e"), value("f")],
    )
    first = node("Slice", ["x", "no", "one", "no"], ["s"])
    start = [first, node("Squeeze", ["s", "no"], ["t"]), node("MatMul", ["t", "v"], ["h0"])]
    scan = node("Scan", ["h0", "x"], ["h6", "y"], num_scan_inputs=1, body=cell)
    kept = [weight("w", 7, 4), weight("v", 3, 4), number("no", [0]), number("one", [1])]
    profile = load_onnx(model([*start, scan], kept, sizes=(6, 2, 3), outputs=("y",)))
    assert (profile.totals.params, profile.totals.macs) == (28 + 12, 2 * 12 + 6 * 2 * 28)
    assert profile.totals.uncounted == ()
    assert shapes(profile)[-1] == (6, 2, 4)


def test_a_branch_that_the_data_decides_is_the_first_and_said(load_onnx):
    """The weights of the other count, those of a branch within it, too."""

    def branch(name, *nodes, kept=()):
        return body(nodes, [], [value(name)], kept)

    within = node("If", ["c"], ["o"], then_branch=branch("p", node("Conv", ["x", "u"], ["p"]), kept=[weight("u", 5, 3, 3, 3)]))
    within.attribute.append(helper.make_attribute("else_branch", branch("q", node("Conv", ["x", "w"], ["q"]))))
    choice = node("If", ["c"], ["z"], then_branch=branch("r", node("Conv", ["x", "w"], ["r"])), else_branch=branch("o", within))
    asked = [node("ReduceSum", ["x"], ["s"], keepdims=0), node("Greater", ["s", "zero"], ["c"])]
    profile = load_onnx(model([*asked, choice, node("Relu", ["z"], ["y"])], [FILTERS, number("zero", 0, np.float32)]))
    assert (profile.totals.params, profile.totals.macs) == (81 + 135, 3 * 36 * 27)
    assert "If takes its first branch" in profile.graph.facts.about
    assert shapes(profile)[-1] == (1, 3, 6, 6)


def test_a_bias_is_no_linear_layers_where_a_graph_within_reads_the_product(load_onnx):
    """The product leaves the layer by way of the branch, so its sum with the bias stands by itself."""
    inside = body([node("Relu", ["m"], ["o"])], [], [value("o")])
    other = body([node("Tanh", ["m"], ["p"])], [], [value("p")])
    nodes = [
        node("MatMul", ["x", "w"], ["m"]),
        node("Add", ["m", "b"], ["n"]),
        node("If", ["yes"], ["r"], then_branch=inside, else_branch=other),
        node("Add", ["n", "r"], ["y"]),
    ]
    profile = load_onnx(model(nodes, [weight("w", 8, 5), weight("b", 5), number("yes", True, bool)]))
    assert profile.totals.params == 45
    assert [cost.node.layer.type for cost in profile.costs if cost.macs] == ["Linear"]
    assert not next(cost.node.layer for cost in profile.costs if cost.macs).bias


def test_indices_and_statistics_may_be_read(load_onnx):
    nodes = [
        node("MaxPool", ["x"], ["p", "i"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
        node("LayerNormalization", ["p", "s"], ["n", "mean"], axis=-1),
        node("Add", ["n", "f"], ["y"]),
    ]
    profile = load_onnx(model(nodes, [weight("s", 4)], outputs=("y", "mean")))
    assert profile.totals.uncounted == ()
    assert {cost.output for cost in profile.costs if cost.node.name in profile.graph.outputs} == {(1, 3, 4, 4), (1, 3, 4, 1)}


def test_where_nothing_is_known_the_operators_are_named(load_onnx):
    with pytest.raises(CnnprofError, match=r"has no layers: nothing is known of what it runs \(NonZero, Fancy\)"):
        load_onnx(model([node("NonZero", ["x"], ["i"]), node("Fancy", ["i"], ["y"], domain="own")], domains=["own"]))


def test_what_a_row_began_is_undone_with_its_weights(load_onnx):
    """A body that ends early in an operator of no known form: the convolution before it counts again where it stands alone."""
    odd = round_of(CONV, node("ReduceMax", ["b"], ["m"], keepdims=0), node("Cast", ["m"], ["goes"], to=TensorProto.BOOL))
    odd.node[-1].input[0] = "goes"
    loop = node("Loop", ["rounds", "", "x"], ["z"], body=odd)
    profile = load_onnx(model([loop, node("Conv", ["x", "w"], ["y"])], [FILTERS, number("rounds", 3)]))
    assert (profile.totals.params, profile.totals.macs) == (81, 3 * 36 * 27)
