"""What people write who come from tables of papers, other libraries and other languages; what the hint says can be written."""

import pytest
from spec_texts import build

from cnnprof.errors import CnnprofError

HEAD = """input: 8x32x32
settings: {s: 1, width: 8, depths: [2, 3], kind: deep}
blocks:
  basic(w, s=1): conv 3x3 w s=s
layers:
"""
BULLET = "each step of a list begins with '- ', a minus sign and a blank"
FORM_OF_A_FILE = "it begins as in 'input: 3x224x224' and 'layers:', with a step a line below"
SIGNATURE = "arguments have no types, and a default has the sign =: unit(w, s=1)"
CONV = "as in 'conv 3x3 64 s2 bn relu': kernel, filters, options"
NAMED = "'->' names the output"
BEHIND_ITS_STEP = "a condition stands behind its step, as in 'relu if C > 8'"
KNOWN = "how many channels come in is known: leave the number out"

MISTAKES = [
    ("conv 3x3 64 filters", 17, "a number stands alone: leave 'filters' out", "conv 3x3 64"),
    ("conv 64 filters 3x3", 13, "a number stands alone: leave 'filters' out", "conv 64 3x3"),
    ("fc 1000 classes", 13, "a number stands alone: leave 'classes' out", "fc 1000"),
    ("conv 3x3 64 with stride 2", 17, "options stand without another word between, as in stride=2", "conv 3x3 64 stride=2"),
    ("conv 3x3/2 64", 10, "write 3x3 s2", "conv 3x3 s2 64"),
    ("maxpool 3x3/2", 13, "write 3x3 s2", "maxpool 3x3 s2"),
    ("maxpool 3x3 2", 17, "further numbers have letters: s2 is a stride, p2 a padding", "maxpool 3x3 s2"),
    ("conv 3x3 64 2 1", 17, "further numbers have letters: s2 is a stride, p2 a padding", "conv 3x3 64 s2 p1"),
    ("conv 3x3 64 s=2,2", 17, "write s=2x2", "conv 3x3 64 s=2x2"),
    ("conv 3x3 64 s-2", 17, "write s2", "conv 3x3 64 s2"),
    ("conv 3x3 64 s(2)", 17, "write s2", "conv 3x3 64 s2"),
    ("conv 3x3 64 k=3", 17, "it stands already as '3x3'", "conv 3x3 64"),
    ("conv 3x3 64 p1 p2", 20, "it stands already as 'p1'", "conv 3x3 64 p1"),
    ("conv 3x3 64 f64", 17, "the number of filters stands alone: write 64", "conv 3x3 64"),
    ("conv k3 64", 13, "a kernel is written 3x3 or k=3", "conv k=3 64"),
    ("conv s 64", 12, "a kernel is written k=s", "conv k=s 64"),
    ("conv 3x3 num_output=64", 14, "write 64 alone", "conv 3x3 64"),
    ("conv 3x3 8 nn.ReLU(inplace=True)", 16, "write relu", "conv 3x3 8 relu"),
    ("conv 3x3 8 F.relu", 16, "write relu", "conv 3x3 8 relu"),
    ("conv 3x3 8 (relu)", 16, "write relu", "conv 3x3 8 relu"),
    ("conv 3x3 8 'relu'", 16, "write relu", "conv 3x3 8 relu"),
    ("conv 3x3 8 h-swish", 16, "write hardswish", "conv 3x3 8 hardswish"),
    ("conv 3x3 8 relu-6", 16, "write relu6", "conv 3x3 8 relu6"),
    ("conv 3x3 8 None", 16, "what there is none of is left out: leave 'None' out", "conv 3x3 8"),
    ("conv 3x3 8 activation=None", 16, "leave 'activation' out", "conv 3x3 8"),
    ("conv 3x3 8 leakyrelu(0.1)", 16, "write leakyrelu=0.1", "conv 3x3 8 leakyrelu=0.1"),
    ("conv 3x3 8 LeakyReLU(0.1)", 16, "write leakyrelu=0.1", "conv 3x3 8 leakyrelu=0.1"),
    ("conv 3x3 8 lrelu=0.1", 16, "write leakyrelu=0.1", "conv 3x3 8 leakyrelu=0.1"),
    ("conv 3x3 8 leakyrelu 0,1", 26, "a decimal has a point: write 0.1", "conv 3x3 8 leakyrelu=0.1"),
    ("conv 3x3 8 bn(eps=0.001)", 16, "write bn eps=0.001", "conv 3x3 8 bn eps=0.001"),
    ("conv 3x3 8 bn epsilon=0.001", 19, "write eps=0.001", "conv 3x3 8 bn eps=0.001"),
    ("conv 3x3 8 bn affine=False", 19, "write noaffine", "conv 3x3 8 bn noaffine"),
    ("bn 1e-3", 8, "its options have names: eps= momentum=", "bn eps=1e-3"),
    ("ln (8,32,32)", 8, KNOWN, "ln"),
    ("ln normalized_shape=32", 8, "what comes in is known: leave 'normalized_shape' out", "ln"),
    ("lrn local_size=5", 9, "write 5 alone", "lrn 5"),
    ("lrn 5 0.0001 0.75", 11, "its options have names: alpha= beta= k=", "lrn 5 alpha=0.0001 beta=0.75"),
    (
        "lrn 5 alpha=1e-4,beta=0.75",
        11,
        "blanks separate what a layer takes: write alpha=1e-4 beta=0.75",
        "lrn 5 alpha=1e-4 beta=0.75",
    ),
    ("maxpool 2,2", 13, "write 2x2", "maxpool 2x2"),
    ("adaptive_avgpool 7,7", 22, "write 7x7", "adaptive_avgpool 7x7"),
    ("upsample size=64,64", 14, "write size=64x64", "upsample size=64x64"),
    ("reshape 8,1024", 13, "write (8,1024)", "reshape (8,1024)"),
    ("reshape 8x1024", 13, "sizes in a list have commas: write (8,1024)", "reshape (8,1024)"),
    ("take 0:2", 10, "write 0 2", "take 0 2"),
    ("take 0-2", 10, "write 0 2", "take 0 2"),
    ("avgpool global", 13, "over the whole image the word is 'gap'", "gap"),
    ("max 2x2", 9, "'max' is over the channels; a window has the word 'maxpool'", "maxpool 2x2"),
    ("maxpool 2x2 return_indices=True", 17, "no figure depends on it: leave 'return_indices' out", "maxpool 2x2"),
    ("deconv 3x3 8 s2 p1 output_padding=1", 24, "write output_pad=1", "deconv 3x3 8 s2 p1 output_pad=1"),
    ("deconv 3x3 8 s2 p1 op1", 24, "write output_pad=1", "deconv 3x3 8 s2 p1 output_pad=1"),
    ("downsample 2", 5, "a stride makes a smaller grid, as in 'conv 3x3 64 s2' or 'maxpool 2x2'", "maxpool 2x2"),
    ("fc 1,000", 8, "a number has no commas: write 1000", "fc 1000"),
    ("fc 1k", 8, "write 1000, or 1*k for a product", "fc 1000"),
    ("fc 1000-way", 8, "a number stands alone: write 1000", "fc 1000"),
    ("FC-1000", 5, "write fc 1000", "fc 1000"),
    ("fc1000", 5, "write fc 1000", "fc 1000"),
    ("fully connected 10", 5, "the word is 'fc'", "fc 10"),
    ("batch norm", 5, "the word is 'bn'", "bn"),
    ("relu 0.1", 10, "a slope below 0 has the word 'leakyrelu': leakyrelu 0.1", "leakyrelu 0.1"),
    ("relu(6)", 5, "the word is 'relu6'", "relu6"),
    ("relu max_value=6", 10, "the word is 'relu6'", "relu6"),
    ("hardtanh min_val=0 max_val=6", 14, "write 0 alone", "hardtanh 0 6"),
    ("gelu approximate=tanh", 10, "no figure depends on it: leave 'approximate' out", "gelu"),
    ("dropout 50", 13, "write 0.5", "dropout 0.5"),
    ("dropout p0.5", 13, "write 0.5", "dropout 0.5"),
    ("dropout0.5", 5, "write dropout 0.5", "dropout 0.5"),
    ("Dropout(p=0.25)", 5, "write dropout 0.25", "dropout 0.25"),
    ("dropout 0.5 spatial", 17, "write 'channels'", "dropout 0.5 channels"),
    (
        "dropout keep_prob=0.8",
        13,
        "the number is the part that is zeroed: write 1 less what is kept",
        "dropout 0.2",
    ),
    ("pad 1 zeros", 11, "zeros are put in if nothing is said: leave 'zeros' out", "pad 1"),
    ("pad 1 symmetric", 11, "the other modes are 'reflect' and 'replicate'", "pad 1 reflect"),
    ("conv 3x3 8 --> x", 16, "'->' names the output, '|' leads to the next step", "conv 3x3 8 -> x"),
    ("conv 3x3 8 <- x", 16, NAMED, "conv 3x3 8 -> x"),
    ("conv 3x3 8 = x", 16, NAMED, "conv 3x3 8 -> x"),
    ("x := conv 3x3 8", 5, "an output is named behind its step: write ... -> x", "conv 3x3 8 -> x"),
    ("x=conv 3x3 8", 5, "an output is named behind its step: write ... -> x", "conv 3x3 8 -> x"),
    ("w = 8", 5, "a value is named by 'let': write let w = 8", None),
    ("set w = 8", 5, "a value is named by 'let', as in 'let w = 8'", None),
    ("let w = conv 3x3 8", 13, "an output is named behind its step: write conv 3x3 8 -> w", "conv 3x3 8 -> w"),
    ("let w = 8, h = 3", 13, "each value has a 'let' of its own, on its own line", None),
    ("let w 8", 5, "as in 'let w = 8'", None),
    ("conv 3x3 8 , relu", 16, "blanks separate what a layer takes: take out the comma", "conv 3x3 8 relu"),
    ("conv 3x3 8 // the stem", 16, "a comment begins with '#'", "conv 3x3 8 # the stem"),
    ("conv 3x3 8 -- the stem", 16, "a comment begins with '#'", "conv 3x3 8 # the stem"),
    ("conv 3x3 [8]", 14, "a number stands without brackets: 8", "conv 3x3 8"),
    ("conv 3x3 'width'", 14, "a name stands without quotes: width", "conv 3x3 width"),
    ("conv 3x3 4* 2", 14, "an expression with blanks stands in parentheses, as in (4 * w)", "conv 3x3 (4* 2)"),
    ("conv 3x3 depths.1", 20, "an entry of a list is written depths[1]", "conv 3x3 depths[1]"),
    ("conv 3x3 depths", 14, "one entry is depths[0]; a step for each is '- {for: x in depths, do: ...}'", "conv 3x3 depths[0]"),
    ("conv 3x3 in_channels", 14, "the channels that come in are C, those of an output x are x.C", "conv 3x3 C"),
    ("conv 3x3 math.ceil(2.5)", 14, "write ceil(...)", "conv 3x3 ceil(2.5)"),
    ("conv 3x3 float(8)", 14, "numbers need no 'float': / divides to a fraction", "conv 3x3 8"),
    ("conv 3x3 log2(256)", 14, "write log(x, 2)", "conv 3x3 log(256,2)"),
    ("conv 3x3 max 8 16", 14, "a function takes its arguments in parentheses: max(a, b, ...)", "conv 3x3 max(8,16)"),
    ("conv 3x3 8 if s <> 1", 21, "write !=", "conv 3x3 8 if s != 0"),
    ("conv 3x3 8 if s => 1", 21, "write >=", "conv 3x3 8 if s >= 1"),
    ("conv 3x3 8 if s == 1 || width == 8", 26, "write 'or'", "conv 3x3 8 if s == 1 or width == 8"),
    (
        "conv 3x3 8 if s == 1 then relu",
        26,
        "a step stands in front of its condition, as in 'relu if s == 1 else tanh'",
        "conv 3x3 8 if s == 1 else relu",
    ),
    ("conv 3x3 8 IF s == 1", 16, "write 'if', in small letters", "conv 3x3 8 if s == 1"),
    ("if s == 1 conv 3x3 8", 5, BEHIND_ITS_STEP, "conv 3x3 8 if s == 1"),
    ("if s == 1: relu", 5, "write '- if: s == 1' and, below 'if', 'then: ...'", "{if: s == 1, then: relu}"),
    (
        "for i in range(3): relu",
        5,
        "write '- for: i in range(3)' and, below 'for', 'do: ...'",
        "{for: i in range(3), do: relu}",
    ),
    ("conv 3x3 8 if kind == deep", 27, "a text stands in quotes: 'deep'", "conv 3x3 8 if kind == 'deep'"),
    ("-conv 3x3 8", 5, "a '-' is followed by a blank: write - conv", "conv 3x3 8"),
    ("1. conv 3x3 8", 5, BULLET, "conv 3x3 8"),
    ("• conv 3x3 8", 5, BULLET, "conv 3x3 8"),
    ("– conv 3x3 8", 5, BULLET, "conv 3x3 8"),
    ("conv 3x3 ８", 14, "write 8", "conv 3x3 8"),
    ("conv 3х3 8", 10, "write 3x3, with the letter x", "conv 3x3 8"),
    ("conv 3x3 width−1", 14, "write width-1", "conv 3x3 width-1"),
    ("conv 3x3 width×2", 14, "write width*2", "conv 3x3 width*2"),
    ("conv 3x3\u200b 8", 10, "write 3x3", "conv 3x3 8"),
    ("conv 3x3 8 ‘relu’", 16, "write relu", "conv 3x3 8 relu"),
    ("basic s=2 8", 15, "write 8 in front of them", "basic 8 s=2"),
    ("basic 8 s2", 13, "an argument by name has its sign: write s=2", "basic 8 s=2"),
    ("basic 8 stride=2", 13, "its signature is basic(w, s=1)", "basic 8 s=2"),
    ("basic 8 bn relu", 5, "its signature is basic(w, s=1); a layer behind it is '| bn'", "basic 8 | bn relu"),
    ("conv: {kernel 3, out: 8}", 12, "a ':' and a blank stand between a key and its value: write kernel: 3", None),
    ("conv: {kernel: 3, out: 8, bn: true}", 31, "write norm: bn", "conv: {kernel: 3, out: 8, norm: bn}"),
    ("conv: {kernel: 3, out: 8, act: ReLU}", 36, "the word is 'relu'", "conv: {kernel: 3, out: 8, act: relu}"),
    ("conv: {kernel: 3, out: 8, norm: batchnorm}", 37, "the word is 'bn'", "conv: {kernel: 3, out: 8, norm: bn}"),
    ("conv: {kernel: 3, out: 8, pad: valid}", 36, "without padding is pad: 0", "conv: {kernel: 3, out: 8, pad: 0}"),
    ("conv: {kernel: 3, out: 8, name: stem}", 31, "'name' stands beside 'conv', aligned with it", None),
    ("conv: [3x3, 8]", 11, "write '- conv 3x3 8', without the colon", "conv 3x3 8"),
    ("Conv: {kernel: 3, out: 8}", 5, "the word is 'conv'", "conv: {kernel: 3, out: 8}"),
    ("add:[identity, relu]", 5, "a ':' is followed by a blank: write add: [identity, relu]", "add: [identity, relu]"),
    ("add: [identity conv 3x3 8]", 20, "write '| conv', or a comma before 'conv' for another entry of the list", None),
    ("concat: {axis: 1, a: relu, b: tanh}", 14, "'axis' stands beside 'concat', aligned with it", None),
    ("concat: [relu, tanh] axis=1", 26, "'axis' stands beside 'concat', aligned with it", "{concat: [relu, tanh], axis: 1}"),
    ("elif: s == 1", 5, "another condition stands in the last: 'else: {if: ..., then: ...}'", None),
    ("{repeat: 3, body: relu}", 17, "the key is 'do'", "{repeat: 3, do: relu}"),
    ("conv 3x3 8 s2p1", 16, "write s2 p1", "conv 3x3 8 s2 p1"),
    ("conv [3x3] 8", 10, "write 3x3", "conv 3x3 8"),
    ("conv 3,3 8", 10, "write 3x3", "conv 3x3 8"),
    ("conv 3x3 8,16", 14, "a layer has one number of outputs", None),
    ("[3x3, 64] x 3", 15, "steps are repeated by '- {repeat: 3, do: [...]}'", "{repeat: 3, do: [conv 3x3 64]}"),
    ("3x3, 64", 5, "the word comes first, as in 'conv 3x3'", "conv 3x3 64"),
    ("7x7/2 conv 64", 5, "the word comes first, as in 'conv 7x7 s2'", "conv 7x7 s2 64"),
    ("3x3 max pool, stride 2", 5, "the word comes first, as in 'maxpool 3x3'", "maxpool 3x3"),
    ("1000-d fc", 5, "write fc 1000", "fc 1000"),
    ("conv1x1, 8", 5, "write conv 1x1", "conv 1x1 8"),
    ("conv, 3x3 8", 5, "blanks separate what a layer takes: write conv", "conv 3x3 8"),
    ("slim.conv2d(net, 32, [3, 3])", 5, "the word is 'conv', " + CONV, "conv 3x3 64 s2 bn relu"),
    ("self.stem = nn.Conv2d(3, 8, 3)", 5, "an output is named behind its step: write ... -> stem", "conv 3x3 8 -> stem"),
    ("MBConv6 3x3", 5, "a paper's block is written under 'blocks'; cnnprof init --from efficientnet_b0 shows one", None),
    ("ConvBlock 64", 5, "it is one line: 'conv 3x3 64 bn relu'", "conv 3x3 64 bn relu"),
    ("bilinear 2", 5, "write upsample 2 bilinear", "upsample 2 bilinear"),
    ("sum [a, b]", 9, "'sum' is over the channels; outputs are added by '- add: [a, b]'", None),
    ("concat: a b", 13, "write concat: [a, b]", None),
    ("center_crop 28", 5, "'crop 2' cuts off 2 at each side: half of what is too much", "crop 2"),
    ("crop 28x28", 10, "'crop' says how much is cut off at each side, not what is left", "crop 2"),
]


@pytest.mark.parametrize(("step", "column", "hint", "mended"), MISTAKES, ids=[mistake[0] for mistake in MISTAKES])
def test_a_mistake_is_shown_where_it_is_with_what_can_be_written(step, column, hint, mended):
    with pytest.raises(CnnprofError) as caught:
        build(f"{HEAD}  - {step}")
    assert (caught.value.place.line, caught.value.place.column, caught.value.hint) == (6, column, hint)
    if mended is not None:
        assert build(f"{HEAD}  - {mended}").nodes


FILES = [
    (" input: 3x8x8\nlayers: relu", 1, 1, "indent keys alike: those of the file stand at its left edge"),
    ("input: 3x8x8\nlayers:\n  - relu\n  -tanh", 4, 3, "a '-' is followed by a blank: write - tanh"),
    ("input: 3x8x8\nlayers:\n  - relu\n  tanh", 4, 3, BULLET),
    ("input: 3x8x8\nlayers:\n  * relu\n  * tanh", 3, 4, BULLET),
    ("input: 3x8x8\nlayers:\n  - relu\n\t- tanh", 4, 1, "indent with blanks, not tabs"),
    ("input: 3x8x8\nlayers:\n\xa0\xa0- relu\n\xa0\xa0- tanh", 3, 1, "indent with blanks: this one is another sign"),
    ("input: 3x8x8\nlayers:\n  - conv\n    kernel: 3\n    out: 8", 3, 5, "a key is followed by ': '"),
    (
        "input: 3x8x8\nlayers:\n  - conv:\n    kernel: 3\n    out: 8",
        4,
        5,
        "the options of 'conv' stand below it, indented further",
    ),
    ("input: 3x8x8\nlayers:\n  - repeat: 3\n    relu", 4, 5, "the steps of 'repeat' stand behind 'do: '"),
    ("input: 3x8x8\nlayers:\n  - repeat: 3\n    - relu", 4, 5, "the steps of 'repeat' stand behind 'do: '"),
    ("input: 3x8x8\nlayers:\n  - if: C == 3\n    relu", 4, 5, "the steps of 'if' stand behind 'then: '"),
    ("input: 3x8x8\nlayers:\n  - for: k in range(3):\n    do: relu", 3, 23, "take out the colon at its end"),
    ("input: 3x8x8\nlayers:\n  - 'relu\n  - tanh", 3, 5, "a quote that is opened has to be closed"),
    ("input: 3x8x8\nabout: 'it's mine'\nlayers: relu", 2, 12, "the quotes go around the whole text; ' within it is doubled"),
    ("input: 3x8x8\nlayers: [relu, tanh", 2, 9, "every '[' needs its ']'; quote a text that contains brackets"),
    (
        "input: 3x8x8\nlayers:\n  - add:\n  - relu\n  - tanh",
        3,
        9,
        "its branches stand below it, indented further, or behind it: add: [a, b]",
    ),
    (
        "input: 3x8x8\nlayers:\n  - add\n    - relu\n    - tanh",
        4,
        5,
        "a join has a colon: write '- add:' and its branches below it",
    ),
    ("input: 3x8x8\nlayers: - relu", 2, 9, "a list begins on the line below its key"),
    ("input: 3x8x8\nlayers:\n  -- relu", 3, 3, BULLET),
    ("input: 3x8x8\nlayers:\n  - repeat: 2\n    do:\n  - relu", 4, 8, "they stand below it, none further left than 'do'"),
    ("input: 3x8x8\nlayers:\n  - conv: {kernel: 3 out: 8}", 3, 25, "a comma parts entries; one with its own has {...}"),
    ("input: 3x8x8\nlayers:\n  - conv: {kernel: 3, out: 8}}", 3, 30, "take it out"),
    (
        "input: 3x8x8\ntables:\n  t: |\n  w s\n  8 1\nlayers: relu",
        4,
        3,
        "the rows of a table are indented further than its name",
    ),
    ("input: 3x8x8\nlayers:", 2, 8, "steps stand below it, one a line, each with its own '-'"),
    ("layer {\n  name: c\n}", 2, 7, FORM_OF_A_FILE),
    ("input: 3x8x8\nblocks:\n  unit(w: int, s=1): fc w\nlayers: unit 8", 3, 20, SIGNATURE),
    ("input: 3x8x8\nblocks:\n  unit(w)\n    - fc w\nlayers: unit 8", 3, 3, "a signature ends with a colon: unit(w):"),
    ("input: 3x8x8\nblocks:\n  my-unit(w): fc w\nlayers: my_unit 8", 3, 3, "write my_unit"),
    ("input: 3x8x8\nblocks:\n  unit(w s): fc w\nlayers: unit 8 1", 3, 8, "a comma stands between two arguments"),
    (
        "input: 3x8x8\nblocks:\nunit(w):\n  - fc w\nlayers: unit 8",
        3,
        1,
        "a block stands under 'blocks:', indented: and below it 'unit(w):'",
    ),
    ("input: 3x8x8\nparams: {w: 8}\nlayers: fc w", 2, 1, "the key is 'settings'"),
    ("input: 3x8x8\nclasses: 10\nlayers: fc classes", 2, 1, "a value of your own is a setting: settings: {classes: 10}"),
    ("input: 3x8x8\ndescription: mine\nlayers: relu", 2, 1, "the key is 'about'"),
    ("model:\n  input: 3x8x8\n  layers: relu", 1, 1, "the keys of a spec stand at the left edge, without one around them"),
    ("input: 3x8x8\nsettings: {w=8}\nlayers: fc w", 2, 12, "a ':' and a blank stand between a name and its value: write w: 8"),
    ("input: 3x8x8\nsettings: {n: 1,000}\nlayers: fc n", 2, 17, "a comma ends an entry of a mapping: a number has no commas"),
    ("input: 3x8x8\nsettings:\n  n: 1,000\nlayers: fc n", 3, 6, "a number has no commas: write 1000"),
    ("input: 3x8x8\nsettings: {ws: 8 16}\nlayers: {for: w in ws, do: fc w}", 3, 20, "a list is written [8, 16]"),
    (
        "input: 3x8x8\ntables:\n  t:\n    w s\n    8 1\nlayers: {each: t, do: fc w}",
        5,
        5,
        "a table is a text: write '|' behind its colon",
    ),
    ("input: 3x8x8\ntables:\n  t: |\n    8 1\nlayers: {each: t, do: fc w}", 4, 5, "the first row of a table names its columns"),
    (
        "input: 3x8x8\ntables:\n  t: |\n    w\n    8\nlayers: {for: r in t, do: fc w}",
        6,
        20,
        "go through a table with 'each: t', whose columns are names",
    ),
    ("input: 3x8x8\ndefault: small\nlayers: relu", 2, 10, "there are no variants: leave it out"),
    ("input: 3x8x8\ninplace: yes\nlayers: relu", 2, 10, "write true, or leave 'inplace' out"),
    ("input: (32, 32, 3)\nlayers: relu", 1, 8, "write 3x32x32"),
    ("input: [1, 3, 32, 32]\nlayers: relu", 1, 8, "write 3x32x32"),
    ("input: (None, 32, 32, 3)\nlayers: relu", 1, 8, "write 3x32x32"),
    ("input: Nx3x32x32\nlayers: relu", 1, 8, "write 3x32x32"),
    ("input: 3x32x32 NCHW\nlayers: relu", 1, 8, "write 3x32x32"),
    ("input: 32x32x3 hwc\nlayers: relu", 1, 8, "write 32x32x3 HWC"),
    ("input: 3:32:32\nlayers: relu", 1, 8, "write 3x32x32"),
    ("input: 3х32х32\nlayers: relu", 1, 9, "write 3x32x32"),
    ("input: 3xNonexNone\nlayers: relu", 1, 8, "sizes are numbers; --input gives others"),
    ("input: 3x8x8\nlayers: [relu -> a, tanh -> b]\noutputs: [a, c]", 3, 14, "name a step with '-> name'"),
]


@pytest.mark.parametrize(("text", "line", "column", "hint"), FILES, ids=[str(number) for number in range(len(FILES))])
def test_a_mistake_in_a_file_is_shown_where_it_is(text, line, column, hint):
    with pytest.raises(CnnprofError) as caught:
        build(text)
    assert (caught.value.place.line, caught.value.place.column, caught.value.hint) == (line, column, hint)


@pytest.mark.parametrize(
    ("step", "written"),
    [
        ("conv 3x3 max(4,8)", "conv 3x3 8"),
        ("conv 3x3 8 leakyrelu negative_slope=0.2", "conv 3x3 8 leakyrelu=0.2"),
        ("conv 3x3 8 prelu single", "conv 3x3 8 | prelu single inplace"),
        ("conv 3x3 8 bn noaffine relu", "conv 3x3 8 nobias | bn noaffine relu"),
    ],
)
def test_what_a_word_takes_may_stand_behind_it_on_the_line_of_a_layer(step, written):
    assert [node.layer for node in build(f"{HEAD}  - {step}")] == [node.layer for node in build(f"{HEAD}  - {written}")]


def test_one_input_has_a_name_too():
    assert build("inputs: {scene: 3x8x8}\nlayers: [conv 3x3 4, scene | conv 3x3 4 -> b]").nodes[1].inputs == ("scene",)
