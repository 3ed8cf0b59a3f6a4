"""Networks with several inputs and named outputs: figures, memory, receptive fields, the built module, JSON."""

import json
from dataclasses import replace

import pytest

from cnnprof.footprint.liveness import inference
from cnnprof.network.analysis import analyze, fields_of
from cnnprof.network.graph import Graph, Node
from cnnprof.network.layers.convolution import Conv
from cnnprof.network.layers.merging import Concat

# Two images of one size, a convolution of each, and their channels one after the other.
TWO = Graph(
    "two",
    (1, 3, 16, 16),
    (
        Node("a", Conv(4, (3, 3), padding=(1, 1)), ("left",)),
        Node("b", Conv(6, (5, 5), padding=(2, 2)), ("right",)),
        Node("both", Concat(), ("a", "b")),
        Node("narrow", Conv(2, (1, 1)), ("both",)),
    ),
    ("both", "narrow"),
    input_name="left",
    further_inputs={"right": (1, 1, 16, 16)},
    output_names=("wide", "thin"),
)


def test_figures_and_memory() -> None:
    totals = analyze(TWO).totals
    assert totals.params == 4 * (3 * 9 + 1) + 6 * (25 + 1) + 2 * (10 + 1)
    assert totals.macs == 256 * (4 * 27 + 6 * 25 + 20)
    # Both images, at the peak the joined channels (an output, so alive to the end) with what they are made of.
    held = inference(TWO, analyze(TWO).costs)
    assert held.input_bytes == 4 * 256 * (3 + 1)
    assert {tensor.name for tensor in held.tensors} == {"a", "b", "both", "narrow"}


def test_a_batch_is_of_all_inputs() -> None:
    assert TWO.with_batch(5).inputs == {"left": (5, 3, 16, 16), "right": (5, 1, 16, 16)}
    assert analyze(TWO.with_batch(5)).totals.macs == 5 * analyze(TWO).totals.macs


def test_each_output_sees_each_input() -> None:
    profile = analyze(TWO)
    sizes = {
        name: {node: [field.size for field in fields or ()] for node, fields in fields_of(TWO, profile.costs, name).items()}
        for name in TWO.inputs
    }
    assert (sizes["left"]["narrow"], sizes["right"]["narrow"]) == ([3, 3], [5, 5])
    assert (sizes["left"]["b"], sizes["right"]["a"]) == ([], [])
    # A layer that sees nothing of the first input says what it sees of the next.
    assert [cost.receptive_field for cost in profile.costs] == [(3, 3), (5, 5), (3, 3), (3, 3)]


def test_json_and_back() -> None:
    assert Graph.from_dict(json.loads(json.dumps(TWO.to_dict()))) == TWO


@pytest.mark.torch
def test_the_module_takes_them_in_order_or_by_name() -> None:
    import torch

    from cnnprof.torch_bridge.build import build

    module = build(TWO).eval()
    left, right = torch.rand(2, 3, 16, 16), torch.rand(2, 1, 16, 16)
    found = module(left, right)
    assert {name: tuple(tensor.shape) for name, tensor in found.items()} == {"wide": (2, 10, 16, 16), "thin": (2, 2, 16, 16)}
    again = module(right=right, left=left)
    assert all(torch.equal(found[name], again[name]) for name in found)
    for wrong in ((left,), (left, right, right)):
        with pytest.raises(TypeError, match="the network takes left right, each once"):
            module(*wrong)
    with pytest.raises(TypeError, match="each once"):
        module(left, left=left)


@pytest.mark.torch
def test_a_layer_that_shares_weights_runs_the_same_module() -> None:
    import torch

    from cnnprof.torch_bridge.build import build

    nodes = (
        Node("a", Conv(4, (3, 3), padding=(1, 1)), ("input",)),
        Node("b", Conv(4, (3, 3), padding=(1, 1)), ("a",), owns_params=False, shared="a"),
    )
    graph = Graph("twice", (1, 4, 8, 8), nodes, ("b",))
    module = build(graph).eval()
    assert sum(parameter.numel() for parameter in module.parameters()) == 4 * (36 + 1) == analyze(graph).totals.params
    x = torch.rand(1, 4, 8, 8)
    assert torch.equal(module(x), module.a(module.a(x)))
    assert analyze(graph).totals.macs == 2 * analyze(replace(graph, nodes=nodes[:1], outputs=("a",))).totals.macs


def test_the_summary_says_what_each_output_sees_of_each_input() -> None:
    from cnnprof.footprint.analysis import analyze_memory
    from cnnprof.reports import Style, render
    from cnnprof.views.summary import summarize

    report = summarize(analyze_memory(TWO))
    assert report.data["outputs"] == [
        {
            "name": "wide",
            "layer": "both",
            "output_shape": [1, 10, 16, 16],
            "receptive_field": {"left": [3, 3], "right": [5, 5]},
        },
        {
            "name": "thin",
            "layer": "narrow",
            "output_shape": [1, 2, 16, 16],
            "receptive_field": {"left": [3, 3], "right": [5, 5]},
        },
    ]
    one_sided = replace(TWO, outputs=("a", "b"))
    seen = [each["receptive_field"] for each in summarize(analyze_memory(one_sided)).data["outputs"]]
    assert seen == [{"left": [3, 3], "right": [0, 0]}, {"left": [0, 0], "right": [5, 5]}]
    assert "field on right" in render(report, "markdown", Style())
