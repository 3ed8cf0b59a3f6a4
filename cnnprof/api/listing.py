"""Which networks there are, by name, and what is known of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

from cnnprof import sources
from cnnprof.errors import CnnprofError, UnavailableError
from cnnprof.judging.catalogue import Listed

_GLOB = re.compile(r"[*?\[]")


def list_networks(pattern: str | None = None) -> list[Listed]:
    """The networks whose names match: specs first, then torchvision's models, then timm's where a part of a name is given.

    Args:
        pattern: a glob (`resnet*`, `torchvision:*`), or a part of names; all specs and torchvision's models if None.

    Returns:
        An entry for each: its name, and what is known of the network without reading its layers.

    Raises:
        CnnprofError: no network's name matches.
        UnavailableError: the source that is asked for is not installed.
    """
    if pattern is None:
        return [*_specs(), *_torchvision("")]
    prefix, colon, rest = pattern.partition(":")
    if colon:
        return _of_source(pattern, sources.source_named(prefix), rest)
    # A glob without a prefix stands here for what it stands for elsewhere, and there it has none of timm's models.
    found = [*_specs(), *_torchvision(""), *([] if _GLOB.search(pattern) else _timm(pattern))]
    matches = [network for network in found if _matches(network.name, pattern)]
    if not matches and not _GLOB.search(pattern):
        sources.check_name(pattern)  # says what is close
    if not matches:
        raise CnnprofError(f"no network's name matches '{pattern}'", hint="cnnprof list shows them all")
    return matches


def _matches(name: str, pattern: str) -> bool:
    bare = name.partition(":")[2] or name
    wanted = pattern if _GLOB.search(pattern) else f"*{pattern}*"
    return fnmatchcase(name, wanted) or fnmatchcase(bare, wanted)


def _of_source(pattern: str, source: str, rest: str) -> list[Listed]:
    """The models of one source; raises if it is not installed."""
    if source == "torchvision":
        found = _torchvision("torchvision:", needed=True)
    elif source == "timm":
        found = _timm(rest, needed=True)
    else:
        raise CnnprofError(f"'{source}:' has no list of networks", hint="cnnprof list shows those that there are")
    matches = [network for network in found if _matches(network.name, rest or "*")]
    if not matches:
        if not _GLOB.search(rest):
            sources.check_name(pattern)
        raise CnnprofError(f"no network's name matches '{pattern}'", hint=f"cnnprof list '{source}:*' shows them all")
    return matches


def _specs() -> Iterator[Listed]:
    from cnnprof.sources._listing import known_specs

    for known in known_specs():
        yield Listed(known.name, known.facts, known.input_shape, known.params, known.macs, known.error)


def _torchvision(prefix: str, needed: bool = False) -> list[Listed]:
    from cnnprof.sources import torchvision
    from cnnprof.sources._listing import known_torchvision

    names = _names(torchvision.names, needed)
    if not prefix:
        own = set(sources.spec_names())
        names = [name for name in names if name not in own]
    return [Listed(k.name, k.facts, k.input_shape, k.params, k.macs) for k in known_torchvision(names, prefix)]


def _timm(pattern: str, needed: bool = False) -> list[Listed]:
    """timm's models; with their tags where the pattern has a dot."""
    from cnnprof.accuracies import timm_checkpoints
    from cnnprof.sources import timm
    from cnnprof.sources._listing import known_timm

    names = _names(timm.names, needed)
    if "." in pattern:
        names = [name for name in timm_checkpoints() if "." in name and name.partition(".")[0] in {*names}]
    names = [name for name in names if _matches(name, pattern or "*")]
    return [Listed(k.name, k.facts, k.input_shape, k.params, k.macs) for k in known_timm(names)]


def _names(of_source: Callable[[], list[str]], needed: bool) -> list[str]:
    """A source's names; none where it is not installed, unless it is needed: then UnavailableError."""
    try:
        return of_source()
    except UnavailableError:
        if needed:
            raise
        return []
