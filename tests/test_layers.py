"""Every registered layer: one arithmetic for ints, arrays and symbols; JSON and back; and figures derived by hand."""

import json
from itertools import product

import numpy as np
import pytest
import sympy

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.rules import RULES, LayerMemory, RuleContext, memory_of, rule
from cnnprof.network.dims import Shape
from cnnprof.network.layers import LAYERS, Layer, Ops, ShapeError, layer, layer_from_dict, layer_to_dict
from cnnprof.network.layers.convolution import Conv, ConvTranspose, PartialConv
from cnnprof.network.layers.pooling import AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, MaxPool, Subsample

SIZES = [8, 16, 24, 40, 104]
KINDS = ("mac", "add", "mul", "div", "cmp", "exp")
RUNS = (
    Execution(),
    Execution(dtype="bf16", threads=4),
    Execution(layout="channels_last"),
    Execution(device="cuda", layout="channels_last"),
)


def figures(cls: type[Layer], n: object) -> list[object]:
    """Everything that a layer's rules give for its example at n: shape, parameters, operations, windows, memory."""
    value, inputs = cls.example(n)
    output = value.shape(*inputs)
    ops = value.ops(*inputs, output=output)
    windows = value.window(*inputs) or ()
    counts = [*output, value.params(*inputs), *(getattr(ops, kind) for kind in KINDS)]
    return [
        *counts,
        *(x for window in windows for x in window),
        *(x for run in RUNS for x in memory(value, inputs, output, run)),
    ]


def memory(value: Layer, inputs: tuple[Shape, ...], output: Shape, execution: Execution) -> list[object]:
    """What a layer's memory rule gives, in bytes."""
    found = []
    for needs_input_grad in (False, True):
        held = memory_of(
            value,
            RuleContext(
                inputs,
                output,
                execution,
                layouts=("nchw",) * len(inputs),
                needs_input_grad=needs_input_grad,
                needs_weight_grad=True,
            ),
        )
        found += [held.buffer_bytes, held.workspace, held.saved.extra, held.backward_workspace]
    return found


@pytest.mark.parametrize("cls", LAYERS.values(), ids=LAYERS.keys())
def test_ints_arrays_and_symbols_agree(cls):
    from_ints = [figures(cls, n) for n in SIZES]
    from_array = figures(cls, np.array(SIZES, dtype=np.int64))
    m = sympy.Symbol("m", integer=True, positive=True)
    from_symbol = figures(cls, 8 * m)
    for (at, n), (of, _) in product(enumerate(SIZES), enumerate(from_array)):
        expected = from_ints[at][of]
        assert type(expected) is int, f"{cls.__name__} gives {expected!r} for ints"
        array = from_array[of]
        assert (array[at] if isinstance(array, np.ndarray) else array) == expected
        symbol = from_symbol[of]
        assert (symbol.subs(m, n // 8) if isinstance(symbol, sympy.Expr) else symbol) == expected
    dtypes = {value.dtype for value in from_array if isinstance(value, np.ndarray)}
    assert dtypes <= {np.dtype(np.int64)}


@pytest.mark.parametrize("cls", LAYERS.values(), ids=LAYERS.keys())
def test_layers_survive_json(cls):
    value, _ = cls.example(16)
    assert layer_from_dict(layer_to_dict(value)) == value


@pytest.mark.parametrize("value", [float("-inf"), float("inf")])
def test_infinite_fields_survive_json(value):
    pad = LAYERS["Pad"](((1, 1), (1, 1)), value=value)
    assert layer_from_dict(json.loads(json.dumps(layer_to_dict(pad), allow_nan=False))) == pad


def test_a_second_layer_of_one_name_is_refused():
    with pytest.raises(ValueError, match="'Conv' is registered twice"):
        layer(type("Conv", (Layer,), {}))


def test_every_layer_has_a_memory_rule():
    assert [name for name, cls in LAYERS.items() if cls not in RULES] == []


def test_a_second_memory_rule_of_one_layer_is_refused():
    with pytest.raises(ValueError, match="'Conv' has two memory rules"):
        rule(Conv)(lambda layer, run: LayerMemory())


def test_a_layer_without_a_memory_rule_is_named():
    made_up = type("MadeUp", (Conv,), {})
    with pytest.raises(LookupError, match="'MadeUp' has no memory rule"):
        memory_of(made_up(8, (3, 3)), RuleContext(((1, 8, 8, 8),), (1, 8, 6, 6), Execution()))


def test_large_products_do_not_overflow():
    # 2^14 channels twice, 3x3 window: 9 * 2^28 weights, more than an int32 holds.
    wide = Conv(np.array([2**14]), (3, 3), bias=False)
    assert wide.params((1, np.array([2**14]), 8, 8))[0] == 9 * 2**28


def test_alexnet_conv1_by_hand():
    # 96 (11*11*3 + 1) = 34,944 parameters; (227 - 11)/4 + 1 = 55; 55^2 * 96 * 11^2 * 3 MACs.
    conv = Conv(96, (11, 11), (4, 4))
    x = (1, 3, 227, 227)
    assert conv.shape(x) == (1, 96, 55, 55)
    assert conv.params(x) == 34_944
    assert conv.ops(x, output=conv.shape(x)) == Ops(mac=105_415_200, add=96 * 55 * 55)


def test_lenet_trainable_layers_by_hand():
    # LeNet's C3: 60 connections of 5x5 and 16 biases = 1,516 parameters, 151,600 connections (LeCun 1998: 10x10 maps).
    rows = (
        "X...XXX..XXXX.XX",
        "XX...XXX..XXXX.X",
        "XXX...XXX..X.XXX",
        ".XXX..XXXX..X.XX",
        "..XXX..XXXX.XX.X",
        "...XXX..XXXX.XXX",
    )
    c3 = PartialConv(tuple(tuple(int(c == "X") for c in row) for row in rows), (5, 5))
    x = (1, 6, 14, 14)
    assert c3.params(x) == 1_516
    ops = c3.ops(x, output=c3.shape(x))
    assert ops.mac + ops.add == 151_600
    # S2: 6 maps of 14x14, each cell of a 2x2 window: 12 parameters, 5,880 connections with the bias.
    s2 = Subsample((2, 2), (2, 2))
    x = (1, 6, 28, 28)
    assert s2.params(x) == 12
    assert s2.shape(x) == (1, 6, 14, 14)
    ops = s2.ops(x, output=s2.shape(x))
    # Four terms of the sum and the bias make 4 additions; the coefficient 1 multiplication.
    assert (ops.add, ops.mul) == (4 * 1_176, 1_176)


@pytest.mark.torch
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_pool_sizes_are_torchs(ceil_mode):
    import torch

    for size, kernel, stride, padding in product(range(2, 15), range(1, 5), range(1, 5), range(3)):
        if padding > kernel // 2:
            continue
        ours = MaxPool((kernel, kernel), (stride, stride), (padding, padding), ceil_mode)
        theirs = torch.nn.MaxPool2d(kernel, stride, padding, ceil_mode=ceil_mode)
        try:
            expected = tuple(theirs(torch.empty(1, 1, size, size, device="meta")).shape)
        except RuntimeError:
            with pytest.raises(ShapeError):
                ours.shape((1, 1, size, size))
        else:
            assert ours.shape((1, 1, size, size)) == expected
            assert AvgPool(ours.kernel_size, ours.stride, ours.padding, ceil_mode).shape((1, 1, size, size)) == expected


@pytest.mark.torch
def test_convolution_sizes_are_torchs():
    import torch

    for size, kernel, stride, padding, dilation in product((7, 12), (1, 2, 3, 5), (1, 2, 3), (0, 1, 2), (1, 2)):
        shape = (1, 4, size, size + 1)
        pairs = [(value, value) for value in (kernel, stride, padding, dilation)]
        conv = Conv(6, *pairs, groups=2)
        theirs = torch.nn.Conv2d(4, 6, kernel, stride, padding, dilation, groups=2, device="meta")
        try:
            expected = tuple(theirs(torch.empty(shape, device="meta")).shape)
        except RuntimeError:
            with pytest.raises(ShapeError, match="does not fit"):
                conv.shape(shape)
            continue
        assert conv.shape(shape) == expected
        assert conv.params(shape) == sum(p.numel() for p in theirs.parameters())
        transposed = ConvTranspose(6, pairs[0], pairs[1], pairs[2], dilation=pairs[3], groups=2)
        twin = torch.nn.ConvTranspose2d(4, 6, kernel, stride, padding, groups=2, dilation=dilation, device="meta")
        assert transposed.params(shape) == sum(p.numel() for p in twin.parameters())
        if all(h > 0 for h in transposed.shape(shape)[2:]):
            assert transposed.shape(shape) == tuple(twin(torch.empty(shape, device="meta")).shape)


def test_adaptive_pooling_reads_overlapping_windows():
    # 5 columns into 2 windows: columns 0-2 and 2-4, three each; one of them is read twice.
    ops = AdaptiveAvgPool((1, 2)).ops((1, 1, 1, 5), output=(1, 1, 1, 2))
    assert (ops.add, ops.div) == (6 - 2, 2)
    for size in range(1, 25):
        for out in range(1, 25):
            read = sum(-(-(i + 1) * size // out) - i * size // out for i in range(out))  # the lengths of all windows
            assert AdaptiveMaxPool((out,)).ops((1, 1, size), output=(1, 1, out)).cmp == read - out


def test_adaptive_pooling_to_an_absurd_size_is_no_endless_sum():
    out = 10**12
    assert AdaptiveMaxPool((out,)).ops((1, 1, 7), output=(1, 1, out)).cmp == 7 - 1


@pytest.mark.parametrize(
    ("value", "inputs", "message"),
    [
        (Conv(8, (3, 3), groups=3), [(1, 4, 8, 8)], "4 input channels cannot be split into 3 groups"),
        (Conv(8, (7, 7)), [(1, 3, 5, 9)], "its window of 7 does not fit into an input of 3x5x9; it needs at least 7"),
        (Conv(8, (7, 7), padding=(1, 1)), [(1, 3, 4, 4)], "padded by 1; it needs at least 5"),
        (Conv(8, (3, 3)), [(1, 64)], "takes channels and 2 spatial axes, and its input has the shape 64"),
        (LAYERS["Add"](), [(1, 8, 4, 4), (1, 16, 4, 4)], "cannot join the shapes 8x4x4 and 16x4x4"),
        (LAYERS["Concat"](), [(1, 8, 4, 4), (1, 8, 2, 2)], "cannot concatenate 8x4x4 and 8x2x2"),
        (LAYERS["Slice"](1, 4, 8), [(1, 8, 4, 4)], "takes 8 from 4 on of 8"),
    ],
)
def test_misfits_are_named(value, inputs, message):
    with pytest.raises(ShapeError, match=message):
        value.shape(*inputs)
