"""cnnprof: a profiler for CNN architectures.

    import cnnprof
    cnnprof.profile("resnet50").totals.macs
    cnnprof.compare(["resnet50", "mobilenet_v2"])
    cnnprof.bench(["resnet18"])

The functions are those of `cnnprof.api`, `cnnprof.footprints` and `cnnprof.worksheets`, imported when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cnnprof.environment import __version__

if TYPE_CHECKING:
    from cnnprof.api import bench, check, compare, diff, load, profile
    from cnnprof.footprints import memory, transfer
    from cnnprof.worksheets import explain

_ELSEWHERE = {"explain": "cnnprof.worksheets", "memory": "cnnprof.footprints", "transfer": "cnnprof.footprints"}

__all__ = ["__version__", "bench", "check", "compare", "diff", "explain", "load", "memory", "profile", "transfer"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(_ELSEWHERE.get(name, "cnnprof.api")), name)
    raise AttributeError(f"module 'cnnprof' has no attribute '{name}'")
