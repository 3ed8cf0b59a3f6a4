"""The versions and the machine that a figure holds for."""

from __future__ import annotations

import sys
from typing import Any

__version__ = "0.1.0"


def environment() -> dict[str, Any]:
    """cnnprof's and Python's version, and the platform."""
    return {"cnnprof": __version__, "python": ".".join(map(str, sys.version_info[:3])), "platform": sys.platform}
