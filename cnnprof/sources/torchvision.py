"""torchvision's classification models: captured once, then read from the cache. Nothing is downloaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import isnan
from typing import Any

from cnnprof.accuracies import torchvision_source
from cnnprof.errors import CnnprofError, did_you_mean
from cnnprof.network.graph import Accuracy, Facts, Figure, Graph, Origin
from cnnprof.sources._cache import ask, recall_graph, recall_names
from cnnprof.sources._settings import parse_settings
from cnnprof.sources._types import InputSize, Settings

_PACKAGES = ("torch", "torchvision")
_DATASET = "ImageNet-1K"
_HEADS = {
    "googlenet": "the training-only heads are left out",
    "inception_v3": "the training-only head is counted",
}
"""Why `num_params` of a model with auxiliary heads is another number."""


def names() -> list[str]:
    """Every classification model of the installed torchvision. Raises UnavailableError if there is none."""
    return recall_names("torchvision", _PACKAGES, _list_names)


def load(name: str, settings: Settings = None, input_shape: InputSize = None, batch: int = 1) -> Graph:
    """The graph of `torchvision.models.NAME` in eval mode, with the figures of its weights' metadata.

    Args:
        name: as `names()` has it.
        settings: keyword arguments of the builder, as values or text; `weights` chooses the entry of the weights' metadata
            whose input size and figures are taken (the default entry's otherwise).
        input_shape: (C, H, W) where the entry's own is not wanted. A model for one image size is built for that size.
        batch: images in one run.

    Raises CnnprofError for an unknown name or setting, UnavailableError without torch or torchvision.
    """
    known = names()
    if name not in known:
        raise CnnprofError(f"torchvision has no classification model '{name}'", hint=did_you_mean(name, known))
    given = parse_settings(settings or {})
    question = ask(f"torchvision:{name}", given, input_shape, batch)
    graph = recall_graph(question, _PACKAGES, lambda: _capture(name, given, input_shape, batch))
    return replace(graph, origin=Origin("torchvision", name, given))


def check_settings(name: str, asked: Iterable[str]) -> None:
    """Raises CnnprofError for a setting that the model does not have, UnavailableError without torchvision."""
    from cnnprof.torch_bridge.zoo import check_torchvision_settings

    check_torchvision_settings(name, asked)


def _list_names() -> list[str]:
    from cnnprof.torch_bridge.requirements import import_torchvision

    models = import_torchvision().models
    return list(models.list_models(module=models))


def _capture(name: str, settings: dict[str, Any], input_shape: tuple[int, ...] | None, batch: int) -> Graph:
    from cnnprof.torch_bridge.capture import capture
    from cnnprof.torch_bridge.meta import on_meta
    from cnnprof.torch_bridge.zoo import WEIGHTS, torchvision_model, torchvision_paper, weights_entry

    entry = weights_entry(name, settings.get(WEIGHTS))
    size = entry.transforms.keywords["crop_size"]
    own_shape = (3, size, size)
    shape = (batch, *(input_shape or own_shape))
    with on_meta():
        module = torchvision_model(name, settings, shape)
    graph = capture(module, shape, f"torchvision:{name}", hint=f"its own input is 3x{size}x{size}")
    paper, year = torchvision_paper(name) or (None, None)
    facts = Facts(
        family=type(module).__name__,
        source=f"torchvision:{name}",
        year=year,
        paper=paper,
        settings=settings,
        # What is stated of the weights holds for their input and for the builder's own settings alone.
        **(_figures(name, entry, own_shape) if shape[1:] == own_shape and settings.keys() <= {WEIGHTS} else {}),
    )
    return replace(graph, facts=facts)


def _figures(name: str, entry: Any, own_shape: tuple[int, ...]) -> dict[str, Any]:
    """Published figures and accuracy of the weights."""
    where = f"torchvision {type(entry).__name__}.{entry.name} metadata"
    params, giga, metrics = entry.meta["num_params"], entry.meta["_ops"], entry.meta["_metrics"][_DATASET]
    top1 = metrics["acc@1"]  # NaN of weights without a classifier
    return {
        "published": {
            "params": Figure(params, text=f"{params:,}", why=_HEADS.get(name), where=where),
            # The metadata has three decimals of 10^9.
            "macs": Figure(round(giga * 1e9), tolerance=0.0005e9, text=f"{giga} G", where=where),
        },
        "accuracy": None
        if isnan(top1)
        else Accuracy(top1, metrics["acc@5"], torchvision_source(entry.name), _DATASET, own_shape),
    }
