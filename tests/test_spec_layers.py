"""Every layer word, in short and in long form: which layer it builds."""

import pytest
from spec_texts import build, layers

from cnnprof.network.analysis import analyze
from cnnprof.network.layers import Layer
from cnnprof.network.layers import activation as act
from cnnprof.network.layers.arrangement import (
    ChannelShuffle,
    Expand,
    Flatten,
    Pad,
    Permute,
    Reshape,
    Select,
    Slice,
)
from cnnprof.network.layers.convolution import Conv, ConvTranspose, PartialConv
from cnnprof.network.layers.elementwise import Arithmetic, Reduce
from cnnprof.network.layers.linear import RBF, Linear, Parameter, ScaledDotProductAttention
from cnnprof.network.layers.merging import Add, Concat
from cnnprof.network.layers.normalization import (
    BatchNorm,
    GlobalResponseNorm,
    GroupNorm,
    LayerNorm,
    LocalResponseNorm,
    Normalize,
)
from cnnprof.network.layers.pooling import (
    AdaptiveAvgPool,
    AdaptiveMaxPool,
    AvgPool,
    MaxIndices,
    MaxPool,
    MaxUnpool,
    Subsample,
)
from cnnprof.network.layers.regularization import Dropout, StochasticDepth
from cnnprof.network.layers.resizing import PixelShuffle, PixelUnshuffle, Upsample
from cnnprof.spec.words import WORDS

INF = float("inf")

TOKENS = [Reshape((1, 3, 1024)), Permute((0, 2, 1))]
"""An image of 3x32x32 as 32 * 32 positions of 3 channels each."""

SHORT = {
    "conv 3x3 8": [Conv(8, (3, 3), (1, 1), (1, 1))],
    "conv 1x7 8": [Conv(8, (1, 7), (1, 1), (0, 3))],
    "conv k=5 4*2 s2": [Conv(8, (5, 5), (2, 2), (2, 2))],
    "conv k=(3, 1) 8": [Conv(8, (3, 1), (1, 1), (1, 0))],
    "conv 3x3 8 s2x1 p0x3": [Conv(8, (3, 3), (2, 1), (0, 3))],
    "conv 3x3 8 s=(2,1) p=0": [Conv(8, (3, 3), (2, 1), (0, 0))],
    "conv 3x3 9 g3 d2 nobias": [Conv(9, (3, 3), (1, 1), (2, 2), (2, 2), 3, False)],
    "conv 4x4 8 p1": [Conv(8, (4, 4), (1, 1), (1, 1))],
    "conv 3x3 0.5*16": [Conv(8, (3, 3), (1, 1), (1, 1))],
    # Output 16 of 32 at stride 2: one row is missing, and TensorFlow adds it behind.
    "conv 3x3 8 s2 same": [Pad(((0, 1), (0, 1))), Conv(8, (3, 3), (2, 2))],
    "conv 5x5 8 same": [Conv(8, (5, 5), (1, 1), (2, 2))],
    "conv 4x4 8 same": [Pad(((1, 2), (1, 2))), Conv(8, (4, 4))],
    "conv 3x3 8 bn relu": [Conv(8, (3, 3), (1, 1), (1, 1), bias=False), BatchNorm(), act.ReLU(True)],
    "conv 3x3 8 relu bn": [Conv(8, (3, 3), (1, 1), (1, 1)), act.ReLU(True), BatchNorm()],
    "conv 3x3 8 bn bias": [Conv(8, (3, 3), (1, 1), (1, 1)), BatchNorm()],
    "conv 3x3 8 ln gelu": [Conv(8, (3, 3), (1, 1), (1, 1)), LayerNorm(channels_first=True), act.GELU(True)],
    "conv 3x3 8 leakyrelu=0.1": [Conv(8, (3, 3), (1, 1), (1, 1)), act.LeakyReLU(True, 0.1)],
    "dw 3x3 s2 bn": [Conv(3, (3, 3), (2, 2), (1, 1), (1, 1), 3, False), BatchNorm()],
    "dw 3x3 2": [Conv(6, (3, 3), (1, 1), (1, 1), (1, 1), 3)],
    "sepconv 3x3 8 s2 nobias": [
        Conv(3, (3, 3), (2, 2), (1, 1), (1, 1), 3, False),
        Conv(8, (1, 1), bias=False),
    ],
    "deconv 4x4 8 s2 p1": [ConvTranspose(8, (4, 4), (2, 2), (1, 1))],
    "deconv 3x3 8 s2 output_pad=1": [ConvTranspose(8, (3, 3), (2, 2), (1, 1), (1, 1))],
    "deconv 3x3 8 s2 same": [ConvTranspose(8, (3, 3), (2, 2), (1, 1), (1, 1))],
    "deconv 2x2 8 s2 same": [ConvTranspose(8, (2, 2), (2, 2))],
    "fc 10": [Flatten(), Linear(10)],
    "fc 10 nobias tanh": [Flatten(), Linear(10, False), act.Tanh(True)],
    "rbf 10": [Flatten(), RBF(10)],
    "maxpool 3x3": [MaxPool((3, 3), (3, 3))],
    "maxpool 3x3 s2 p1 ceil": [MaxPool((3, 3), (2, 2), (1, 1), True)],
    "maxpool 3x3 s2 same": [Pad(((0, 1), (0, 1)), value=-INF), MaxPool((3, 3), (2, 2))],
    "maxpool 3x3 s1 same": [MaxPool((3, 3), (1, 1), (1, 1))],
    # Half of the kernel is all that torch's pool pads itself, and 2 + 2 are missing.
    "maxpool 3x3 s1 d2 same": [Pad(((2, 2), (2, 2)), value=-INF), MaxPool((3, 3), (1, 1), dilation=(2, 2))],
    "maxpool 3x3 s1 d2": [MaxPool((3, 3), (1, 1), dilation=(2, 2))],
    "avgpool 3x3 s1 p1": [AvgPool((3, 3), (1, 1), (1, 1), False, True)],
    "avgpool 3x3 s1 p1 exclude_pad": [AvgPool((3, 3), (1, 1), (1, 1), False, False)],
    "avgpool 3x3 s1 same": [AvgPool((3, 3), (1, 1), (1, 1), False, False)],
    "subsample 2x2 sigmoid": [Subsample((2, 2), (2, 2)), act.Sigmoid(True)],
    "gap": [AdaptiveAvgPool((1, 1))],
    "gmp": [AdaptiveMaxPool((1, 1))],
    "adaptive_avgpool 6x6": [AdaptiveAvgPool((6, 6))],
    "adaptive_maxpool 2x3": [AdaptiveMaxPool((2, 3))],
    "bn relu": [BatchNorm(), act.ReLU(True)],
    "bn eps=0.001 noaffine": [BatchNorm(affine=False, eps=0.001)],
    "ln": [LayerNorm(channels_first=True)],
    "ln eps=1e-6": [LayerNorm(channels_first=True, eps=1e-6)],
    "flatten | ln": [Flatten(), LayerNorm()],
    "lrn": [LocalResponseNorm(5, 1e-4, 0.75, 2.0)],
    "lrn 9 alpha=0.01 beta=0.5 k=1": [LocalResponseNorm(9, 0.01, 0.5, 1.0)],
    "relu": [act.ReLU()],
    "relu inplace": [act.ReLU(True)],
    "leakyrelu 0.2": [act.LeakyReLU(False, 0.2)],
    "swish": [act.SiLU()],
    "dropout": [Dropout(0.5)],
    "dropout 0.1": [Dropout(0.1)],
    "dropout 0.1 channels": [Dropout(0.1, channels=True)],
    "droppath 0.2": [StochasticDepth(0.2)],
    "scale 0.1": [Arithmetic("mul", "mul", 0.1)],
    "flatten": [Flatten()],
    "identity | relu": [act.ReLU()],
    "parameter (3, 1, 1)": [Parameter((3, 1, 1))],
    "parameter 3": [Parameter((3,))],
    "shuffle 3": [ChannelShuffle(3)],
    "take 1 3": [Slice(1, 1, 2)],
    "pad 1": [Pad(((1, 1), (1, 1)))],
    "pad 1x2": [Pad(((1, 1), (2, 2)))],
    "pad (0,1) (2,3) value=1": [Pad(((0, 1), (2, 3)), value=1.0)],
    "pad channels=(0,16)": [Pad(((0, 16), (0, 0), (0, 0)))],
    "crop 2": [Pad(((-2, -2), (-2, -2)))],
    "crop (0,1)": [Pad(((0, -1), (0, -1)))],
    "upsample 2": [Upsample((2, 2))],
    "upsample 2x3 bilinear": [Upsample((2, 3), "bilinear")],
    "softmax": [act.Softmax()],
    "gn 3": [GroupNorm(3)],
    "in": [GroupNorm(3, affine=False, instance=True)],
    "in affine": [GroupNorm(3, instance=True)],
    "grn": [GlobalResponseNorm()],
    "l2norm": [Normalize(1)],
    "selu": [act.SELU()],
    "celu 0.25": [act.CELU(alpha=0.25)],
    "hardtanh": [act.Hardtanh()],
    "hardtanh -2 3": [act.Hardtanh(low=-2.0, high=3.0)],
    "conv 1x1 6 | glu": [Conv(6, (1, 1)), act.GLU(1)],
    "logsoftmax": [act.Softmax(1, log=True)],
    "mean": [Reduce("mean", (1,), keepdim=True)],
    "max": [Reduce("amax", (1,), keepdim=True)],
    "sum": [Reduce("sum", (1,), keepdim=True)],
    # An axis is counted from 1, the first behind the batch; -1 is the last, of an image its width.
    "sum axis=2": [Reduce("sum", (2,), keepdim=True)],
    "mean axis=(2,3)": [Reduce("mean", (2, 3), keepdim=True)],
    "max axis=-1": [Reduce("amax", (3,), keepdim=True)],
    "softmax axis=-1": [act.Softmax(3)],
    "logsoftmax axis=2": [act.Softmax(2, log=True)],
    "l2norm axis=3": [Normalize(3)],
    "take 1 3 axis=2": [Slice(2, 1, 2)],
    "tokens | take 1 3 axis=1": [*TOKENS, Slice(1, 1, 2)],
    "tokens | sum axis=1": [*TOKENS, Reduce("sum", (1,), keepdim=True)],
    "parameter (7,4) tokens": [Parameter((1, 7, 4)), Expand((1, 7, 4))],
    "conv 1x1 8 | pixelshuffle 2": [Conv(8, (1, 1)), PixelShuffle(2)],
    "space2depth 4": [PixelUnshuffle(4)],
    "reshape (12,16,16)": [Reshape((1, 12, 16, 16))],
    "permute (3,1,2)": [Permute((0, 3, 1, 2))],
    "chunk 3 -> [a, b, c] | c": [Slice(1, 0, 1), Slice(1, 1, 1), Slice(1, 2, 1)],
    "tokens | chunk 3 -> [a, b, c] | c | fc 5": [*TOKENS, Slice(2, 0, 1), Slice(2, 1, 1), Slice(2, 2, 1), Linear(5)],
    "split (8,24) axis=2 -> [a, b] | a": [Slice(2, 0, 8), Slice(2, 8, 24)],
    "reshape (6,16,32) | unbind axis=2 -> rows | rows[3]": [Reshape((1, 6, 16, 32)), *(Select(2, row) for row in range(16))],
    "reshape (3,8,32) batch=4": [Reshape((4, 3, 8, 32))],
    # The channels of an image whose last axis has them.
    "permute (2,3,1) tokens | ln": [Permute((0, 2, 3, 1)), LayerNorm(channels_first=False)],
    "permute (2,3,1) tokens | fc 5 relu": [Permute((0, 2, 3, 1)), Linear(5), act.ReLU(True)],
    "permute (2,3,1) tokens | gap": [Permute((0, 2, 3, 1)), Reduce("mean", (1, 2))],
    "permute (2,3,1) tokens | gmp": [Permute((0, 2, 3, 1)), Reduce("amax", (1, 2))],
    "permute (2,3,1) tokens | take 1 3": [Permute((0, 2, 3, 1)), Slice(3, 1, 2)],
    "op Permute dims=(0,2,3,1) tokens | fc C+H": [Permute((0, 2, 3, 1)), Linear(35)],
    "tokens": TOKENS,
    "tokens | image 64x16": [*TOKENS, Permute((0, 2, 1)), Reshape((1, 3, 64, 16))],
    "tokens | clstoken": [*TOKENS, Parameter((1, 1, 3)), Expand((1, 1, 3)), Concat(1)],
    "tokens | posembed": [*TOKENS, Parameter((1, 1024, 3)), Add()],
    "tokens | token 5": [*TOKENS, Select(1, 5)],
    # Three heads of one channel each; their queries, keys and values come of one layer.
    "tokens | attention 3 nobias": [
        *TOKENS,
        *(Linear(9, False), Reshape((1, 1024, 3, 3, 1)), Permute((2, 0, 3, 1, 4))),
        *(Select(0, 0), Select(0, 1), Select(0, 2), ScaledDotProductAttention()),
        *(Permute((0, 2, 1, 3)), Reshape((1, 1024, 3)), Linear(3)),
    ],
    "tokens | image": [*TOKENS, Permute((0, 2, 1)), Reshape((1, 3, 32, 32))],
    "tokens | gap": [*TOKENS, Reduce("mean", (1,))],
    "tokens | gmp": [*TOKENS, Reduce("amax", (1,))],
    "tokens | take 1 3": [*TOKENS, Slice(2, 1, 2)],
    "add 1.5": [Arithmetic("add", "add", 1.5)],
    "sub 2": [Arithmetic("sub", "add", 2.0)],
    "rsub 1": [Arithmetic("rsub", "add", 1.0)],
    "mul -0.5": [Arithmetic("mul", "mul", -0.5)],
    "div 255": [Arithmetic("div", "div", 255.0)],
    "pow 2": [Arithmetic("pow", "exp", 2.0)],
    "abs": [Arithmetic("abs", "cmp")],
    "exp": [Arithmetic("exp", "exp")],
    "log": [Arithmetic("log", "exp")],
    "sqrt": [Arithmetic("sqrt", "exp")],
    "conv 3x3 8 nobias prelu single": [Conv(8, (3, 3), padding=(1, 1), bias=False), act.PReLU(inplace=True, single=True)],
    "maxpool 2x2 -> p | relu | unpool p": [MaxPool((2, 2), (2, 2)), act.ReLU(), MaxIndices(), MaxUnpool((32, 32))],
    "maxpool 2x2 | relu relu6": [MaxPool((2, 2), (2, 2)), act.ReLU(), act.ReLU6(True)],
}


@pytest.mark.parametrize("step", SHORT)
def test_the_short_form(step: str) -> None:
    assert [node.layer for node in layers(step)] == SHORT[step]


def test_every_word_is_tested() -> None:
    used = {word for step in SHORT for word in step.replace("=", " ").split()}
    plain = {"prelu", "elu", "softplus", "mish", "hardsigmoid", "hardswish", "silu"}
    assert set(WORDS) <= used | plain


@pytest.mark.parametrize(
    ("word", "layer"),
    [
        ("prelu", act.PReLU()),
        ("elu", act.ELU()),
        ("softplus", act.Softplus()),
        ("mish", act.Mish()),
        ("hardsigmoid", act.Hardsigmoid()),
        ("hardswish", act.Hardswish()),
        ("silu", act.SiLU()),
        ("relu6", act.ReLU6()),
    ],
)
def test_activations(word: str, layer: Layer) -> None:
    assert [node.layer for node in layers(word)] == [layer]


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("conv: {kernel: 3x3, out: 8, stride: 2, pad: 1, norm: bn, act: relu}", "conv 3x3 8 s2 p1 bn relu"),
        ("conv: {kernel: [1, 3], out: 4*2, bias: false}", "conv 1x3 8 nobias"),
        ("conv: {k: 3, out: 8, s: 2, pad: same, act: none}", "conv 3x3 8 s2 same"),
        ("conv: {kernel: '(5, 1)', out: 9, groups: 3, dilation: 2, act: tanh, norm: ln}", "conv 5x1 9 g3 d2 ln tanh"),
        ("dw: {kernel: 3, multiplier: 2}", "dw 3x3 2"),
        ("maxpool: {kernel: 3x3, stride: 2, ceil: true}", "maxpool 3x3 s2 ceil"),
        ("maxpool: {kernel: 3x3, ceil: C > 3}", "maxpool 3x3"),
        ("fc: {out: 10}", "fc 10"),
        ("lrn: {size: 3}", "lrn 3"),
        ("lrn: {}", "lrn"),
        ("gap: {}", "gap"),
        ("leakyrelu: {negative_slope: 0.2, inplace: true}", "leakyrelu 0.2 inplace"),
        ("take: {start: 1, end: 3}", "take 1 3"),
    ],
)
def test_the_long_form_says_the_same(long: str, short: str) -> None:
    assert [node.layer for node in layers(long)] == [node.layer for node in layers(short)]


def test_a_parameter_reads_nothing_and_is_joined_by_broadcasting() -> None:
    graph = layers("mul: [{parameter: {size: '(C, 1, 1)'}}, identity]")
    assert [node.inputs for node in graph] == [(), ("parameter1", "input")]
    assert analyze(graph).costs[-1].output == (1, 3, 32, 32)


def test_a_connection_table() -> None:
    graph = build("input: 2x8x8\ntables:\n  t: |\n    X . X\n    . X X\nlayers: conv 3x3 3 p0 connect=t\n")
    assert [node.layer for node in graph] == [PartialConv(((1, 0, 1), (0, 1, 1)), (3, 3))]


def test_an_activation_works_in_place_only_on_what_its_line_wrote() -> None:
    graph = layers(
        "conv 3x3 8 -> a", "a | relu -> b", "b | identity relu", "a | dropout 0.5 relu", "take 0 4 relu", "flatten relu"
    )
    assert [node.layer.inplace for node in graph if isinstance(node.layer, act.ReLU)] == [False] * 5
