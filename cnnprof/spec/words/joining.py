"""Words that join branches."""

from cnnprof.network.layers.linear import MatMul
from cnnprof.network.layers.merging import Add, Concat, Max, Mean, Mul
from cnnprof.spec.words.base import Join, join

join("add", Join(Add, "The sum of the branches."))
join("concat", Join(Concat, "The branches one after the other along the channels.", inplace=False))
join("mean", Join(Mean, "The mean of the branches."))
join("mul", Join(Mul, "The product of the branches."))
join("max", Join(Max, "The largest of the branches."))
join("matmul", Join(MatMul, "The matrix product of two branches over their last two axes.", inplace=False))
