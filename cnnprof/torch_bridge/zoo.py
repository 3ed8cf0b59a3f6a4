"""torchvision's and timm's models by name, with random weights. Nothing is downloaded."""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from cnnprof.core.arith import Shape
from cnnprof.core.errors import CnnprofError, UnavailableError, did_you_mean
from cnnprof.torch_bridge.requirements import import_torchvision, require_torch

WEIGHTS = "weights"
"""The setting that chooses an entry of torchvision's weights metadata; it is none of the model's own."""


def torchvision_model(name: str, settings: Mapping[str, Any], input_shape: Shape) -> nn.Module:
    """`torchvision.models.NAME` for inputs of this shape; settings are keyword arguments of its builder, or their texts.

    Raises CnnprofError for a setting that the model does not have or cannot use, and UnavailableError without torchvision.
    """
    builder = import_torchvision().models.get_model_builder(name)
    arguments = _arguments(builder)
    given = {key: parse(key, value) for key, value in settings.items() if key != WEIGHTS}
    for key in given:
        if key not in arguments:
            raise CnnprofError(f"torchvision's {name} has no setting '{key}'", hint=did_you_mean(key, arguments))
    if "init_weights" in arguments and name in ("googlenet", "inception_v3"):
        # Left out, torchvision warns and then draws every weight from a truncated normal distribution, which takes seconds.
        given.setdefault("init_weights", False)
    height, width = input_shape[2:]
    if "image_size" in arguments:
        if height != width:
            raise CnnprofError(f"{name} takes a square image, and the input is {height}x{width}")
        given.setdefault("image_size", height)
    if "input_size" in arguments:
        given.setdefault("input_size", (height, width))
    try:
        model: nn.Module = builder(weights=None, **given)
    except Exception as error:
        raise CnnprofError(f"torchvision cannot build {name}: {type(error).__name__}: {error}") from error
    return model


def timm_model(name: str, settings: Mapping[str, Any], input_shape: Shape | None) -> nn.Module:
    """`timm.create_model(NAME)`; a model that is built for an image size is built for that of the input.

    Raises CnnprofError for a name or setting that timm does not take, and UnavailableError without timm.
    """
    timm = import_timm()
    given = {key: parse(key, value) for key, value in settings.items()}
    if not timm.is_model(name):
        raise CnnprofError(f"timm has no model '{name}'", hint=did_you_mean(name.partition(".")[0], timm.list_models()))
    if input_shape is not None and _built_for_a_size(timm.model_entrypoint(name)):
        given.setdefault("img_size", tuple(input_shape[2:]))
    try:
        model: nn.Module = timm.create_model(name, pretrained=False, **given)
    except Exception as error:
        raise CnnprofError(f"timm cannot build {name}: {type(error).__name__}: {error}") from error
    return model


def import_timm() -> Any:
    """timm, imported. Raises UnavailableError if it is missing."""
    import_torchvision()
    try:
        import timm
    except ModuleNotFoundError as error:
        raise UnavailableError(f"{error.name} is not installed", hint="pip install timm") from None
    return timm


def parse(key: str, value: Any) -> Any:
    """A setting's text as the Python value that it spells; other values as they are. Raises CnnprofError on other text."""
    if not isinstance(value, str):
        return value
    words = {"true": True, "false": False, "none": None}
    if value.lower() in words:
        return words[value.lower()]
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise CnnprofError(
            f"'{value}' is no value for '{key}'", hint="a number, true, false, none or a (tuple, of, them)"
        ) from None


def _arguments(builder: Callable[..., Any]) -> list[str]:
    """The keyword arguments of a torchvision builder: its model class's, and those of the helpers that it hands them to."""
    plain = inspect.unwrap(builder)
    helpers = [plain.__globals__.get(name) for name in plain.__code__.co_names if name.startswith("_")]
    functions = [inspect.signature(plain).return_annotation.__init__, *filter(inspect.isfunction, helpers)]
    found = dict.fromkeys(
        name for f in functions for name, p in inspect.signature(f).parameters.items() if p.kind != p.VAR_KEYWORD
    )
    return [name for name in found if name not in ("self", "arch", WEIGHTS, "progress")]
