"""Mistakes of people who come from Keras, PyTorch, Caffe and Darknet: the hint leads to what is meant, to no other word."""

import re

import pytest
from spec_texts import build, layers

from cnnprof.errors import CnnprofError
from cnnprof.spec.mistakes import _NONE

FORM = "it begins as in 'input: 3x224x224' and 'layers:', with a step a line below"
HEAD = """input: 3x32x32
settings: {s: 1, width: 8}
blocks:
  basic(w, s=1): conv 3x3 w s=s
layers:
"""


@pytest.mark.parametrize(
    ("step", "column", "hint"),
    [
        ("conv 3x3 8 padding='same'", 16, "write 'same' alone"),
        ("conv 3x3 8 activation='relu'", 16, "write 'relu' alone"),
        ("conv 3x3 8 use_bias=False", 16, "write nobias"),
        ("conv 3x3 8 bias=0", 16, "write nobias"),
        ("conv 3x3 8 no bias", 16, "write nobias"),
        ("conv 3x3 8 /2", 16, "a stride is written s2"),
        ("conv 3x3 8 stride:2", 16, "write stride=2"),
        ("conv 3x3 8 s2,p1", 16, "blanks separate what a layer takes: write s2 p1"),
        ("conv 3x3 8 S2", 16, "write s2"),
        ("conv 3x3 8 depthwise", 16, "a depthwise convolution is a word of its own, as in 'dw 3x3'"),
        ("conv 3x3 8 BN", 16, "the word is 'bn'"),
        ("conv 3x3 8 batch_norm relu", 16, "the word is 'bn'"),
        ("conv 3x3 8 lrelu", 16, "the word is 'leakyrelu'"),
        ("conv 3x3 8 linear", 16, "an activation that does nothing is left out"),
        ("conv 3x3 8 norm", 16, "write the word of the norm, such as bn"),
        ("conv 3x3 8 dropout=0.2", 16, "write '| dropout 0.2'"),
        ("conv 3x3 8 pool", 16, "it is a layer of its own: write '| maxpool'"),
        ("conv 3x3 8 x2", 16, "steps are repeated by '- {repeat: 2, do: ...}'"),
        ("conv 3x3 8 *2", 16, "steps are repeated by '- {repeat: 2, do: ...}'"),
        ("conv 3 x 3 8", 12, "a size has no blanks in it, as in 3x3; the filters stand behind it without a sign"),
        ("conv 3x3@8", 10, "write 3x3 8"),
        ("conv 3x3(8)", 10, "write 3x3 8"),
        ("conv (3x3) 8", 10, "write 3x3"),
        ("conv3-64", 5, "write conv 3x3 64"),
        ("conv3x3-64", 5, "write conv 3x3 64"),
        ("conv3 64", 5, "write conv 3x3 64"),
        ("conv 3x3 8 name=x", 16, "an output is named behind its step: -> x"),
        ("conv 3x3 8 with relu", 16, "words behind a layer stand without another between: write relu"),
        ("conv 3x3 8 and relu", 16, "words behind a layer stand without another between: write relu"),
        ("conv 3x3 8 &relu", 16, "words behind a layer stand without signs: write relu"),
        ("conv 3x3 8 → x", 16, "'->' names the output, '|' leads to the next step"),
        ("conv 3x3 8 -> conv", 19, "use another name, such as conv_1"),
        ("conv 3x3 8 in_channels=3", 16, "what comes in is known: leave 'in_channels' out"),
        ("conv 3x3 8 kernel_initializer=he", 16, "no figure depends on it: leave 'kernel_initializer' out"),
        ("conv 3x3 8 leakyrelu 0.1", 26, "write leakyrelu=0.1"),
        ("conv 3x3 8 gn 4", 19, "write gn=4"),
        ("conv 3x3 8 bn 0.1", 19, "its options have names: eps= momentum="),
        ("conv 3x3 8 eps=1e-3 bn", 16, "write bn eps=1e-3"),
        ("conv 3x3 8 s=2 if s == 1 else 1", 35, "numbers are chosen in parentheses: (2 if ... else 1)"),
        ("conv 3x3 C^2", 14, "a power is written **"),
        ("conv 3x3 2C", 14, "a product has its sign: write 2*C"),
        ("conv 3x3 2(C)", 14, "a product has its sign, as in 2*(w + 1)"),
        ("conv 3x3 010", 14, "write 10"),
        ("2x conv 3x3 8", 5, "steps are repeated by '- {repeat: 2, do: ...}'"),
        ("convbnrelu 3x3 8", 5, "write conv ... bn relu"),
        ("dwsconv 3x3 8", 5, "the word is 'sepconv', as in 'sepconv 3x3 64 s2': kernel, filters, options"),
        ("pointwise 8", 5, "it is a convolution of 1x1, as in 'conv 1x1 64'"),
        ("dilated_conv 3x3 8", 5, "dilation is an option, as in 'conv 3x3 64 d2'"),
        ("deformconv 3x3 8", 5, "deformable convolutions are no part of the language"),
        ("Conv2DTranspose 3x3 8", 5, "the word is 'deconv', as in 'deconv 4x4 64 s2 p1': kernel, filters, options"),
        ("global average pool", 5, "the word is 'gap'"),
        ("gap 7x7", 9, "'gap' takes the whole image; a window has the word 'avgpool'"),
        ("adaptive_avgpool 1", 22, "write 1x1, or size=1 for all axes"),
        ("adaptive_avgpool (1,1)", 22, "write 1x1"),
        ("maxpool 2x2 ceil_mode=True", 17, "write ceil"),
        ("avgpool 2x2 count_include_pad=False", 17, "write exclude_pad"),
        ("fc 3072 10", 13, "how many numbers come in is known: write fc 10"),
        ("fc in=512 out=10", 8, "what comes in is known: leave 'in' out"),
        ("connected 10", 5, "the word is 'fc', as in 'fc 1000'"),
        ("spatial_dropout 0.5", 5, "write dropout 0.5 channels"),
        ("dropblock 7", 5, "only training runs it, and it holds no weights: leave it out, or write dropout 0.5"),
        ("bn 64", 8, "how many channels come in is known: leave the number out"),
        ("bn affine=False", 8, "write noaffine"),
        ("rmsnorm", 5, "there is no word for it; '{op: ...}' names a layer type of torch's"),
        ("weightnorm", 5, "it works on weights and is no layer: leave it out"),
        ("quickgelu", 5, "it is a join: '- mul: [identity, scale 1.702 | sigmoid]'"),
        ("crelu", 5, "it is a join: '- concat: [relu, scale -1 | relu]'"),
        ("maxout 2", 5, "it is a join: '- max: [conv 3x3 64, conv 3x3 64]'"),
        ("Activation('relu')", 5, "write relu"),
        ("activation relu", 5, "write relu alone"),
        ("prelu 8", 11, "how many channels come in is known: leave the number out"),
        ("upsample 2 nearest", 16, "the nearest neighbour is taken if nothing is said: leave 'nearest' out"),
        ("upsample 2 mode=nearest", 16, "the nearest neighbour is taken if nothing is said: leave 'nearest' out"),
        ("upsample 2 linear", 16, "of an image it is 'bilinear'"),
        ("upsample 2 align_corners=True", 16, "no figure depends on it: leave 'align_corners' out"),
        ("maxunpool 2x2", 5, "the word is 'unpool', as in 'maxpool 2x2 -> p1' and, further on, 'unpool p1'"),
        ("reorg 2", 5, "the word is 'space2depth', as in 'space2depth 2'"),
        ("reflectionpad 3", 5, "write pad 1 reflect"),
        ("center_crop 28", 5, "'crop 2' cuts off 2 at each side: half of what is too much"),
        ("mean dim=(2,3)", 10, "'mean' is over the channels; over the whole image it is 'gap'"),
        ("mean (2,3)", 10, "'mean' is over the channels; over the whole image it is 'gap'"),
        ("eltwise sum", 5, "the word is 'add', as in '- add: [a, b]'"),
        ("x + y", 5, "outputs are joined by '- add: [a, b]'"),
        ("return x", 5, "a block gives back 'give [a, b]', a network what stands under 'outputs:'"),
        ("output x", 5, "a block gives back 'give [a, b]', a network what stands under 'outputs:'"),
        ("transition", 5, "a paper's block is written under 'blocks'; cnnprof init --from densenet121 shows one"),
        ("c2f 64", 5, "a paper's block is written under 'blocks'; cnnprof init --from yolov8n shows one"),
        ("encoder", 5, "a paper's block is written under 'blocks'; cnnprof init --from vit_b16 shows one"),
        ("aspp", 5, "it is a join: '- concat: [conv 1x1 256, conv 3x3 256 d6, conv 3x3 256 d12]'"),
        ("positional_encoding", 5, "the word is 'posembed'"),
        ("layer_scale", 5, "it is a join: '- mul: [identity, \"parameter (C,1,1)\"]'"),
        ("drop_connect 0.2", 5, "the word is 'droppath', as in 'droppath 0.2'"),
        ("reshape (-1,64)", 13, "write the number itself, as in H*W"),
        ("view -1", 5, "the word is 'reshape', as in 'reshape (4,64,64)'"),
        ("permute (0,2,3,1)", 13, "the batch, which is not named, stays first"),
        ("split 2", 11, "equal parts are 'chunk 2'"),
        ("slice 2", 5, "the word is 'take', as in 'take 0 64': from channel 0 up to, and not with, channel 64"),
        ("loss", 5, "a spec says what a network is, not how it is trained"),
        ("noise 0.1", 5, "only training runs it, and it holds no weights: leave it out, or write dropout 0.5"),
        ("max pool 2x2", 9, "the word is 'maxpool'"),
    ],
)
def test_what_others_write_is_led_to_what_it_means(step, column, hint):
    with pytest.raises(CnnprofError) as caught:
        build(f"{HEAD}  - {step}")
    assert (caught.value.place.line, caught.value.place.column, caught.value.hint) == (6, column, hint)


@pytest.mark.parametrize("word", ["noise_1", "sgdd", "withh", "cbam", "softsignal", "rlstm", "tensor"])
def test_a_word_that_is_like_none_leads_to_none(word):
    with pytest.raises(CnnprofError) as caught:
        layers(word)
    assert caught.value.hint is None


@pytest.mark.parametrize("name", ["skip", "pool", "norm", "linear", "narrow", "dense", "x", "by", "act", "batchnorm", "scale"])
def test_a_setting_may_have_a_name_that_other_libraries_give_to_layers(name):
    head = f"input: 3x32x32\nsettings: {{{name}: 8}}\nblocks: {{basic(w): conv 1x1 w}}\n"
    graph = build(f"{head}layers: [conv 3x3 {name} s2 bn, basic {name}]")
    assert [node.layer.out_channels for node in graph if node.layer.type == "Conv2d"] == [8, 8]


def test_the_joins_and_steps_that_hints_show_can_be_written():
    shown = {found for hint in _NONE.values() for found in re.findall(r"'- (.+:.+)'", hint)}
    assert len(shown) > 7
    for join in sorted(shown):
        assert build(f"input: 64x32x32\nlayers:\n  - {join}").nodes


@pytest.mark.parametrize(
    ("text", "line", "column", "hint"),
    [
        (
            "layers:\n  - if: C == 3\n    then: relu\n  - else: tanh",
            5,
            5,
            "'else' stands under the '-' of its 'if', aligned with it",
        ),
        (
            "layers:\n  - repeat: 2\n    do:\n      - relu\n    - tanh",
            6,
            5,
            "indent the keys of one step alike, and each '-' as the others of its list",
        ),
        ("layers: [relu]\n...\nmore", 4, 1, "a spec ends with the file: take out the '...'"),
        ("layers:\n  - | conv 3x3 8", 3, 7, "a step begins with its word, not with | or >; a text that does is quoted"),
        ("settings: {w: 1,5}\nlayers: relu", 2, 17, "a comma ends an entry of a mapping; a decimal has a point, as in 1.5"),
        (
            "settings:\n  <<: {w: 1}\nlayers: relu",
            3,
            3,
            "YAML's merge keys are not part of the language; a variant overrides settings",
        ),
        ("blocks: {conv(w): fc w}\nlayers: relu", 2, 10, "use another name, such as conv_block"),
        (
            "layers:\n  - {for: i in range(4, 2), do: relu}",
            3,
            25,
            "a comma inside [...] or {...} ends an item in YAML: quote the step, or write it on a line of its own",
        ),
        ("layers:\n  - add: {a: relu, b: tanh, name: y}", 3, 29, "'name' stands beside 'add', aligned with it"),
        ("layers: ['conv 3x3 8 # s2']", 2, 22, "'#' begins a comment outside of quotes only"),
    ],
)
def test_mistakes_of_yaml_and_of_names_say_what_to_write(text, line, column, hint):
    with pytest.raises(CnnprofError) as caught:
        build(f"input: 3x32x32\n{text}")
    assert (caught.value.place.line, caught.value.place.column, caught.value.hint) == (line, column, hint)


def test_a_size_with_a_decimal_is_not_taken_for_one_more_axis():
    with pytest.raises(CnnprofError) as caught:
        build("input: 3x32.5x32\nlayers: relu")
    assert caught.value.hint == "as in 3x224x224, or 3 x res x res"


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("[net]\nwidth=416\n[convolutional]\nfilters=32", 2, FORM),
        ("- conv 3x3 8\n- relu", 1, FORM),
        ("import torch.nn as nn\nnet = nn.Conv2d(3, 8, 3)", 1, FORM),
        (
            '{"class_name": "Sequential", "config": {}}',
            1,
            "this is a model of Keras': name the file net.json or net.keras, and cnnprof summary reads it",
        ),
    ],
)
def test_a_file_of_another_tool_says_how_a_spec_begins(text, line, hint):
    with pytest.raises(CnnprofError) as caught:
        build(text)
    assert (caught.value.place.line, caught.value.hint) == (line, hint)
