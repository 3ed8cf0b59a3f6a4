"""A network on a device, ready for inference or training steps on random input."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from cnnprof.core.graph import Graph
from cnnprof.measure.session import Workload
from cnnprof.torch_bridge.instantiate import instantiate

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16, "amp": torch.float32}
LAYOUTS = {"nchw": torch.contiguous_format, "channels_last": torch.channels_last}

Cast = Callable[[], AbstractContextManager[Any]]

LEARNING_RATE = 1e-6
"""Small, so that hundreds of steps on one random batch leave the weights finite."""


def prepare(graph: Graph, batch: int, device: str, dtype: str, mode: str, layout: str, compiled: bool = False) -> Workload:
    """The network of a graph with random weights and one random batch, moved to the device, and compiled if asked for."""
    module, x = place(instantiate(graph).train(mode == "train"), graph, batch, device, dtype, layout)
    held = [*module.parameters(), *module.buffers(), x]
    cast = casting(device, dtype)
    step = _training_step(module, x, cast) if mode == "train" else partial(infer, module, x, cast)
    begin = time.perf_counter()
    if compiled:
        module.compile()
        step()
    seconds = time.perf_counter() - begin if compiled else None
    return Workload(step, sum(tensor.numel() * tensor.element_size() for tensor in held), seconds)


def place(module: nn.Module, graph: Graph, batch: int, device: str, dtype: str, layout: str) -> tuple[nn.Module, Tensor]:
    """The module, and a random batch for it, on the device and in the format and layout."""
    x = torch.randn(batch, *graph.input_shape[1:], generator=torch.Generator().manual_seed(0))
    where: dict[str, Any] = {"device": device, "dtype": DTYPES[dtype]}
    if x.dim() == 4:
        where["memory_format"] = LAYOUTS[layout]
    return module.to(**where), x.to(**where)


def casting(device: str, dtype: str) -> Cast:
    """The context that a run needs: torch.autocast for `amp`."""
    return partial(torch.autocast, torch.device(device).type) if dtype == "amp" else nullcontext


def infer(module: nn.Module, x: Tensor, cast: Cast) -> None:
    """One forward pass in inference mode."""
    with torch.inference_mode(), cast():
        module(x)


def _training_step(module: nn.Module, x: Tensor, cast: Cast) -> Callable[[], None]:
    optimizer = torch.optim.SGD([p for p in module.parameters() if p.requires_grad], lr=LEARNING_RATE)

    def step() -> None:
        with cast():
            loss = torch.stack([_loss(output) for output in _tensors(module(x))]).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        # Gradients go with the step that made them, so that every step starts from the same memory.
        optimizer.zero_grad(set_to_none=True)

    return step


def _loss(output: Tensor) -> Tensor:
    """Cross-entropy against class 0 for scores of classes, the mean for anything else."""
    if output.dim() != 2:
        return output.float().mean()
    target = torch.zeros(len(output), dtype=torch.long, device=output.device)
    return nn.functional.cross_entropy(output.float(), target)


def _tensors(output: Any) -> Iterator[Tensor]:
    """Every tensor in what a network returns: the main output, and those of auxiliary heads."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, dict):
        for value in output.values():
            yield from _tensors(value)
    elif isinstance(output, (tuple, list)):
        for value in output:
            yield from _tensors(value)
