"""Torch modules of every kind: their outputs of any structure, and what they keep or make while they run."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import pytest
import torch
from live_modules import CONV, IMAGE, MACS, Of, figures, net
from torch import nn

import cnnprof

pytestmark = pytest.mark.torch


@dataclass
class Output:
    logits: torch.Tensor
    loss: object = None


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


class Own(OrderedDict):
    pass


class Listed(list):
    pass


@pytest.mark.parametrize(
    "wrap",
    [
        Output,
        lambda y: Own(y=y),
        lambda y: Listed([None, {"y": (y,)}]),
        Slotted,
        lambda y: {"a": Output(Slotted(y))},
        lambda y: None,
        lambda y: 3,
        lambda y: [],
    ],
)
def test_outputs_of_any_structure(wrap):
    assert figures(Of(lambda self, x: wrap(self.conv(x)), conv=nn.Conv2d(3, 4, 3))) == (CONV, MACS)


def collecting() -> nn.Module:
    """A hook appends to a list of the model, and a head reads it."""
    module = Of(lambda self, x: (self.features.clear(), self.body(x), self.head(self.features[0]))[1:], body=net()[0:3])
    module.head, module.features = nn.Conv2d(4, 2, 1), []
    features = module.features
    module.body[0].register_forward_hook(lambda part, given, output: features.append(output))
    return module


def made_once() -> nn.Module:
    """The classifier is made at the first run."""

    def forward(self, x):
        x = self.conv(x).flatten(1)
        if self.fc is None:
            self.fc = nn.Linear(x.shape[1], 5).to(x.device)
        return self.fc(x)

    return Of(forward, conv=nn.Conv2d(3, 4, 3), fc=None)


def made_each_time() -> nn.Module:
    return Of(lambda self, x: nn.Conv2d(3, 4, 3).to(x.device)(x))


def stateful(self, x):
    x = x.flatten(1, 2)
    state = torch.zeros(1, x.size(0), 16), torch.zeros(1, x.size(0), 16, device="cpu")
    return self.rnn(x, state)[0]


KINDS = {
    "collecting": (collecting, (CONV + 8 + 10, MACS + 36 * 8)),
    "made once": (made_once, (CONV + 725, MACS + 720)),
    "made each time": (made_each_time, (CONV, MACS)),
    # LSTM: 4 x 16 x (8 + 16 + 2) weights, 24 steps.
    "given state": (lambda: Of(stateful, rnn=nn.LSTM(8, 16, batch_first=True)), (4 * 16 * 26, 24 * 4 * 16 * 24)),
    "reads a value": (
        lambda: Of(lambda self, x: self.conv(x) if x.sum() > -1 else x, conv=nn.Conv2d(3, 4, 3)),
        (CONV, MACS),
    ),
    "lazy": (
        lambda: nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(5)),
        (845, MACS + 720),
    ),
    "weight norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)), (CONV + 4, MACS)),
    "parallel": (lambda: nn.DataParallel(nn.Conv2d(3, 4, 3)), (CONV, MACS)),
    "compiled": (lambda: torch.compile(nn.Conv2d(3, 4, 3)), (CONV, MACS)),
    "compiled in place": (lambda: compiled_in_place(), (CONV, MACS)),
    "cond": (
        lambda: Of(lambda self, x: torch.cond(x.sum() > 0, self.a, self.b, (x,)), a=nn.Conv2d(3, 4, 3), b=nn.Conv2d(3, 4, 3)),
        (2 * CONV, MACS),
    ),
    "random slopes": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.RReLU()), (CONV, MACS)),
    "frozen script": (lambda: torch.jit.freeze(torch.jit.script(nn.Conv2d(3, 4, 3).eval())), (0, MACS)),
    "asks for cuda": (lambda: Of(lambda self, x: self.conv(x.to("cuda")), conv=nn.Conv2d(3, 4, 3)), (CONV, MACS)),
}


def test_a_closure_of_a_copy_reads_the_weights_that_are_counted():
    module = nn.Sequential(nn.Conv2d(3, 4, 3))
    module.forward = lambda x: module[0](x) if x.sum() > -1e9 else x
    assert figures(module) == (CONV, MACS)


def compiled_in_place() -> nn.Module:
    module = nn.Conv2d(3, 4, 3)
    module.compile()
    return module


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_modules_of_every_kind(kind):
    make, expected = KINDS[kind]
    assert figures(make()) == expected


def test_a_branch_of_cond_is_said():
    make, _ = KINDS["cond"]
    assert "first branch" in (cnnprof.profile(make(), IMAGE).graph.facts.about or "")


@pytest.mark.parametrize(
    ("mode", "given", "bags"),
    [
        ("sum", {"tokens": "6:int64"}, 1),
        ("mean", [torch.zeros(6, dtype=torch.long), torch.tensor([0, 3])], 2),
        ("max", [torch.zeros(7, dtype=torch.long), torch.tensor([0, 2, 5])], 3),
    ],
)
def test_bags_of_rows(mode, given, bags):
    """A table of 20 rows of 4, and a layer of 4 to 5 on the sum, mean or largest of each bag."""

    class Bags(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.fc = nn.EmbeddingBag(20, 4, mode=mode), nn.Linear(4, 5)

        def forward(self, tokens, offsets=None):
            return self.fc(self.table(tokens, offsets))

    assert figures(Bags(), given) == (80 + 25, bags * 20)
