"""Operations as smaller ones that rows describe, where torch itself does not say of which they are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from cnnprof.torch_bridge import quantized_recurrence


def bilinear(first: Tensor, second: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """torch.nn.Bilinear: a product with the weights, (N, i) by (i, o j), then one with the second input."""
    outputs, _, size = weight.shape
    product = torch.matmul(first, weight.permute(1, 0, 2).reshape(first.shape[-1], outputs * size))
    result = (product.reshape(*product.shape[:-1], outputs, size) * second.unsqueeze(-2)).sum(-1)
    return result if bias is None else result + bias


def addbmm(added: Tensor, first: Tensor, second: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """torch.addbmm: the sum of a batch of products, and a matrix."""
    product = torch.bmm(first, second).sum(0)
    product = product if alpha == 1 else product * alpha
    return (added if beta == 1 else added * beta) + product


def deform_conv2d(
    x: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor,
    bias: Tensor,
    stride_h: int,
    stride_w: int,
    pad_h: int,
    pad_w: int,
    dilation_h: int,
    dilation_w: int,
    groups: int,
    offset_groups: int,
    use_mask: bool,
) -> Tensor:
    """torchvision.ops.deform_conv2d (Dai et al. 2017, equation 2): the input sampled at the offsets, times the filters."""
    batch, channels, height, width = x.shape
    outputs, _, kernel_h, kernel_w = weight.shape
    rows, columns = offset.shape[-2:]
    taps = kernel_h * kernel_w
    where = offset.reshape(batch * offset_groups, taps, 2, rows, columns)
    start = [
        (torch.arange(kernel, device=x.device) * dilation).reshape(kernel, 1)
        + torch.arange(size, device=x.device) * stride
        - pad
        for kernel, dilation, size, stride, pad in (
            (kernel_h, dilation_h, rows, stride_h, pad_h),
            (kernel_w, dilation_w, columns, stride_w, pad_w),
        )
    ]
    at_y = start[0].reshape(kernel_h, 1, rows, 1).expand(kernel_h, kernel_w, rows, columns).reshape(taps, rows, columns)
    at_x = start[1].reshape(1, kernel_w, 1, columns).expand(kernel_h, kernel_w, rows, columns).reshape(taps, rows, columns)
    where = where + torch.stack((at_y, at_x), 1).to(x.dtype)
    # grid_sample has the axes in the order (x, y), from -1 to 1.
    scale = torch.tensor([2 / max(1, height - 1), 2 / max(1, width - 1)], dtype=x.dtype, device="cpu").to(x.device)
    grid = (where * scale.reshape(1, 1, 2, 1, 1) - 1).flip(2).permute(0, 1, 3, 4, 2)
    grid = grid.reshape(batch * offset_groups, taps * rows, columns, 2)
    samples = functional.grid_sample(
        x.reshape(batch * offset_groups, channels // offset_groups, height, width), grid, align_corners=True
    )
    samples = samples.reshape(batch, channels, taps, rows * columns)
    if use_mask:
        held = mask.reshape(batch, offset_groups, 1, taps, rows * columns)
        samples = (samples.reshape(batch, offset_groups, channels // offset_groups, taps, rows * columns) * held).flatten(1, 2)
    samples = samples.reshape(batch, groups, channels // groups * taps, rows * columns)
    filters = weight.reshape(groups, outputs // groups, channels // groups * taps)
    return torch.matmul(filters, samples).reshape(batch, outputs, rows, columns) + bias.reshape(1, outputs, 1, 1)


_BAG_OPTIONS = ("scale_grad_by_freq", "mode", "sparse", "per_sample_weights", "include_last_offset", "padding_idx")


def embedding_bag(weight: Tensor, indices: Tensor, offsets: Tensor, *options: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """torch.nn.functional.embedding_bag: rows of a table, and the sum, mean or largest of each bag (`mode` 0, 1, 2).

    Where bags begin is data: as many rows are summed, in bags of one size where they can be. torch leaves the last of
    `_BAG_OPTIONS` out where they have their default.
    """
    given = dict(zip(_BAG_OPTIONS, options, strict=False))
    rows = functional.embedding(indices, weight)
    if (weights := given.get("per_sample_weights")) is not None:
        rows = rows * weights.unsqueeze(1)
    bags = offsets.numel() - given.get("include_last_offset", False)
    bags_alike = rows.reshape(bags, -1, rows.shape[-1]) if bags and not rows.shape[0] % bags else rows.unsqueeze(0)
    result = (bags_alike.sum, bags_alike.mean, bags_alike.amax)[given.get("mode", 0)](1)
    none = torch.empty(0, dtype=torch.long, device=rows.device)
    return result.expand(bags, -1), none, none, none


def rrelu(x: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, *_: object) -> Tensor:
    """torch.nn.RReLU in eval mode: a leaky ReLU of the mean slope (Xu et al. 2015)."""
    return functional.leaky_relu(x, (lower + upper) / 2)


def conv_tbc(x: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """torch.conv_tbc: a convolution along time of (time, batch, channels), its filters (size, inputs, outputs)."""
    return functional.conv1d(x.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad).permute(2, 0, 1)


def scan(combine: Callable[..., Any], carried: Sequence[Tensor], inputs: Sequence[Tensor], more: Sequence[Any]) -> list[Tensor]:
    """The operator behind torch's scan: what is carried, and the results of every step, stacked."""
    carry, steps = [*carried], []
    for step in range(inputs[0].shape[0]):
        results = combine(*carry, *(each[step] for each in inputs), *more)
        carry = [*results[: len(carry)]]
        steps.append(results[len(carry) :])
    return [*carry, *(torch.stack(results) for results in zip(*steps, strict=True))]


HIGHER: dict[str, Callable[..., Any]] = {"scan": scan}
"""Operators that take functions, and that torch itself cannot run step by step, by their names."""

DECOMPOSITIONS: dict[str, Callable[..., Any]] = {
    "aten::bilinear": bilinear,
    "aten::addbmm": addbmm,
    "aten::conv_tbc": conv_tbc,
    "aten::rrelu": rrelu,
    "aten::embedding_bag": embedding_bag,
    "torchvision::deform_conv2d": deform_conv2d,
    **quantized_recurrence.DECOMPOSITIONS,
}
"""By the operation's name."""
