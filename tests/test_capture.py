"""Capturing: what a module does becomes a graph, and the module stays as it was."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from cnnprof.errors import CnnprofError
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import INPUT
from cnnprof.network.layers.activation import ReLU
from cnnprof.network.layers.merging import Add
from cnnprof.network.layers.normalization import BatchNorm
from cnnprof.torch_bridge.at_once import run
from cnnprof.torch_bridge.capture import capture
from cnnprof.torch_bridge.requirements import import_torchvision
from cnnprof.torch_bridge.zoo import torchvision_model

pytestmark = pytest.mark.torch

X = (1, 3, 8, 8)


class Block(nn.Module):
    """conv, relu, conv, relu again, and the input added."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 3, 3, padding=1)
        self.conv2 = nn.Conv2d(3, 3, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return functional.relu(self.relu(self.conv2(self.relu(self.conv1(x)))) + x)


class WithHead(nn.Module):
    """A head on the first convolution that only training runs, with BatchNorm and dropout in it, and a parameter never used."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.head = nn.Sequential(nn.BatchNorm2d(4), nn.Flatten(), nn.Dropout(), nn.Linear(144, 2))
        self.fc = nn.Linear(4, 10)
        self.spare = nn.Parameter(torch.zeros(7))

    def forward(self, x):
        x = self.conv(x)
        extra = self.head(x) if self.training else None
        x = self.fc(x.mean((2, 3)))
        return (x, extra) if self.training else x


class WithSpareParts(nn.Module):
    """Holds two layers that it never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.spare = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))

    def forward(self, x):
        return self.conv(x)


class WithBrokenHead(nn.Module):
    """A head that does not fit its input."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(2, 5)

    def forward(self, x):
        x = self.conv(x)
        return (x, self.head(x)) if self.training else x


class Branching(nn.Module):
    """Reads a value of its input, which a tensor without data does not have."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.conv(x) if x.sum() > 0 else x


class Failing(nn.Module):
    """Fails in a part of it."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(8))

    def forward(self, x):
        return self.body(x)


class Uncopyable(nn.Conv2d):
    def __deepcopy__(self, memo):
        raise RuntimeError("not this one")


def summary(graph):
    return [(node.name, node.layer.type, node.inputs) for node in graph]


def test_names_are_module_paths_and_numbered_where_they_repeat():
    assert summary(capture(nn.Sequential(Block(), nn.Flatten()), X)) == [
        ("0.conv1", "Conv2d", (INPUT,)),
        ("0.relu", "ReLU", ("0.conv1",)),
        ("0.conv2", "Conv2d", ("0.relu",)),
        ("0.relu_1", "ReLU", ("0.conv2",)),
        ("0.add", "Add", ("0.relu_1", INPUT)),
        # The module's `relu` has the name already.
        ("0.relu_2", "ReLU", ("0.add",)),
        ("1", "Flatten", ("0.relu_2",)),
    ]


def test_names_agree_with_those_of_torchvision():
    import_torchvision()
    from torchvision.models import feature_extraction

    module = torchvision_model("resnet18", {}, (1, 3, 224, 224))
    theirs = [name for name in feature_extraction.get_graph_node_names(module)[1] if name != "x"]
    assert [node.name for node in capture(module, (1, 3, 224, 224))] == theirs


def test_in_place_layers_are_known():
    layers = {node.name: node.layer for node in capture(Block(), X)}
    assert layers["relu"] == ReLU(inplace=True)
    assert layers["relu_2"] == ReLU(inplace=False)
    assert layers["add"] == Add(inplace=False)


def test_the_module_is_left_as_it_was():
    module = nn.Sequential(Block(), nn.BatchNorm2d(3), nn.Dropout(), WithHead())
    module.train()
    module[1].eval()
    modes = [part.training for part in module.modules()]
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    places = [parameter.data_ptr() for parameter in module.parameters()]
    random = torch.get_rng_state()
    fast_path = torch.backends.mha.get_fastpath_enabled()
    capture(module, X)
    assert [part.training for part in module.modules()] == modes
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    assert [parameter.data_ptr() for parameter in module.parameters()] == places
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in module.parameters())
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.backends.mha.get_fastpath_enabled() == fast_path


def test_heads_that_only_training_runs_are_marked():
    graph = capture(WithHead(), X)
    assert [node.name for node in graph if node.aux] == ["head.0", "head.1", "head.2", "head.3"]
    assert graph.outputs == ("fc",)
    totals = analyze(graph).totals
    # Main: 4 (27 + 1) + 10 (4 + 1). Head: 2 x 4 of BatchNorm and 2 (144 + 1), and the parameter that nothing reads.
    assert (totals.params, totals.aux_params, graph.aux_params) == (162, 8 + 290 + 7, {"spare": 7})


def test_a_part_that_never_runs_is_named_with_its_parameters():
    graph = capture(WithSpareParts(), X)
    assert [node.name for node in graph] == ["conv"]
    assert graph.aux_params == {"spare": 24}


def test_a_module_that_fails_in_training_mode_is_captured_without_its_head():
    graph = capture(WithBrokenHead(), X)
    assert [node.name for node in graph] == ["conv"]
    assert graph.aux_params == {"head": 15}


def test_a_module_that_reads_a_value_is_run_on_real_tensors():
    module = Branching()
    graph = capture(module, X)
    assert graph.facts.about == "runs on real data only, here random: other data may take another way"
    assert [node.layer.type for node in graph] == ["sum", "gt", "Conv2d"]
    assert analyze(graph).totals.params == 112


def test_a_module_that_cannot_be_copied_is_run_itself():
    module = nn.Sequential(Uncopyable(3, 4, 3), nn.Dropout()).train()
    graph = capture(module, X)
    assert [node.layer.type for node in graph] == ["Conv2d", "Dropout"]
    assert all(part.training for part in module.modules())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def test_an_input_that_does_not_fit_is_one_message_with_the_module():
    with pytest.raises(CnnprofError) as caught:
        capture(Failing(), X)
    assert caught.value.message == (
        "cannot run Failing on an input of 3x8x8: body.1 (MaxPool2d): its window of 8 does not fit into an input of 4x6x6;"
        " it needs at least 8"
    )


def test_a_linear_layer_says_what_it_takes():
    with pytest.raises(CnnprofError) as caught:
        capture(nn.Sequential(nn.Flatten(), nn.Linear(3, 3)), X)
    assert (
        caught.value.message
        == "cannot run Sequential on an input of 3x8x8: 1 (Linear): it takes 3 features, and its input has 192"
    )


def test_what_a_layers_rule_cannot_explain_is_torchs_own_message():
    with pytest.raises(CnnprofError) as caught:
        capture(nn.Sequential(nn.Flatten(), nn.Unflatten(1, (5, 5))), X)
    assert caught.value.message.startswith("cannot run Sequential on an input of 3x8x8: in 1: RuntimeError: ")
    assert "\n" not in caught.value.message


def test_a_module_without_data_fails_with_its_own_error():
    with pytest.raises(CnnprofError, match=r"cannot run net on an input of 3x8x8"):
        capture(Branching().to("meta"), X, "net")


@pytest.mark.parametrize("result", [None, 3, "text", []])
def test_a_module_that_returns_no_tensor_is_refused(result):
    module = nn.Identity()
    module.forward = lambda x: result
    with pytest.raises(CnnprofError, match="returns no tensor"):
        capture(module, X)


def test_a_result_of_several_tensors_has_several_outputs():
    module = nn.Conv2d(3, 4, 3)
    module.forward = lambda x: {"a": x + 1, "rest": [x * 2, x]}
    assert capture(module, X).outputs == ("add", "mul", INPUT)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_input_has_the_type_of_the_weights(dtype):
    assert analyze(capture(nn.Conv2d(3, 4, 3).to(dtype), X)).totals.params == 112


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_scripted_traced_and_compiled_modules_are_captured():
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    for module in (torch.jit.script(plain), torch.jit.trace(plain, torch.rand(X)), torch.compile(plain)):
        graph = capture(module, X)
        totals = analyze(graph).totals
        assert (totals.params, totals.macs, graph.uncounted) == (112, 36 * 4 * 27, ())


def test_batch_norm_keeps_its_epsilon():
    assert capture(nn.BatchNorm2d(3, eps=1e-3), X).nodes[0].layer == BatchNorm(eps=1e-3)


@pytest.mark.parametrize(
    "x",
    [
        torch.empty(2, 4, 5, 6, device="meta"),
        torch.empty(2, 4, 5, 6, device="meta").to(memory_format=torch.channels_last),
        torch.empty(2, 4, 6, 5, device="meta").transpose(2, 3)[:, :, ::2],
        torch.empty(3, 4, device="meta", dtype=torch.float64),
        torch.empty(0, 4, 9, device="meta", dtype=torch.bfloat16),
    ],
    ids=lambda x: f"{tuple(x.shape)}",
)
def test_the_result_of_a_batch_norm_is_as_torch_has_it(x):
    held = [torch.empty(4, device="meta") for _ in range(4)]
    args = (x, *held, False, 0.1, 1e-5, True)
    found, known = run(torch.ops.aten.batch_norm.default, args, {}), torch.batch_norm(*args)
    assert (found.shape, found.stride(), found.dtype, found.device) == (known.shape, known.stride(), known.dtype, known.device)


def test_a_batch_norm_of_other_channels_fails_as_torch_says_it():
    with pytest.raises(CnnprofError, match="in 1: RuntimeError: running_mean should contain 4 elements not 5"):
        capture(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(5)), X)
