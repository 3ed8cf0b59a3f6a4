"""Attention in windows, on grids and with fewer keys; shares among branches: beside other people's modules."""

import pytest
from spec_texts import build, layers

from cnnprof.errors import CnnprofError
from cnnprof.network.analysis import analyze

KINDS = (
    "attention 4",
    "attention 4 window=4",
    "attention 4 window=4 shift=2",
    "attention 4 window=5 shift=2 relpos",  # 12 and 8 are no multiples of 5: padded to 15 and 10
    "attention 4 window=16 shift=3 relpos",  # one window, which is not shifted
    "attention 2 grid=4 relpos",
    "attention 2 dilation=2 nobias",
    "attention 2 relpos",
    "attention 2 reduce=4",
)


@pytest.mark.torch
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("word", KINDS)
def test_attention_is_the_module_that_is_built_of_it(word: str, batch: int) -> None:
    from cnnprof.measure.counters import count_with_torch
    from cnnprof.torch_bridge.build import build as module_of
    from cnnprof.torch_bridge.capture import capture

    graph = build(f"input: 16x12x8\nlayers: tokens | {word} | image | conv 3x3 8\n", batch=batch)
    totals = analyze(graph).totals
    module = module_of(graph).eval()
    seen = analyze(capture(module, graph.input_shape, "built")).totals
    assert (seen.params, seen.ops, seen.activations) == (totals.params, totals.ops, totals.activations)
    assert count_with_torch(module, graph.input_shape).total == 2 * totals.macs


@pytest.mark.torch
@pytest.mark.parametrize(("size", "window", "shift"), [((14, 14), 7, 3), ((16, 9), 7, 3), ((7, 7), 7, 3), ((8, 8), 4, 0)])
def test_windows_are_those_of_torchvision(size: tuple[int, int], window: int, shift: int) -> None:
    from cnnprof.measure.counters import count_with_torch
    from cnnprof.torch_bridge.requirements import import_torchvision

    theirs = import_torchvision().models.swin_transformer.ShiftedWindowAttention(24, [window] * 2, [shift] * 2, 3).eval()
    step = f"tokens | attention 3 window={window} shift={shift} relpos"
    totals = analyze(build(f"input: 24x{size[0]}x{size[1]}\nlayers: {step}\n")).totals
    assert totals.params == sum(parameter.numel() for parameter in theirs.parameters())
    # torchvision's takes (N, H, W, C); its counter sees two operations for each multiply-accumulate.
    assert 2 * totals.macs == count_with_torch(theirs, (1, *size, 24)).total


@pytest.mark.torch
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(
    ("word", "sizes"),
    [("keys=memory", {}), ("keys=memory values=features", {"kdim": 10, "vdim": 6}), ("values=x", {})],
)
def test_attention_to_other_tokens_is_that_of_torch(word: str, sizes: dict[str, int], batch: int) -> None:
    from torch import nn

    from cnnprof.measure.counters import count_with_torch
    from cnnprof.torch_bridge.build import build as module_of
    from cnnprof.torch_bridge.capture import capture

    graph = build(
        "input: 3x8x6\nlayers:\n"
        f"  - tokens | fc {sizes.get('kdim', 8)} -> memory\n  - fc {sizes.get('vdim', 8)} -> features\n"
        f"  - parameter (5,8) tokens -> x\n  - attention 4 {word}\n",
        batch=batch,
    )
    keys = 5 if word == "values=x" else 48
    theirs = nn.MultiheadAttention(8, 4, batch_first=True, **sizes).eval()
    shapes = [(batch, 5, 8), (batch, keys, sizes.get("kdim", 8)), (batch, keys, sizes.get("vdim", 8))]
    before = sum(
        cost.params
        for cost in analyze(graph).costs
        if cost.node.name in ("memory.fc1", "features", "parameter1", "x.parameter1")
    )
    totals, macs = analyze(graph).totals, {cost.node.name: cost.ops.mac for cost in analyze(graph).costs}
    assert totals.params - before == sum(parameter.numel() for parameter in theirs.parameters())
    outside = macs["memory.fc1"] + macs["features"]
    assert 2 * (totals.macs - outside) == count_with_torch(theirs, *shapes).total
    module = module_of(graph).eval()
    seen = analyze(capture(module, graph.input_shape, "built")).totals
    assert (seen.params, seen.ops, seen.activations) == (totals.params, totals.ops, totals.activations)
    assert count_with_torch(module, graph.input_shape).total == 2 * totals.macs


def test_heads_may_have_any_size() -> None:
    # 4 heads of 6 channels each: 24 in all, of 16. Queries, keys and values 3 x 24 x (16 + 1), and back 16 x (24 + 1).
    totals = analyze(build("input: 16x12x8\nlayers: tokens | attention 4 head_dim=6\n")).totals
    assert totals.params == 3 * 24 * 17 + 16 * 25
    assert totals.macs == 96 * 16 * 72 + 2 * 96 * 96 * 24 + 96 * 24 * 16


def test_attention_at_a_distance_costs_what_the_groups_cost() -> None:
    # 12 x 8 positions: 2 x 2 groups of 6 x 4 tokens, or 4 x 4 tokens in each of 3 x 2 groups.
    whole, apart, grid = (
        analyze(build(f"input: 16x12x8\nlayers: tokens | {word}\n")).totals.macs
        for word in ("attention 4", "attention 4 dilation=2", "attention 4 grid=4")
    )
    linear = 96 * 16 * 64
    assert whole == linear + 2 * 96 * 96 * 16
    assert apart == linear + 4 * 2 * 24 * 24 * 16
    assert grid == linear + 6 * 2 * 16 * 16 * 16


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("attention 4 window=4", "works on tokens"),
        ("tokens | clstoken | attention 4 window=4", "these tokens have none"),
        ("tokens | attention 4 window=4 grid=2", "takes one of window and grid"),
        ("tokens | attention 4 shift=2", "there are none"),
        ("tokens | attention 4 grid=5", "no multiple of 5"),
        ("tokens | attention 4 reduce=33", "leaves nothing"),
        ("tokens | attention 5", "cannot be split into 5 heads"),
        ("relu -> m | tokens | attention 4 keys=m", "'keys' names tokens, not a tensor of 16x32x32"),
        ("tokens -> m | attention 4 keys=m window=4", "takes other tokens whole, without window"),
        ("tokens -> m | take 0 5 axis=1 | attention 4 values=m", "takes as many values as keys, not 1024 and 5"),
        ("softmax axis=4", "'axis' is one of 1 to 3 here, -1 being the last, not 4"),
        ("softmax axis=0", "'axis' is one of 1 to 3"),
        ("softmax axis=(2,3)", "works along one axis, not 2"),
        ("mean axis=(2,2)", "'axis' is one of 1 to 3"),
        ("parameter 5 tokens", "channels behind them, not one axis"),
        ("tokens | clstoken | image", "not the positions of an image"),
        ("tokens | conv 3 8", "takes channels in front"),
        ("tokens | bn", "takes channels in front"),
        ("tokens | maxpool 2", "takes channels in front"),
        ("tokens | prelu", "takes channels in front"),
        ("unpool 3", "takes the name of a max pooling's output"),
        ("relu -> a | unpool a", "takes the name of a max pooling's output"),
        ("maxpool 3x3 s2 same -> a | unpool a", "takes the name of a max pooling's output"),
        ("div 0", "divides by 0"),
        ("add", "there is no number"),
    ],
)
def test_what_does_not_fit_is_said(steps: str, message: str) -> None:
    with pytest.raises(CnnprofError, match=message):
        build(f"input: 16x32x32\nlayers: {steps}\n")


def test_branches_share_what_there_is() -> None:
    graph = layers("{softmax: [relu, sigmoid, tanh], name: [a, b, c]}", "mul: [a, c]")
    shapes = {cost.node.name: cost.output for cost in analyze(graph).costs}
    assert shapes["softmax1"] == (1, 3, 3, 32, 32)
    assert graph.nodes[-1].inputs == ("share1", "share3")
    assert shapes["mul1"] == (1, 3, 32, 32)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("- softmax: [relu]", "takes two or more, not 1"),
        ("- softmax: [relu, conv 1x1 4]", "branches of one shape"),
        ("- sub: [relu, tanh, identity]", "'sub' takes 2 branches, not 3"),
        ("- matmul: [relu]", "'matmul' takes 2 branches, not 1"),
        ("- {softmax: [relu, tanh], name: [a, b, c]}", "here are 2 outputs, and 3 names"),
        ("- {concat: [relu, tanh], axis: 4}", "concat: 'axis' is one of 1 to 3 here, -1 being the last, not 4"),
        ("- mul: [tokens, 'parameter (C,1,1)']", "'parameter (C)' holds a number for each channel"),
        ("- mul: [relu, 'parameter (5,C,1,1)']", "a parameter of 5x3x1x1 would make a batch of its own of 3x8x8"),
        ("- matmul: [tokens, 'parameter (2,3,4)']", "a parameter of 2x3x4 would make a batch of its own of 64x3"),
        ("- {add: [relu, tanh], axis: 2}", "'add' has no key 'axis'"),
        ("- concat: [tokens, tokens | take 0 5 axis=1]", "'axis: 1' beside 'concat' puts tokens behind tokens"),
    ],
)
def test_joins_that_do_not_fit_are_said(step: str, message: str) -> None:
    with pytest.raises(CnnprofError) as caught:
        build(f"input: 3x8x8\nlayers:\n  {step}\n")
    assert message in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    ("step", "column", "hint", "mended"),
    [
        ("attention 4 m", 17, "keys and values of other tokens have names: keys=m", "attention 4 keys=m"),
        ("attention 4 memory=m", 17, "write keys=m", "attention 4 keys=m"),
        ("attention 4 dim_head=8", 17, "write head_dim=8", "attention 4 head_dim=8"),
        ("attention 4 qkv_bias=False", 17, "write nobias", "attention 4 nobias"),
        ("cross_attention 4 m", 5, "other tokens are options: 'attention 8 keys=memory'", "attention 4 keys=m"),
        ("queries 100 16", 5, "learned tokens are 'parameter (100,256) tokens'", "parameter (100,16) tokens"),
        ("softmax -1", 13, "write axis=-1", "softmax axis=-1"),
        ("mean 1", 10, "write axis=1", "mean axis=1"),
        ("take 0 1 dim=1", 14, "write axis=1", "take 0 1 axis=1"),
        (
            "bmm: [m, m]",
            5,
            "the join 'matmul' multiplies two branches as matrices",
            "permute (2,1) -> n\n  - matmul: [m, n]",
        ),
        (
            "attention: [m, m, m]",
            16,
            "queries, keys and values made by other steps: {op: ScaledDotProductAttention, of: [q, k, v]}",
            "{op: ScaledDotProductAttention, of: [m, m, m]}",
        ),
    ],
)
def test_words_of_other_libraries_lead_to_those_of_tokens(step: str, column: int, hint: str, mended: str) -> None:
    head = "input: 16x8x8\nlayers:\n  - tokens -> m\n"
    with pytest.raises(CnnprofError) as caught:
        build(f"{head}  - {step}\n")
    assert (caught.value.place.line, caught.value.place.column, caught.value.hint) == (4, column, hint)
    assert build(f"{head}  - {mended}\n").nodes


def test_a_join_that_is_a_word_too_has_a_long_form() -> None:
    said = [build(f"input: 3x8x6\nlayers:\n  - {step}\n").nodes[0].layer for step in ("mean axis=2", "{mean: {axis: 2}}")]
    assert said[0] == said[1]


def test_concat_works_along_any_axis() -> None:
    graph = build(
        "input: 3x8x6\nlayers:\n  - {concat: [identity, maxpool 2x1], axis: 2}\n  - {concat: [relu, identity], axis: -1}\n"
        "  - tokens -> x\n  - {concat: [identity, x | take 0 5 axis=1], axis: 1}\n  - {concat: [identity, gelu]}\n"
    )
    assert [cost.output[1:] for cost in analyze(graph).costs if cost.node.layer.type == "Concat"] == [
        (3, 12, 6),
        (3, 12, 12),
        (149, 3),
        (149, 6),
    ]


@pytest.mark.torch
def test_unpooling_puts_the_maxima_back() -> None:
    import torch

    from cnnprof.torch_bridge.build import build as module_of

    text = "input: 2x7x6\nlayers:\n  - maxpool 2x2 -> a\n  - conv 1x1 2 -> b\n  - a | unpool a -> c\noutputs: [b, c]\n"
    module = module_of(build(text)).eval()
    x = torch.rand(1, 2, 7, 6)
    found = module(x)["c"]
    kept = torch.nn.functional.max_pool2d(x, 2)
    assert found.shape == x.shape
    assert found[found > 0].sort().values.equal(kept.flatten().sort().values)
    assert (found[found > 0] == x[found > 0]).all()


def test_an_output_may_be_called_add() -> None:
    graph = layers("add 1 -> add", "relu", "mul: [add, identity]")
    assert graph.nodes[-1].inputs == ("add", "relu1")


MIXER = """
input: 6x8x8
layers:
  - conv 2x2 12 s2 p0 | tokens
  - add: [identity, "ln | permute (2,1) tokens | fc 5 gelu | fc 16 | permute (2,1) tokens"]
  - ln | gap | fc 3
"""


@pytest.mark.torch
def test_a_mixer_turns_tokens_round() -> None:
    from cnnprof.measure.counters import count_with_torch
    from cnnprof.torch_bridge.build import build as module_of

    graph = build(MIXER)
    totals = analyze(graph).totals
    # The patches, the normalizations, 16 -> 5 -> 16 among the tokens, and the classes.
    assert totals.params == 12 * (24 + 1) + 2 * 24 + (16 * 5 + 5) + (5 * 16 + 16) + 3 * 13
    assert totals.macs == 16 * 12 * 24 + 12 * 2 * 16 * 5 + 12 * 3
    module = module_of(graph).eval()
    assert sum(weights.numel() for weights in module.parameters()) == totals.params
    assert count_with_torch(module, graph.input_shape).total == 2 * totals.macs


def test_what_is_turned_to_tokens_is_no_image_any_more() -> None:
    assert analyze(layers("reshape (64,48) tokens | fc 5")).costs[-1].output == (1, 64, 5)
    with pytest.raises(CnnprofError, match="these 48 tokens are not the positions of an image"):
        layers("reshape (64,48) tokens | permute (2,1) tokens | image")
    with pytest.raises(CnnprofError, match="channels behind them, not one axis"):
        layers("reshape 3072 tokens")
    with pytest.raises(CnnprofError, match="takes channels in front"):
        layers("reshape (64,48) tokens | conv k=3 8")
