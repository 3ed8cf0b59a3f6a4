"""One row an operator, in the file of its kind; importing this package imports them all."""

from importlib import import_module
from pkgutil import iter_modules

from cnnprof.onnx_bridge.rows.base import ROWS, Call, Row

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["ROWS", "Call", "Row"]
