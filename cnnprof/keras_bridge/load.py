"""A file as a Keras configuration, or one message that says why it is none."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from cnnprof.errors import CnnprofError

_MOST_BYTES = 64 * 2**20
"""Of a configuration; NASNet's has 2 MB."""

_MODELS = ("Functional", "Model", "Sequential")


def load_config(path: Path) -> dict[str, Any]:
    """The model's configuration: `class_name` and `config`.

    Raises CnnprofError (exit code 3) for a file that holds none. Weights are not looked at.
    """
    if not path.is_file():
        raise CnnprofError(f"'{path}' is no file" if path.exists() else f"there is no file '{path}'")
    try:
        found = json.loads(_archived(path) if zipfile.is_zipfile(path) else _bounded(path))
    except OSError as error:
        raise CnnprofError(f"cannot read '{path}': {error.strerror}") from None
    except (ValueError, RecursionError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        raise CnnprofError(f"'{path}' holds no Keras configuration", hint="model.save('net.keras') writes one") from None
    if (
        not isinstance(found, dict)
        or found.get("class_name") not in _MODELS
        or not isinstance(found.get("config"), (dict, list))
    ):
        kind = found.get("class_name") if isinstance(found, dict) else None
        if isinstance(kind, str):
            message = f"'{path}' holds a Keras model of a class of its own, '{kind}', whose layers only its code knows"
            raise CnnprofError(message, hint="a Functional or Sequential model, or an ONNX file of it, can be read")
        raise CnnprofError(
            f"'{path}' holds no Keras configuration", hint="model.to_json() or model.save('net.keras') writes one"
        )
    return found


def _archived(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        try:
            entry = archive.getinfo("config.json")
        except KeyError:
            raise ValueError("no config.json") from None
        if entry.file_size > _MOST_BYTES:
            raise ValueError("too large")
        with archive.open(entry) as stream:
            return _all(stream)


def _bounded(path: Path) -> bytes:
    with path.open("rb") as stream:
        return _all(stream)


def _all(stream: Any) -> bytes:
    """At most as many bytes as a configuration may have, whatever the file says of itself."""
    data: bytes = stream.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ValueError("too large")
    return data
