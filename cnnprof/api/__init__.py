"""The public functions and what they return: one module a command, each imported when one of its names is first asked for.

A function has the name of its module (`cnnprof.api.profile`), and wins over it as an attribute of this package.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnnprof.api.bench import Benchmark, bench
    from cnnprof.api.check import Audit, check
    from cnnprof.api.compare import Comparison, compare
    from cnnprof.api.diff import Difference, diff
    from cnnprof.api.explain import Worksheet, explain
    from cnnprof.api.memory import Memory, memory
    from cnnprof.api.predict import Predictions, predict
    from cnnprof.api.profile import Profile, load, profile, to_spec
    from cnnprof.api.sweep import Sweep, sweep
    from cnnprof.api.transfer import Transfer, transfer
    from cnnprof.api.verify import Verification, verify
    from cnnprof.api.why import Reasons, why
    from cnnprof.errors import CnnprofError
    from cnnprof.measure.options import Options
    from cnnprof.sources import Model

_PLACES = {
    "Audit": "api.check",
    "Benchmark": "api.bench",
    "CnnprofError": "errors",
    "Comparison": "api.compare",
    "Difference": "api.diff",
    "Memory": "api.memory",
    "Model": "sources",
    "Options": "measure.options",
    "Predictions": "api.predict",
    "Profile": "api.profile",
    "Reasons": "api.why",
    "Sweep": "api.sweep",
    "Transfer": "api.transfer",
    "Verification": "api.verify",
    "Worksheet": "api.explain",
    "bench": "api.bench",
    "check": "api.check",
    "compare": "api.compare",
    "diff": "api.diff",
    "explain": "api.explain",
    "load": "api.profile",
    "memory": "api.memory",
    "predict": "api.predict",
    "profile": "api.profile",
    "sweep": "api.sweep",
    "to_spec": "api.profile",
    "transfer": "api.transfer",
    "verify": "api.verify",
    "why": "api.why",
}
"""Where each public name is written."""

__all__ = [
    "Audit",
    "Benchmark",
    "CnnprofError",
    "Comparison",
    "Difference",
    "Memory",
    "Model",
    "Options",
    "Predictions",
    "Profile",
    "Reasons",
    "Sweep",
    "Transfer",
    "Verification",
    "Worksheet",
    "bench",
    "check",
    "compare",
    "diff",
    "explain",
    "load",
    "memory",
    "predict",
    "profile",
    "sweep",
    "to_spec",
    "transfer",
    "verify",
    "why",
]


class _Package(ModuleType):
    """Python sets a module that is imported as its package's attribute; here the function of its name takes that place."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _PLACES and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(f"cnnprof.{_PLACES[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
