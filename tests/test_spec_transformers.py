"""Transformers and recurrent networks of papers as a reader writes them, against torch code of our own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812

pytestmark = pytest.mark.torch

# Carion et al. 2020, figure 10: positions are added to queries and keys, not to values; queries are learned.
DETR = """
input: 3x32x24
settings: {width: 16, heads: 4, queries: 5, classes: 7}
blocks:
  mlp(): fc 24 relu | fc width
  encoder(places):
    - -> x
    - add: [x, places]
    - attention heads values=x -> y
    - add: [x, y]
    - ln
    - add: [identity, mlp]
    - ln
  decoder(asked, keys, memory):
    - -> x
    - add: [x, asked]
    - attention heads values=x -> y
    - add: [x, y]
    - ln -> x
    - add: [x, asked]
    - attention heads keys=keys values=memory -> y
    - add: [x, y]
    - ln
    - add: [identity, mlp]
    - ln
layers:
  - conv 8x8 width s8 p0 bias | tokens -> features
  - parameter (features.L,width) tokens -> places
  - features
  - {repeat: 2, do: encoder places}
  - -> memory
  - {add: [memory, places], name: keys}
  - parameter (queries,width) tokens -> asked
  - scale 0                                # what the decoder begins with
  - {repeat: 2, do: decoder asked keys memory}
  - ln -> x
  - fc classes -> scores
  - x | fc width relu | fc 4 sigmoid -> boxes
outputs: {scores: scores, boxes: boxes}
"""


class Learned(nn.Module):
    """A learned tensor, for every sample the same."""

    def __init__(self, *size: int) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.randn(size))

    def forward(self) -> Tensor:
        return self.value


class Heads(nn.Module):
    """softmax(Q K^T / sqrt(d)) V of each head, with heads of `size` channels (Vaswani et al. 2017, section 3.2.2)."""

    def __init__(self, width: int, heads: int, size: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (nn.Linear(width, heads * size) for _ in range(3))
        self.out = nn.Linear(heads * size, width)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = (
            layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer, x in zip((self.q, self.k, self.v), (q, k, v), strict=True)
        )
        shares = (q @ k.transpose(2, 3) / q.shape[-1] ** 0.5).softmax(-1)
        return self.out((shares @ v).transpose(1, 2).flatten(2))


class DecoderLayer(nn.Module):
    """A layer of the encoder, or, where it also reads another's output, of the decoder."""

    def __init__(self, reads: bool) -> None:
        super().__init__()
        self.within, self.first = Heads(16, 4, 4), nn.LayerNorm(16)
        self.across, self.second = (Heads(16, 4, 4), nn.LayerNorm(16)) if reads else (None, None)
        self.mlp, self.last = nn.Sequential(nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, 16)), nn.LayerNorm(16)

    def forward(self, x: Tensor, places: Tensor, keys: Tensor | None = None, memory: Tensor | None = None) -> Tensor:
        x = self.first(x + self.within(x + places, x + places, x))
        if self.across and self.second:
            x = self.second(x + self.across(x + places, keys, memory))
        return self.last(x + self.mlp(x))


class Detr(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches, self.places, self.asked = nn.Conv2d(3, 16, 8, 8), Learned(1, 12, 16), Learned(1, 5, 16)
        self.encoder = nn.ModuleList(DecoderLayer(False) for _ in range(2))
        self.decoder = nn.ModuleList(DecoderLayer(True) for _ in range(2))
        self.norm, self.scores = nn.LayerNorm(16), nn.Linear(16, 7)
        self.boxes = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 4), nn.Sigmoid())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        memory, places = self.patches(x).flatten(2).transpose(1, 2), self.places()
        for layer in self.encoder:
            memory = layer(memory, places)
        asked = self.asked().expand(len(x), -1, -1)
        found = torch.zeros_like(asked)
        for layer in self.decoder:
            found = layer(found, asked, memory + places, memory)
        found = self.norm(found)
        return self.scores(found), self.boxes(found)


# Touvron et al. 2021: heads are mixed before and behind softmax (section 5.1), each branch has a scale (eq. 4), and the class
# token comes in the last layer, which it alone leaves (section 3).
CAIT = """
input: 3x16x12
settings: {width: 12, heads: 3}
blocks:
  scaled(): {mul: [identity, parameter (C)]}
  talking():
    - let n = L
    - fc 3*width | reshape (n,3*heads,width//heads) | permute (2,1,3) -> qkv
    - qkv | take 0 heads | scale (width/heads)**-0.5 -> q
    - qkv | take heads 2*heads | permute (1,3,2) -> k
    - qkv | take 2*heads 3*heads -> v
    - matmul: [q, k]
    - conv 1x1 heads | softmax axis=-1 | conv 1x1 heads -> shares
    - matmul: [shares, v]
    - permute (2,1,3) | reshape (n,width) tokens | fc width
layers:
  - conv 4x4 width s4 p0 | tokens
  - repeat: 2
    do:
      - add: [identity, ln | talking | scaled]
      - add: [identity, ln | fc 2*width gelu | fc width | scaled]
  - -> x
  - parameter (1,width) tokens -> cls
  - {concat: [cls, x], axis: 1}
  - ln -> all
  - take 0 1 axis=1 | attention heads keys=all head_dim=6 | scaled -> y
  - {add: [cls, y]}
  - token 0 | fc 5
"""


class Branch(nn.Module):
    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.norm, self.layers, self.scale = nn.LayerNorm(12), nn.Sequential(*layers), Learned(12)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(self.norm(x)) * self.scale()


class Talking(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.before, self.behind = nn.Linear(12, 36), nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.out = nn.Linear(12, 12)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(2, (3, 3, 4)).permute(2, 0, 3, 1, 4)
        shares = self.behind(self.before(q / 2 @ k.transpose(2, 3)).softmax(-1))
        return self.out((shares @ v).transpose(1, 2).flatten(2))


class Cait(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches, self.cls, self.norm = nn.Conv2d(3, 12, 4, 4), Learned(1, 1, 12), nn.LayerNorm(12)
        mlps = (nn.Sequential(nn.Linear(12, 24), nn.GELU(), nn.Linear(24, 12)) for _ in range(2))
        self.layers = nn.Sequential(*(nn.Sequential(Branch(Talking()), Branch(mlp)) for mlp in mlps))
        self.attention, self.scale, self.classes = Heads(12, 3, 6), Learned(12), nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layers(self.patches(x).flatten(2).transpose(1, 2))
        cls = self.cls().expand(len(x), -1, -1)
        every = self.norm(torch.cat([cls, x], 1))
        cls = cls + self.attention(every[:, :1], every, every) * self.scale()
        return self.classes(cls[:, 0])


# Teed and Deng 2020, section 3: one encoder for both images, all products of their features, and updates by one recurrent unit.
RAFT = """
inputs: {left: 3x16x12, right: 3x16x12}
settings: {c: 6, rounds: 3}
shared:
  features(): conv 3x3 c s2 in relu | conv 3x3 c s2
  gru(h, x):
    - {concat: [h, x], name: hx}
    - conv 3x3 c sigmoid -> z
    - hx | conv 3x3 c sigmoid -> r
    - concat: [{mul: [r, h]}, x]
    - conv 3x3 c tanh -> q
    - add: [{mul: [z | rsub 1, h]}, {mul: [z, q]}]
  flow_of(): conv 3x3 4 relu | conv 3x3 2
layers:
  - left | features -> a
  - right | features -> b
  - let n = a.H * a.W
  - a | reshape (c,n) | permute (2,1) -> rows
  - b | reshape (c,n) -> columns
  - matmul: [rows, columns]
  - scale c**-0.5 | reshape (n,a.H,a.W) -> products
  - a | take 0 2 | scale 0 -> flow
  - a | tanh -> h
  - repeat: rounds
    do:
      - {concat: [products, flow], name: x}
      - gru h x -> h
      - flow_of -> change
      - {add: [flow, change], name: flow}
  - flow | upsample 4 bilinear
"""


class Raft(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        first = nn.Conv2d(3, 6, 3, 2, 1, bias=False), nn.InstanceNorm2d(6), nn.ReLU()
        self.features = nn.Sequential(*first, nn.Conv2d(6, 6, 3, 2, 1))
        self.z, self.r, self.q = (nn.Conv2d(6 + 12 + 2, 6, 3, padding=1) for _ in range(3))
        self.flow_of = nn.Sequential(nn.Conv2d(6, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 3, padding=1))

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        a, b = self.features(left), self.features(right)
        products = (a.flatten(2).transpose(1, 2) @ b.flatten(2) / 6**0.5).unflatten(2, a.shape[2:])
        flow, h = torch.zeros_like(a[:, :2]), torch.tanh(a)
        for _ in range(3):
            x = torch.cat([products, flow], 1)
            z, r = (torch.sigmoid(gate(torch.cat([h, x], 1))) for gate in (self.z, self.r))
            h = (1 - z) * h + z * torch.tanh(self.q(torch.cat([r * h, x], 1)))
            flow = flow + self.flow_of(h)
        return F.interpolate(flow, scale_factor=4, mode="bilinear")


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize(("text", "own"), [(DETR, Detr), (CAIT, Cait), (RAFT, Raft)], ids=["detr", "cait", "raft"])
def test_a_spec_is_what_own_code_is(text: str, own: Callable[[], nn.Module], samples: int) -> None:
    from own_code import compare

    compare(text, own, samples)
