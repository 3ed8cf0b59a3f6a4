"""Tensors for a module's inputs, handed to the parameters of its `forward`; and the tensors in what it returns."""

from __future__ import annotations

import inspect
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from cnnprof.errors import CnnprofError, UsageError, did_you_mean
from cnnprof.network.inputs import Input, Inputs
from cnnprof.torch_bridge.failures import one_line
from cnnprof.torch_bridge.files import refuse_bomb

DEFAULT = (Input(size=(3, 224, 224)),)
"""The input of a module where nothing is said."""

Arguments = tuple[list[Any], dict[str, Any]]


def load_values(inputs: Sequence[Input]) -> Inputs:
    """The inputs with the tensors of their files. Raises UsageError for a file that holds none."""
    return tuple(_load(each) if each.file and each.value is None else each for each in inputs)


def _load(given: Input) -> Input:
    if not os.path.exists(given.file):
        raise UsageError(f"{given.file} is not there")
    if not os.path.isfile(given.file):
        raise UsageError(f"{given.file} is no file")
    try:
        if zipfile.is_zipfile(given.file):
            with zipfile.ZipFile(given.file) as archive:
                refuse_bomb(given.file, archive)
        if given.file.endswith(".npy"):
            import numpy

            value = torch.from_numpy(numpy.load(given.file, allow_pickle=False))
        else:
            value = torch.load(given.file, map_location="cpu", weights_only=True)
    except CnnprofError:
        raise
    except UnpicklingError:
        raise UsageError(f"{given.file} holds no tensor alone: other objects would run as code when they are read") from None
    except Exception as error:
        raise UsageError(f"{given.file} holds no tensor: {one_line(error):.200}") from None
    if not isinstance(value, Tensor):
        raise UsageError(f"{given.file} holds no tensor, but an object of type {type(value).__name__}")
    return Input(given.name, tuple(value.shape)[1:], str(value.dtype).removeprefix("torch."), value, given.file)


def make_tensors(inputs: Sequence[Input], batch: int, like: Tensor) -> list[Tensor]:
    """A tensor for each input, on the device and, where none is said, in the format of `like`; numbers are random in [0, 1)."""
    return [_make(each, batch, like) for each in inputs]


def _make(given: Input, batch: int, like: Tensor) -> Tensor:
    if given.value is not None:
        return torch.as_tensor(given.value).detach().to(like.device).clone()
    shape = (batch, *given.size)
    dtype: torch.dtype = getattr(torch, given.dtype) if given.dtype else like.dtype
    if not (dtype.is_floating_point or dtype.is_complex):
        return torch.zeros(shape, dtype=dtype, device=like.device)
    generator = None if like.is_meta else torch.Generator(like.device).manual_seed(0)
    return torch.rand(shape, generator=generator, device=like.device, dtype=dtype)


def bind(inputs: Sequence[Input], values: Sequence[Any]) -> Arguments:
    """The values as arguments of a call: in order, by name, and those with dots in their names in dictionaries and lists."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for given, value in zip(inputs, values, strict=True):
        if not given.name:
            args.append(value)
            continue
        first, *path = given.name.split(".")
        holder: dict[str, Any] = kwargs
        if first.isdigit():
            # What is nested in an argument without a name.
            args += [{}] * (int(first) + 1 - len(args))
            args[int(first)] = holder = dict(args[int(first)])
            first, *path = path
        for part in path:
            holder = holder.setdefault(first, {})
            first = part
        holder[first] = value
    return [_listed(value) for value in args], {name: _listed(value) for name, value in kwargs.items()}


def as_parameters(module: nn.Module, inputs: Inputs) -> Inputs:
    """The inputs; names that are no parameters of a `forward` with a single one are keys of the dictionary that it takes."""
    signature = signature_of(module)
    known = [*signature.parameters.values()] if signature else []
    heads = {each.name.partition(".")[0] for each in inputs}
    single = len(known) == 1 and known[0].kind in (known[0].POSITIONAL_ONLY, known[0].POSITIONAL_OR_KEYWORD)
    if not single or not inputs or "" in heads or known[0].name in heads or any(head.isdigit() for head in heads):
        return inputs
    return tuple(replace(each, name=f"{known[0].name}.{each.name}") for each in inputs)


def _listed(value: Any) -> Any:
    """Dictionaries whose keys count from 0 are lists."""
    if not isinstance(value, dict):
        return value
    items = {key: _listed(item) for key, item in value.items()}
    return [*items.values()] if [*items] == [str(number) for number in range(len(items))] else items


def check_call(module: nn.Module, inputs: Sequence[Input], name: str) -> None:
    """Raises CnnprofError, with what to say instead, where the inputs are not what `forward` takes."""
    signature = signature_of(module)
    if signature is None:
        return
    args, kwargs = bind(inputs, inputs)
    known = [*signature.parameters.values()]
    named = [each.name for each in known if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    for key in kwargs:
        if key not in named and not any(each.kind == each.VAR_KEYWORD for each in known):
            near = did_you_mean(key, named) or f"it takes {_joined(named)}"
            raise CnnprofError(f"{name}: forward has no parameter '{key}'", hint=near)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        needed = [each.name for each in known if each.default is each.empty and each.name in named]
        fed = len(args) + len(kwargs)
        what = "one input is given" if fed == 1 else f"{fed} inputs are given"
        message = f"{name}: forward takes {_joined(needed or named) or 'no input'}, and {what}"
        if len(args) > len(named) or not needed:
            raise CnnprofError(message) from error
        size = "x".join(map(str, inputs[0].size)) if inputs else "3x224x224"
        hint = "--input " + " ".join(f"{parameter}={size}" for parameter in needed)
        raise CnnprofError(message, hint=f"name each with its size: {hint}") from error


def signature_of(module: nn.Module) -> inspect.Signature | None:
    """The signature of the module's `forward`; None where it has none that Python can tell."""
    try:
        return inspect.signature(module.forward)
    except (TypeError, ValueError):
        return None


def input_names(module: nn.Module, inputs: Sequence[Input]) -> list[str]:
    """The names of the inputs in a graph: their own; a single one without is `input`, others as `forward` calls them."""
    if len(inputs) == 1 and not inputs[0].name:
        return ["input"]
    signature = signature_of(module)
    known = [each.name for each in signature.parameters.values() if each.kind != each.VAR_KEYWORD] if signature else []
    names = []
    for number, given in enumerate(inputs):
        names.append(given.name or (known[number] if number < len(known) else f"input_{number + 1}"))
    return [name if names.index(name) == number else f"{name}_{number + 1}" for number, name in enumerate(names)]


class Fed(nn.Module):
    """A module that takes all its inputs in order, whatever its `forward` wants them as.

    Args:
        module: the module.
        inputs: what each of them is; numbers that are to be whole become 0.
    """

    def __init__(self, module: nn.Module, inputs: Inputs) -> None:
        super().__init__()
        self.module = module
        self._inputs = inputs

    def forward(self, *tensors: Tensor) -> Any:
        """The module's outputs."""
        values = [_as_wanted(each, tensor) for each, tensor in zip(self._inputs, tensors, strict=True)]
        args, kwargs = bind(self._inputs, values)
        if isinstance(self.module, torch.fx.GraphModule) and (signature := signature_of(self.module)):
            # An exported program takes what it was exported with: by order what was given by order.
            args, kwargs = [*signature.bind(*args, **kwargs).args], {}
        return self.module(*args, **kwargs)


def _as_wanted(given: Input, tensor: Tensor) -> Tensor:
    dtype: torch.dtype | None = getattr(torch, given.dtype) if given.dtype else None
    if dtype is None or dtype.is_floating_point or dtype.is_complex:
        return tensor
    return torch.zeros_like(tensor, dtype=dtype)


def tensors_of(value: Any, seen: set[int] | None = None) -> Iterator[Tensor]:
    """The tensors in what a network returns, whatever it is: containers and their subclasses, dataclasses, objects."""
    seen = set() if seen is None else seen
    if isinstance(value, Tensor):
        yield value
        return
    if id(value) in seen or value is None or isinstance(value, (str, bytes, int, float, complex, type, nn.Module)):
        return
    seen.add(id(value))
    if isinstance(value, Mapping):
        parts = [*value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = [*value]
    elif is_dataclass(value):
        parts = [getattr(value, each.name, None) for each in fields(value)]
    else:
        parts = [*getattr(value, "__dict__", {}).values()]
        parts += [getattr(value, name, None) for name in getattr(type(value), "__slots__", ())]
    for part in parts:
        yield from tensors_of(part, seen)


def output_names(value: Any) -> tuple[str, ...]:
    """The keys of a dictionary of tensors, by which a network names its outputs; none for anything else."""
    named = isinstance(value, Mapping) and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in value.items())
    return tuple(value) if named else ()


def _joined(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
