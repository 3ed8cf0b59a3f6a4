"""An ONNX file as a model that can be walked, or one message that says why it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cnnprof.errors import CnnprofError, UnavailableError

OPSETS = range(7, 24)
"""The versions of the standard operators whose attributes and inputs the rows know."""

MOST_NODES = 100_000
_MOST_NAMES = 4 * MOST_NODES
_MOST_BYTES = 2**31 - 1
"""Of one protobuf message; a larger network keeps its weights in files beside it."""

STANDARD = ("", "ai.onnx")


def load_model(path: Path) -> Any:
    """The file's `onnx.ModelProto`, its functions written out. Weights that lie in other files are not read.

    Raises CnnprofError (exit code 3) for what is no ONNX model or too large, UnavailableError (4) without onnx.
    """
    onnx = import_onnx()
    if not path.is_file():
        raise CnnprofError(f"'{path}' is no file" if path.exists() else f"there is no file '{path}'")
    if path.stat().st_size > _MOST_BYTES:
        raise CnnprofError(
            f"'{path}' is larger than 2 GiB", hint="save it with external data: onnx.save(..., save_as_external_data=True)"
        )
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except OSError as error:
        raise CnnprofError(f"cannot read '{path}': {error.strerror}") from None
    except Exception:  # protobuf's DecodeError has no public home
        raise CnnprofError(f"'{path}' is no ONNX model, or only a part of one") from None
    if not model.graph.node and not model.graph.output:
        raise CnnprofError(f"'{path}' is no ONNX model, or an empty one")
    if len(model.graph.node) > MOST_NODES:
        raise CnnprofError(f"'{path}' has {len(model.graph.node):,} nodes", hint=f"at most {MOST_NODES:,} are read")
    names = sum(len(node.input) + len(node.output) for node in model.graph.node)
    if names > _MOST_NAMES:
        message = f"the operators of '{path}' have {names:,} inputs and outputs"
        raise CnnprofError(message, hint=f"at most {_MOST_NAMES:,} are read")
    version = opset_of(model)
    if version not in OPSETS:
        raise CnnprofError(
            f"'{path}' uses version {version} of ONNX's operators",
            hint=f"versions {OPSETS[0]} to {OPSETS[-1]} are read; onnx.version_converter converts between them",
        )
    if model.functions:
        if _written_out(model) > MOST_NODES:
            raise CnnprofError(f"'{path}' has more than {MOST_NODES:,} nodes with its functions written out")
        from onnx.inliner import inline_local_functions

        try:
            model = inline_local_functions(model)
        except Exception as error:
            raise CnnprofError(f"'{path}': its functions cannot be written out: {error}") from None
    return model


def _written_out(model: Any) -> int:
    """How many nodes the model has with its functions written out; too many, too, where one calls itself."""
    bodies = {(each.domain, each.name): each.node for each in model.functions}
    sizes: dict[tuple[str, str], int] = {}
    begun: set[tuple[str, str]] = set()
    front = [*bodies]
    while front:
        key = front[-1]
        called = [(node.domain, node.op_type) for node in bodies[key]]
        missing = {each for each in called if each in bodies and each not in sizes}
        if not missing:
            sizes[key] = sum(sizes.get(each, 1) for each in called)
            front.pop()
        elif key in begun and missing <= begun:
            return MOST_NODES + 1
        else:
            begun.add(key)
            front += missing
    return sum(sizes.get((node.domain, node.op_type), 1) for node in model.graph.node)


def opset_of(model: Any) -> int:
    """The version of the standard operators that the model asks for; 1 if it names none."""
    return next((int(each.version) for each in model.opset_import if each.domain in STANDARD), 1)


def import_onnx() -> Any:
    """onnx, imported. Raises UnavailableError if it is missing."""
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise UnavailableError(f"{error.name} is not installed", hint="pip install 'cnnprof[onnx]'") from None
    return onnx
