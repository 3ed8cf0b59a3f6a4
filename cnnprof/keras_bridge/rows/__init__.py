"""The layers that each Keras class amounts to; importing this package imports them all."""

from importlib import import_module
from pkgutil import iter_modules

from cnnprof.keras_bridge.rows.base import ROWS, UnknownFormError

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["ROWS", "UnknownFormError"]
