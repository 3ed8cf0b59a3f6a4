"""Single operations: which layer each becomes, what is a view, what is constant, what is not counted."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from cnnprof.errors import CnnprofError
from cnnprof.footprint.execution import USUAL
from cnnprof.footprint.rules import RuleContext, memory_of
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import INPUT
from cnnprof.network.layers import Ops
from cnnprof.torch_bridge.build import build
from cnnprof.torch_bridge.capture import capture

pytestmark = pytest.mark.torch

X = (2, 12, 8, 8)
SIZE = 2 * 12 * 8 * 8


class Of(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def captured(function):
    return capture(Of(function), X, "function")


def types(function):
    return [node.layer.type for node in captured(function)]


def written(function):
    """The number of elements that each operation writes."""
    return [cost.activations for cost in analyze(captured(function)).costs]


def total(function) -> Ops:
    return analyze(captured(function)).totals.ops


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x + x, Ops(add=SIZE)),
        (lambda x: x + 1, Ops(add=SIZE)),
        (lambda x: 1 - x, Ops(add=SIZE)),
        (lambda x: torch.add(x, x, alpha=2), Ops(add=2 * SIZE)),
        (lambda x: x * x.mean((2, 3), keepdim=True), Ops(add=SIZE - 24, div=24, mul=SIZE)),
        (lambda x: x / 2, Ops(div=SIZE)),
        (lambda x: x**2, Ops(exp=SIZE)),
        (lambda x: x.clamp(0, 1), Ops(cmp=2 * SIZE)),
        (lambda x: x.clamp(min=0), Ops(cmp=SIZE)),
        (lambda x: functional.hardtanh(x, -2, 2), Ops(cmp=2 * SIZE)),
        (lambda x: functional.relu6(x), Ops(cmp=2 * SIZE)),
        (lambda x: x.amax(1), Ops(cmp=SIZE - 128)),
        (lambda x: x.max(1)[0], Ops(cmp=SIZE - 128)),
        (lambda x: torch.maximum(x, -x), Ops(mul=SIZE, cmp=SIZE)),
        (lambda x: x.norm(dim=1), Ops(mul=SIZE, add=SIZE - 128, exp=128)),
        (lambda x: functional.glu(x, 1), Ops(exp=SIZE // 2, add=SIZE // 2, div=SIZE // 2, mul=SIZE // 2)),
        (lambda x: functional.interpolate(x, scale_factor=2), Ops()),
        (lambda x: functional.interpolate(x, size=(5, 7), mode="bilinear"), Ops(mul=4 * 24 * 35, add=3 * 24 * 35)),
        (lambda x: functional.instance_norm(x), Ops(add=3 * SIZE, mul=2 * SIZE)),
        (lambda x: x.flip(1).repeat(2, 1, 1, 1).roll(1), Ops()),
    ],
)
def test_arithmetic(function, expected):
    assert total(function) == expected
    assert captured(function).uncounted == ()


@pytest.mark.parametrize(
    ("function", "macs"),
    [
        (lambda x: x @ x.mT, 24 * 8 * 8 * 8),
        (lambda x: x @ x[0, 0, 0], SIZE),
        (lambda x: torch.dot(x[0, 0, 0], x[0, 0, 1]), 8),
        (lambda x: torch.mv(x[0, 0], x[0, 0, 0]), 64),
        (lambda x: torch.addmm(x[0, 0], x[0, 1], x[0, 2]), 512),
        (lambda x: torch.baddbmm(x[0], x[0], x[0]), 12 * 512),
        (lambda x: torch.einsum("nchw,ndhw->ncd", x, x), 2 * 12 * 12 * 64),
        (lambda x: functional.scaled_dot_product_attention(x, x, x), 24 * 2 * 8 * 8 * 8),
        (lambda x: functional.conv2d(x, torch.rand(4, 12, 3, 3).to(x), padding="same"), 2 * 4 * 64 * 108),
        (lambda x: functional.conv1d(x.flatten(2), torch.rand(4, 3, 5).to(x), groups=4), 2 * 4 * 60 * 15),
        (lambda x: functional.conv_transpose2d(x, torch.rand(12, 4, 3, 3).to(x), stride=2), SIZE * 36),
        (lambda x: functional.conv3d(x[:, :, None], torch.rand(4, 12, 1, 3, 3).to(x)), 2 * 4 * 36 * 108),
    ],
)
def test_multiply_accumulates(function, macs):
    assert total(function).mac == macs
    assert captured(function).uncounted == ()


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.view(2, -1),
        lambda x: x.flatten(2).unflatten(2, (8, 8)).squeeze(0).unsqueeze(-1),
        lambda x: x.permute(0, 2, 3, 1).transpose(1, 2).mT.movedim(0, 1),
        lambda x: x[:, 2:6, ::2, 1],
        lambda x: x.narrow(1, 0, 3),
        lambda x: x.split([4, 8], 1)[1],
        lambda x: x.unbind(1)[3],
        lambda x: x[:1].expand(5, 12, 8, 8),
        lambda x: x.unfold(2, 3, 1),
        lambda x: x.diagonal(0, 2, 3),
    ],
)
def test_views_write_nothing(view):
    assert written(view)
    assert set(written(view)) == {0}


def test_what_changes_nothing_is_no_operation():
    steps = types(lambda x: x.relu().contiguous().to(x.dtype).view_as(x).reshape(x.shape)[:].expand_as(x).detach())
    assert steps == ["ReLU"]


def test_a_reshape_that_has_to_move_elements_writes_them():
    assert written(lambda x: x.transpose(1, 2).reshape(2, -1)) == [0, SIZE]
    assert written(lambda x: x.transpose(1, 2).flatten(1)) == [0, SIZE]
    assert written(lambda x: x.transpose(1, 2).contiguous()) == [0, SIZE]


def test_chunks_are_one_slice_each():
    graph = captured(lambda x: torch.cat(x.chunk(3, 1)[::-1], 1))
    assert [(node.layer.type, node.inputs) for node in graph] == [
        ("Slice", (INPUT,)),
        ("Slice", (INPUT,)),
        ("Slice", (INPUT,)),
        ("Concat", ("chunk_2", "chunk_1", "chunk")),
    ]
    assert [node.layer.start for node in graph.nodes[:3]] == [0, 4, 8]


def test_what_does_not_depend_on_the_input_is_a_constant_at_no_cost():
    def masked(x):
        mask = x.new_zeros(8, 8)
        mask[2:, 3:] = 1
        mask = mask.masked_fill(mask != 0, -100.0).unsqueeze(0)
        return x + mask * 2

    assert types(masked) == ["Constant", "Add"]
    assert total(masked) == Ops(add=SIZE)


def test_a_constant_is_kept_or_made_in_each_run():
    kept = torch.ones(8, 8)

    def shifted(x):
        return x + kept.view(1, 8, 8) + x.new_ones(8, 8)

    first, second = (node.layer for node in captured(shifted) if node.layer.type == "Constant")
    assert (first.stored, memory_of(first, RuleContext((), first.size, USUAL)).allocates) == (True, False)
    assert (second.stored, memory_of(second, RuleContext((), second.size, USUAL)).allocates) == (False, True)


def test_a_matrix_product_copies_what_does_not_lie_as_matrices():
    def attend(x):
        heads = x.reshape(2, 12, 4, 16)
        across = heads.transpose(1, 2)
        return across @ across.transpose(-2, -1), heads @ heads.transpose(-2, -1), x[0] @ x[1]

    products = [node.layer for node in captured(attend) if node.layer.type == "MatMul"]
    assert [product.copied for product in products] == [(0, 1), (), ()]
    # Two batches of 2 x 4 matrices of 12 x 16, four bytes a number.
    run = RuleContext(((2, 4, 12, 16), (2, 4, 16, 12)), (2, 4, 12, 12), USUAL)
    assert memory_of(products[0], run).workspace == 4 * 2 * (2 * 4 * 12 * 16)


def test_attention_lies_as_its_queries():
    def attend(x):
        q = x.reshape(2, 12, 4, 16).transpose(1, 2)
        return functional.scaled_dot_product_attention(q, q, q).transpose(1, 2).reshape(2, 12, 64)

    assert [node.layer.copy for node in captured(attend) if node.layer.type == "Reshape"] == [False, False]


def test_dropout_does_not_take_the_place_of_its_input():
    graph = captured(lambda x: functional.dropout(x, 0.5, training=False) + x)
    assert graph.nodes[-1].inputs == ("dropout", INPUT)


def test_a_write_through_a_view_reaches_the_whole():
    def shifted(x):
        x = x * 2
        x[:, :3] += 1
        return x.sum()

    graph = captured(shifted)
    assert [node.layer.type for node in graph][-1] == "sum"
    reached, front = set(), [graph.nodes[-1].name]
    nodes = {node.name: node for node in graph}
    while front:
        name = front.pop()
        reached.add(name)
        front += [before for before in nodes[name].inputs if before in nodes and before not in reached]
    assert reached == set(nodes)
    assert sum(written(shifted)) == SIZE + 1


def test_a_relu_on_a_flat_view_is_seen_by_the_tensor_under_it():
    def through_a_view(x):
        x = x * 2
        x.view(-1).relu_()
        return x + 1

    graph = captured(through_a_view)
    assert graph.nodes[-1].inputs == ("overwrite",)
    assert {node.name: node.inputs for node in graph}["overwrite"] == ("mul", "relu")


def test_a_tensor_filled_from_the_input_depends_on_it():
    def shift(x):
        out = torch.zeros_like(x)
        out[:, :-1] = x[:, 1:]
        return out * 2

    graph = captured(shift)
    assert graph.uncounted == ()
    assert [node.layer.type for node in graph] == ["Slice", "Constant", "copy_", "Constant", "overwrite", "mul"]


@pytest.mark.parametrize(
    ("function", "operation"),
    [
        (lambda x: x.topk(2, 1)[0], "aten.topk"),
        (lambda x: torch.fft.fft2(x).abs(), "aten._fft_c2c"),
        (lambda x: x.cumprod(1), "aten.cumprod"),
        (lambda x: torch.cdist(x, x), "aten._cdist_forward"),
    ],
)
def test_an_operation_without_a_rule_is_named_and_its_size_known(function, operation):
    graph = captured(function)
    assert any(entry.endswith(f": {operation}") for entry in graph.uncounted)
    assert analyze(graph).costs[-1].output == tuple(function(torch.rand(X)).shape)


def test_an_operation_without_a_rule_that_works_in_place_writes_nothing_new():
    assert written(lambda x: (x * 1).cumsum_(1).cumprod_(1))[-1] == 0


def test_an_operation_of_two_results_is_two_layers():
    graph = captured(lambda x: torch.var_mean(x, (2, 3)))
    assert [node.layer.type for node in graph] == ["var", "mean"]
    assert graph.outputs == ("var_mean", "var_mean_1")


def test_indices_come_with_their_values():
    graph = captured(lambda x: x.max(1))
    assert ([node.name for node in graph], graph.outputs) == (["max"], ("max",))


def test_out_is_written_to_and_not_read():
    def doubled(x):
        y, z = x * 2, torch.empty_like(x)
        torch.exp(y, out=y)
        torch.maximum(x, y, out=z)
        return z

    graph = captured(doubled)
    assert [(node.layer.type, node.inputs) for node in graph] == [
        ("mul", (INPUT,)),
        ("exp", ("mul",)),
        ("Max", (INPUT, "exp")),
    ]
    assert graph.outputs == ("maximum",)
    # exp takes its own input's place.
    assert written(doubled) == [SIZE, 0, SIZE]


def test_operations_without_a_result_are_named():
    def scaled(x):
        y = x + 1
        torch._foreach_mul_([y], 3.0)
        return functional.relu(y)

    graph = captured(scaled)
    assert graph.uncounted == ("foreach_mul: aten._foreach_mul_",)
    assert graph.nodes[-1].inputs == ("foreach_mul",)


def test_a_value_that_leaves_torch_is_named():
    graph = captured(lambda x: torch.from_numpy((x * 2).numpy() + 1).sigmoid())
    assert graph.uncounted == ("constant: a value that left torch on its way",)


def test_a_product_of_constants_is_run_and_counted():
    angles = torch.rand(5, 12)
    function = lambda x: x + (angles.T @ angles).sum() * torch.ones(12, 5).mm(torch.ones(5, 8)).sum()  # noqa: E731
    # 12 x 12 dot products of 5, and 12 x 8 of 5
    assert total(function).mac == 12 * 12 * 5 + 12 * 8 * 5


def test_a_linear_layer_on_one_sample_is_a_product_with_a_vector():
    weight = torch.rand(7, 12)
    assert total(lambda x: x + functional.linear(x[0, :, 0, 0], weight).sum()).mac == 84


def test_attention_broadcasts_its_batch():
    keys = torch.rand(1, 1, 6, 8)
    # 2 x 12 heads: 8 x 6 scores of 8 products, and as many for the values
    assert total(lambda x: functional.scaled_dot_product_attention(x, keys, keys)).mac == 24 * 2 * 8 * 6 * 8


def test_grouped_queries_share_their_keys():
    def grouped(x):
        return functional.scaled_dot_product_attention(x, x[:, :4], x[:, :4], enable_gqa=True)

    graph = captured(grouped)
    assert analyze(graph).totals.ops.mac == 24 * 2 * 8 * 8 * 8
    built = build(graph).eval()
    x = torch.rand(X)
    torch.testing.assert_close(built(x), grouped(x))


@pytest.mark.parametrize(
    "module",
    [nn.Softshrink(), nn.Hardshrink(), nn.Threshold(0.0, 0.0), Of(lambda x: x.clamp(x.mean(0, keepdim=True), x.max()))],
    ids=lambda module: type(module).__name__,
)
def test_an_elementwise_operation_runs_again_when_built(module):
    graph = capture(module, X)
    assert build(graph).eval()(torch.rand(X)).shape == X


def test_a_module_without_layers_is_refused():
    with pytest.raises(CnnprofError, match="Identity has no layers: it hands on its input as it is"):
        capture(nn.Identity(), X)


def test_a_fused_product_and_sum_writes_one_tensor():
    def fused(x):
        return torch.addcmul(torch.ones(12, 1, 1), x, torch.ones(12, 1, 1))

    assert total(fused) == Ops(mul=SIZE, add=SIZE)
    assert written(fused) == [0, SIZE, 0, 0]
    # Scaled, it is broken down.
    assert total(lambda x: torch.addcmul(x, x, x, value=3)).mul == 2 * SIZE
