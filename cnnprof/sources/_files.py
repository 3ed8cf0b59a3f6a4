"""Files that hold networks, by their suffix, and those that hold none that can be read."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from cnnprof.errors import CnnprofError, UnavailableError
from cnnprof.network.graph import Graph
from cnnprof.sources._types import Settings

SPECS = (".yaml", ".yml")
"""The suffixes of specs."""

SOURCES = {
    ".onnx": "onnx",
    ".keras": "keras",
    ".json": "keras",
    ".pt2": "exported",
    ".pt": "exported",
    ".pth": "exported",
    ".ts": "exported",
    ".torchscript": "exported",
}
"""The module of this package that reads files of a suffix."""

_EXPORT = "export the model where its code is: torch.onnx.export(model, image, 'net.onnx')"
_CODE = "name the code that makes the model (cnnprof summary net.py:Net)"

_REFUSED = {
    ".safetensors": ("weights (safetensors) without the network that they belong to", _CODE),
    ".bin": ("weights without the network that they belong to", _CODE),
    ".ckpt": ("a checkpoint: weights without the network that they belong to", _CODE),
    ".npz": ("weights without the network that they belong to", _CODE),
    ".h5": ("a Keras model in HDF5", "save it again: keras.saving.load_model('net.h5').save('net.keras')"),
    ".hdf5": ("a Keras model in HDF5", "save it again: keras.saving.load_model('net.hdf5').save('net.keras')"),
    ".tflite": ("a TensorFlow Lite model", "python -m tf2onnx.convert --tflite net.tflite --output net.onnx"),
    ".pb": ("a TensorFlow graph", "python -m tf2onnx.convert --graphdef net.pb --output net.onnx"),
    ".cfg": ("a darknet configuration", "write it as a spec (cnnprof init), or export the model to ONNX"),
    ".prototxt": ("a Caffe network", "write it as a spec (cnnprof init), or export the model to ONNX"),
    ".caffemodel": ("a Caffe network's weights", "write it as a spec (cnnprof init), or export the model to ONNX"),
    ".mlmodel": ("a Core ML model", _EXPORT),
    ".mlpackage": ("a Core ML model", _EXPORT),
    ".xml": ("a model of OpenVINO's", _EXPORT),
    ".param": ("a model of ncnn's", _EXPORT),
    ".engine": ("an engine that TensorRT built for one device", _EXPORT),
    ".plan": ("an engine that TensorRT built for one device", _EXPORT),
    ".ptl": ("a model for torch's mobile runtime", _EXPORT),
    ".pte": ("a program of ExecuTorch's", _EXPORT),
    ".pkl": ("a pickle, which runs whatever code it names when it is read", _CODE),
    ".pickle": ("a pickle, which runs whatever code it names when it is read", _CODE),
}


def source_of(name: str) -> str | None:
    """The source that reads the file of this name; None where the suffix is none of a network's file.

    Raises CnnprofError for a format that is known and cannot be read: what it is, and which way leads on.
    """
    suffix = os.path.splitext(name)[1].lower()
    if suffix in _REFUSED and os.path.exists(name):
        what, way = _REFUSED[suffix]
        raise CnnprofError(f"'{name}' is {what}", hint=way)
    return SOURCES.get(suffix)


def is_path(name: str) -> bool:
    """Whether the word is a way to a spec."""
    path = name.partition("#")[0]
    return path.endswith(SPECS) or (("/" in path or "\\" in path) and ":" not in path)


def is_file(reference: str) -> bool:
    """Whether the reference names a file that holds a network as it is, or a glob of such files."""
    path = reference.partition("@")[0]
    return is_path(path) or path.endswith(tuple(SOURCES))


def no_settings(path: str, settings: Settings) -> None:
    """Raises CnnprofError if there are settings: a file has none."""
    if settings:
        raise CnnprofError(f"'{path}' has no setting '{next(iter(settings))}'", hint="a file holds the network as it is")


def recall_file(
    path: str, packages: tuple[str, ...], input_shape: Any, batch: int, make: Callable[[], Graph]
) -> tuple[Graph, dict[str, int]]:
    """The graph that was read from the file, or a new one, which is then kept; and what tells the file from a changed one.

    Args:
        packages: distributions that read it; where one is missing, `make` is to say so.
        make: reads it.
    """
    from cnnprof.sources._cache import ask, recall_graph, versions

    try:
        found = os.stat(path)
        versions(packages)
    except (OSError, UnavailableError):
        return make(), {}
    seen = {"bytes": found.st_size, "modified_ns": found.st_mtime_ns}
    question = ask(os.path.abspath(path), seen, None, batch) | {"input": repr(input_shape)}
    return recall_graph(question, packages, make), seen


def no_names() -> list[str]:
    """None: files are named by their paths."""
    return []
