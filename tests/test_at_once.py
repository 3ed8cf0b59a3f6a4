"""Operations without data that are not left to torch: what they give is what torch gives, and as much is counted."""

import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from cnnprof.torch_bridge.at_once import AtOnce  # noqa: E402

pytestmark = pytest.mark.torch


def empty(*size, dtype=torch.float32):
    return torch.empty(size, dtype=dtype, device="meta")


LAYOUTS = {
    "contiguous": lambda: empty(2, 6, 5, 7),
    "channels last": lambda: empty(2, 6, 5, 7).to(memory_format=torch.channels_last),
    "another order": lambda: empty(2, 7, 6, 5).permute(0, 2, 3, 1),
    "every other channel": lambda: empty(2, 12, 5, 7)[:, ::2],
    "half of each row": lambda: empty(2, 6, 5, 14)[..., :7],
    "expanded": lambda: empty(1, 6, 1, 7).expand(2, 6, 5, 7),
    "tokens": lambda: empty(2, 9, 6),
    "channels as tokens": lambda: empty(2, 6, 9).transpose(1, 2),
    "windows": lambda: empty(2, 3, 5, 3, 6).permute(0, 1, 3, 2, 4),
    "rows": lambda: empty(4, 6),
    "columns": lambda: empty(6, 4).t(),
    "bf16": lambda: empty(2, 6, 5, 7, dtype=torch.bfloat16),
    "integers": lambda: empty(2, 6, 5, 7, dtype=torch.int64),
}


def of_size(x, size):
    return empty(*size, dtype=x.dtype)


OPERATIONS = {
    "random numbers": lambda x: x.normal_(),
    "uniform ones": lambda x: x.uniform_(-1, 1),
    "relu": F.relu,
    "relu6": F.relu6,
    "relu6 in place": lambda x: F.relu6(x, inplace=True),
    "hardtanh": lambda x: F.hardtanh(x, -2, 2),
    "hardswish": F.hardswish,
    "hardswish in place": lambda x: F.hardswish(x, inplace=True),
    "hardsigmoid": F.hardsigmoid,
    "gelu": F.gelu,
    "gelu by way of tanh": lambda x: F.gelu(x, approximate="tanh"),
    "leaky relu": F.leaky_relu,
    "leaky relu in place": lambda x: F.leaky_relu(x, 0.1, inplace=True),
    "elu": F.elu,
    "mish": F.mish,
    "sum": lambda x: x + x,
    "difference": lambda x: x - x,
    "product": lambda x: x * x,
    "quotient": lambda x: x / x,
    "sum with another order": lambda x: x + torch.empty_like(x, memory_format=torch.contiguous_format),
    "sum with what is broadcast": lambda x: x + x[:, :1],
    "sum in another format": lambda x: x + x.to(torch.float64),
    "sum with a number": lambda x: x + 1,
    "batch norm": lambda x: F.batch_norm(x, *[of_size(x, x.shape[1:2])] * 4),
    "batch norm without weights": lambda x: F.batch_norm(x, *[of_size(x, x.shape[1:2])] * 2),
    "batch norm in training": lambda x: F.batch_norm(x, *[of_size(x, x.shape[1:2])] * 4, training=True),
    "batch norm of other channels": lambda x: F.batch_norm(x, *[of_size(x, (5,))] * 4),
    "layer norm": lambda x: F.layer_norm(x, x.shape[-1:], *[of_size(x, x.shape[-1:])] * 2),
    "layer norm over two axes": lambda x: F.layer_norm(x, x.shape[-2:]),
    "layer norm of other sizes": lambda x: F.layer_norm(x, (11,)),
    "mean over the last two axes": lambda x: x.mean((-2, -1)),
    "mean that keeps its axis": lambda x: x.mean(1, keepdim=True),
    "mean in another format": lambda x: x.mean(1, dtype=torch.float64),
    "mean over an axis too many": lambda x: x.mean(7),
    "global pooling": lambda x: F.adaptive_avg_pool2d(x, 1),
    "adaptive pooling": lambda x: F.adaptive_avg_pool2d(x, (1, 2)),
    "linear": lambda x: F.linear(x, of_size(x, (3, x.shape[-1])), of_size(x, (3,))),
    "linear without a bias": lambda x: F.linear(x, of_size(x, (3, x.shape[-1]))),
    "linear of other sizes": lambda x: F.linear(x, of_size(x, (3, 11))),
}


def outcome(operation, layout, mode):
    """All that can be known of a result without data, and whether it is the input; of an error its kind."""
    x = LAYOUTS[layout]()
    try:
        with mode():
            result = operation(x)
    except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError) as error:
        return type(error)
    # The stride of an axis of one element says nothing.
    strides = [stride for size, stride in zip(result.shape, result.stride(), strict=True) if size > 1]
    return result.shape, strides, result.dtype, result.device, result is x


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize("name", OPERATIONS)
def test_torch_gives_the_same(name, inference):
    from cnnprof.torch_bridge import at_once

    class Everything(AtOnce):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            return at_once.run(func, args, kwargs or {})

    for layout in LAYOUTS:
        with torch.inference_mode(inference), torch.no_grad():
            theirs = outcome(OPERATIONS[name], layout, torch.no_grad)
            assert [outcome(OPERATIONS[name], layout, mode) for mode in (AtOnce, Everything)] == [theirs] * 2, layout


@pytest.mark.parametrize("inference", [False, True])
def test_as_much_is_counted(inference):
    with torch.device("meta"):
        attention = nn.TransformerEncoderLayer(6, 2, 12, batch_first=True)
        net = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Hardswish(), nn.Flatten(2), nn.Linear(64, 6), attention)
    counted = []
    for mode in (torch.no_grad, AtOnce):
        with torch.inference_mode(inference), torch.no_grad(), FlopCounterMode(display=False) as counter, mode():
            net.train()[1].eval()
            net(empty(1, 3, 10, 10))
        counted.append(counter.get_flop_counts())
    assert counted[0] == counted[1]
    assert counted[0]["Global"]


ALONE = """
import sys
import torch
from torch import nn
from cnnprof.torch_bridge.capture import capture

class Compiling(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return torch.compile(self.conv)(x)

before = torch.compile
blocks = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)
plain = capture(nn.Sequential(*blocks), (1, 3, 8, 8))
assert "torch._dynamo" not in sys.modules
compiling = capture(Compiling(), (1, 3, 8, 8))
assert torch.compile is before
print(*(type(node.layer).__name__ for graph in (plain, compiling) for node in graph))
"""


def test_torchs_compiler_is_imported_by_those_who_compile_alone():
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["Conv", "BatchNorm", "ReLU6", "AdaptiveAvgPool", "Flatten", "Linear", "Conv"]
