"""Networks of papers as a reader writes them, against torch code of our own: figures, shapes, and what they compute."""

from __future__ import annotations

from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812

pytestmark = pytest.mark.torch

# Newell, Yang and Deng 2016: an hourglass of depth n has one of depth n-1 within; each stack's scores are an output.
HOURGLASS = """
input: 3x32x32
settings: {stacks: 2, depth: 3, joints: 5, f: 8}
blocks:
  residual(w):
    - add:
        - bn | relu | conv 1x1 w/2 bn relu | conv 3x3 w/2 bn relu | conv 1x1 w
        - conv 1x1 w if C != w
  hourglass(n):
    - add:
        - residual f
        - - maxpool 2x2
          - residual f
          - {if: n > 1, then: hourglass n-1, else: residual f}
          - residual f
          - upsample 2
layers:
  - conv 7x7 4 s2 bn relu | residual f -> x
  - let scores = []
  - repeat: stacks
    do:
      - hourglass depth
      - conv 1x1 f bn relu -> y
      - conv 1x1 joints -> s
      - let scores = scores + [s]
      - if: not last
        then: {add: [x, y | conv 1x1 f, s | conv 1x1 f], name: x}
  - scores -> [early, late]
outputs: [early, late]
"""


def _unit(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


class Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = outputs // 2
        self.main = nn.Sequential(
            nn.BatchNorm2d(inputs), nn.ReLU(), _unit(inputs, half, 1), _unit(half, half, 3), nn.Conv2d(half, outputs, 1)
        )
        self.skip = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x) + self.skip(x)


class OneHourglass(nn.Module):
    def __init__(self, depth: int) -> None:
        super().__init__()
        self.up = Residual(8, 8)
        inner = OneHourglass(depth - 1) if depth > 1 else Residual(8, 8)
        self.low = nn.Sequential(nn.MaxPool2d(2), Residual(8, 8), inner, Residual(8, 8), nn.Upsample(scale_factor=2))

    def forward(self, x: Tensor) -> Tensor:
        return self.up(x) + self.low(x)


class Hourglass(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(_unit(3, 4, 7, 2), Residual(4, 8))
        self.stacks = nn.ModuleList(nn.Sequential(OneHourglass(3), _unit(8, 8, 1)) for _ in range(2))
        self.scores = nn.ModuleList(nn.Conv2d(8, 5, 1) for _ in range(2))
        self.back = nn.ModuleList((nn.Conv2d(8, 8, 1), nn.Conv2d(5, 8, 1)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.stem(x)
        y = self.stacks[0](x)
        early = self.scores[0](y)
        x = x + self.back[0](y) + self.back[1](early)
        return early, self.scores[1](self.stacks[1](x))


# Woo et al. 2018, sections 3.1 and 3.2: each module's two layers see the means and the maxima of its channels.
CBAM = """
input: 8x12x12
shared:
  mlp() in cbam: conv 1x1 C/4 nobias relu | conv 1x1 4*C nobias
blocks:
  cbam():
    - mul:
        - identity
        - - add: [gap | mlp, gmp | mlp]
          - sigmoid
    - mul:
        - identity
        - - concat: [max, mean]
          - conv 7x7 1 bn sigmoid
  block(w):
    - add: [conv 3x3 w bn relu | conv 3x3 w bn | cbam, conv 1x1 w bn if C != w]
    - relu
layers: [block 8, block 16, gap, fc 10]
"""


class Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        layers = nn.Conv2d(width, width // 4, 1, bias=False), nn.ReLU(), nn.Conv2d(width // 4, width, 1, bias=False)
        self.mlp = nn.Sequential(*layers)
        self.where = nn.Sequential(nn.Conv2d(2, 1, 7, padding=3, bias=False), nn.BatchNorm2d(1))

    def forward(self, x: Tensor) -> Tensor:
        means, maxima = F.adaptive_avg_pool2d(x, 1), F.adaptive_max_pool2d(x, 1)
        x = x * torch.sigmoid(self.mlp(means) + self.mlp(maxima))
        seen = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.where(seen))


class AttentionBlock(nn.Module):
    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        second = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), Attention(width)
        self.main = nn.Sequential(_unit(inputs, width, 3), *second)
        self.skip = nn.Identity() if inputs == width else _unit(inputs, width, 1)[:2]

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.main(x) + self.skip(x))


def cbam() -> nn.Module:
    return nn.Sequential(AttentionBlock(8, 8), AttentionBlock(8, 16), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))


# Feichtenhofer et al. 2019: few frames at full width, many at an eighth of it, and lateral convolutions over time.
SLOWFAST = """
inputs: {slow: 3x4x32x32, fast: 3x16x32x32}
settings: {alpha: 4, classes: 10}
blocks:
  unit(w, t, s):
    - add:
        - conv k=(t,1,1) w bn relu | conv 1x3x3 w s=(1,s,s) bn relu | conv 1x1x1 2*w bn
        - conv 1x1x1 2*w s=(1,s,s) bn if s != 1 or C != 2*w
    - relu
  lateral(slow, fast):
    - fast | conv 5x1x1 2*fast.C s=(alpha,1,1) bn relu -> side
    - concat: [slow, side]
layers:
  - slow | conv 1x7x7 16 s1x2x2 bn relu -> a
  - fast | conv 5x7x7 2 s1x2x2 bn relu -> b
  - for: w, t, s in zip([16, 32], [1, 3], [1, 2])
    do:
      - lateral a b
      - unit w t s -> a
      - b | unit w/8 3 s -> b
  - concat: [a | gap, b | gap]
  - fc classes
"""


def _film(inputs: int, outputs: int, kernel: tuple[int, ...], stride: tuple[int, ...] = (1, 1, 1)) -> nn.Sequential:
    padding = tuple(size // 2 for size in kernel)
    return nn.Sequential(nn.Conv3d(inputs, outputs, kernel, stride, padding, bias=False), nn.BatchNorm3d(outputs))


class FilmUnit(nn.Module):
    def __init__(self, inputs: int, width: int, frames: int, stride: int) -> None:
        super().__init__()
        step = (1, stride, stride)
        first, second = _film(inputs, width, (frames, 1, 1)), _film(width, width, (1, 3, 3), step)
        self.main = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), _film(width, 2 * width, (1, 1, 1)))
        self.skip = _film(inputs, 2 * width, (1, 1, 1), step)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.main(x) + self.skip(x))


class SlowFast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Sequential(_film(3, 16, (1, 7, 7), (1, 2, 2)), nn.ReLU())
        self.b = nn.Sequential(_film(3, 2, (5, 7, 7), (1, 2, 2)), nn.ReLU())
        self.sides = nn.ModuleList(_film(width, 2 * width, (5, 1, 1), (4, 1, 1)) for width in (2, 4))
        self.slow = nn.ModuleList((FilmUnit(16 + 4, 16, 1, 1), FilmUnit(32 + 8, 32, 3, 2)))
        self.fast = nn.ModuleList((FilmUnit(2, 2, 3, 1), FilmUnit(4, 4, 3, 2)))
        self.classes = nn.Linear(64 + 8, 10)

    def forward(self, slow: Tensor, fast: Tensor) -> Tensor:
        a, b = self.a(slow), self.b(fast)
        for side, left, right in zip(self.sides, self.slow, self.fast, strict=True):
            a = left(torch.cat([a, F.relu(side(b))], 1))
            b = right(b)
        return self.classes(torch.cat([a.mean((2, 3, 4)), b.mean((2, 3, 4))], 1))


@pytest.mark.parametrize(
    ("text", "own"), [(HOURGLASS, Hourglass), (CBAM, cbam), (SLOWFAST, SlowFast)], ids=["hourglass", "cbam", "slowfast"]
)
def test_a_spec_is_what_own_code_is(text: str, own: Callable[[], nn.Module]) -> None:
    from own_code import compare

    compare(text, own)
