"""From a name on the command line to a network.

A reference is a path (`net.yaml`, `net.yaml#variant`, `net.py:factory`, `net.onnx`, `net.keras`, `net.pt2`), a prefixed name
(`torchvision:resnet50`, `timm:...`,
`python:pkg.module:factory`: the prefix names a module of this package) or a bare name: first a spec's, then torchvision's.
Settings may follow: `mobilenet_v1@width=0.5,res=160`. What has a blank or a `|` in it is a block written in place:
`conv 1x1 96 | conv 3x3 128`.

A reference is read once, by `resolve` or `expand`, and becomes a `Model`. What is read from a file, a folder's name or the
cache is a name within its source, and never a reference: no file chooses the source, and only the user's word runs code.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from cnnprof.errors import CnnprofError, UnavailableError, did_you_mean, suggest
from cnnprof.network.graph import Graph
from cnnprof.sources._files import SOURCES, SPECS, is_file, is_path, source_of
from cnnprof.sources._globs import MAGIC, is_glob, networks_matching
from cnnprof.sources._model import Model as Model
from cnnprof.sources._shared import without_way
from cnnprof.sources._types import InputSize, Settings

PREFIXES = {module.name: module.name for module in iter_modules(__path__) if not module.name.startswith("_")} | {
    "tv": "torchvision"
}
INLINE = re.compile(r"@(?=\w+=)")
INPUT_SETTING = "input"
"""The setting that every network has: its input size."""


def resolve(reference: str, settings: Settings = None) -> Model:
    """The network that a user's word names.

    Args:
        settings: values that override the network's own; those within the reference win.

    Raises CnnprofError (exit code 3) for a name that no source has, and for one that stands for several networks.
    """
    found = _resolve_all(reference, settings)
    if len(found) > 1:
        raise CnnprofError(
            f"'{reference}' stands for {len(found)} networks", hint=f"cnnprof compare '{reference}' takes them all"
        )
    return found[0]


def _resolve_all(reference: str, settings: Settings = None) -> list[Model]:
    """The networks that a reference without a glob of names stands for: each combination of its settings' values is one."""
    if not _is_inline(reference) and is_glob(reference):
        return [model for each in networks_matching(reference) for model in _resolve_all(each, settings)]
    name, inline = split_settings(reference)
    source, rest = _resolve(name)
    return [_varied(Model(reference, source, rest), name, each, settings) for each in _combinations(inline)]


def _combinations(inline: dict[str, str]) -> list[dict[str, str]]:
    from cnnprof.sources._variations import variations

    return list(variations(inline)) if inline else [{}]


def _varied(model: Model, name: str, inline: dict[str, str], settings: Settings) -> Model:
    """The network with these settings of its reference, under the name that says them."""
    own = {key: value for key, value in inline.items() if key != INPUT_SETTING}
    reference = f"{name}@{','.join(f'{key}={value}' for key, value in inline.items())}" if inline else model.reference
    title = without_way(reference) if inline else None
    given = {**(settings or {}), **own}
    return replace(model, reference=reference, settings=given, title=title, size=inline.get(INPUT_SETTING), _graphs={})


def load(reference: str, settings: Settings = None, input_shape: InputSize = None, batch: int = 1) -> Graph:
    """The graph that a reference names: `resolve(reference, settings).graph(input_shape, batch)`."""
    return resolve(reference, settings).graph(input_shape, batch)


def expand(patterns: Iterable[str], settings: Settings = None) -> list[Model]:
    """The networks that references and globs (`resnet*`, `torchvision:swin_*`) name, each of them once."""
    from cnnprof.sources import specs

    found: dict[str, Model] = {}
    for pattern in patterns:
        if not MAGIC.search(pattern.partition("@")[0]) or is_file(pattern) or _is_inline(pattern):
            for model in _resolve_all(pattern, settings):
                found.setdefault(model.reference, model)
            continue
        glob, inline = split_settings(pattern)
        matches = {model.reference: model for model in _every_model(glob) if fnmatchcase(model.reference, _canonical(glob))}
        if not matches:
            raise CnnprofError(f"no network's name matches '{glob}'", hint="cnnprof list shows them all")
        for name in specs.each_once([*matches]):
            for each in _combinations(inline):
                model = _varied(matches[name], name, each, settings)
                found.setdefault(model.reference, model)
    return list(found.values())


def every_name(pattern: str = "") -> list[str]:
    """The names a bare pattern can match, torchvision's with their prefix where a spec has the same; or those of one prefix."""
    return [model.reference for model in _every_model(pattern)]


def _every_model(pattern: str) -> Iterator[Model]:
    prefix, colon, _ = pattern.partition(":")
    if colon:
        module = source_named(prefix)
        for name in import_module(f"{__name__}.{module}").names():
            yield Model(f"{module}:{name}", module, name)
        return
    own = dict.fromkeys(spec_names())
    yield from (Model(name, "specs", name) for name in own)
    yield from (Model(name, "torchvision", name) for name in torchvision_names() if name not in own)


def check_name(reference: str) -> None:
    """Raises CnnprofError for a name that no source has."""
    source, name = _resolve(reference)
    if source in ("torchvision", "timm") and name not in (names := import_module(f"{__name__}.{source}").names()):
        raise CnnprofError(f"unknown network '{reference}'", hint=did_you_mean(name, names))


def spec_names() -> list[str]:
    """Every network that is written as a spec, the project's own and the bundled ones."""
    from cnnprof.sources import specs

    return list(specs.names())


def torchvision_names() -> list[str]:
    """Every classification model of torchvision; none where it is not installed."""
    from cnnprof.sources import torchvision

    try:
        return torchvision.names()
    except UnavailableError:
        return []


def split_settings(reference: str) -> tuple[str, dict[str, str]]:
    """`mobilenet_v1@width=0.5,res=160` as the name and its settings, each with all its values."""
    match = INLINE.search(reference)
    if not match:
        return reference, {}
    from cnnprof.sources._variations import split_items

    return reference[: match.start()], split_items(reference[match.end() :])


def split_layer(reference: str) -> tuple[str, str | None]:
    """`resnet50:stage3.bottleneck2.conv1` as the network's reference and the layer's name, None where there is no layer.

    The colons of a prefix (`torchvision:resnet50:conv1`) and of a factory (`net.py:build:conv1`) belong to the network.
    """
    if _is_inline(reference):
        return reference, None
    parts = reference.split(":")
    own = 1 + (parts[0] in PREFIXES) + (parts[0] == "python")
    own = 2 if parts[0].endswith(".py") else own
    return ":".join(parts[:own]), ":".join(parts[own:]) or None


def _resolve(name: str) -> tuple[str, str]:
    """The module of this package that knows the name, and the name as that module wants it."""
    if not name:
        raise CnnprofError("the network's name is empty", hint="cnnprof list shows the names")
    if name.endswith(".py"):
        from cnnprof.sources._code import ask_for_model

        raise ask_for_model(name)
    if name == "-" or name.startswith("-#"):
        from cnnprof.sources._stdin import file_of_stdin

        return "specs", f"{file_of_stdin()}{name[1:]}"
    if re.search(r"\.py:[^/\\]*$", name):
        return "python", name
    if not _is_inline(name) and (source := source_of(name)):
        return source, name
    if _is_inline(name):
        return "inline", name.removeprefix("inline:")
    if is_path(name):
        return "specs", name
    prefix, colon, rest = name.partition(":")
    if colon:
        return source_named(prefix), rest
    own = spec_names()
    if name in own:
        return "specs", name
    names = torchvision_names()
    if name in names:
        return "torchvision", name
    if "@" in name:
        raise CnnprofError(f"unknown network '{name}'", hint="settings follow as name=value: resnet50@classes=10")
    if any(sign in name for sign in "*?["):
        raise CnnprofError(f"'{name}' stands for several networks", hint=f"cnnprof compare '{name}' takes them all")
    file, mark, variant = name.partition("#")
    for suffix in SPECS:
        if Path(file + suffix).is_file():
            return "specs", file + suffix + mark + variant
    known = [*own, *names]
    if name.lower() in known:
        return _resolve(name.lower())
    hint = did_you_mean(name, known) or "cnnprof list shows the names"
    if not names:
        hint += "; torchvision's models are found where torchvision is installed"
    raise CnnprofError(f"unknown network '{name}'", hint=hint)


def source_named(prefix: str) -> str:
    """The source that a prefix stands for. Raises CnnprofError for an unknown one."""
    if prefix not in PREFIXES:
        raise CnnprofError(f"unknown source '{prefix}:'", hint=suggest(prefix, sorted(PREFIXES)))
    return PREFIXES[prefix]


def _canonical(pattern: str) -> str:
    prefix, colon, rest = pattern.partition(":")
    return f"{source_named(prefix)}:{rest}" if colon else pattern


def _is_inline(name: str) -> bool:
    if re.match(r"\w+:", name):
        return name.startswith("inline:")
    file = INLINE.split(name)[0]
    is_file = re.search(r"\.ya?ml(#|$)|\.py:", file) or file.endswith(tuple(SOURCES)) or os.path.isfile(file)
    return bool(re.search(r"[|\s]", name)) and not is_file
