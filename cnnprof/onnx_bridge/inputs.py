"""The inputs of an ONNX model: what the file says of their sizes, and what is asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from cnnprof.errors import CnnprofError, did_you_mean
from cnnprof.network.dims import Shape
from cnnprof.onnx_bridge.naming import dotted

Wanted = Sequence[int] | Sequence[tuple[str, Shape]] | None
"""Sizes without the batch: of the first input, or of several, each with its name or, by their order, none."""


def inputs_of(graph: Any, wanted: Wanted, batch: int, path: Path) -> dict[str, Shape]:
    """The sizes of every input that is no stored tensor."""
    held = {tensor.name for tensor in graph.initializer}
    inputs = [each for each in graph.input if each.name not in held]
    if not inputs:
        raise CnnprofError(f"'{path}' has no input")
    asked = _by_name(wanted, [each.name for each in inputs], path)
    example = _example(inputs)
    return {each.name: _sizes(each, asked.get(each.name), batch, path, example) for each in inputs}


def stated(graph: Any, inputs: Collection[str]) -> list[tuple[int | str, ...]]:
    """The sizes that the file has for each of these inputs, the names of those that it leaves open."""
    known = {each.name: tuple(_said(each) or ()) for each in graph.input if each.name in inputs}
    return [known[name] for name in inputs]


def _by_name(wanted: Wanted, names: Sequence[str], path: Path) -> dict[str, Shape]:
    """The sizes that are asked for, by the names of inputs."""
    pairs = [each if isinstance(each, tuple) else None for each in wanted or ()]
    if None in pairs:
        return {names[0]: tuple(wanted)}  # type: ignore[arg-type]
    known = {dotted(name): name for name in names} | {name: name for name in names}
    found: dict[str, Shape] = {}
    for name, size in filter(None, pairs):
        if name and name not in known:
            hint = did_you_mean(name, known) or f"it has {', '.join(map(dotted, names))}"
            raise CnnprofError(f"'{path}' has no input '{name}'", hint=hint)
        free = [each for each in names if each not in found]
        if not free:
            raise CnnprofError(f"'{path}' has {len(names)} inputs, and {len(pairs)} are given")
        found[known[name] if name else free[0]] = size
    return found


def _sizes(one: Any, wanted: Shape | None, batch: int, path: Path, example: str) -> Shape:
    if not one.type.HasField("tensor_type"):
        raise CnnprofError(f"the input '{one.name}' of '{path}' is no tensor")
    said = _said(one)
    if said is None and wanted is None:
        raise CnnprofError(f"'{path}' does not say the sizes of its input '{one.name}'", hint=f"say them: --input {example}")
    if wanted is not None:
        if said is not None and len(wanted) != len(said) - 1:
            sizes = f"the input '{one.name}' has the sizes {_shown(said)}, batch first"
            raise CnnprofError(f"{sizes}, and --input {_shown(wanted)} does not fit", hint=f"such as --input {example}")
        return (batch, *wanted)
    if any(isinstance(size, str) for size in (said or ())[1:]):
        message = f"the input '{one.name}' of '{path}' has the sizes {_shown(said or ())}"
        raise CnnprofError(message, hint=f"say them: --input {example}")
    if not said:
        return ()
    first = said[0] if isinstance(said[0], int) and said[0] != 1 and batch == 1 else batch
    return (first, *(size for size in said[1:] if isinstance(size, int)))


def _said(one: Any) -> list[int | str] | None:
    """The sizes that the file has for an input, the names of those that it leaves open; None where it has none."""
    tensor = one.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return [
        dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else dim.dim_param or "?" for dim in tensor.shape.dim
    ]


def _example(inputs: Sequence[Any]) -> str:
    """Sizes that the inputs may have, as `--input` takes them: of several that the file leaves open, with their names."""
    open_ones = [each for each in inputs if any(isinstance(size, str) for size in (_said(each) or ["?"])[1:])] or inputs
    sizes = []
    for each in open_ones:
        said = _said(each)
        written = "CxHxW" if said is None else _shown([size if isinstance(size, int) else 224 for size in said[1:]])
        sizes.append(f"{dotted(each.name)}={written}" if len(inputs) > 1 else written)
    return " ".join(sizes)


def _shown(sizes: Sequence[object]) -> str:
    return "x".join(map(str, sizes))
