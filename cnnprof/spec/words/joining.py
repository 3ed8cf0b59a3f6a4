"""Words that join branches."""

from functools import partial

from cnnprof.network.layers.activation import Softmax
from cnnprof.network.layers.elementwise import Arithmetic
from cnnprof.network.layers.linear import MatMul
from cnnprof.network.layers.merging import Add, Concat, Max, Mean, Mul
from cnnprof.spec.words.base import Join, join

join("add", Join(Add, "The sum of the branches."))
join("concat", Join(Concat, "The branches one after the other along the channels.", inplace=False))
join("mean", Join(Mean, "The mean of the branches."))
join("mul", Join(Mul, "The product of the branches."))
join("max", Join(Max, "The largest of the branches."))
join("sub", Join(partial(Arithmetic, "sub", "add"), "The first branch minus the second.", inplace=False, branches=2))
join("div", Join(partial(Arithmetic, "div", "div"), "The first branch over the second.", inplace=False, branches=2))
join("matmul", Join(MatMul, "The matrix product of two branches over their last two axes.", inplace=False, branches=2))
join(
    "softmax",
    Join(Softmax, "Each branch as its share among all, element by element: as many outputs.", inplace=False, each=True),
)
