"""torchvision's and timm's models by name, with random weights. Nothing is downloaded."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from torch import nn

from cnnprof.errors import CnnprofError, UnavailableError, did_you_mean, suggest
from cnnprof.network.dims import Shape
from cnnprof.torch_bridge.meta import on_meta
from cnnprof.torch_bridge.requirements import import_torchvision

WEIGHTS = "weights"
"""The setting that chooses an entry of torchvision's weights metadata; it is none of the model's own."""

_LINK_TO_A_PAPER = re.compile(r"`([^`]+?)\s*<https?://arxiv\.org/(?:abs|pdf)/((\d\d)\d\d\.\d+)")


def torchvision_model(name: str, settings: Mapping[str, Any], input_shape: Shape) -> nn.Module:
    """`torchvision.models.NAME` for inputs of this shape; the settings are keyword arguments of its builder.

    Raises CnnprofError for a setting that the model does not have or cannot use, and UnavailableError without torchvision.
    """
    builder = import_torchvision().models.get_model_builder(name)
    if len(input_shape) != 4:
        raise CnnprofError(f"{name} takes images of three sizes, CxHxW, and the input has {len(input_shape) - 1}")
    arguments = check_torchvision_settings(name, settings)
    given = {key: value for key, value in settings.items() if key != WEIGHTS}
    height, width = input_shape[2:]
    if "image_size" in arguments:
        if height != width:
            raise CnnprofError(f"{name} takes a square image, and the input is {height}x{width}")
        given.setdefault("image_size", height)
    if "input_size" in arguments:
        given.setdefault("input_size", (height, width))
    if name in ("googlenet", "inception_v3"):
        # Left out, it draws every weight from a truncated normal distribution, which takes seconds, and warns of that.
        given.setdefault("init_weights", False)
    try:
        model: nn.Module = builder(weights=None, **given)
    except Exception as error:
        raise CnnprofError(f"torchvision cannot build {name}: {type(error).__name__}: {error}") from error
    return model


def check_torchvision_settings(name: str, asked: Iterable[str]) -> list[str]:
    """The settings that `torchvision.models.NAME` has. Raises CnnprofError for one that is asked for and is none of them."""
    arguments = _arguments(import_torchvision().models.get_model_builder(name))
    for key in asked:
        if key not in (WEIGHTS, *arguments):
            hint = did_you_mean(key, [WEIGHTS, *arguments])
            raise CnnprofError(f"torchvision's {name} has no setting '{key}'", hint=hint)
    return arguments


def weights_entry(name: str, chosen: Any) -> Any:
    """An entry of the model's weights metadata, the default one for None. Raises CnnprofError if it has none of that name."""
    entries = import_torchvision().models.get_model_weights(name)
    if chosen is None or chosen == "DEFAULT":
        return entries.DEFAULT
    if chosen not in entries.__members__:
        known = list(entries.__members__)
        hint = suggest(str(chosen), known)
        raise CnnprofError(f"torchvision has no weights '{chosen}' for {name}", hint=hint)
    return entries[chosen]


def torchvision_paper(name: str) -> tuple[str, int] | None:
    """The paper that the builder's documentation names, and the year in which arXiv had it first; None if it names none."""
    documentation = inspect.getdoc(import_torchvision().models.get_model_builder(name)) or ""
    link = _LINK_TO_A_PAPER.search(documentation)
    if link is None:
        return None
    title, number, year = link.groups()
    return f"{' '.join(title.split())}, arXiv:{number}", 2000 + int(year)


def timm_model(name: str, settings: Mapping[str, Any], input_shape: Shape, meta: bool = False) -> nn.Module:
    """`timm.create_model(NAME)`; a model for one image size is built for that of the input. `meta`: without data if possible.

    Raises CnnprofError for a name or setting that timm does not take, and UnavailableError without timm.
    """
    timm = import_timm()
    given = dict(settings)
    if _timm_config(name).fixed_input_size and tuple(input_shape[1:]) != timm_input(name):
        given.setdefault("img_size", tuple(input_shape[2:]))
    if meta:
        # Some models read the values of their weights while they are built; they are built again with data.
        with suppress(Exception), on_meta():
            return _created(timm, name, given)
    try:
        return _created(timm, name, given)
    except Exception as error:
        raise CnnprofError(f"timm cannot build {name}: {type(error).__name__}: {error}") from error


def timm_input(name: str) -> tuple[int, ...]:
    """The (C, H, W) that the model's configuration names. Raises as `timm_model`."""
    return tuple(_timm_config(name).input_size)


def import_timm() -> Any:
    """timm, imported. Raises UnavailableError if it is missing."""
    import_torchvision()
    try:
        import timm  # type: ignore[import-not-found, unused-ignore]
    except ModuleNotFoundError as error:
        raise UnavailableError(f"{error.name} is not installed", hint=f"pip install {error.name}") from None
    return timm


def _created(timm: Any, name: str, settings: Mapping[str, Any]) -> nn.Module:
    model: nn.Module = timm.create_model(name, pretrained=False, **settings)
    return model


def _timm_config(name: str) -> Any:
    timm = import_timm()
    if not timm.is_model(name):
        raise CnnprofError(f"timm has no model '{name}'", hint=did_you_mean(name.partition(".")[0], timm.list_models()))
    return timm.get_pretrained_cfg(name) or timm.models.PretrainedCfg()


def _arguments(builder: Callable[..., Any]) -> list[str]:
    """The keyword arguments of a torchvision builder: its model class's, and those of the helpers that it hands them to."""
    plain = inspect.unwrap(builder)
    helpers = [plain.__globals__.get(name) for name in plain.__code__.co_names if name.startswith("_")]
    functions = [inspect.signature(plain).return_annotation.__init__, *filter(inspect.isfunction, helpers)]
    parameters = [p for function in functions for p in inspect.signature(function).parameters.values()]
    named = dict.fromkeys(p.name for p in parameters if p.kind != p.VAR_KEYWORD)
    return [name for name in named if name not in ("self", "arch", WEIGHTS, "progress")]
