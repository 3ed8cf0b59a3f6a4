"""Every mistake in a step of a spec: one message at its line and column, with a hint where one fits."""

import pytest
from spec_texts import build, fault, wiring

from cnnprof.network.analysis import analyze

HEAD = "input: 3x32x32\nsettings: {width: 1.0, n: 2, block: unit, flag: true, depths: [1, 2]}\n"
STEPS = HEAD + "layers:\n"


@pytest.mark.parametrize(
    ("step", "column", "length", "message", "hint"),
    [
        ("conv 3x3 64*widht bn", 17, 5, "unknown name 'widht'", "did you mean 'width'?"),
        (
            "conv 3x3 64*0.33",
            14,
            7,
            "conv: the number of outputs is a whole number, and 64*0.33 = 21.12 is not",
            "write make_divisible(64*0.33, 8) or int(64*0.33)",
        ),
        ("convv 3x3 64", 5, 5, "unknown layer or block 'convv'", "did you mean 'conv' or 'deconv'?"),
        ("conv 3x3 64 rleu", 17, 4, "conv does not take 'rleu'", "did you mean 'relu'?"),
        ("relu | rleu", 12, 4, "unknown layer, block or output 'rleu'", "did you mean 'relu'?"),
        ("conv 3x3 64 maxpool", 17, 7, "'maxpool' is a layer of its own", "write '| maxpool'"),
        ("conv 3x3", 5, 8, "conv: there is no number of outputs", "as in 'conv 3x3 64 s2 bn relu': kernel, filters, options"),
        (
            "conv 64",
            5,
            7,
            "conv: there is no kernel such as 3x3 or k=3",
            "as in 'conv 3x3 64 s2 bn relu': kernel, filters, options",
        ),
        ("conv 3 64", 12, 2, "conv does not take '64'", "a kernel is written 3x3 or k=3"),
        ("conv 4x4 64", 10, 3, "conv: an even kernel must say how it is padded", "add p0, p1 or same"),
        ("conv 3x3 4 * n", 16, 1, "an expression with blanks stands in parentheses", "write (4 * w) or 4*w"),
        ("conv k=(3,1 64", 12, 1, "unbalanced '('", None),
        ("conv 3x3 64)", 16, 1, "unbalanced ')'", None),
        ("conv 3x3 [64)", 17, 1, "unbalanced ')'", None),
        ("conv 3x3 'a", 14, 1, "the quote ' is not closed", None),
        ("conv 3x3 8 q=2", 16, 3, "conv has no option 'q'", None),
        ("conv 3x3 8 strid=2", 16, 7, "conv has no option 'strid'", "did you mean 'stride'?"),
        ("gap x=2", 9, 3, "gap has no option 'x'", "it takes no options"),
        ("gap 2", 9, 1, "gap does not take '2'", "'gap' takes the whole image; a window has the word 'avgpool'"),
        ("conv 3x3 8 s2 s=1", 19, 3, "conv: 'stride' is given twice", None),
        ("conv 3x3 8 bias nobias", 21, 6, "conv: 'bias' and 'nobias' exclude each other", None),
        ("conv 3x3 8 same p1", 21, 2, "conv: 'same' and a padding exclude each other", None),
        ("conv 3x3 0", 14, 1, "conv: the number of outputs is at least 1, not 0", None),
        ("conv 3x3 flag", 14, 4, "conv: the number of outputs is a number, not true", None),
        ("conv 3x3 block", 14, 5, "conv: the number of outputs is a number, not the text 'unit'", None),
        (
            "conv k=(1,2,3) 8",
            12,
            7,
            "conv: the kernel is one number, or a pair of height and width, not the list [1, 2, 3]",
            None,
        ),
        ("conv 3x3 8 s0", 16, 2, "conv: the stride is at least 1, not 0", None),
        ("conv 3x3 8 p=-1", 18, 2, "conv: the padding is at least 0, not -1", None),
        ("conv 9999999999x3 8", 10, 12, "this number is too large", None),
        ("conv 3x3 8 connect=n", 24, 1, "conv: 'connect' names a table, not 2", None),
        ("conv 3x3 8 g5", 5, 13, "conv1 (Conv2d): 3 input channels cannot be split into 5 groups", None),
        (
            "fc 10 | gap",
            13,
            3,
            "gap1 (AdaptiveAvgPool2d): takes channels and 2 spatial axes, and its input has the shape 10",
            None,
        ),
        ("fc 10 | dw 3x3", 13, 6, "dw: takes channels and 2 spatial axes, and its input has the shape 10", None),
        ("fc 10 | fc H", 16, 1, "there is no H here: the output is 1-dimensional", None),
        ("dropout 1.5", 13, 3, "dropout: the probability is from 0 to 1, not 1.5", None),
        ("dropout flag", 13, 4, "dropout: the probability is a number, not true", None),
        ("maxpool 3x3 p2", 17, 2, "maxpool: a pool is padded by at most half its window, not 2 for a window of 3", None),
        ("adaptive_avgpool 5000x1", 22, 6, "adaptive_avgpool: an adaptive pool has at most 4096 positions along an axis", None),
        (
            "take 2 1",
            12,
            1,
            "take: takes no channel from 2 to 1",
            "'take a b' keeps the channels from a up to, and not with, b",
        ),
        ("pad", 5, 3, "pad: says how much, as in 'pad 1', 'pad 1x2', 'pad (0,1) (0,1)' or 'pad channels=(0,16)'", None),
        ("pad (1,2,3)", 9, 7, "pad: height is one number or (before, after), not the list [1, 2, 3]", None),
        ("pad 1x1 1", 13, 1, "pad: takes one of '1x2' and (before, after)", None),
        ("lrn alpha=x", 15, 1, "unknown name 'x'", None),
        ("leakyrelu 0.1 inplace 3", 27, 1, "leakyrelu does not take '3'", None),
        ("xyz", 5, 3, "unknown layer, block or output 'xyz'", None),
        ("n | relu", 5, 1, "'n' is 2, not an output", "name an output with '-> name'"),
        ("use blok 64", 9, 4, "unknown name 'blok'", "did you mean 'block'?"),
        ("use block 64", 9, 5, "unknown block 'unit'", "there are no blocks"),
        ("use n 64", 9, 1, "'use' takes the name of a block, not 2", None),
        ("use", 5, 3, "'use' is followed by an expression that names a block", None),
        ("none", 5, 4, "'none' stands here outside of a join", "'none' leaves out a branch of a join"),
        (
            "none | relu",
            12,
            4,
            "'none' stands before this step and leaves nothing to continue from",
            "'none' leaves out a branch of a join",
        ),
        ("{repeat: 2, do: none}", 5, 1, "'none' stands here outside of a join", "'none' leaves out a branch of a join"),
        ("{aux: none}", 5, 1, "'none' stands here outside of a join", "'none' leaves out a branch of a join"),
        ("{add: [none, none]}", 6, 3, "every branch of this add is none", "one branch has to be left"),
        ("{add: relu}", 11, 4, "'add' joins a list of branches", "write add: [a, b] or one branch a line"),
        ("{add: []}", 11, 1, "'add' has no branches", None),
        ("{concat: [relu, tanh], inplace: true}", 28, 7, "'concat' has no key 'inplace'", None),
        ("{add: [relu, tanh], inplace: maybe}", 34, 5, "'inplace' is true or false, not 'maybe'", None),
        ("{add: [relu, tanh], nam: x}", 25, 3, "'add' has no key 'nam'", "did you mean 'name'?"),
        ("relu if n", 13, 1, "a condition is true or false, not 2", "compare it, as in n > 0"),
        ("relu if flag | tanh", 18, 1, "'|' in a condition", None),
        ("relu if flag -> x", 18, 2, "'->' in a condition", None),
        ("relu else tanh", 10, 4, "an 'else' without an 'if'", None),
        ("relu else tanh if flag", 10, 4, "an 'else' before its 'if'", None),
        ("relu if", 10, 2, "this is not 'STEP if CONDITION' or 'STEP if CONDITION else STEP'", None),
        ("relu if flag else", 10, 2, "this is not 'STEP if CONDITION' or 'STEP if CONDITION else STEP'", None),
        ("relu |", 10, 1, "there is no step behind this '|'", None),
        ("relu | | tanh", 12, 1, "there is no step before this '|'", None),
        ("relu ->", 10, 2, "'->' is followed by a name", None),
        ("relu -> x y", 15, 1, "'-> name' stands at the end of a step", "'|' separates steps"),
        ("relu -> bn", 13, 2, "'bn' cannot name an output: it is a layer", None),
        ("relu -> 3a", 13, 2, "an output is named by letters, digits and _, and does not begin with a digit", None),
        ("relu -> C", 13, 1, "'C' cannot name an output: it is the shape here", "use another name, such as a lower-case one"),
        ("let x 3", 5, 7, "this is not 'let name = value'", None),
        ("let lambda = 3", 9, 6, "'lambda' cannot name a value: expressions use the word", None),
        ("relu | let x = 3", 12, 3, "a 'let' is a step of its own, on its own line", None),
        ("let x = n / 0", 13, 5, "this divides by zero", None),
        ("let x = (1", 13, 1, "unbalanced '('", None),
        ("''", 5, 1, "this step is empty", None),
        ("{}", 5, 1, "this step is empty", None),
        ("[]", 5, 1, "this list of steps is empty", None),
        ("64 relu", 5, 2, "unknown step '64'", "a step begins with a layer or a block"),
        ("identity", 5, 8, "the network ends with its input: it has no layers", None),
        (
            "{repeat: 2.5, do: relu}",
            14,
            3,
            "'repeat' takes a whole number, not 2.5",
            "round it: ceil(...), int(...) or round(...)",
        ),
        ("{repeat: -1, do: relu}", 14, 2, "'repeat' takes a whole number, not -1", None),
        ("{repeat: 2}", 6, 6, "'repeat' has no 'do'", "write 'repeat' and 'do' under one '-', aligned"),
        ("{repeat: 2, dodo: relu}", 17, 4, "'repeat' has no key 'dodo'", "did you mean 'do'?"),
        ("{repeat: [2], do: relu}", 14, 1, "'repeat' takes an expression, not a list or a mapping", None),
        ("{repeat: , do: relu}", 6, 6, "'repeat' has no value", None),
        ("{repeat: 2, as: last, do: relu}", 21, 4, "'last' is always there in a loop", "use another name"),
        ("{each: depths, do: relu}", 12, 6, "'each' goes through a table, not the list [1, 2]", "go through a list with 'for'"),
        ("{for: a b in depths, do: relu}", 11, 3, "'a b' is not a name", "a comma stands between two names"),
        ("{for: depths, do: relu}", 11, 6, "this is not 'names in list'", "as in 'for: depth, w in zip(depths, widths)'"),
        ("{for: a in n, do: relu}", 16, 1, "'for' goes through a list, not 2", None),
        (
            "{for: 'a, b in depths', do: relu}",
            12,
            14,
            "the loop names 2 values, and an entry is 1",
            "go through two lists with zip(a, b)",
        ),
        ("{for: 'a, in depths', do: relu}", 14, 1, "a name is missing at this comma", None),
        ("{if: flag, els: relu}", 16, 3, "'if' has no key 'els'", "did you mean 'else'?"),
        ("{if: flag, else: relu}", 6, 2, "'if' has no 'then'", None),
        ("{relu: {}, tanh: {}}", 5, 1, "one step is both 'relu' and 'tanh'", "begin each step with its own '-'"),
        ("{konv: {kernel: 3}}", 6, 4, "unknown step 'konv:'", "did you mean 'conv' or 'deconv'?"),
        ("{conv 3x3 64: 3}", 6, 11, "unknown step 'conv 3x3 64:'", "a step on one line has no colon"),
        ("{conv: 3x3 64}", 12, 6, "the long form of 'conv' is a mapping", "write '- conv 3x3 64', without the colon"),
        ("{conv: [3, 64]}", 12, 1, "the long form of 'conv' is a mapping of its options", None),
        ("{conv: {kernel: 3x3, outt: 64}}", 26, 4, "conv has no option 'outt'", "did you mean 'out'?"),
        ("{conv: {kernel: 3x3, out: }}", 31, 1, "conv: 'out' has no value", None),
        (
            "{conv: {kernel: {h: 3}, out: 8}}",
            21,
            1,
            "conv: 'kernel' is a number, a pair such as (2, 1), or an expression",
            None,
        ),
        ("{conv: {kernel: 3x3}}", 6, 4, "conv: there is no number of outputs", None),
        ("{conv: {kernel: 3, out: 8, act: rleu}}", 37, 4, "unknown activation 'rleu'", None),
        ("{conv: {kernel: 3, out: 8, norm: relu}}", 38, 4, "unknown norm 'relu'", None),
        ("{maxpool: {kernel: 3, ceil: 4}}", 33, 1, "maxpool: 'ceil' is true or false, not 4", None),
    ],
)
def test_steps(step: str, column: int, length: int, message: str, hint: str | None) -> None:
    error = fault(STEPS + f"  - {step}\n")
    assert error.place
    assert (error.place.file, error.place.line, error.place.column, error.place.length) == ("net.yaml", 4, column, length)
    assert error.place.text == f"  - {step}"
    assert error.message == message or (len(message) < 20 and error.message.startswith(message))
    assert hint is None or error.hint == hint


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("deconv 1x1 8 p20", "its padding leaves nothing of an input of 3x32x32"),
        ("deconv 3x3 8 p1 output_pad=3", "its output padding of 3 is not smaller than its stride of 1 or its dilation"),
        ("deconv 2x2 8 same", "its output padding of 1 is not smaller than its stride of 1 or its dilation"),
        ("deconv 4x4 8 s2 p0 same", "takes one of 'same' and pad"),
        ("deconv 4x4 8 s2 output_pad=1 same", "takes one of 'same' and output_pad"),
        ("pad 1x2 width=5", "takes one of '1x2' and (before, after)"),
        ("{add: [conv 1x1 1, conv 1x1 8], inplace: true}", "cannot write 8x32x32 into its first branch of 1x32x32"),
    ],
)
def test_what_torch_would_refuse_is_refused(step, message):
    assert message in fault(f"{STEPS}  - {step}\n").message


def test_a_head_that_is_left_out_leaves_nothing_behind():
    text = """
input: 3x32x32
settings: {w: 7}
blocks:
  deep(n):
    - deep n-1 if n > 1
    - conv 5x5 8 p0
layers:
  - conv 3x3 8 same -> y
  - aux:
      - for: w in [1, 2, 3]
        do: [conv 3x3 8 -> z, deep 2]
      - gap
      - fc 10
  - repeat: 2
    do: conv 3x3 w same
  - add: [conv 1x1 8, y]
  - gap
  - fc 10
"""
    whole, less = build(text), build(text, input_shape=(3, 16, 16))
    assert [node.name for node in less] == [node.name for node in whole if not node.aux]
    assert wiring(less) == {name: inputs for name, inputs in wiring(whole).items() if not name.startswith("aux")}
    assert analyze(less).totals.params == analyze(whole).totals.params
    # What the head calls y is not the y that the network has.
    renamed = build(text.replace("-> z", "-> y"), input_shape=(3, 16, 16))
    assert wiring(renamed) == wiring(less)
