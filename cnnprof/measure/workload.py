"""A network on a device, ready for inference or training steps on random input."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from inspect import unwrap
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from cnnprof.errors import UsageError
from cnnprof.footprint.execution import ImageLayout, Optimizer, RunDtype
from cnnprof.measure.onnx_runtime import prepare_file
from cnnprof.measure.options import Options, Way
from cnnprof.measure.session import Workload
from cnnprof.network.dims import Shape
from cnnprof.network.graph import Graph
from cnnprof.torch_bridge.instantiate import instantiate

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16, "amp": torch.float32}
LAYOUTS = {"nchw": torch.contiguous_format, "channels_last": torch.channels_last}

Given = tuple[Tensor, ...]
"""One tensor for each input of a network, in their order."""

Cast = Callable[[], AbstractContextManager[Any]]

LEARNING_RATE = 1e-6
"""Small, so that hundreds of steps on one random batch leave the weights finite."""


def prepare(graph: Graph, batch: int, device: str, options: Options, way: Way = "eager") -> Workload:
    """The network of a graph with random weights and one random batch, moved to the device, to be run in that way.

    An ONNX file is run by onnxruntime where that is installed. Of the `options` (see `Options`) it takes `dtype`, `mode`,
    `layout` and `optimizer`.
    """
    file = prepare_file(graph, batch, device, options, way)
    if file is not None:
        return file
    dtype, mode = options.dtype, options.mode
    shapes = with_batch(graph, batch)
    module, x = place(instantiate(graph).train(mode == "train"), shapes, device, dtype, options.layout)
    held = [*module.parameters(), *module.buffers(), *x]
    cast = casting(device, dtype)
    step = TrainingStep(module, x, cast, options.optimizer) if mode == "train" else partial(infer, module, x, cast)
    own_bytes = sum(tensor.numel() * tensor.element_size() for tensor in held)
    if way == "CUDA graph":
        return Workload(record(step), own_bytes, keeps_memory=True)
    begin = time.perf_counter()
    if way == "compiled":
        module.compile()
        step()
    seconds = time.perf_counter() - begin if way == "compiled" else None
    return Workload(step, own_bytes, seconds, PHASES if mode == "train" else ())


def record(step: Callable[[], object]) -> Callable[[], object]:
    """The step as a CUDA graph, after a few runs apart in which libraries choose their kernels (torch.cuda.graph's advice)."""
    apart = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    apart.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(apart):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(apart)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def with_batch(graph: Graph, batch: int) -> list[Shape]:
    """The shapes of the network's inputs for that many images."""
    return [(batch, *shape[1:]) for shape in graph.inputs.values()]


def place(
    module: nn.Module, shapes: Sequence[Shape], device: str, dtype: RunDtype, layout: ImageLayout
) -> tuple[nn.Module, Given]:
    """The module, and a random tensor of each of the shapes, on the device and in the format and layout."""
    random = torch.Generator().manual_seed(0)
    batches = [torch.randn(shape, generator=random) for shape in shapes]
    where: dict[str, Any] = {"device": device, "dtype": DTYPES[dtype]}
    images: dict[str, Any] = {"memory_format": LAYOUTS[layout]}
    module.to(**where)
    if any(x.dim() == 4 for x in batches):
        # Module.to would ask it of tensors of five axes, too, which have no such order: the mask of shifted windows is one.
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.dim() == 4:
                tensor.data = tensor.data.to(**images)
    return module, tuple(x.to(**where, **(images if x.dim() == 4 else {})) for x in batches)


def casting(device: str, dtype: RunDtype) -> Cast:
    """The context that a run needs: torch.autocast for `amp`."""
    return partial(torch.autocast, torch.device(device).type) if dtype == "amp" else nullcontext


def infer(module: nn.Module, x: Given, cast: Cast) -> None:
    """One forward pass in inference mode."""
    with torch.inference_mode(), cast():
        module(*x)


Kind = TypeVar("Kind", bound=torch.optim.Optimizer)


def uncompiled(kind: type[Kind]) -> type[Kind]:
    """The kind of optimizer without its provisions for torch.compile: they import the compiler, as long again as torch takes.

    A step of it is to be taken in torch.no_grad(), which is what else they do.
    """
    return type(kind.__name__, (kind,), {name: unwrap(getattr(kind, name)) for name in ("add_param_group", "step")})


SGD = uncompiled(torch.optim.SGD)

OPTIMIZERS: dict[Optimizer, Callable[[list[nn.Parameter]], torch.optim.Optimizer]] = {
    "sgd": partial(SGD, lr=LEARNING_RATE),
    "momentum": partial(SGD, lr=LEARNING_RATE, momentum=0.9),
    "adam": partial(uncompiled(torch.optim.Adam), lr=LEARNING_RATE),
    "adamw": partial(uncompiled(torch.optim.AdamW), lr=LEARNING_RATE),
}


PHASES = ("forward", "backward", "step")
"""Of a training step; the loss belongs to the first."""


class TrainingStep:
    """Forward, cross-entropy, backward and the optimizer's step; without an optimizer (`none`) no step."""

    def __init__(self, module: nn.Module, x: Given, cast: Cast, optimizer: Optimizer = "sgd") -> None:
        self._module, self._x, self._cast = module, x, cast
        self._trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
        if not self._trained:
            raise UsageError("there is nothing to train: the network has no weights")
        self._optimizer = OPTIMIZERS[optimizer](self._trained) if optimizer in OPTIMIZERS else None

    def __call__(self, passed: Callable[[], object] = lambda: None) -> None:
        """One step; `passed` is called at its beginning and at the end of each of the `PHASES`."""
        passed()
        with self._cast():
            loss = torch.stack([_loss(output) for output in _tensors(self._module(*self._x))]).sum()
        passed()
        loss.backward()  # type: ignore[no-untyped-call]
        passed()
        if self._optimizer:
            with torch.no_grad():
                self._optimizer.step()
        passed()
        # Gradients go with the step that made them, so that every step starts from the same memory.
        for parameter in self._trained:
            parameter.grad = None

    @property
    def state_bytes(self) -> int:
        """Bytes of the optimizer's state between steps."""
        states = self._optimizer.state.values() if self._optimizer else ()
        return sum(
            value.numel() * value.element_size() for state in states for value in state.values() if torch.is_tensor(value)
        )


def _loss(output: Tensor) -> Tensor:
    """Cross-entropy against class 0, at every position where the output is an image of scores."""
    if output.dim() < 2:
        return output.float().mean()
    target = torch.zeros(output.shape[0], *output.shape[2:], dtype=torch.long, device=output.device)
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
