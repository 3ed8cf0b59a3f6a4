"""Random networks of the language: figures equal those of the built module, and of torch's counter."""

import random

import pytest
from spec_texts import build

from cnnprof.network.analysis import analyze

pytestmark = pytest.mark.torch

NETWORKS = 30
SIZES = {1: "24", 2: "12x10", 3: "6x8x6"}


def spec(seed: int) -> str:
    """A network with two inputs, shared blocks, joins of lists and of loops, and one to three outputs."""
    chance = random.Random(seed)
    axes = chance.choice([1, 2, 3])
    k = "k=3"
    channels = chance.choice([4, 8])
    act = chance.choice(["relu", "silu", "hardtanh", "elu", "selu", "tanh"])
    norm = chance.choice(["bn", "gn 2", "in affine", "ln", ""])
    unit = f"conv {k} {channels} | {norm} | {act}" if norm else f"conv {k} {channels} {act}"
    loop = chance.choice(["for: k in [1, 3]", "repeat: 2"])
    body = f"conv k={'k' if 'for' in loop else '3'} {channels}"
    join = chance.choice(["add", "concat", "mean", "mul", "max"])
    outputs = chance.choice(["[a]", "[a, b]", "{first: a, second: b, last: c}"])
    size = SIZES[axes]
    return f"""
inputs: {{left: 3x{size}, right: 3x{size}}}
inplace: {chance.choice(["true", "false"])}
shared:
  tower(): {unit} | conv {k} {channels} g{chance.choice([1, 2])}
blocks:
  pair(xs):
    - let ys = []
    - for: x in xs
      do:
        - {{{join}: xs}}
        - {chance.choice(["relu", "dropout 0.2", "bn", "identity"])} -> y
        - let ys = ys + [y]
    - give ys
layers:
  - left | tower -> a
  - right | tower -> b
  - pair [a,b] -> [a, b]
  - b
  - {join}: {{{loop}, do: {body}}}
  - {chance.choice(["maxpool k=2", "avgpool k=2", "conv k=3 6 s2"])}
  - {chance.choice(["gap | fc 5", "fc 3", "dw k=3 | sepconv k=3 4"])} -> c
outputs: {outputs}
"""


@pytest.mark.parametrize("seed", range(NETWORKS))
def test_a_random_network_is_the_module_that_is_built_of_it(seed: int) -> None:
    import torch

    from cnnprof.measure.counters import count_with_torch
    from cnnprof.torch_bridge.build import build as module_of

    graph = build(spec(seed), batch=2)
    profile = analyze(graph)
    module = module_of(graph).eval()
    assert sum(parameter.numel() for parameter in module.parameters()) == profile.totals.params
    found = module(*[torch.rand(shape) for shape in graph.inputs.values()])
    shapes = {cost.node.name: cost.output for cost in profile.costs}
    assert {name: tuple(tensor.shape) for name, tensor in found.items()} == dict(
        zip(graph.output_names, [shapes[name] for name in graph.outputs], strict=True)
    )
    assert count_with_torch(module, *graph.inputs.values()).total == 2 * profile.totals.macs
