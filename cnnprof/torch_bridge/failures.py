"""Why a module does not run, in the words of its user: the layer, what it takes, and the line of his own code."""

from __future__ import annotations

import linecache
import re
import sysconfig
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

import cnnprof
from cnnprof.errors import CnnprofError, Place
from cnnprof.network.layers import ShapeError
from cnnprof.torch_bridge.rows import find_capture
from cnnprof.torch_bridge.rows.base import Call, Match

_NOT_THE_USERS = tuple(
    {
        str(Path(cnnprof.__file__).parent),
        str(Path(torch.__file__).parent),
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    }
)
"""Where code lies that is nobody's own."""


def explain_misfit(path: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    """Why the inputs do not fit the layer that the operation would have been; None if the layer's rule has nothing to say."""
    capture = find_capture(func)
    where = path
    try:
        call = Call(func, args, kwargs, ())
        if call.op == "linear" and (taken := call["weight"].shape[-1]) != (given := call.first.shape[-1]):
            return f"{path} (Linear): ".lstrip() + f"it takes {taken:,} features, and its input has {given:,}"
        match = capture(call) if capture else None
        if isinstance(match, Match):
            where = f"{path} ({match.layer.type})".lstrip()
            match.layer.shape(*(tuple(tensor.shape) for tensor in match.inputs))
    except ShapeError as misfit:
        return f"{where}: {misfit.message}" if where else misfit.message
    except (LookupError, TypeError):
        # Some captures read the result, which there is none of.
        return None
    return None


def one_line(error: BaseException, path: str = "") -> str:
    """The type and the first line of an exception, and the module that it comes from."""
    text = str(error).strip().partition("\n")[0]
    return (f"in {path}: " if path else "") + type(error).__name__ + (f": {text}" if text else "")


def own_line(error: BaseException) -> tuple[Place | None, str]:
    """The last line of the user's own code that an exception passed, and the function that it stands in."""
    found: tuple[Place | None, str] = (None, "")
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        file, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        if not file.startswith(("<frozen", "<string>", *_NOT_THE_USERS)):
            # A notebook's process outlives what stood in the file.
            linecache.checkcache(file)
            text = linecache.getline(file, line).rstrip("\n")
            stripped = text.strip()
            column = text.find(stripped) + 1 if stripped else 1
            place = Place(_shown(file), line, column, text.expandtabs(1), max(1, len(stripped)))
            found = place, trace.tb_frame.f_code.co_name
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        found = Place(_shown(error.filename), error.lineno, error.offset or 1, (error.text or "").rstrip("\n")), ""
    return found


def _shown(file: str) -> str:
    """The file as it would be named from here."""
    try:
        return str(Path(file).resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return file


def hint_for(error: BaseException, said: str, inputs: str) -> str | None:
    """A hint at what to do about a failure, where it is one of a known kind; `inputs` is what `--input` would say."""
    text = f"{type(error).__name__}: {error}"
    if "Expected more than 1 value per channel" in text:
        return "a batch norm over one value has no variance: --batch 2"
    if re.search(r"\bdict\b", text) and (named := re.fullmatch(r"(\w+)\.(\w+)=(\S+)", inputs)):
        return f"forward has no parameter '{named[2]}', and takes no dictionary: --input {named[1]}={named[3]}"
    if "does not require grad and does not have a grad_fn" in text:
        return "its forward takes gradients, and none are recorded here: profile the module within that makes the prediction"
    if "is missing value for argument" in text and (names := re.findall(r"Tensor (\w+)", text.partition("Declaration")[2])):
        size = inputs.partition(":")[0]
        return f"name each with its size: --input {' '.join(f'{name}={size}' for name in names)}"
    if re.search(
        r"indices.*Long, Int|tensors used as indices must be long|expected .*(Long|Int).* but got|Expected .*Long", text
    ):
        return f"the network takes whole numbers: --input {inputs}:int64" if ":" not in inputs else None
    if "Could not run 'torchvision::" in text or "torchvision::nms: attempted" in text:
        return "torchvision's operators do not fit this torch, so they run without data alone: cnnprof doctor says more"
    if re.search(r"too many indices for tensor|only integers, slices", text):
        line, _ = own_line(error)
        keys = re.findall(r"\[[\"'](\w+)[\"']\]", line.text if line and line.text else "")
        return f"it takes a dictionary: --input {' '.join(f'{key}={inputs}' for key in dict.fromkeys(keys))}" if keys else None
    if re.search(r"not compiled with CUDA|NVIDIA driver|CUDA error|No CUDA GPUs|CUDA is not available", text):
        return "its code asks for a GPU: make the device an argument, or use that of the input, x.device"
    if re.search(r"channels?\b", said) and re.search(r"takes \d+ channel", said):
        wanted = re.search(r"takes (\d+) channel", said)
        size = inputs.partition("=")[2] or inputs
        rest = "x".join(size.partition(":")[0].split("x")[1:]) or "HxW"
        return f"say what it takes: --input {wanted[1]}x{rest}" if wanted else None
    return None


def failed(message: str, error: BaseException, hint: str | None = None) -> CnnprofError:
    """The message with the place in the user's own code, and the exception itself as the cause."""
    place, function = own_line(error)
    trace = [f"in {function}"] if function and function != "<module>" else []
    found = CnnprofError(message, place, hint, trace)
    found.__cause__ = error
    return found
