"""Ways to run a module once and leave it as it was: without data where that goes, else with random data."""

from __future__ import annotations

import copy
import random
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, is_lazy

from cnnprof.record import record
from cnnprof.torch_bridge.meta import input_like, meta_copy
from cnnprof.torch_bridge.quiet import quiet

REAL = "runs on real data only, here random: other data may take another way"
ASKED = "run on the processor, on random data: other data may take another way"


@record
class WayToRun:
    """A way to run a module.

    Args:
        module: what runs: the module, or a copy of it.
        tensors: what stands in for its parameters and buffers meanwhile, by their identity; None for its own.
        everywhere: the device on which all tensors are made.
        about: what is to be said of a run that goes this way.
        original: what a copy is of; a closure as its `forward` goes on reading the weights of that.
    """

    module: nn.Module
    tensors: Mapping[int, Tensor] | None = None
    everywhere: torch.device | None = None
    about: str | None = None
    original: nn.Module | None = None

    def call(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Run it."""
        with _swapped(self.module, self.tensors or {}), _any_device() if self.everywhere else nullcontext():
            return self.module(*args, **kwargs)

    @property
    def like(self) -> Tensor:
        """A tensor on the device and in the format that an input must have."""
        if self.tensors is None:
            return input_like(self.module)
        floating = (tensor for tensor in self.tensors.values() if tensor.is_floating_point())
        return next(floating, torch.empty(0, device="meta"))

    @property
    def parameters(self) -> dict[int, str]:
        """The name of each parameter by the identity of its tensor."""
        of_original = self.original.named_parameters() if self.original is not None else ()
        return self._names(of_original) | self._names(self.module.named_parameters())

    @property
    def buffers(self) -> dict[int, str]:
        """The name of each buffer by the identity of its tensor."""
        return self._names(self.module.named_buffers())

    def _names(self, named: Iterable[tuple[str, Tensor]]) -> dict[int, str]:
        tensors = self.tensors or {}
        return {id(each): name for name, tensor in named for each in (tensor, tensors.get(id(tensor), tensor))}


def ways(module: nn.Module, real: bool = False) -> Iterator[WayToRun]:
    """The ways to run a module, the cheapest first, or those with data alone; each is made only when it is asked for.

    Without data the module itself runs, its weights swapped: hooks and closures then see the same objects. Where its code reads
    a value, it runs with data: a copy, or the module itself where there is none.
    """
    tensors = [*module.parameters(), *module.buffers()]
    if tensors and all(tensor.is_meta for tensor in tensors):
        yield WayToRun(module)
        return
    about = ASKED if real else REAL
    if real:
        pass
    elif not any(isinstance(part, torch.jit.ScriptModule) for part in module.modules()):
        stand_in = _without_data(module)
        yield WayToRun(module, stand_in)
        yield WayToRun(module, stand_in, torch.device("meta"))
    elif tensors:
        with suppress(Exception):
            yield WayToRun(meta_copy(module), original=module)
    with suppress(Exception):
        yield WayToRun(copy.deepcopy(module), about=about, original=module)
    yield WayToRun(module, about=about)


def _without_data(module: nn.Module) -> dict[int, Tensor]:
    """Parameters and buffers on the meta device, by the identity of what they stand for."""
    found: dict[int, Tensor] = {}
    for parameter in module.parameters():
        found[id(parameter)] = nn.Parameter(parameter.detach().to("meta"), parameter.requires_grad)
    for buffer in module.buffers():
        found.setdefault(id(buffer), buffer.detach().to("meta"))
    return found


@contextmanager
def _any_device() -> Iterator[None]:
    """Code that asks for a GPU where there is none gets as far as the tensor, which is then made elsewhere."""
    if torch.cuda.is_available():
        yield
        return
    start: Any = torch.cuda._lazy_init
    torch.cuda._lazy_init = lambda: None
    try:
        yield
    finally:
        torch.cuda._lazy_init = start


@contextmanager
def _swapped(module: nn.Module, tensors: Mapping[int, Tensor]) -> Iterator[None]:
    """The module with other tensors; what it shares stays shared. (torch.func.functional_call forgets some that are tied.)"""
    parts = module.modules() if tensors else ()
    places: list[dict[str, Any]] = [held for part in parts for held in (part._parameters, part._buffers)]
    before = [dict(held) for held in places]
    try:
        for held in places:
            for name, tensor in held.items():
                held[name] = tensors.get(id(tensor), tensor)
        yield
    finally:
        for held, kept in zip(places, before, strict=True):
            for name, tensor in kept.items():
                # A layer that was made in this run stays.
                held[name] = tensor


def unwrapped(module: nn.Module) -> nn.Module:
    """The module inside of wrappers that only say how it is run: torch.compile, DataParallel."""
    while True:
        if isinstance(module, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            module = module.module
        elif isinstance(inner := getattr(module, "_orig_mod", None), nn.Module):
            module = inner
        else:
            return module


def is_unfinished(module: nn.Module) -> bool:
    """Whether parts of the module have no weights before the first run (nn.LazyLinear and its like)."""
    return any(is_lazy(tensor) for tensor in (*module.parameters(), *module.buffers()))


@contextmanager
def eagerly() -> Iterator[None]:
    """Nothing is compiled by torch.compile.

    Its compiler takes a second to import: unless it is there already, it is told when code first asks for it.
    """
    compile_later = torch.compile
    with ExitStack() as stack:

        def tell() -> None:
            with suppress(AttributeError):
                stack.enter_context(torch.compiler.set_stance("force_eager"))

        def compile_eagerly(*args: Any, **kwargs: Any) -> Any:
            torch.compile = compile_later
            tell()
            return compile_later(*args, **kwargs)

        if "torch._dynamo" in sys.modules:
            tell()
        else:
            torch.compile = compile_eagerly
        try:
            yield
        finally:
            torch.compile = compile_later


@contextmanager
def preserved(module: nn.Module) -> Iterator[None]:
    """Afterwards the module is as before: attributes, lists and dictionaries in them, and the random numbers to come."""
    parts = [*module.modules()]
    kept = [[(name, value, _content(value)) for name, value in vars(part).items()] for part in parts]
    numpy = sys.modules.get("numpy")
    numbers = random.getstate(), torch.random.get_rng_state(), numpy.random.get_state() if numpy else None
    grad, onednn = torch.is_grad_enabled(), torch.backends.mkldnn.enabled
    try:
        # oneDNN runs a whole LSTM as one operation that nobody can look into.
        torch.backends.mkldnn.enabled = False  # type: ignore[assignment]
        with quiet():
            yield
    finally:
        torch.backends.mkldnn.enabled = onednn
        for part, entries in zip(parts, kept, strict=True):
            attributes = part.__dict__
            attributes.clear()
            for name, value, restore in entries:
                attributes[name] = value
                restore()
        random.setstate(numbers[0])
        torch.random.set_rng_state(numbers[1])
        if numpy:
            numpy.random.set_state(numbers[2])
        torch.set_grad_enabled(grad)


def _content(value: Any) -> Any:
    """Puts back what a list, dictionary or set holds now."""
    if isinstance(value, dict):
        return partial(_refill, value, "update", dict(value))
    if isinstance(value, (list, deque)):
        return partial(_refill, value, "extend", list(value))
    if isinstance(value, set):
        return partial(_refill, value, "update", set(value))
    return lambda: None


def _refill(value: Any, method: str, content: Any) -> None:
    value.clear()
    getattr(value, method)(content)


def finished(module: nn.Module, args: list[Any], kwargs: dict[str, Any]) -> nn.Module:
    """A copy whose lazy parts have their weights, by one run with data."""
    # torch copies lazy parameters, and not lazy buffers.
    lazy: dict[int, Any] = {}
    for buffer in filter(is_lazy, module.buffers()):
        lazy[id(buffer)] = UninitializedBuffer(device=buffer.device, dtype=buffer.dtype)  # type: ignore[call-arg]
    made = copy.deepcopy(module, lazy).eval()
    with torch.no_grad():
        made(*args, **kwargs)
    return made
