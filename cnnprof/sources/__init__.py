"""From a name on the command line to a graph.

A reference is a path (`net.yaml`, `net.yaml#variant`, `net.py:factory`), a prefixed name (`torchvision:resnet50`, `timm:...`,
`python:pkg.module:factory`: the prefix names a module of this package) or a bare name: first a spec's, then torchvision's.
Settings may follow: `mobilenet_v1@width=0.5,res=160`. What has a blank or a `|` in it is a block written in place:
`conv 1x1 96 | conv 3x3 128`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from cnnprof.errors import CnnprofError, UnavailableError, did_you_mean
from cnnprof.network.graph import Graph

if TYPE_CHECKING:
    from cnnprof.timing.measurements import Finding

PREFIXES = {module.name: module.name for module in iter_modules(__path__) if not module.name.startswith("_")} | {
    "tv": "torchvision"
}
INLINE = re.compile(r"@(?=\w+=)")


def load(
    reference: str,
    settings: Mapping[str, str] | None = None,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
) -> Graph:
    """The graph that a reference names.

    Args:
        settings: values that override the network's own, as text; those within the reference win.
        input_shape: (C, H, W), where the network's own is not wanted.
        batch: images in one run.

    Raises CnnprofError (exit code 3) for a wrong name, spec or setting, UnavailableError (4) where a package is missing.
    """
    name, inline = split_settings(reference)
    source, rest = _resolve(name)
    graph: Graph = import_module(f"{__name__}.{source}").load(rest, {**(settings or {}), **inline}, input_shape, batch)
    return replace(graph, name=reference) if inline else graph


def expand(patterns: Iterable[str]) -> list[str]:
    """References with every glob (`resnet*`, `torchvision:swin_*`) replaced by the networks it matches, each of them once."""
    from cnnprof.sources import specs

    found: dict[str, None] = {}
    for pattern in patterns:
        if not re.search(r"[*?\[]", pattern.partition("@")[0]) or _is_path(pattern) or _is_inline(pattern):
            found[pattern] = None
            continue
        glob, at, inline = pattern.partition("@")
        matches = [name for name in every_name(glob) if fnmatchcase(name, _canonical(glob))]
        if not matches:
            raise CnnprofError(f"no network's name matches '{glob}'", hint="cnnprof list shows them all")
        found |= dict.fromkeys(match + at + inline for match in specs.each_once(matches))
    return list(found)


def every_name(pattern: str = "") -> list[str]:
    """The names a bare pattern can match, torchvision's with their prefix where a spec has the same; or those of one prefix."""
    prefix, colon, _ = pattern.partition(":")
    if colon:
        module = _source(prefix)
        return [f"{module}:{name}" for name in import_module(f"{__name__}.{module}").names()]
    own = spec_names()
    return own + [name for name in torchvision_names() if name not in set(own)]


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
    """`mobilenet_v1@width=0.5,res=160` as the name and its settings; commas inside brackets belong to a value."""
    match = INLINE.search(reference)
    if not match:
        return reference, {}
    settings = {}
    for item in re.split(r",(?![^\[(]*[\])])", reference[match.end() :]):
        name, equals, value = item.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise CnnprofError(f"'{item}' is not a setting", hint="write name=value, several with a comma between them")
        settings[name.strip()] = value.strip()
    return reference[: match.start()], settings


def places() -> list[Finding]:
    """Where specs and captured models lie, and whether they can be read."""
    from cnnprof.cache import cache_folder
    from cnnprof.sources import _catalogue
    from cnnprof.timing.measurements import Finding

    bundled = _catalogue.bundled_folder()
    status = "ok" if bundled.is_dir() else "broken"
    findings = [Finding("bundled specs", status, str(bundled), "" if status == "ok" else "reinstall cnnprof")]
    findings += [Finding("own specs", "ok", str(folder)) for folder in _catalogue.own_folders()]
    cache = cache_folder()
    kept = len(list(cache.glob("*.json"))) if cache.is_dir() else 0
    return [*findings, Finding("captured models", "ok", f"{cache}, {kept} kept")]


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
    if re.search(r"\.py:[^/\\]*$", name):
        return "python", name
    if _is_inline(name):
        return "inline", name.removeprefix("inline:")
    if _is_path(name):
        return "specs", name
    prefix, colon, rest = name.partition(":")
    if colon:
        return _source(prefix), rest
    if name in spec_names():
        return "specs", name
    names = torchvision_names()
    if name in names:
        return "torchvision", name
    if name.endswith(".py"):
        raise CnnprofError(f"'{name}' is a file of Python code", hint=f"name what makes the model: {name}:Net")
    if "@" in name:
        raise CnnprofError(f"unknown network '{name}'", hint="settings follow as name=value: resnet50@classes=10")
    if any(sign in name for sign in "*?["):
        raise CnnprofError(f"'{name}' stands for several networks", hint=f"cnnprof compare '{name}' takes them all")
    known = [*spec_names(), *names]
    if name.lower() in known:
        return _resolve(name.lower())
    hint = did_you_mean(name, known) or "cnnprof list shows the names"
    if not names:
        hint += "; torchvision's models are found where torchvision is installed"
    raise CnnprofError(f"unknown network '{name}'", hint=hint)


def _source(prefix: str) -> str:
    if prefix not in PREFIXES:
        raise CnnprofError(
            f"unknown source '{prefix}:'", hint=did_you_mean(prefix, PREFIXES) or f"one of {', '.join(sorted(PREFIXES))}"
        )
    return PREFIXES[prefix]


def _canonical(pattern: str) -> str:
    prefix, colon, rest = pattern.partition(":")
    return f"{_source(prefix)}:{rest}" if colon else pattern


def _is_path(name: str) -> bool:
    path = name.partition("#")[0]
    return path.endswith((".yaml", ".yml")) or (("/" in path or "\\" in path) and ":" not in path)


def _is_inline(name: str) -> bool:
    if re.match(r"\w+:", name):
        return name.startswith("inline:")
    return bool(re.search(r"[|\s]", name)) and not re.search(r"\.ya?ml(#|$)|\.py:", name)


def text_of(reference: str) -> str:
    """The text of the spec that a reference names; empty where there is none."""
    from cnnprof.sources import specs

    source, rest = _resolve(split_settings(reference)[0])
    return specs.read_text(rest) if source == "specs" else ""
