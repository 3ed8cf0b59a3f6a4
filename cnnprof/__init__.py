"""cnnprof: a profiler for CNN architectures.

    import cnnprof
    cnnprof.profile("resnet50").totals.macs
    cnnprof.compare(["resnet50", "mobilenet_v2"])
    cnnprof.bench(["resnet18"])

The functions are those of `cnnprof.api`, imported when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cnnprof.core.environment import __version__

if TYPE_CHECKING:
    from cnnprof.api import bench, compare, diff, load, profile

__all__ = ["__version__", "bench", "compare", "diff", "load", "profile"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("cnnprof.api"), name)
    raise AttributeError(f"module 'cnnprof' has no attribute '{name}'")
