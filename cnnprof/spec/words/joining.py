"""Words that join branches."""

from functools import partial

from cnnprof.network.layers.activation import Softmax
from cnnprof.network.layers.elementwise import Arithmetic
from cnnprof.network.layers.linear import MatMul
from cnnprof.network.layers.merging import Add, Concat, Max, Mean, Mul
from cnnprof.spec.words.base import Example, JoinWord, examples, join

join(
    "add",
    JoinWord(
        Add,
        "The sum of the branches.",
        examples("""
            - add: [identity, conv 3x3 16 bn]                  16x32x32  a residual connection
            - add: {main: conv 3x3 16 bn, skip: identity}      16x32x32  branches with names
            - {add: [conv 3x3 16, identity], name: x}          16x32x32  the output is called x
            - {add: [conv 3x3 16, identity], inplace: true}    16x32x32  written over the first branch
            - add: {for: k in [1, 3, 5], do: conv k=k 16}      16x32x32  a branch of each round
        """),
    ),
)
join(
    "concat",
    JoinWord(
        Concat,
        "The branches one after the other along the channels, or along `axis`.",
        examples("""
            - concat: [identity, conv 3x3 8]                 24x32x32
            - concat: {for: k in [1, 3, 5], do: conv k=k 8}  24x32x32  a branch of each round
            - {concat: [identity, conv 3x3 16], axis: 2}     16x64x32  one below the other
        """),
        inplace=False,
        along=True,
    ),
)
join("mean", JoinWord(Mean, "The mean of the branches.", examples("- mean: [conv 3x3 16, conv 5x5 16]  16x32x32")))
join(
    "mul",
    JoinWord(
        Mul,
        "The product of the branches.",
        examples("""
            - mul: [identity, gap | conv 1x1 16 sigmoid]  16x32x32  a gate: one number for each channel
            - mul: [identity, "parameter (C,1,1)"]        16x32x32  a learned number for each channel
        """),
    ),
)
join("max", JoinWord(Max, "The largest of the branches.", examples("- max: [conv 3x3 8, conv 5x5 8]  8x32x32  maxout")))
join(
    "sub",
    JoinWord(
        partial(Arithmetic, "sub", "add"),
        "The first branch minus the second.",
        examples("- sub: [identity, avgpool 3x3 s1 p1]  16x32x32"),
        inplace=False,
        branches=2,
    ),
)
join(
    "div",
    JoinWord(
        partial(Arithmetic, "div", "div"),
        "The first branch over the second.",
        examples("- div: [identity, gap]  16x32x32"),
        inplace=False,
        branches=2,
    ),
)
join(
    "matmul",
    JoinWord(
        MatMul,
        "The matrix product of two branches over their last two axes.",
        examples("""- matmul: [tokens, "tokens | permute (2,1) tokens"]  1024x1024  how alike each two positions are"""),
        inplace=False,
        branches=2,
    ),
)
join(
    "softmax",
    JoinWord(
        Softmax,
        "Each branch as its share among all, element by element: as many outputs.",
        (Example("- {softmax: [conv 1x1 16, conv 3x3 16], name: [a, b]}\n- mul: [a, b]", "16x32x32"),),
        inplace=False,
        each=True,
    ),
)
