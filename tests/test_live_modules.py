"""Torch modules that a program holds: taken as a name is, and left as they were."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import torch
from live_modules import CONV, IMAGE, MACS, Of, figures, net
from torch import nn

import cnnprof
from cnnprof.errors import CnnprofError, UsageError

pytestmark = pytest.mark.torch


def test_every_function_takes_a_module():
    module, other = net(), net(8)
    assert figures(module) == (112 + 8 + 725, MACS + 720)
    compared = cnnprof.compare([module, other], input_shape=IMAGE)
    assert [entry.name for entry in compared.entries] == ["Sequential", "Sequential (2)"]
    assert cnnprof.compare(module, input_shape=IMAGE).baseline == "Sequential"
    assert cnnprof.memory(module, IMAGE).inference.peak_bytes > 0
    assert cnnprof.diff(module, other, IMAGE).different
    assert not cnnprof.diff(module, module, IMAGE).different
    assert cnnprof.transfer(module, 7, IMAGE, batch=2).rows[0].profile.totals.params
    assert cnnprof.check(module, {"max-params": "1K"}, IMAGE).passed
    assert not cnnprof.check([module], {"max-params": "100"}, IMAGE).passed
    assert cnnprof.explain(module, input_shape=IMAGE, layer="0").explanations


def test_a_module_stands_beside_a_name():
    compared = cnnprof.compare([nn.Conv2d(3, 4, 3), "resnet18"], input_shape="3x64x64")
    assert [entry.name for entry in compared.entries] == ["Conv2d", "resnet18"]


def test_networks_may_have_names_of_ones_own():
    compared = cnnprof.compare({"narrow": net(), "wide": net(8), "ResNet": "resnet18"}, input_shape=IMAGE, baseline="wide")
    assert [entry.name for entry in compared.entries] == ["narrow", "wide", "ResNet"]
    assert compared.baseline == "wide"
    assert [*compared.to_pandas()["model"]] == ["narrow", "wide", "ResNet"]


def test_a_module_is_timed():
    options = cnnprof.Options(processes=1, rounds=1, warmup_runs=1, warmup_seconds=0.0)
    (measured,) = cnnprof.bench(net(), input_shape=IMAGE, options=options).measurements
    assert measured.status == "ok"


def test_what_is_no_network_is_one_message():
    for wrong in (3, None, object(), torch.ones(2)):
        with pytest.raises(UsageError, match="a network is a name, a file, a torch module or a Model"):
            cnnprof.profile(wrong)
    with pytest.raises(UsageError, match="Linear is a class, and no network yet"):
        cnnprof.profile(nn.Linear)
    with pytest.raises(UsageError, match="a module takes no settings"):
        cnnprof.profile(net(), settings={"width": 2})


def state(module: nn.Module) -> list[object]:
    """All that can be seen of a module, deep."""
    seen: list[object] = []
    for name, part in module.named_modules():
        seen.append((name, type(part), part.training, sorted(vars(part))))
        for key, value in sorted(vars(part).items()):
            if isinstance(value, (dict, list, set)):
                seen.append((key, type(value), [id(each) for each in (value.values() if isinstance(value, dict) else value)]))
            else:
                seen.append((key, id(value)))
        hooks = (part._forward_hooks, part._forward_pre_hooks, part._backward_hooks)
        seen.append([[*each] for each in hooks])
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        seen.append((name, id(tensor), tensor.device, tensor.dtype, tensor.requires_grad, tensor.data_ptr(), tensor._version))
        seen.append(tensor.grad if tensor.grad is None else (id(tensor.grad), tensor.grad.sum().item()))
        seen.append(tensor.detach().double().sum().item())
    return seen


class Counting(nn.Module):
    """A module that changes itself while it runs."""

    def __init__(self):
        super().__init__()
        self.conv, self.runs, self.seen, self.cache = nn.Conv2d(3, 4, 3), 0, [], {}
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, x):
        self.runs += 1
        self.seen.append(x)
        self.cache[self.runs] = x
        self.steps += 1
        self.last = self.conv(x) + torch.rand(()) + random.random()
        return self.last


def modules(compiled: Callable[[nn.Module], nn.Module] = nn.Sequential) -> dict[str, nn.Module]:
    """A module of each kind; `compiled` is torch.compile where that one is wanted: importing its compiler takes seconds."""
    mixed = net()
    mixed[1].eval()
    mixed[0].weight.requires_grad_(False)
    mixed[4].weight.grad = torch.ones_like(mixed[4].weight)
    hooked = net()
    hooked[0].register_forward_hook(lambda *_: None)
    lazy = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d())
    reading = Of(lambda self, x: self.a(x) if x.sum() > 1e9 else self.b(x), a=nn.Conv2d(3, 4, 3), b=nn.Conv2d(3, 4, 3))
    tied = Of(lambda self, x: self.b(self.a(x)), a=nn.Conv2d(3, 3, 3), b=nn.Conv2d(3, 3, 3), norm=nn.BatchNorm2d(3))
    tied.b.weight, tied.again = tied.a.weight, tied.a
    shapes = {str(dtype): nn.Conv2d(3, 4, 3).to(dtype) for dtype in (torch.float16, torch.bfloat16, torch.float64)}
    norm = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))
    return {
        "plain": net(),
        "eval": net().eval(),
        "mixed": mixed,
        "hooked": hooked,
        "counting": Counting(),
        "reading": reading,
        "tied": tied,
        "weight norm": norm,
        "parallel": nn.DataParallel(net()),
        "compiled": compiled(net()),
        "lazy": lazy,
        **shapes,
        **{f"width {width}": net(width) for width in range(1, 17)},
    }


@pytest.mark.parametrize("name", [*modules()])
def test_a_module_is_left_as_it_was(name):
    module = modules(torch.compile if name == "compiled" else nn.Sequential)[name]
    if name == "lazy":
        assert figures(module) == (CONV + 8, MACS)
        assert isinstance(module[0].weight, nn.UninitializedParameter)
        return
    torch.manual_seed(3)
    random.seed(3)
    before, numbers = state(module), (torch.get_rng_state(), random.getstate())
    cnnprof.profile(module, IMAGE)
    assert state(module) == before
    assert torch.equal(torch.get_rng_state(), numbers[0])
    assert random.getstate() == numbers[1]
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


def test_a_module_that_fails_is_left_as_it_was():
    module = net()
    before = state(module)
    with pytest.raises(CnnprofError, match=r"4 \(Linear\): it takes 144 features"):
        cnnprof.profile(module, (3, 9, 9))
    assert state(module) == before
