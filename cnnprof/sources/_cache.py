"""Graphs on disk, so that a second look at a torch model needs no torch, and one at a spec no YAML.

An entry is two lines of JSON: first what was asked, with the versions of all that shaped the answer and the answer's checksum,
then the answer. An entry that does not say exactly what was asked, or does not add up, is as good as none.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import cnnprof
from cnnprof.cache import cache_folder
from cnnprof.collector import without_collections
from cnnprof.errors import Place, UnavailableError
from cnnprof.network.graph import Graph
from cnnprof.sources._validation import validate, validate_place

_SHAPED_BY = (
    *("network", "network/layers", "torch_bridge", "torch_bridge/rows", "onnx_bridge", "onnx_bridge/rows"),
    *("keras_bridge", "keras_bridge/rows", "sources", "spec", "spec/words"),
)
"""Folders whose code decides what a graph looks like."""

_NAME_LENGTH = 32

_NAME = re.compile(r"\w[\w.+-]{0,199}\Z")
"""Of a model: nothing that could be read as a path, a source's prefix or settings."""

_KEPT = 1000
"""Entries that are kept, the newest; one of a torchvision model has some 40 KB."""


def ask(reference: str, settings: Mapping[str, Any], input_shape: tuple[int, ...] | None, batch: int) -> dict[str, Any]:
    """The question whose answer is a captured graph, for `recall_graph`; settings stand there as Python writes them."""
    said = {key: repr(value) for key, value in sorted(settings.items())}
    size = input_shape if input_shape is None or isinstance(input_shape, tuple) else str(input_shape)
    return {"reference": reference, "settings": said, "input": size, "batch": batch}


def recall_graph(question: Mapping[str, Any], packages: Iterable[str], make: Callable[[], Graph]) -> Graph:
    """The kept graph for the question, or a new one, which is then kept.

    Args:
        question: all that the graph depends on, as JSON types.
        packages: distributions whose versions it depends on. Raises UnavailableError if one is not installed.
        make: makes the graph.
    """
    asked = {"graph": dict(question), "versions": versions(packages)}
    answer = _read(asked)
    if answer is not None:
        # Whatever is wrong with an entry, it is made again.
        with suppress(Exception):
            # Whose module it is, the caller knows; a file does not decide it.
            return validate(Graph.from_dict(answer | {"origin": None}))
    graph = make()
    _write(asked, graph.to_dict())
    return graph


@without_collections()
def recall_spec(question: Mapping[str, Any], shown: str, make: Callable[[], Graph]) -> Graph:
    """The kept graph of a spec with the places of its nodes, or a new one, which is then kept.

    Args:
        question: all that the graph depends on, the file's digest too, as JSON types.
        shown: how the file is called in messages; nothing of it is kept.
        make: makes the graph.
    """
    asked = {"spec": dict(question), "versions": versions(())}
    answer = _read(asked)
    if answer is not None:
        # Whatever is wrong with an entry, it is made again.
        with suppress(Exception):
            places = [validate_place(Place(shown, *where)) for where in answer.pop("places")]
            for node, at in zip(answer["nodes"], answer.pop("placed"), strict=True):
                node["place"] = None if at is None else places[at]
            answer["facts"]["source"] = shown
            return validate(Graph.from_dict(answer | {"origin": None}))
    graph = make()
    numbers: dict[Place, int] = {}
    placed = [None if node.place is None else numbers.setdefault(node.place, len(numbers)) for node in graph]
    where = [(place.line, place.column, place.text, place.length) for place in numbers]
    _write(asked, graph.to_dict() | {"placed": placed, "places": where})
    return graph


def recall_index(
    folder: str, stamps: Iterable[tuple[Any, ...]], make: Callable[[], dict[str, list[str]]]
) -> dict[str, list[str]]:
    """The kept names that each spec file of a folder defines, or new ones, which are then kept.

    Args:
        stamps: the files, each with what tells an edited one.
        make: reads the files.
    """
    files = [list(stamp) for stamp in stamps]
    asked = {"index": folder, "files": files, "versions": versions(())}
    answer = _read(asked)
    if isinstance(answer, dict) and [*answer] == [file[0] for file in files] and all(map(_are_names, answer.values())):
        return answer
    index = make()
    _write(asked, index)
    return index


def recall_names(source: str, packages: Iterable[str], make: Callable[[], list[str]]) -> list[str]:
    """The kept names of a source's models, or new ones, which are then kept. Raises UnavailableError as `recall_graph`."""
    asked = {"names": source, "versions": versions(packages)}
    answer = _read(asked)
    if _are_names(answer):
        return answer  # type: ignore[no-any-return]
    names = make()
    _write(asked, names)
    return names


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) and _NAME.match(name) for name in value)


def recall(question: Mapping[str, Any], shelf: str, make: Callable[[], Any], is_whole: Callable[[Any], bool]) -> Any:
    """The kept answer to a question, or a new one, which is then kept; both are JSON types.

    Args:
        question: all that the answer depends on but for cnnprof's own code: `figures_stamp` is to be part of it.
        shelf: the folder of the cache to keep it in.
        make: makes the answer.
        is_whole: whether a kept answer is as `make` makes it.
    """
    answer = _read(question, shelf)
    if answer is not None and is_whole(answer):
        return answer
    answer = json.loads(_dump(make()))
    _write(question, answer, shelf)
    return answer


def look(question: Mapping[str, Any], shelf: str) -> Any:
    """The kept answer to a question for `recall`; None if there is none."""
    return _read(question, shelf)


@cache
def figures_stamp() -> str:
    """A digest of the code's files that figures depend on; read once, as hundreds of networks ask for it."""
    return _digest((*_SHAPED_BY, "accuracies", "footprint", "footprint/rules", "judging", "views"))


@cache
def package_versions() -> dict[str, str | None]:
    """The versions of the packages that models are captured from; None for one that is not installed."""
    return {package: _version_or_none(package) for package in ("timm", "torch", "torchvision")}


def _version_or_none(package: str) -> str | None:
    try:
        return _version(package)
    except UnavailableError:
        return None


def versions(packages: Iterable[str]) -> dict[str, str]:
    """The version of each package, read without importing it, and of the code that captures."""
    return {"cnnprof": _fingerprint()} | {package: _version(package) for package in packages}


def _version(package: str) -> str:
    """The version in the name of the package's metadata folder: to import importlib.metadata takes longer than an analysis."""
    for place in sys.path:
        with suppress(OSError), os.scandir(place or ".") as entries:
            for entry in entries:
                if entry.name.startswith(f"{package}-") and entry.name.endswith(".dist-info"):
                    return entry.name[len(package) + 1 : -len(".dist-info")]
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        raise UnavailableError(f"{package} is not installed", hint=f"pip install {package}") from None


@cache
def _fingerprint() -> str:
    """A digest of the code's files, so that an entry does not outlive the rules that made it."""
    return _digest(_SHAPED_BY)


def _digest(parts: Iterable[str]) -> str:
    root = Path(cnnprof.__file__).parent
    stamps = [
        f"{entry.name} {status.st_mtime_ns} {status.st_size}"
        for part in parts
        for entry in os.scandir(root / part)
        if entry.name.endswith((".py", ".csv")) and (status := entry.stat())
    ]
    return sha256("\n".join(sorted(stamps)).encode()).hexdigest()[:16]


def _path(asked: Mapping[str, Any], shelf: str = "") -> Path:
    return cache_folder() / shelf / f"{sha256(_dump(asked).encode()).hexdigest()[:_NAME_LENGTH]}.json"


def _read(asked: Mapping[str, Any], shelf: str = "") -> Any:
    """The answer of the entry for what is asked, in that folder of the cache; None if there is none that can be trusted."""
    try:
        head, _, body = _path(asked, shelf).read_text(encoding="utf-8").partition("\n")
        if head == _dump(_header(asked, body)):
            return json.loads(body)
    except (OSError, RuntimeError, ValueError, MemoryError):
        # Unreadable, no home folder, not text, not JSON, or too deep.
        return None
    return None


def _write(asked: Mapping[str, Any], answer: Any, shelf: str = "") -> None:
    """Keep the answer. Where that is not possible, the next run does the work again."""
    from cnnprof.files import replace_file

    body = _dump(answer)
    with suppress(OSError, RuntimeError):
        path = _path(asked, shelf)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, f"{_dump(_header(asked, body))}\n{body}")
        _drop_oldest(path.parent)


def _drop_oldest(folder: Path) -> None:
    """Make room where there are too many entries, and some more, so that not every new one has to look at the age of all."""
    names = [name for name in os.listdir(folder) if name.endswith(".json") and len(name) == _NAME_LENGTH + len(".json")]
    if len(names) > _KEPT:
        entries = sorted((folder / name for name in names), key=lambda entry: entry.stat().st_mtime)
        for entry in entries[: _KEPT // 8 - _KEPT]:
            entry.unlink(missing_ok=True)


def _header(asked: Mapping[str, Any], body: str) -> dict[str, Any]:
    return {"asked": asked, "checksum": sha256(body.encode()).hexdigest()}


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
