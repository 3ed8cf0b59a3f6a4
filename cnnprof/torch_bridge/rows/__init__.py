"""Layer types as torch's modules and operations, and back: one row a type, both directions in it, in one file a kind."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from cnnprof.torch_bridge.rows.base import OPERATIONS, ROWS, Capture

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")


def find_capture(func: Any) -> Capture | None:
    """The capture of an operation, in place or not; None if it has no row. Those that are not aten's bear their namespace."""
    name = func._schema.name.removeprefix("aten::")
    return OPERATIONS.get(name) or OPERATIONS.get(name.removesuffix("_"))


__all__ = ["OPERATIONS", "ROWS", "find_capture"]
