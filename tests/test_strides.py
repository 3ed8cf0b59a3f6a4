"""How tensors lie, and where a reshape copies, against torch's own tensors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from cnnprof.network.layers import LAYERS, Layer
from cnnprof.network.layers.activation import ReLU, Softmax
from cnnprof.network.layers.arrangement import Copy, Expand, Flatten, Identity, Permute, Reshape, Select, Slice
from cnnprof.network.layers.convolution import Conv
from cnnprof.network.layers.linear import ScaledDotProductAttention
from cnnprof.network.layers.merging import Add, Concat
from cnnprof.network.layers.normalization import BatchNorm, LayerNorm
from cnnprof.network.layers.pooling import AdaptiveAvgPool, MaxPool
from cnnprof.network.layers.regularization import Dropout
from cnnprof.network.layers.resizing import Upsample
from cnnprof.network.strides import Lies, in_order, settle

torch = pytest.importorskip("torch")

BUILT = sorted(set(LAYERS) - {"Constant", "MaxIndices", "Parameter", "Rearrange", "Unknown"})
"""Layer types that torch runs on tensors; a place in the other list says nothing of how one lies."""

IMAGES = {
    "in order": lambda n, c, h, w: torch.ones(n, c, h, w),
    "channels last": lambda n, c, h, w: torch.ones(n, h, w, c).permute(0, 3, 1, 2),
    "rows first": lambda n, c, h, w: torch.ones(n, h, c, w).transpose(1, 2),
    "columns first": lambda n, c, h, w: torch.ones(w, n, c, h).permute(1, 2, 3, 0),
    "some channels": lambda n, c, h, w: torch.ones(n, c + 3, h, w)[:, 1 : c + 1],
    "some channels, channels last": lambda n, c, h, w: torch.ones(n, h, w, c + 3).permute(0, 3, 1, 2)[:, 1 : c + 1],
    "some columns": lambda n, c, h, w: torch.ones(n, c, h, w + 2)[..., :w],
    "every second row": lambda n, c, h, w: torch.ones(n, c, 2 * h, w)[:, :, ::2],
}
TOKENS = {
    "in order": lambda n, k, c: torch.ones(n, k, c),
    "channels first": lambda n, k, c: torch.ones(n, c, k).transpose(1, 2),
    "batch second": lambda n, k, c: torch.ones(k, n, c).transpose(0, 1),
    "some tokens": lambda n, k, c: torch.ones(n, k + 2, c)[:, :k],
    "some channels": lambda n, k, c: torch.ones(n, k, c + 3)[:, :, 1 : c + 1],
}
LAID = {4: IMAGES, 3: TOKENS}


def lies_of(tensor: Any) -> Lies:
    """How the tensor lies, as `settle` says it."""
    return None if tensor.stride() == in_order(tuple(tensor.shape)) else tensor.stride()


def run(layer: Layer, *tensors: Any) -> Any:
    """What torch makes of the tensors."""
    from cnnprof.torch_bridge.rows import ROWS

    build = ROWS[type(layer)].build
    assert build is not None
    return build(layer, tuple(tuple(each.shape) for each in tensors)).eval()(*tensors)


def check(layer: Layer, *tensors: Any) -> Any:
    """What torch makes of the tensors, which lies as `settle` says, in memory of its own or not."""
    with torch.no_grad():
        made = run(layer, *tensors)
    shapes = [tuple(each.shape) for each in tensors]
    settled, found = settle(layer, shapes, tuple(made.shape), [*map(lies_of, tensors)])
    strides = in_order(tuple(made.shape)) if found is None else found
    # Along an axis of one entry the stride is never used.
    assert [each for each, size in zip(strides, made.shape, strict=True) if size > 1] == [
        each for each, size in zip(made.stride(), made.shape, strict=True) if size > 1
    ], (layer, [each.stride() for each in tensors])
    if isinstance(layer, (Flatten, Reshape)):
        assert settled.writes == (made.untyped_storage().data_ptr() != tensors[0].untyped_storage().data_ptr())
    return made


@pytest.mark.torch
@pytest.mark.parametrize("name", BUILT)
def test_lies_as_torch_leaves_it(name: str) -> None:
    layer, shapes = LAYERS[name].example(8)
    if LAYERS[name].arity == 0 or name == "Gather":
        return
    for laid in LAID.get(len(shapes[0]), {"in order": torch.ones, "turned": lambda n, c: torch.ones(c, n).t()}).values():
        others = [torch.zeros(size, dtype=torch.int64 if name == "MaxUnpool" else torch.float32) for size in shapes[1:]]
        check(layer, laid(*shapes[0]), *others)
        if len({*shapes}) < len(shapes) or name == "Concat":
            alike = [laid(*size) if len(size) == len(shapes[0]) else torch.ones(size) for size in shapes]
            check(layer, *alike)


IMAGE_KERNELS = (
    AdaptiveAvgPool((1, 1)),
    BatchNorm(),
    Concat(1),
    Conv(2, (1, 1)),
    Conv(3, (3, 3), padding=(1, 1)),
    LayerNorm(channels_first=True),
    MaxPool((3, 3), (1, 1), (1, 1)),
    Softmax(1),
    Upsample((2, 2)),
)
"""Layers that an image of any size has room for."""


def factors(draw: Any, count: int) -> tuple[int, ...]:
    """So many elements under some shape of one to five axes."""
    sizes = []
    for _ in range(draw(st.integers(0, 4))):
        size = draw(st.sampled_from([each for each in range(1, count + 1) if count % each == 0]))
        sizes.append(size)
        count //= size
    return tuple(draw(st.permutations([*sizes, count])))


def view_or_kernel(draw: Any, shape: tuple[int, ...]) -> Layer:
    """A layer for a tensor of this shape."""
    axis = draw(st.integers(0, len(shape) - 1))
    kinds = ["reshape", "reshape", "permute", "permute", "slice", "relu", "add", "copy", "dropout", "identity"]
    kinds += (
        ["expand"] * (1 in shape) + ["select", "flatten"] * (len(shape) > 1) + ["image", "image", "flatten"] * (len(shape) == 4)
    )
    kind = draw(st.sampled_from(kinds))
    if kind == "reshape":
        count = 1
        for size in shape:
            count *= size
        return Reshape(factors(draw, count))
    if kind == "permute":
        return Permute(tuple(draw(st.permutations(range(len(shape))))))
    if kind == "slice":
        step = draw(st.integers(1, 2))
        length = draw(st.integers(1, (shape[axis] + step - 1) // step))
        return Slice(axis, draw(st.integers(0, shape[axis] - 1 - (length - 1) * step)), length, step)
    if kind == "select":
        return Select(axis, draw(st.integers(0, shape[axis] - 1)))
    if kind == "expand":
        return Expand(tuple(draw(st.integers(1, 3)) if size == 1 else size for size in shape))
    if kind == "image":
        return draw(st.sampled_from(IMAGE_KERNELS))
    others = {"relu": ReLU(), "add": Add(), "copy": Copy(), "dropout": Dropout(), "identity": Identity()}
    return {"flatten": Flatten(axis), **others}[kind]


@pytest.mark.torch
@given(st.data())
@settings(max_examples=600, deadline=None)
def test_chains_of_views_copy_where_torch_does(data: DataObject) -> None:
    tensor = torch.zeros(tuple(data.draw(st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=5))))
    lies: Lies = None
    for _ in range(data.draw(st.integers(1, 8))):
        shape = tuple(tensor.shape)
        layer = view_or_kernel(data.draw, shape)
        others: tuple[tuple[Any, Lies], ...] = ()
        if isinstance(layer, Concat):
            others = ((tensor, lies),)
        if isinstance(layer, Add):
            other = torch.zeros(tuple(data.draw(st.sampled_from([1, size])) for size in shape))
            others = data.draw(st.sampled_from([((other, None),), ((tensor, lies),)]))
        with torch.no_grad():
            made = run(layer, tensor, *[each for each, _ in others])
        shapes = [shape, *[tuple(each.shape) for each, _ in others]]
        assert layer.shape(*shapes) == tuple(made.shape)
        settled, lies = settle(layer, shapes, tuple(made.shape), [lies, *[each for _, each in others]])
        if isinstance(layer, (Flatten, Reshape)):
            copied = made.untyped_storage().data_ptr() != tensor.untyped_storage().data_ptr()
            assert settled == replace(layer, copy=copied)
        strides = in_order(tuple(made.shape)) if lies is None else lies
        assert all(ours == each for ours, each, size in zip(strides, made.stride(), made.shape, strict=True) if size > 1)
        tensor = made


@pytest.mark.torch
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 1, 3), (2, 0, 1, 3), (1, 2, 0, 3)])
@pytest.mark.parametrize("width", [8, 4])
def test_attention_lies_as_its_queries_do_where_its_kernel_is_fused(order: tuple[int, ...], width: int) -> None:
    """Heads that are not as wide in the values as in the queries have no fused kernel."""
    size = (2, 3, 5, 8)
    q = torch.ones([size[axis] for axis in order]).permute([order.index(axis) for axis in range(4)])
    check(ScaledDotProductAttention(), q, torch.ones(2, 3, 7, 8), torch.ones(2, 3, 7, width))
