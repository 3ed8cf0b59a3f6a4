"""cnnprof: a profiler for CNN architectures.

    import cnnprof
    cnnprof.profile("resnet50").totals.macs
    cnnprof.compare(["resnet50", "mobilenet_v2"])
    cnnprof.bench(["resnet18"])

The names are those of `cnnprof.api`, imported when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cnnprof.environment import __version__

if TYPE_CHECKING:
    from cnnprof.api import *  # noqa: F403

__all__ = ["__version__"]


def __getattr__(name: str) -> Any:
    if not name.startswith("_") and name in (api := import_module("cnnprof.api")).__all__:
        return getattr(api, name)
    raise AttributeError(f"module 'cnnprof' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, *import_module("cnnprof.api").__all__])
