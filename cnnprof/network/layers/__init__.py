"""Every layer type, one frozen record each, grouped by kind."""

from importlib import import_module
from pkgutil import iter_modules

from cnnprof.network.layers.base import (
    LAYERS,
    NO_OPS,
    Layer,
    Ops,
    ShapeError,
    Window,
    elements,
    layer,
    layer_from_dict,
    layer_to_dict,
)

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = [
    "LAYERS",
    "NO_OPS",
    "Layer",
    "Ops",
    "ShapeError",
    "Window",
    "elements",
    "layer",
    "layer_from_dict",
    "layer_to_dict",
]
