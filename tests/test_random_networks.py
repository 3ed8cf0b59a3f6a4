"""Random networks of the language: figures equal those of the built module, of torch's counter, and of its capture."""

import os
from itertools import product

import pytest
from random_networks import SIDES, WIDTHS, is_parted, write_network
from spec_texts import build
from test_sweep import single
from test_symbolic import value

from cnnprof.api.sweep import sweep
from cnnprof.errors import CnnprofError
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph
from cnnprof.network.inputs import Input
from cnnprof.network.recognition import recognize
from cnnprof.spec.writer import write_spec
from cnnprof.symbolic.network import formulate

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore::cnnprof.errors.SpecWarning")]

NETWORKS = int(os.environ.get("RANDOM_NETWORKS", "60"))
"""As many as fit into the suite; `make random-networks` takes 500."""


@pytest.mark.parametrize("seed", range(NETWORKS))
def test_a_random_network_is_the_module_that_is_built_of_it(seed: int) -> None:
    import torch

    from cnnprof.measure.counters import count_with_torch
    from cnnprof.torch_bridge.build import build as module_of

    text = write_network(seed)
    graph = build(text, batch=2)
    profile = analyze(graph)
    module = module_of(graph).eval()
    assert sum(parameter.numel() for parameter in module.parameters()) == profile.totals.params + profile.totals.aux_params
    found = module(*[torch.rand(shape) for shape in graph.inputs.values()])
    shapes = {cost.node.name: cost.output for cost in profile.costs}
    expected = [shapes[name] for name in graph.outputs]
    if graph.output_names:
        assert {name: tuple(tensor.shape) for name, tensor in found.items()} == dict(
            zip(graph.output_names, expected, strict=True)
        )
    else:
        assert [tuple(found.shape)] == expected
    assert count_with_torch(module, *graph.inputs.values()).total == 2 * profile.totals.macs
    seen = analyze(captured(graph, module)).totals
    assert not seen.uncounted
    assert (seen.params, seen.macs, seen.aux_params) == (profile.totals.params, profile.totals.macs, profile.totals.aux_params)
    if not is_parted(text):
        assert (seen.activations, seen.ops) == (profile.totals.activations, profile.totals.ops)


@pytest.mark.parametrize("seed", range(2, NETWORKS, 3))
def test_three_images_take_what_torch_counts(seed: int) -> None:
    from cnnprof.measure.counters import count_with_torch
    from cnnprof.torch_bridge.build import build as module_of

    text = write_network(seed)
    graph = build(text, batch=3)
    profile, one = analyze(graph), analyze(build(text))
    assert count_with_torch(module_of(graph).eval(), *graph.inputs.values()).total == 2 * profile.totals.macs
    assert (profile.totals.params, profile.totals.macs) == (one.totals.params, 3 * one.totals.macs)


@pytest.mark.parametrize("seed", range(0, NETWORKS, 2))
def test_a_sweep_gives_what_each_point_is(seed: int, tmp_path) -> None:
    text = write_network(seed)
    if "settings" not in text:
        return
    path = tmp_path / "net.yaml"
    path.write_text(text)
    axes = {"w": WIDTHS, "r": SIDES, "batch": (1, 3)}
    columns = sweep(str(path), axes).to_dict()
    for at, values in enumerate(product(*axes.values())):
        point = dict(zip(axes, values, strict=True))
        wanted = single(str(path), point)
        assert wanted == {figure: columns[figure][at].item() for figure in wanted}, point


def test_formulas_in_n_h_and_w_give_what_numbers_give() -> None:
    written, refused = 0, []
    for seed in range(NETWORKS):
        text = write_network(seed)
        graph = build(text)
        if graph.further_inputs or len(graph.input_shape) != 4:
            continue
        try:
            formulas = formulate(graph, lambda size, text=text: build(text, input_shape=size), lambda profile: profile.rows())
        except CnnprofError as error:
            refused.append(error.message)
            continue
        written += 1
        (h, w), (over, beside) = formulas.steps, formulas.remainders
        for n, height, width in ((2, 12 * h + over, 13 * w + beside), (3, 14 * h + over, 12 * w + beside)):
            totals = analyze(build(text, input_shape=(3, height, width), batch=n)).totals
            found = (value(formulas.macs, n, height, width), value(formulas.activations, n, height, width))
            assert found == (totals.macs, totals.activations), text
    assert written > NETWORKS / 30
    assert all("cannot be written in H and W" in message for message in refused)


def captured(graph: Graph, module: object) -> Graph:
    """What a capture of the built module sees."""
    from cnnprof.torch_bridge.capture import capture

    if not graph.further_inputs:
        return capture(module, graph.input_shape, "built")  # type: ignore[arg-type]
    inputs = [Input(name, shape[1:]) for name, shape in graph.inputs.items()]
    return capture(module, inputs, "built", batch=graph.input_shape[0])  # type: ignore[arg-type]


def test_what_can_be_written_is_read_as_it_was() -> None:
    written = 0
    for seed in range(2 * NETWORKS):
        graph = build(write_network(seed))
        try:
            text = write_spec(graph)
        except CnnprofError:  # the language says some of what its words do in none of its own
            continue
        written += 1
        # An activation between two permutations that undo each other is written alone.
        profile, again = analyze(recognize(graph)), analyze(recognize(build(text)))
        assert again.totals == profile.totals, text
        assert [cost.output for cost in again.costs] == [cost.output for cost in profile.costs], text
    assert written > NETWORKS / 10


def test_the_networks_have_what_they_are_for() -> None:
    texts = [write_network(seed) for seed in range(NETWORKS)]
    graphs = [build(text) for text in texts]
    assert {len(graph.input_shape) for graph in graphs} == {3, 4, 5}
    assert {len(graph.inputs) for graph in graphs} == {1, 2}
    assert {len(graph.outputs) for graph in graphs} == {1, 2}
    assert any(node.shared for graph in graphs for node in graph)
    assert any(node.aux for graph in graphs for node in graph)
    assert sum(is_parted(text) for text in texts) < NETWORKS / 4


@pytest.mark.parametrize(
    "step",
    [
        *("maxpool 3x3 s1 d2 same", "maxpool 2x2 s2 d3 same", "maxpool 2x3 s1 same d2", "maxpool 3x2 s2 d2 p1x0"),
        *(
            "{add: [relu, tanh, identity, silu]}",
            "{mul: [gap, gap, identity]}",
            "{max: [relu, gap, tanh]}",
            "{mean: [gap, relu, gap]}",
        ),
        *("avgpool 3x3 s2 p1 exclude_pad", "avgpool 3x2 s2 same", "avgpool 3x3 s2 p1 ceil exclude_pad", "hardtanh inplace"),
        *("{add: [conv 1x1 4, relu, tanh], inplace: true}", "{max: [conv 1x1 4, gap], inplace: true}"),
        *("{mean: [conv 1x1 4, relu, tanh], inplace: true}", "{mul: [conv 1x1 4, gap, gap], inplace: true}"),
    ],
)
def test_a_step_is_captured_with_the_figures_that_it_was_written_with(step: str) -> None:
    from cnnprof.torch_bridge.build import build as module_of

    graph = build(f"input: 4x15x14\nlayers:\n  - {step}\n  - conv 1x1 2\n", batch=2)
    totals, seen = analyze(graph).totals, analyze(captured(graph, module_of(graph).eval())).totals
    assert (seen.ops, seen.activations) == (totals.ops, totals.activations)


def test_branches_are_joined_one_after_the_other() -> None:
    joined = analyze(build("input: 2x6x6\nlayers:\n  - mul: [gap, gap, identity, relu]\n")).costs[-1]
    # gap * gap is 2 numbers; that times the image, and again, 2 * 36 each.
    assert joined.activations == joined.ops.mul == 2 + 72 + 72
