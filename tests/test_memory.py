"""Memory by hand: what is alive in inference and in training, what is kept, what kernels hold."""

from dataclasses import replace
from itertools import pairwise
from math import prod

import numpy as np
import pytest
import sympy

import cnnprof
from cnnprof.errors import UsageError
from cnnprof.footprint.execution import HOPPER_CUBLAS_BYTES, Execution
from cnnprof.footprint.liveness import Footprint, inference
from cnnprof.footprint.rules import RuleContext, memory_of
from cnnprof.footprint.saved_tensors import save_tensors
from cnnprof.footprint.training import training
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import INPUT, Graph, Node
from cnnprof.network.layers import LAYERS, Layer
from cnnprof.network.layers.convolution import Conv

L = LAYERS
PLAIN = Execution(workspace=False)


def chain(*steps: tuple, input_shape=(1, 4, 8, 8), outputs: tuple[str, ...] = ()) -> Graph:
    """A graph of (name, layer, *inputs); without inputs a layer reads the one before it."""
    nodes = []
    for name, layer, *inputs in steps:
        nodes.append(Node(name, layer, tuple(inputs) or (nodes[-1].name if nodes else INPUT,)))
    return Graph("test", input_shape, tuple(nodes), outputs or (nodes[-1].name,))


def infer(graph: Graph, run: Execution = PLAIN) -> Footprint:
    return inference(graph, analyze(graph).costs, run)


def train(graph: Graph, run: Execution = PLAIN, optimizer: str = "sgd") -> Footprint:
    return training(graph, analyze(graph).costs, run, optimizer)


def alive(footprint: Footprint, phase: str = "forward") -> list[int]:
    return [moment.total for moment in footprint.moments if moment.phase == phase]


def point(channels: int) -> Layer:
    return Conv(channels, (1, 1), bias=False)


@pytest.mark.parametrize("field", [{"device": "mps"}, {"dtype": "fp8"}, {"layout": "nhwc"}, {"amp": "fp32"}])
def test_what_is_not_known_is_said(field):
    with pytest.raises(UsageError, match=r"nothing is known of memory with the (device|dtype|layout|amp) '\w+'\n.*one of"):
        Execution(**field)


def test_a_tensor_lives_until_its_last_reader():
    # 8x8 positions in 4 bytes: 256 a channel. The branch `a` waits for the addition.
    graph = chain(("a", point(4)), ("b", point(2)), ("c", point(4)), ("add", L["Add"](), "a", "c"), ("d", point(1)))
    footprint = infer(graph)
    assert alive(footprint) == [256 * n for n in (4, 4 + 2, 4 + 2 + 4, 4 + 4 + 4, 4 + 1)]
    assert (footprint.input_bytes, footprint.parameter_bytes) == (1_024, 4 * (16 + 8 + 8 + 4))
    assert footprint.peak.node == "add"
    assert footprint.peak_bytes == footprint.fixed_bytes + 3_072


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_parts_of_images_are_copied_for_a_convolution(device):
    """Half of the channels lie in one piece in one image, and apart in two; half of the rows always lie apart."""
    for dim, batch, copied in ((1, 1, 0), (1, 2, 1), (2, 1, 1)):
        graph = chain(("part", L["Slice"](dim, 0, 4)), ("conv", Conv(8, (3, 3))), input_shape=(batch, 8, 8, 8))
        costs = analyze(graph).costs
        layer, (x,) = costs[-1].node.layer, costs[-1].inputs
        run = save_tensors(graph, costs, Execution(device)).live.executions["conv"]
        each_way = (run, replace(run, layout="nchw"))
        sizes = [memory_of(layer, RuleContext((x,), costs[-1].output, each)).workspace for each in each_way]
        assert sizes[0] - sizes[1] == copied * 4 * prod(x)


def test_views_and_inplace_layers_share_memory():
    graph = chain(("a", point(4)), ("relu", L["ReLU"](True)), ("flat", L["Flatten"]()), ("fc", L["Linear"](10, False)))
    assert alive(infer(graph)) == [1_024, 1_024, 1_024, 1_024 + 40]


def test_a_tensor_lives_for_as_long_as_code_holds_it():
    graph = chain(("a", point(4)), ("b", point(2)), ("c", point(2)), ("d", point(2)))
    held = replace(graph, nodes=(replace(graph.nodes[0], until="c"), *graph.nodes[1:]))
    assert alive(infer(graph)) == [1_024, 1_536, 1_024, 1_024]
    assert alive(infer(held)) == [1_024, 1_536, 2_048, 1_024]


def test_kernels_hold_workspace():
    # 32 channels of 32x32 in 128 KiB: the kernel copies the input and 32*9*32 weights (36 KiB) in blocks of 16 channels, and
    # writes a blocked output, all before the result itself is there.
    graph = chain(("conv", Conv(32, (3, 3), padding=(1, 1), bias=False)), input_shape=(1, 32, 32, 32))
    assert infer(graph, Execution()).peak.workspace_bytes == 131_072 + 36_864
    assert infer(graph).peak.workspace_bytes == 0
    # A maximum's place is an int64, in inference, too: 2x2 windows of 32 channels leave 16x16.
    pool = chain(("pool", L["MaxPool"]((2, 2), (2, 2))), input_shape=(1, 32, 32, 32))
    assert infer(pool, Execution()).peak.workspace_bytes == 8 * 32 * 16 * 16


@pytest.mark.parametrize(
    ("layer", "kept"),
    [
        # 1,024 bytes a tensor of 4x8x8; the first convolution's output is `x`.
        (point(4), 2_048),  # x for the layer, its output for the last
        (L["ReLU"](), 1_024),  # its output alone, for itself and for the last
        (L["ReLU"](inplace=True), 1_024),
        (L["ReLU6"](), 2_048),
        (L["ReLU6"](inplace=True), 2_048),  # a copy of x
        (L["SiLU"](), 2_048),
        (L["BatchNorm"](), 2_048 + 2 * 4 * 4),  # mean and deviation of each channel
        (L["MaxPool"]((1, 1), (1, 1)), 2_048 + 2_048),  # x, the places, the output
        (L["AvgPool"]((1, 1), (1, 1)), 2_048),
        (L["Dropout"](0.5), 2_048),  # the mask and the output
        (L["Dropout"](0.0), 1_024),
        (L["Upsample"](size=(8, 8)), 1_024),
    ],
)
def test_what_autograd_keeps_between_two_convolutions(layer, kept):
    graph = chain(("first", point(4)), ("layer", layer), ("last", point(4)))
    assert save_tensors(graph, analyze(graph).costs).bytes == kept


def test_nothing_is_kept_below_the_lowest_layer_that_learns():
    graph = chain(("a", point(4)), ("b", point(4)), ("c", point(4)))
    nodes = tuple(replace(node, trainable=node.name == "c") for node in graph.nodes)
    frozen = replace(graph, nodes=nodes)
    assert save_tensors(graph, analyze(graph).costs).bytes == 2_048
    assert save_tensors(frozen, analyze(frozen).costs).bytes == 1_024
    assert alive(train(frozen))[:3] == [1_024, 2_048, 2_048]


def test_a_training_step_by_hand():
    graph = chain(("a", point(4)), ("b", point(4)), ("c", point(2)))
    footprint = train(graph)
    # Forward: a and b are kept; the output, 512 bytes, is there once more in the loss.
    assert alive(footprint)[:3] == [1_024, 2_048, 2_560]
    # Backward: what is still kept, the gradients of a layer's output and input (the network's has none), and of the weights so
    # far (32, 64, 64).
    assert [moment.node for moment in footprint.moments if moment.phase == "backward"] == ["loss", "c", "b", "a"]
    assert alive(footprint, "backward")[1:] == [
        2_048 + 512 + 1_024 + 32,
        1_024 + 1_024 + 1_024 + 96,
        1_024 + 160,
    ]
    assert alive(footprint, "step") == [160]
    assert footprint.optimizer_bytes == 0


def test_gradients_that_meet_are_added():
    # The sum hands its gradient on to both branches, so it is one memory until `b` has its own and adds it in place.
    graph = chain(("a", point(4)), ("b", point(4)), ("add", L["Add"](), "a", "b"), ("c", point(4)))
    backward = {moment.node: moment.activation_bytes for moment in train(graph).moments if moment.phase == "backward"}
    assert backward == {"loss": 3_072, "c": 2_048, "add": 1_024, "b": 2_048, "a": 1_024}


def test_optimizers_keep_state():
    graph = chain(("a", point(4)), ("b", point(2)))
    weights = 4 * (16 + 8)
    footprints = {name: train(graph, Execution(), name) for name in ("none", "sgd", "momentum", "adam", "adamw")}
    states = {name: footprint.optimizer_bytes for name, footprint in footprints.items()}
    assert states == {"none": 0, "sgd": 0, "momentum": weights, "adam": 2 * weights, "adamw": 2 * weights}
    # Adam computes with two copies of one tensor at a time, while one of the tensor before is still there.
    assert footprints["adam"].moments[-1].activation_bytes == 2 * 4 * 16
    wider = train(chain(("a", point(4)), ("b", point(8))), Execution(), "adam")
    assert wider.moments[-1].activation_bytes == 4 * (16 + 2 * 32)
    assert footprints["none"].moments[-1].phase == "backward"


@pytest.mark.parametrize(
    ("kernel", "stride", "groups", "channels"),
    [
        (3, 1, 1, 1),
        (3, 2, 1, 1),
        (1, 1, 1, 1),
        (1, 2, 1, 1),
        (5, 1, "each", 1),
        (3, 1, "each", 1),
        (3, 2, 8, 1),
        (1, 1, 8, 1),
    ],
)
@pytest.mark.parametrize("layout", ["nchw", "channels_last"])
def test_convolutions_agree_for_ints_arrays_and_symbols(kernel, stride, groups, channels, layout):
    sizes = [8, 16, 24, 40, 104]
    run = Execution(layout=layout, threads=2)

    def figures(n, images):
        conv = Conv(n, (kernel, kernel), (stride, stride), groups=n if groups == "each" else groups)
        x = (images, n, 28, 28)
        y = conv.shape(x)
        needs = [
            {},
            {"needs_input_grad": True},
            {"needs_weight_grad": True},
            {"needs_input_grad": True, "needs_weight_grad": True},
        ]
        held = [memory_of(conv, RuleContext((x,), y, run, **need)) for need in needs]
        return [held[0].workspace, *(each.backward_workspace for each in held)]

    m = sympy.Symbol("m", integer=True, positive=True)
    for images in (1, 32):
        ints = [figures(n, images) for n in sizes]
        arrays = figures(np.array(sizes), images)
        symbols = figures(8 * m, images)
        for i, n in enumerate(sizes):
            assert ints[i] == [int(np.broadcast_to(figure, 5)[i]) for figure in arrays]
            assert ints[i] == [sympy.sympify(figure).subs(m, n // 8) for figure in symbols]


def test_a_summary_works_out_each_footprint_once(monkeypatch):
    from cnnprof.footprint import analysis

    asked = []
    for each in (inference, training):
        monkeypatch.setattr(analysis, each.__name__, lambda *given, of=each: asked.append(of.__name__) or of(*given))
    summary = cnnprof.profile("lenet5").to_dict()
    assert sorted(asked) == ["inference", "training"]
    assert summary["totals"]["peak_inference_bytes"] == summary["memory"]["inference"]["peak_bytes"]


def test_footprints_take_arrays():
    graph = chain(("a", Conv(8, (3, 3))), ("relu", L["ReLU"](True)), ("pool", L["MaxPool"]((2, 2), (2, 2))), ("b", point(4)))
    sizes = np.array([8, 16, 64])
    whole = replace(graph, input_shape=(sizes, 4, 28, 28))
    for i, n in enumerate(sizes.tolist()):
        single = replace(graph, input_shape=(n, 4, 28, 28))
        assert infer(whole, Execution()).peak_bytes[i] == infer(single, Execution()).peak_bytes
        assert train(whole, Execution(), "adam").peak_bytes[i] == train(single, Execution(), "adam").peak_bytes


def test_training_grows_with_the_batch_and_its_parts_add_up():
    footprints = [train(cnnprof.load("resnet18", batch=batch), Execution(), "momentum") for batch in (1, 2, 4)]
    for smaller, larger in pairwise(footprints):
        assert smaller.peak_bytes < larger.peak_bytes
    for footprint in footprints:
        peak = footprint.peak
        parts = peak.activation_bytes + peak.workspace_bytes + peak.saved_bytes + peak.gradient_bytes
        assert footprint.peak_bytes == footprint.fixed_bytes + parts


def test_autocast_keeps_half_of_what_it_computes_in_half():
    graph = cnnprof.load("lenet5", batch=4)
    costs = analyze(graph).costs
    single, mixed = save_tensors(graph, costs), save_tensors(graph, costs, Execution(amp="bf16"))
    # Every tensor comes from a convolution or a linear layer; their weights are copied, and so is the input.
    weights = sum(cost.params for cost in costs)
    assert mixed.bytes == single.bytes // 2 + 2 * weights + 2 * 4 * 32 * 32
    whole = training(graph, costs, Execution(amp="bf16", workspace=False), "adam")
    assert whole.parameter_bytes == 4 * weights
    assert whole.optimizer_bytes == 8 * weights


@pytest.mark.parametrize(("device", "last"), [("cpu", "fp16"), ("cuda", "fp32")])
def test_autocast_follows_each_format(device, last):
    graph = chain(
        ("relu", L["ReLU"]()), ("conv", Conv(8, (1, 1))), ("relu2", L["ReLU"]()), ("soft", L["Softmax"]()), ("sum", L["Add"]())
    )
    runs = save_tensors(graph, analyze(graph).costs, Execution(device, amp="fp16")).live.executions
    assert [runs[node.name].dtype for node in graph] == ["fp32", "fp16", "fp16", last, last]


def test_cublas_keeps_its_buffers_where_there_are_matrix_products():
    """Two buffers of 4 MiB and eight of 16 KiB, on Hopper eight of 4 MiB; a network of convolutions has none.

    Training has them twice, for the thread of the backward pass, unless nothing is learned before the last product.
    """
    elsewhere, hopper = Execution("cuda"), Execution("cuda", cublas_bytes=HOPPER_CUBLAS_BYTES)
    assert elsewhere.cublas_bytes == 8 * 2**20 + 128 * 2**10
    for name, more in (("resnet18", 32 * 2**20 - elsewhere.cublas_bytes), ("squeezenet1_0", 0)):
        graph = cnnprof.load(name)
        assert infer(graph, hopper).peak_bytes - infer(graph, elsewhere).peak_bytes == more
        assert train(graph, hopper, "sgd").peak_bytes - train(graph, elsewhere, "sgd").peak_bytes == 2 * more
    frozen = replace(graph := cnnprof.load("resnet18"), nodes=tuple(replace(node, trainable=False) for node in graph))
    assert train(frozen, elsewhere, "none").moments[-1].workspace_bytes == elsewhere.cublas_bytes
