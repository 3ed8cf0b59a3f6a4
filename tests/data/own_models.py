"""Models as people have them, two of each kind that counters fail on; what each holds and computes is derived in the test."""

import collections
from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import nn
from torch.nn import functional

quantization = torch.ao.quantization


class Of(nn.Module):
    """A module of a function of itself and its inputs, and of parts."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x):
        return self.function(self, x)


def lazy_volume():
    return nn.Sequential(nn.LazyConv3d(4, 2), nn.LazyBatchNorm3d(), nn.Flatten(), nn.LazyLinear(3))


def lazy_transposed():
    return nn.Sequential(nn.LazyConvTranspose2d(5, 2, stride=2), nn.LazyInstanceNorm2d(affine=True))


def sound():
    return nn.Sequential(nn.Conv1d(2, 6, 7, stride=3), nn.MaxPool1d(2), nn.Conv1d(6, 4, 3, groups=2, bias=False))


def sequence():
    return Of(lambda self, x: self.attend(x, x, x)[0], attend=nn.MultiheadAttention(8, 2, batch_first=True))


def vector():
    return nn.Sequential(nn.Linear(20, 8, bias=False), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 2))


def autoencoder():
    return nn.Sequential(nn.Linear(20, 4), nn.Sigmoid(), nn.Linear(4, 20))


def gru_given_state():
    return Of(lambda self, x: self.r(x, torch.ones(2, x.size(0), 5))[0], r=nn.GRU(6, 5, bidirectional=True, batch_first=True))


def cells_given_state():
    def run(self, x):
        h, c = torch.randn(x.size(0), 5), x.new_zeros(x.size(0), 5)
        for step in x.unbind(1):
            h, c = self.cell(step, (h, c))
        return h

    return Of(run, cell=nn.LSTMCell(6, 5, bias=False))


@dataclass
class Found:
    boxes: torch.Tensor
    scores: list
    image: str = ""


def output_dataclass():
    return Of(lambda self, x: Found(self.a(x), [self.b(x)], "x"), a=nn.Conv2d(3, 4, 1), b=nn.Conv2d(3, 2, 1))


def output_namespace():
    Pair = collections.namedtuple("Pair", "first second")
    return Of(
        lambda self, x: SimpleNamespace(all=Pair(self.a(x), {"b": self.b(x)})), a=nn.Conv2d(3, 4, 1), b=nn.Conv2d(3, 2, 1)
    )


def half():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 4)).half()


def bfloat():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 4)).to(torch.bfloat16)


def _static(net):
    net = nn.Sequential(quantization.QuantStub(), net, quantization.DeQuantStub()).eval()
    net.qconfig = quantization.get_default_qconfig("x86")
    quantization.prepare(net, inplace=True)
    net(torch.rand(1, 3, 8, 8))
    return quantization.convert(net, inplace=True)


def static_classifier():
    return _static(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 4)))


def static_depthwise():
    return _static(nn.Sequential(nn.Conv2d(3, 6, 3, groups=3, padding=1), nn.Hardswish(), nn.AvgPool2d(2)))


def dynamic_lstm():
    net = Of(lambda self, x: self.fc(self.r(x)[0]), r=nn.LSTM(6, 5, batch_first=True), fc=nn.Linear(5, 2))
    return quantization.quantize_dynamic(net.eval(), {nn.LSTM, nn.Linear})


def dynamic_half():
    return quantization.quantize_dynamic(nn.Sequential(nn.Flatten(), nn.Linear(192, 4)).eval(), {nn.Linear}, torch.float16)


def frozen_trace():
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()).eval()
    return torch.jit.freeze(torch.jit.trace(net, torch.rand(1, 3, 8, 8)))


def frozen_loop():
    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)

        def forward(self, x: torch.Tensor):
            for _ in range(3):
                x = self.conv(x)
            return x

    return torch.jit.freeze(torch.jit.script(Loop().eval()))


class Fusion(nn.Module):
    """Pictures and words."""

    def __init__(self):
        super().__init__()
        self.conv, self.table, self.fc = nn.Conv2d(3, 4, 3), nn.Embedding(10, 4), nn.Linear(4, 4)

    def forward(self, image, words, *, scale=1.0):
        return self.conv(image).mean((2, 3)) * scale + self.fc(self.table(words)).mean(1)


class Batch(nn.Module):
    """A dictionary of inputs, as trainers hand them on."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(6, 4), nn.Linear(3, 4)

    def forward(self, batch):
        return self.left(batch["left"]) + self.right(batch["right"])


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.fc = nn.Embedding(50, 8), nn.Linear(8, 3)

    def forward(self, tokens):
        return self.fc(self.table(tokens).mean(1))


def bag():
    return Of(lambda self, x: self.fc(self.table.weight[x].sum(1)), table=nn.Embedding(50, 8), fc=nn.Linear(8, 3))


def backbone():
    import torchvision

    net = torchvision.models.mobilenet_v3_small()
    net.classifier = nn.Linear(576, 7)
    return net


def features():
    from torchvision.models import resnet18
    from torchvision.models.feature_extraction import create_feature_extractor

    return create_feature_extractor(resnet18(), {"layer1": "low"})


class Hooked(nn.Module):
    """A hook keeps what two layers give, by name."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3))
        self.kept = {}
        self.body[1].register_forward_hook(self.keep)
        self.head = nn.Conv2d(4, 2, 1)

    def keep(self, module, inputs, output):
        self.kept["middle"] = output

    def forward(self, x):
        end = self.body(x)
        return self.head(self.kept.pop("middle")), end


def changed_by_a_hook():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    extra = nn.Conv2d(4, 6, 1)
    net[1].register_forward_hook(lambda module, inputs, output: extra(output))
    net.extra = extra
    net.forward = lambda x: net[1](net[0](x))
    return net


def norm_of_one_value():
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(3, track_running_stats=False), nn.Conv2d(3, 5, 1))


def norm_of_vectors():
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 6), nn.BatchNorm1d(6, track_running_stats=False))


def bilinear_of_two():
    return Of(lambda self, x: self.fuse(x[..., :4], x[..., 4:]), fuse=nn.Bilinear(4, 8, 5, bias=False))


def bilinear_at_each_place():
    return Of(lambda self, x: self.fuse(x, x), fuse=nn.Bilinear(12, 12, 3))


class Late(nn.Module):
    """The layer that is made when the first input is seen."""

    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleDict()

    def forward(self, x):
        for size in (1, 2):
            pooled = functional.adaptive_avg_pool2d(x, size).flatten(1)
            if str(size) not in self.heads:
                self.heads[str(size)] = nn.Linear(pooled.shape[1], 5).to(x.device)
        return sum(self.heads[str(size)](functional.adaptive_avg_pool2d(x, size).flatten(1)) for size in (1, 2))


def made_anew():
    return Of(lambda self, x: nn.Conv2d(3, 4, 3).to(x.device)(x))


def mapped():
    from torch._higher_order_ops.map import map as over

    return Of(lambda self, x: over(lambda row: self.fc(row), x), fc=nn.Linear(12, 3))


def branch_of_branches():
    def run(self, x):
        return torch.cond(x.sum() > 0, lambda y: self.a(self.a(y)), lambda y: self.b(y), (x,))

    return Of(run, a=nn.Linear(12, 12), b=nn.Linear(12, 12))


def digits():
    return nn.Sequential(nn.Conv2d(1, 4, 5), nn.Flatten(), nn.Linear(4 * 24 * 24, 10))


def tiles():
    return nn.Sequential(nn.Conv2d(3, 4, 4, stride=4), nn.Flatten(), nn.Linear(4 * 16 * 16, 10))


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.gain = nn.Conv2d(3, 4, 3), nn.Parameter(torch.ones(4, 1, 1))

    def forward(self, x):
        return self.conv(x) * self.gain


class Shifted(nn.Module):
    def __init__(self):
        super().__init__()
        self.start, self.conv = nn.Parameter(torch.zeros(3, 8, 8)), nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.conv(x + self.start)
