"""Modules in files that torch wrote: exported programs and TorchScript. Pickled modules are refused, for they run any code."""

from __future__ import annotations

import logging
import pickletools
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from pickle import UnpicklingError
from types import MethodType
from typing import Any

import torch
from torch import nn

from cnnprof.errors import CnnprofError, UsageError
from cnnprof.network.inputs import Input, Inputs
from cnnprof.torch_bridge.failures import one_line
from cnnprof.torch_bridge.trust import refusal, refuse_code, tensors_alone

_MOST_PICKLE = 256 * 2**20
_MOST_UNPACKED = 2**30
"""Bytes that the compressed entries of an archive may have: torch compresses code alone, and stores weights as they are."""
_FREELY_UNPACKED, _MOST_RATIO = 64 * 2**20, 100
"""Up to so many bytes nobody minds; above, what grows by more than the ratio is no code (which deflates to a fifth or so)."""
_CODE = "name the code that makes the model (cnnprof summary net.py:Net), or save it with torch.export.save or torch.jit.save"


def module_in(path: str) -> nn.Module:
    """The module that the file holds, on the CPU.

    Raises CnnprofError (exit code 3) for anything else: what it is, and which way leads on.
    """
    kind = _kind(path)
    if kind not in ("exported", "script"):
        raise CnnprofError(f"'{path}' is {kind}", hint=_CODE)
    try:
        with warnings.catch_warnings(), _unlogged(), tensors_alone():
            # torch warns of what it calls itself.
            warnings.simplefilter("ignore")
            if kind == "script":
                return torch.jit.load(path, map_location="cpu")  # type: ignore[no-any-return, no-untyped-call]
            module: Any = torch.export.load(path).module()
    except Exception as error:
        cause = _root(error)
        if isinstance(cause, UnpicklingError):
            raise refusal(path, "pickled objects") from None
        raise CnnprofError(f"torch cannot read '{path}': {one_line(cause).partition(' Please check')[0][:200]}") from None
    # torch refuses both: a program is what it was in the mode that it was exported in.
    module.train, module.eval = MethodType(_stay, module), MethodType(_stay, module)
    return module  # type: ignore[no-any-return]


def _root(error: BaseException) -> BaseException:
    """The exception that this one comes from: torch wraps some in one that only says that there was one."""
    while (before := error.__cause__ or error.__context__) is not None:
        error = before
    return error


@contextmanager
def _unlogged() -> Iterator[None]:
    """Nothing of torch's log, which has tracebacks of what becomes one message here."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _stay(module: nn.Module, mode: bool = False) -> nn.Module:
    """The program as it is. Raises UsageError where it is to be trained."""
    if mode:
        raise UsageError("an exported program is what inference does: it is not trained")
    return module


def inputs_of(module: nn.Module, batch: int) -> tuple[Inputs, int] | None:
    """An exported program's inputs and batch, which is the one that is asked for where the program leaves it open; None where
    it leaves other sizes open, or there is no program.
    """
    graph = getattr(module, "graph", None)
    if not isinstance(graph, torch.fx.Graph):
        return None
    inputs = [node for node in graph.nodes if node.op == "placeholder" and isinstance(node.meta.get("val"), torch.Tensor)]
    values = [node.meta["val"] for node in inputs]
    if not values or not all(isinstance(size, int) for value in values for size in value.shape[1:]):
        return None
    first = values[0].shape[0] if values[0].ndim else batch
    names = ["" if len(inputs) == 1 else str(node.target) for node in inputs]
    found = tuple(
        Input(name, tuple(value.shape[1:]), "" if value.is_floating_point() else str(value.dtype).removeprefix("torch."))
        for name, value in zip(names, values, strict=True)
    )
    return found, first if isinstance(first, int) and first != 1 else batch


def _kind(path: str) -> str:
    """`exported`, `script`, or what else the file is, in words."""
    file = Path(path)
    if not file.is_file():
        raise CnnprofError(f"'{path}' is no file" if file.exists() else f"there is no file '{path}'")
    try:
        with zipfile.ZipFile(file) as archive:
            refuse_bomb(path, archive)
            names = archive.namelist()
            if any(name.endswith(("models/model.json", "serialized_exported_program.json")) for name in names):
                refuse_code(path, archive)
                return "exported"
            if any("/code/" in name for name in names):
                return "script"
            pickles = [entry for entry in archive.infolist() if entry.filename.endswith("data.pkl")]
            return _pickled(archive, pickles[0]) if pickles else "an archive without a network"
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError):
        with suppress(OSError), file.open("rb") as stream:
            if stream.read(2)[:1] == b"\x80":
                return "a pickle, which runs whatever code it names when it is read"
        return "no file that torch wrote, or only a part of one"


def refuse_bomb(path: str, archive: zipfile.ZipFile) -> None:
    """Raises CnnprofError (exit code 3) for an archive that would unpack to more than a file of torch's does."""
    entries = archive.infolist()
    size, held = Path(path).stat().st_size, sum(entry.compress_size for entry in entries)
    unpacked = sum(entry.file_size for entry in entries if entry.file_size != entry.compress_size)
    if held > size:
        raise CnnprofError(f"'{path}' is not opened: its entries lie over each other ({held:,} bytes in a file of {size:,})")
    if unpacked > max(_FREELY_UNPACKED, min(_MOST_UNPACKED, _MOST_RATIO * size)):
        raise CnnprofError(f"'{path}' is not opened: its {size:,} bytes would unpack to {unpacked:,}")


def _pickled(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    """The kind of object that `torch.save` wrote, told by the names that stand in the pickle; nothing of it is run."""
    if entry.file_size > _MOST_PICKLE:
        return "an archive whose pickle is too large to look at"
    with archive.open(entry) as stream:
        data = stream.read(_MOST_PICKLE + 1)
    named = set()
    texts: list[str] = []
    with suppress(ValueError, IndexError):
        for opcode, argument, _ in pickletools.genops(data[:_MOST_PICKLE]):
            if opcode.name == "GLOBAL":
                named.add(str(argument).replace(" ", "."))
            elif opcode.name == "STACK_GLOBAL" and len(texts) > 1:
                named.add(".".join(texts[-2:]))
            elif isinstance(argument, str):
                texts.append(argument)
    own = sorted(
        name for name in named if not name.startswith(("torch.", "torch_utils", "collections.", "numpy", "__builtin__"))
    )
    modules = sorted(name for name in named if name.startswith("torch.nn.modules"))
    if modules or own:
        return f"a pickled module ({(own or modules)[0]}): to read it is to run whatever code it names"
    return "a checkpoint: weights without the network that they belong to"
