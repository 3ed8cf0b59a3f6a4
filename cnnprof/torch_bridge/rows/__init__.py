"""What torch makes of each layer type and back: one row a type, both directions in it, in one file a kind."""

from importlib import import_module
from pkgutil import iter_modules

from cnnprof.torch_bridge.rows.base import OPERATIONS, ROWS

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["OPERATIONS", "ROWS"]
