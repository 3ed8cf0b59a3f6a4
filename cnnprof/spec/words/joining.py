"""Words that join branches."""

from functools import partial

from cnnprof.network.layers.activation import Softmax
from cnnprof.network.layers.elementwise import Arithmetic
from cnnprof.network.layers.linear import MatMul
from cnnprof.network.layers.merging import Add, Concat, Max, Mean, Mul
from cnnprof.spec.words.base import JoinWord, join

join("add", JoinWord(Add, "The sum of the branches."))
join(
    "concat",
    JoinWord(Concat, "The branches one after the other along the channels, or along `axis`.", inplace=False, along=True),
)
join("mean", JoinWord(Mean, "The mean of the branches."))
join("mul", JoinWord(Mul, "The product of the branches."))
join("max", JoinWord(Max, "The largest of the branches."))
join("sub", JoinWord(partial(Arithmetic, "sub", "add"), "The first branch minus the second.", inplace=False, branches=2))
join("div", JoinWord(partial(Arithmetic, "div", "div"), "The first branch over the second.", inplace=False, branches=2))
join("matmul", JoinWord(MatMul, "The matrix product of two branches over their last two axes.", inplace=False, branches=2))
join(
    "softmax",
    JoinWord(Softmax, "Each branch as its share among all, element by element: as many outputs.", inplace=False, each=True),
)
