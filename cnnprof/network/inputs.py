"""A network's inputs: one tensor or several, by the names of its parameters, of any rank and number format."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

from cnnprof.errors import UsageError, did_you_mean
from cnnprof.network.dims import Shape
from cnnprof.record import record

DTYPES = {
    "float32": "float32",
    "float": "float32",
    "fp32": "float32",
    "float16": "float16",
    "half": "float16",
    "fp16": "float16",
    "bfloat16": "bfloat16",
    "bf16": "bfloat16",
    "float64": "float64",
    "double": "float64",
    "int64": "int64",
    "long": "int64",
    "int32": "int32",
    "int": "int32",
    "int16": "int16",
    "int8": "int8",
    "uint8": "uint8",
    "bool": "bool",
    "complex64": "complex64",
    "complex128": "complex128",
}
"""Number formats as a user may write them, under torch's names."""

FILES = (".pt", ".pth", ".npy")
"""Suffixes of files that hold a tensor."""

_INPUT = re.compile(r"(?:(?P<name>[A-Za-z_][\w.]*)=)?(?P<size>[1-9]\d{0,8}(?:x[1-9]\d{0,8})*)(?::(?P<dtype>\w+))?\Z", re.ASCII)
_FILE = re.compile(r"(?:(?P<name>[A-Za-z_][\w.]*)=)?(?P<file>.+)\Z")


@record
class Input:
    """One tensor that a network takes.

    Args:
        name: of the parameter of its `forward`; with dots where it lies in a dictionary or list; empty for the next in order.
        size: of one sample, without the batch: (C, H, W) of an image.
        dtype: torch's name of the number format; empty for that of the network's weights.
        value: the tensor itself, batch and all, where it is given.
        file: where the tensor lies, if it lies in one.
    """

    name: str = ""
    size: Shape = ()
    dtype: str = ""
    value: Any = None
    file: str = ""

    def __str__(self) -> str:
        size = self.file or "x".join(map(str, self.size)) or "a number"
        return (f"{self.name}=" if self.name else "") + size + (f":{self.dtype}" if self.dtype else "")


Inputs = tuple[Input, ...]


def parse_inputs(text: str) -> Inputs:
    """`3x160x160`, `image=3x224x224 depth=1x224x224`, `tokens=128:int64`, `x=a.pt`: one input, or several with blanks between.

    Raises UsageError for anything else.
    """
    found = tuple(_parse(word) for word in _words(text.split()))
    if not found:
        raise _no_input(text)
    return found


def _words(parts: list[str]) -> Iterator[str]:
    """The words of a text, of which a file's path may have blanks in it."""
    while parts:
        rest = [*takewhile(lambda part: not _INPUT.match(part), parts)]
        count = next((number for number, part in enumerate(rest, 1) if part.endswith(FILES)), 1)
        yield " ".join(parts[:count])
        del parts[:count]


def _parse(word: str) -> Input:
    match = _INPUT.match(word)
    if match is None:
        file = _FILE.match(word)
        if file and file["file"].endswith(FILES):
            return Input(file["name"] or "", file=file["file"])
        raise _no_input(word)
    return Input(match["name"] or "", tuple(int(part) for part in match["size"].split("x")), _dtype(match["dtype"] or ""))


def _dtype(name: str) -> str:
    if name and name not in DTYPES:
        raise UsageError(f"unknown number format '{name}'", hint=did_you_mean(name, DTYPES) or "such as float32, int64 or bool")
    return DTYPES[name] if name else ""


def _no_input(text: str) -> UsageError:
    return UsageError(
        f"'{text}' is not an input size",
        hint="write channels, height and width, such as --input 3x160x160; name=SIZE and name=SIZE:int64 for one of several",
    )


def read_inputs(given: Any) -> Inputs:
    """Inputs as a caller gives them; none for None.

    Args:
        given: (C, H, W), the text of a size, a tensor (its batch with it), a dictionary of those by the names of parameters, or
            a list of those in order; both may be nested.

    Raises UsageError for anything else.
    """
    if given is None:
        return ()
    return tuple(_flatten(given, ""))


def _flatten(given: Any, name: str) -> Iterator[Input]:
    if isinstance(given, Input):
        yield given
    elif isinstance(given, str):
        for each in parse_inputs(given):
            yield Input(name or each.name, each.size, each.dtype, file=each.file)
    elif hasattr(given, "shape") and hasattr(given, "dtype"):
        yield Input(name, tuple(map(int, given.shape))[1:], str(given.dtype).removeprefix("torch."), given)
    elif isinstance(given, Mapping):
        for key, value in given.items():
            yield from _flatten(value, f"{name}.{key}" if name else str(key))
    elif isinstance(given, (tuple, list)) and given and all(_is_size(part) for part in given):
        yield Input(name, tuple(map(int, given)))
    elif isinstance(given, (tuple, list)) and given:
        for number, value in enumerate(given):
            inside = isinstance(value, Mapping) or (isinstance(value, (tuple, list)) and not all(map(_is_size, value)))
            yield from _flatten(value, f"{name}.{number}" if name else str(number) if inside else "")
    else:
        raise UsageError(
            f"an input is a size such as (3, 224, 224), a tensor, or a dictionary or list of those, not {given!r:.60}"
        )


def _is_size(part: object) -> bool:
    return isinstance(part, int) and not isinstance(part, bool) and part > 0


def any_size(inputs: Inputs, network: str) -> Shape | None:
    """The size of a single input without a name; None where nothing is given. Raises UsageError for anything else."""
    if not inputs:
        return None
    first, *others = inputs
    if others or first.name or first.file:
        raise UsageError(f"{network} takes one input, without a name: its size", hint="such as --input 3x160x160")
    return first.size


def by_name(inputs: Inputs) -> tuple[tuple[str, Shape], ...] | Shape | None:
    """The size of a single input without a name, or (name, size) pairs; None where nothing is given.

    Raises UsageError for a file or a number format.
    """
    if any(each.file or each.dtype for each in inputs):
        raise UsageError("the input is a size here: its numbers are random", hint="such as --input 3x160x160")
    if len(inputs) == 1 and not inputs[0].name:
        return inputs[0].size
    return tuple((each.name, each.size) for each in inputs) or None


def image_size(inputs: Inputs, network: str) -> Shape | None:
    """(C, H, W) for a network that takes one image; None where nothing is given. Raises UsageError for anything else."""
    size = any_size(inputs, network)
    if size is not None and len(size) != 3:
        raise UsageError(
            f"'{'x'.join(map(str, size))}' is not an input size of {network}",
            hint="write channels, height and width, such as --input 3x160x160",
        )
    return size
