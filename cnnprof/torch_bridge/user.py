"""A user's own model: `pkg.module:factory` or `path/to/file.py:factory`."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from torch import nn

from cnnprof.errors import CnnprofError, did_you_mean
from cnnprof.streams import set_apart
from cnnprof.torch_bridge.failures import failed
from cnnprof.torch_bridge.quiet import quiet
from cnnprof.torch_bridge.requirements import import_torchvision, lacks_torchvisions_operators

T = TypeVar("T")

MOST_SAID = 500
"""Characters of an exception of a user's that are shown."""

_imported: dict[str, Path] = {}
"""Modules that came with a user's model, and the folder that each was found in."""


def user_model(reference: str, settings: Mapping[str, Any]) -> nn.Module:
    """The module that the reference names: itself a module, or a class or function that makes one of the settings.

    The file's own directory can be imported from, and after it the current one. Raises CnnprofError if there is no such thing,
    or the user's code fails.
    """
    set_apart()
    where, colon, attribute = reference.rpartition(":")
    if not colon or not where or not attribute:
        raise CnnprofError(f"'{reference}' does not name a model", hint="python:pkg.module:factory or path/to/file.py:factory")
    is_file = where.endswith(".py")
    with _importable(*([Path(where).resolve().parent] if is_file else []), Path.cwd()):
        module = _load_file(Path(where), reference) if is_file else _import(where, reference)
        found = _attribute(module, attribute, reference)
        if isinstance(found, nn.Module):
            if settings:
                raise CnnprofError(f"{reference} is a module and takes no settings", hint="name a class or a function")
            return found
        if not callable(found):
            raise CnnprofError(f"{reference} is of type {type(found).__name__}, not a module, a class or a function")
        model = _call(lambda: found(**settings), reference)
    if not isinstance(model, nn.Module):
        raise CnnprofError(f"{reference} returns an object of type {type(model).__name__}, not a torch.nn.Module")
    return model


@contextmanager
def _importable(*folders: Path) -> Iterator[None]:
    """The modules in the folders can be imported, and those that another model brought from elsewhere do not count as them."""
    for name, folder in [*_imported.items()]:
        if folder not in folders:
            sys.modules.pop(name, None)
            del _imported[name]
    path, modules = list(sys.path), set(sys.modules)
    sys.path[:0] = [str(folder) for folder in folders]
    try:
        yield
    finally:
        sys.path[:] = path
        for name in sys.modules.keys() - modules:
            found = _found_in(name)
            if found in folders:
                _imported[name] = found


def _found_in(name: str) -> Path:
    """The folder on the search path that the module was found in; the root if it has no file."""
    file = Path(getattr(sys.modules[name], "__file__", None) or "/").resolve()
    depth = name.count(".") + int(file.stem == "__init__")
    return file.parents[depth] if depth < len(file.parents) else Path(file.anchor)


def _load_file(path: Path, reference: str) -> ModuleType:
    if not path.is_file():
        near = did_you_mean(path.name, (other.name for other in path.parent.glob("*.py")))
        raise CnnprofError(f"{path} is not there" if not path.exists() else f"{path} is not a file", hint=near)
    # A name of its own, so that a user's `torch.py` does not become everybody's torch.
    name = f"user_model_{path.stem}"
    loader = SourceFileLoader(name, str(path))
    module = ModuleType(name)
    module.__file__ = str(path)
    # Dataclasses look their module up by its name.
    sys.modules[name] = module
    _call(lambda: loader.exec_module(module), reference)
    return module


def _import(name: str, reference: str) -> ModuleType:
    try:
        return _call(lambda: importlib.import_module(name), reference)
    except CnnprofError as error:
        missing = error.__cause__
        if isinstance(missing, ModuleNotFoundError) and missing.name and f"{name}.".startswith(f"{missing.name}."):
            raise CnnprofError(
                f"there is no Python module '{missing.name}' for {reference}", hint=_near(missing.name)
            ) from None
        raise


def _near(module: str) -> str | None:
    parent, _, last = module.rpartition(".")
    folder = Path(*parent.split(".")) if parent else Path()
    return did_you_mean(last, (path.stem for path in folder.glob("*") if path.suffix == ".py" or path.is_dir()))


def _attribute(module: ModuleType, attribute: str, reference: str) -> Any:
    found: Any = module
    for name in attribute.split("."):
        if not hasattr(found, name):
            names = [known for known in dir(found) if not known.startswith("_")]
            models = [known for known in names if _makes_models(getattr(found, known, None), module)]
            listed = f"its models: {', '.join(models)}" if models else None
            raise CnnprofError(f"{reference}: there is no '{name}'", hint=did_you_mean(name, names) or listed)
        found = getattr(found, name)
    return found


def _makes_models(found: Any, module: ModuleType) -> bool:
    """Whether it is a model or a class of models that the module itself defines."""
    if isinstance(found, type):
        return issubclass(found, nn.Module) and found.__module__ == module.__name__
    return isinstance(found, nn.Module)


def _call(action: Callable[[], T], reference: str) -> T:
    """The action's result, in the folder that this process is in before and after.

    What the user's code raises becomes one message, and what it prints is no part of a report.
    """
    try:
        with quiet():
            try:
                return action()
            except Exception as error:
                if not lacks_torchvisions_operators(error):
                    raise
                # As this package's own sources do: its classification models need none of the operators that are missing.
                import_torchvision()
                return action()
    except (CnnprofError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise failed(f"{reference} failed: {type(error).__name__}: {shorten(error)}", error, _hint(error)) from error


def _hint(error: BaseException) -> str | None:
    """A hint for a class or function that wants arguments."""
    missing = re.search(r"missing \d+ required \S+ arguments?: (.*)", str(error)) if isinstance(error, TypeError) else None
    names = re.findall(r"'(\w+)'", missing[1]) if missing else []
    return f"give it settings: --set {names[0]}=VALUE" if names else None


def shorten(error: BaseException) -> str:
    """The text of a user's exception, as far as one message can hold it."""
    try:
        text = str(error)
    except Exception:
        return "it cannot say what"
    return text if len(text) <= MOST_SAID else text[: MOST_SAID - 3] + "..."
