"""Findings about networks, each kept until the network or cnnprof's code changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cnnprof.sources import Model, _cache, specs


def recall_of(
    model: Model,
    shelf: str,
    input_shape: tuple[int, ...] | None,
    batch: int,
    make: Callable[[], dict[str, Any]],
    is_whole: Callable[[Any], bool],
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The findings of `make` about the network, made anew only where the network or the code is another.

    Args:
        shelf: what it is, and the folder of the cache to keep it in.
        make: gives it as JSON types, with the network's `model.name` and `model.source`.
        is_whole: whether a kept answer is as `make` makes it.
        more: what the answer depends on besides, as JSON types.

    A network of a user's own code is looked at again each time, as only running the code can tell whether it has changed.
    """
    told_apart_by = _identify(model)
    if told_apart_by is None:
        return make()
    source = told_apart_by.pop("source", None)
    asked = _question(model, told_apart_by, input_shape, batch) | dict(more or {})
    answer: dict[str, Any] = _cache.recall(asked, shelf, make, is_whole)
    if source is not None:
        answer["model"]["source"] = source
    return answer


def peek(model: Model, shelf: str) -> Any:
    """The kept findings about a network at its own input and one image; None if there are none."""
    told_apart_by = _identify(model)
    return None if told_apart_by is None else _cache.look(_question(model, told_apart_by, None, 1), shelf)


def _question(model: Model, told_apart_by: dict[str, Any], input_shape: tuple[int, ...] | None, batch: int) -> dict[str, Any]:
    asked = _cache.ask(model.reference, model.settings, input_shape, batch) | told_apart_by
    return asked | {"size": model.size, "code": _cache.figures_stamp()}


def _identify(model: Model) -> dict[str, Any] | None:
    """The facts that, with settings, input and batch, tell the network from any other; None where none do."""
    if model.source == "specs":
        return dict(found) if (found := specs.identify(model.name)) else None
    if model.source in ("torchvision", "timm"):
        return {"name": f"{model.source}:{model.name}", "versions": _cache.package_versions()}
    return None
