"""A network to be swept: its axes, read and checked, and its graph for their values at some points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from cnnprof.design_space.evaluation import DTYPES, Build
from cnnprof.errors import CnnprofError, SpecError, UsageError, did_you_mean, suggest
from cnnprof.network.graph import Graph
from cnnprof.record import record
from cnnprof.sources import Model
from cnnprof.sources._variations import read_input, values_of

OTHER_AXES = ("input", "batch", "dtype")
"""Axes that are no settings of a network."""

COLOURS = 3
"""Channels of an input where a network's own cannot be known."""

MOST_VALUES = 10**6
"""Values that one axis may have."""


@record
class Swept:
    """A network and the axes that are asked for.

    Args:
        model: the network, with settings that stay.
        axes: the values of each axis, as numbers, texts, lists or, of `input`, as (C, H, W).
        build: makes the graph of some points.
        takes_arrays: whether many points are built at once; else each is loaded apart, which takes long.
    """

    model: Model
    axes: Mapping[str, Sequence[Any]]
    build: Build
    takes_arrays: bool


def parse_axis(text: str) -> tuple[str, list[str]]:
    """`width=0.25:1.5:0.05` or `depth=1,2,3` as its name and values. Raises UsageError for anything else, or no values."""
    name, equals, values = (part.strip() for part in text.partition("="))
    if not (equals and name and values):
        raise UsageError(f"'{text}' is no axis", hint="write name=values, as in width=0.25:1.5:0.25 or depth=1,2,3")
    try:
        found = values_of(values, MOST_VALUES)
    except CnnprofError as error:
        raise UsageError(f"{name}: {error.message}", hint=error.hint) from None
    if len(found) > MOST_VALUES:
        raise UsageError(f"the axis '{name}' has {len(found):,} values, and at most {MOST_VALUES:,} are taken")
    return name, found


def read_axes(model: Model, asked: Mapping[str, Sequence[Any]]) -> Swept:
    """The network with its axes, each value checked.

    Raises UsageError for an axis that is none or has no values, SpecError for a value that a setting does not take.
    """
    if not asked:
        raise UsageError("no axis is named", hint="as in width=0.5,0.75,1.0, or input=128:224:32")
    for name, values in asked.items():
        if not len(values):
            raise UsageError(f"the axis '{name}' has no values")
    return _of_spec(model, asked) if model.source == "specs" else _of_other(model, asked)


def _of_spec(model: Model, asked: Mapping[str, Sequence[Any]]) -> Swept:
    from cnnprof.sources import specs
    from cnnprof.spec import elaborate
    from cnnprof.spec.settings import read_overrides

    family, variant = specs.read(model.name)
    chosen = family.variant(variant)
    defaults = {**family.settings, **(chosen.settings if chosen else {})}
    fixed = read_overrides(model.settings, defaults)
    for name in asked:
        if name not in (*defaults, *OTHER_AXES):
            hint = did_you_mean(name, [*defaults, *OTHER_AXES]) or f"there are {' '.join([*defaults, *OTHER_AXES])}"
            raise UsageError(f"{model.reference} has no setting '{name}' to sweep", hint=hint)
    channels = elaborate(family, variant, fixed).input_shape[1] if "input" in asked else 0
    own = model.graph().input_shape[1:] if model.size else None
    axes: dict[str, Sequence[Any]] = {}
    for name, values in asked.items():
        if name in defaults:
            axes[name] = [read_overrides({name: value}, defaults)[name] for value in values]
        else:
            axes[name] = [_other_value(name, value, channels) for value in values]

    def build(values: dict[str, Any]) -> Graph:
        settings = {name: value for name, value in values.items() if name in defaults}
        return elaborate(family, variant, {**fixed, **settings}, values.get("input", own), values.get("batch", 1))

    return Swept(model, axes, build, takes_arrays=True)


def _of_other(model: Model, asked: Mapping[str, Sequence[Any]]) -> Swept:
    from cnnprof.sources._settings import parse_settings

    if model.source == "torchvision":
        from cnnprof.sources.torchvision import check_settings

        check_settings(model.name, [name for name in asked if name not in OTHER_AXES])
    channels = COLOURS
    if "input" in asked:
        with suppress(CnnprofError):  # at its usual size it may not run at all, and at those that are asked for it may
            channels = model.graph().input_shape[1]
    axes = {
        name: [
            _other_value(name, value, channels) if name in OTHER_AXES else parse_settings({name: value})[name]
            for value in values
        ]
        for name, values in asked.items()
    }

    return Swept(model, axes, partial(load, model), takes_arrays=False)


def load(model: Model, values: Mapping[str, Any]) -> Graph:
    """The graph of a network for what the axes have at one point."""
    settings = {name: value for name, value in values.items() if name not in OTHER_AXES}
    return model.having(settings).graph(values.get("input"), values.get("batch", 1))


def _other_value(name: str, value: Any, channels: int) -> Any:
    if name == "input":
        if isinstance(value, (tuple, list)):
            value = "x".join(map(str, value))
        return read_input(str(value), channels)
    if name == "batch":
        if not str(value).isdecimal() or int(value) < 1:
            raise SpecError(f"a batch is a whole number of images, not {value}")
        return int(value)
    if value not in DTYPES:
        raise SpecError(f"unknown number format '{value}'", hint=suggest(str(value), DTYPES))
    return value
