"""Whole networks in the language, with figures derived by hand or known from elsewhere."""

import pytest
from spec_texts import build

from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph

LENET = """
input: 1x32x32
published: {params: 60k}
tables:
  c3: |                            # LeCun et al. 1998, Table I
    X . . . X X X . . X X X X . X X
    X X . . . X X X . . X X X X . X
    X X X . . . X X X . . X . X X X
    . X X X . . X X X X . . X . X X
    . . X X X . . X X X X . X X . X
    . . . X X X . . X X X X . X X X
layers:
  - conv 5x5 6 p0 -> C1
  - subsample 2x2 | tanh -> S2
  - conv 5x5 16 p0 connect=c3 -> C3
  - subsample 2x2 | tanh -> S4
  - conv 5x5 120 p0 tanh -> C5
  - fc 84 tanh -> F6
"""

RESNET = """
input: 3x224x224
settings: {classes: 1000, block: bottleneck, depths: [3, 4, 6, 3], groups: 1, base: 64, wide: 1, v15: true}
default: resnet50
variants:
  resnet18:  {block: basic, depths: [2, 2, 2, 2]}
  resnet50:  {depths: [3, 4, 6, 3]}
  resnext50_32x4d: {groups: 32, base: 4}
  wide_resnet50_2: {wide: 2}
blocks:
  basic(w, s):
    - add:
        - conv 3x3 w s=s bn relu | conv 3x3 w bn
        - conv 1x1 w s=s bn if s != 1 or C != w
    - relu
  bottleneck(w, s):
    - let mid = w * base * groups // 64 * wide
    - add:
        - conv 1x1 mid s=(1 if v15 else s) bn relu | conv 3x3 mid s=(s if v15 else 1) g=groups bn relu | conv 1x1 4*w bn
        - conv 1x1 4*w s=s bn if s != 1 or C != 4*w
    - relu
layers:
  - conv 7x7 64 s2 bn relu
  - maxpool 3x3 s2 p1
  - for: depth, w in zip(depths, [64, 128, 256, 512])
    do:
      - repeat: depth
        do: use block w (2 if first and w > 64 else 1)
  - gap | fc classes | softmax
"""

MOBILENET_V2 = """
input: 3 x res x res
settings: {classes: 1000, width: 1.0, res: 224}
tables:
  body: |                                       # Sandler et al. 2018, Table 2
    t  c    n  s
    1  16   1  1
    6  24   2  2
    6  32   3  2
    6  64   4  2
    6  96   3  1
    6  160  3  2
    6  320  1  1
blocks:
  inverted_residual(t, c, s):
    - add:
        main:
          - conv 1x1 C*t bn relu6 if t != 1             # expand
          - dw 3x3 s=s bn relu6
          - conv 1x1 c bn                               # linear bottleneck
        skip: identity if s == 1 and C == c else none
layers:
  - conv 3x3 make_divisible(32*width) s2 bn relu6
  - each: body
    do:
      - repeat: n
        do: inverted_residual t make_divisible(c*width) (s if first else 1)
  - conv 1x1 make_divisible(1280*max(1,width)) bn relu6
  - gap | dropout 0.2 | fc classes | softmax
"""

DENSENET = """
input: 3x224x224
settings: {classes: 1000, k: 32, depths: [6, 12, 24, 16], theta: 0.5, stem: 64}
blocks:
  dense_layer():
    - concat:
        - identity
        - bn relu | conv 1x1 4*k nobias | bn relu | conv 3x3 k nobias
  transition():
    - bn relu | conv 1x1 int(theta*C) nobias | avgpool 2x2
layers:
  - conv 7x7 stem s2 bn relu | maxpool 3x3 s2 p1
  - for: depth in depths
    do:
      - repeat: depth
        do: dense_layer
      - transition if not last
  - bn relu | gap | fc classes | softmax
"""

DPN = """
input: 3x224x224
settings: {classes: 1000, stem: 64, g: 32, base: 96, n: [3, 4, 20, 3], inc: [16, 32, 24, 128]}
blocks:
  unit(w, r, inc, s, project):   # w: width of the residual path, inc: growth of the dense path
    - -> x
    - bn relu | conv 1x1 w+2*inc s=s nobias -> short if project else x -> short
    - x | bn relu | conv 1x1 r nobias | bn relu | conv 3x3 r s=s g=g nobias | bn relu | conv 1x1 w+inc nobias -> new
    - concat:
        - add: [short | take 0 w, new | take 0 w]
        - short | take w short.C
        - new | take w w+inc
layers:
  - conv 7x7 stem s2 bn relu | maxpool 3x3 s2 p1
  - for: i, n, inc in zip(range(4), n, inc)
    do:
      - repeat: n
        as: j
        do: unit 256*2**i base*2**i inc (2 if first and i > 0 else 1) first
  - bn relu | gap | fc classes | softmax
"""

NASNET = """
input: 3x224x224
settings: {classes: 1000, N: 4, filters: 44, stem: 32}
blocks:
  sep(k, f, s=1):
    - relu | sepconv k=k f s=s nobias | bn
    - relu | sepconv k=k f nobias | bn
  fit(f, like):
    - if: H != like.H
      then:
        - relu
        - concat:
            - avgpool 1x1 s2 | conv 1x1 f//2 nobias
            - avgpool 1x1 s2 | conv 1x1 f//2 nobias
        - bn
      else: relu | conv 1x1 f bn if C != f
  normal(f, older):
    - -> newer
    - older | fit f newer -> p
    - newer | relu | conv 1x1 f bn -> h
    - concat:
        - p
        - add: [h | sep 5 f, p | sep 3 f]
        - add: [p | sep 5 f, p | sep 3 f]
        - add: [h | avgpool 3x3 s1 same, p]
        - add: [p | avgpool 3x3 s1 same, p | avgpool 3x3 s1 same]
        - add: [h | sep 3 f, h]
  reduction(f, older, fitted=true):
    - -> newer
    - older | fit f newer -> p if fitted else older -> p
    - newer | relu | conv 1x1 f bn -> h
    - {add: [h | sep 5 f 2, p | sep 7 f 2], name: a}
    - {add: [h | maxpool 3x3 s2 same, p | sep 7 f 2], name: b}
    - concat:
        - b
        - add: [h | avgpool 3x3 s2 same, p | sep 5 f 2]
        - add: [b, a | avgpool 3x3 s1 same]
        - add: [a | sep 3 f, h | maxpool 3x3 s2 same]
layers:
  - conv 3x3 stem s2 p0 bn -> older
  - reduction filters//4 older fitted=false -> x
  - reduction filters//2 older
  - let older = x
  - for: m in [1, 2, 4]
    do:
      - if: m > 1
        then:
          - -> now
          - reduction filters*m older
          - let older = now
      - repeat: N
        do:
          - -> now
          - normal filters*m older
          - let older = now
  - relu | gap | fc classes | softmax
"""


def totals(graph: Graph) -> tuple[int, int]:
    figures = analyze(graph).totals
    return figures.params, figures.macs


def test_lenet_has_the_papers_parameters() -> None:
    # 6 (25+1) + 6 x 2 + 25 x 60 + 16 + 16 x 2 + 120 (16 x 25 + 1) + 84 (120 + 1) = 60,000 (section II.B).
    graph = build(LENET)
    assert totals(graph)[0] == 156 + 12 + 1516 + 32 + 48_120 + 10_164 == 60_000
    assert graph.facts.published["params"].value == 60_000
    assert [node.name for node in graph if node.name[0] in "CF"] == [
        "C1",
        "C3",
        "C5.conv1",
        "C5.tanh1",
        "F6.flatten1",
        "F6.fc1",
        "F6.tanh1",
    ]


def test_a_small_network_by_hand() -> None:
    graph = build(
        """
input: 3x8x8
settings: {width: 2}
blocks:
  unit(w, s=1):
    - add:
        - conv 3x3 w s=s bn relu
        - conv 1x1 w s=s bn if s != 1 or C != w
    - relu
layers:
  - repeat: 2
    do: unit 4*width (2 if last else 1)
  - gap | fc 10
"""
    )
    # Convolutions: 8x3x9 + 8x3 at 8x8, 8x8x9 + 8x8 at 4x4; a pair a channel for each of the four BatchNorms; 80 + 10.
    assert totals(graph) == (216 + 24 + 576 + 64 + 4 * 16 + 90, 64 * (216 + 24) + 16 * (576 + 64) + 80)


@pytest.mark.parametrize(
    ("text", "variant", "params", "macs"),
    [
        # torchvision's weights' metadata: num_params, and _ops to three decimals.
        (RESNET, "resnet18", 11_689_512, 1_814_073_344),
        (RESNET, "resnet50", 25_557_032, 4_089_184_256),
        (RESNET, "resnext50_32x4d", 25_028_904, 4_230_479_872),
        (RESNET, "wide_resnet50_2", 68_883_240, 11_398_021_120),
        (MOBILENET_V2, None, 3_504_872, 300_774_272),
        (DENSENET, None, 7_978_856, 2_834_161_664),
    ],
)
def test_torchvisions_networks(text: str, variant: str | None, params: int, macs: int) -> None:
    assert totals(build(text, variant)) == (params, macs)


@pytest.mark.parametrize(
    ("text", "params", "macs", "tolerance"),
    [
        (DPN, 37.8e6, 6.5e9, 0.006),  # Chen et al. 2017, Table 1, DPN-92
        (NASNET, 5.3e6, 564e6, 0.003),  # Zoph et al. 2017, Table 2, 4 @ 1056
    ],
)
def test_papers_networks(text: str, params: float, macs: float, tolerance: float) -> None:
    computed = totals(build(text))
    assert computed[0] == pytest.approx(params, rel=tolerance)
    assert computed[1] == pytest.approx(macs, rel=tolerance)


@pytest.mark.parametrize(("res", "macs"), [("224", 97_131_840), ("160", 50_184_000)])
def test_settings_reach_every_block(res: str, macs: int) -> None:
    # torchvision's mobilenet_v2(width_mult=0.5): its parameters, and half of FlopCounterMode's count.
    assert totals(build(MOBILENET_V2, settings={"width": "0.5", "res": res})) == (1_968_680, macs)
