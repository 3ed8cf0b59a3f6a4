"""The bundled specs that share a name with torchvision, against a record of torchvision's own forward pass.

The record knows nothing of cnnprof: a torch function mode sees every functional call of a model that runs on meta tensors, and
parameters and multiply-accumulates are computed here from the weights that the call was given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any, NamedTuple

import pytest

from cnnprof.network.analysis import analyze
from cnnprof.network.layers import Layer
from cnnprof.sources import specs

torch = pytest.importorskip("torch")
from torch.overrides import TorchFunctionMode  # noqa: E402

from cnnprof.torch_bridge.at_once import AtOnce  # noqa: E402
from cnnprof.torch_bridge.meta import on_meta  # noqa: E402
from cnnprof.torch_bridge.requirements import import_torchvision  # noqa: E402

pytestmark = pytest.mark.torch

KINDS = {
    "Conv": "conv2d",
    "Linear": "linear",
    "BatchNorm": "batch_norm",
    "LayerNorm": "layer_norm",
    "MaxPool": "max_pool2d",
    "AvgPool": "avg_pool2d",
    "AdaptiveAvgPool": "adaptive_avg_pool2d",
    "ReLU": "relu",
    "ReLU6": "hardtanh",
    "SiLU": "silu",
    "GELU": "gelu",
    "Sigmoid": "sigmoid",
    "Hardswish": "hardswish",
    "Hardsigmoid": "hardsigmoid",
    "Dropout": "dropout",
    "Add": "add",
    "Mul": "mul",
    "ChannelShuffle": "contiguous",
    "Concat": "cat",
}
"""Our layer classes and the torch functions that do the same."""

ALIASES = {"mean": "adaptive_avg_pool2d"}

CHANNELS_LAST = ("layer_norm", "linear", "gelu")
"""What torchvision runs on images with their channels behind; there, a linear layer is a 1x1 convolution."""

TWINS = [
    "alexnet",
    *(f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")),
    "googlenet",
    *(f"resnet{depth}" for depth in (18, 34, 50, 101, 152)),
    *("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2"),
    *(f"densenet{depth}" for depth in (121, 161, 169, 201)),
    *("squeezenet1_0", "squeezenet1_1", "mobilenet_v2", "inception_v3"),
    *(f"efficientnet_b{scale}" for scale in range(8)),
    *(f"efficientnet_v2_{size}" for size in "sml"),
    *("mobilenet_v3_large", "mobilenet_v3_small"),
    *(f"mnasnet{width}" for width in ("0_5", "0_75", "1_0", "1_3")),
    *(f"shufflenet_v2_x{width}" for width in ("0_5", "1_0", "1_5", "2_0")),
    *(f"convnext_{size}" for size in ("tiny", "small", "base", "large")),
    *(f"regnet_{kind}_{size}" for kind in "xy" for size in ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf")),
    "regnet_y_128gf",
]


class Step(NamedTuple):
    """One operation of a forward pass."""

    kind: str
    output: tuple[int, ...]
    params: int
    macs: int
    inplace: bool


class Recorder(TorchFunctionMode):
    """Notes every function in `KINDS` that is called."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        kind = ALIASES.get(function.__name__, function.__name__.rstrip("_"))
        # BatchNorm adds one to its number of batches in training.
        if kind in KINDS.values() and result.dim() > 0:
            ours = "conv2d" if kind == "linear" and result.dim() == 4 else kind
            self.steps.append(Step(ours, shape_of(kind, result), *weigh(kind, args, kwargs or {}, result), result is args[0]))
        return result


def shape_of(kind: str, result: Any) -> tuple[int, ...]:
    """As our layer has it: a mean keeps its two axes, and a shuffle's groups are one axis."""
    shape = tuple(result.shape)
    if kind == "adaptive_avg_pool2d":
        return (*shape, 1, 1)[:4]
    if kind in CHANNELS_LAST and len(shape) == 4:
        return (shape[0], shape[3], *shape[1:3])
    return (shape[0], shape[1] * shape[2], *shape[3:]) if kind == "contiguous" else shape


def weigh(kind: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> tuple[int, int]:
    """Parameters of the call and its multiply-accumulates."""
    if kind not in ("conv2d", "linear", "batch_norm", "layer_norm"):
        return 0, 0
    first = 2 if kind == "layer_norm" else 1
    weight, bias = (kwargs["weight"], kwargs["bias"]) if "weight" in kwargs else args[first : first + 2]
    # An output element takes one multiply-accumulate for each weight of its filter.
    macs = 0 if kind.endswith("norm") else result.numel() * weight[0].numel()
    return weight.numel() + (0 if bias is None else bias.numel()), macs


def record(name: str, training: bool = False) -> tuple[Any, list[Step]]:
    """torchvision's model on the meta device and what its forward pass does, at its weights' input size."""
    models = import_torchvision().models
    lazy = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    # RegNets read a tensor's value while they are built.
    with on_meta() if name.startswith("regnet") else torch.device("meta"), AtOnce():
        model = models.get_model(name, **lazy).train(training).to("meta")
    image = torch.empty(2, *specs.load(name).input_shape[1:], device="meta")
    with Recorder() as recorder, AtOnce():
        model(image)
    return model, recorder.steps


def steps_of(name: str, aux: bool = False) -> Iterator[Step]:
    """The same of a bundled spec."""
    for cost in analyze(specs.load(name, batch=2)).costs:
        kind = KINDS.get(type(cost.node.layer).__name__)
        if kind and (aux or not cost.node.aux):
            yield Step(kind, cost.output, cost.params, cost.macs, in_place(cost.node.layer))


def in_place(layer: Layer) -> bool:
    return bool(getattr(layer, "inplace", False))


@pytest.mark.parametrize("name", TWINS)
def test_twin_is_torchvisions_network_layer_by_layer(name: str) -> None:
    model, expected = record(name)
    assert [*steps_of(name)] == [step._replace(inplace=False) if step.kind == "dropout" else step for step in expected]
    totals = analyze(specs.load(name)).totals
    assert totals.params + totals.aux_params == sum(weights.numel() for weights in model.parameters())
    written = (prod(step.output) for step in expected if not step.inplace and step.kind != "dropout")
    assert 2 * totals.activations == sum(written)


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_training_heads_are_torchvisions(name: str) -> None:
    _, expected = record(name, training=True)
    assert [*steps_of(name, aux=True)] == [
        step._replace(inplace=False) if step.kind == "dropout" else step for step in expected
    ]


def test_every_name_that_torchvision_has_too_is_a_twin() -> None:
    models = import_torchvision().models
    assert {*specs.names()} & {*models.list_models(module=models)} == {*TWINS}
