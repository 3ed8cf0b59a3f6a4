"""Where cnnprof keeps what it need not find out again."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """Where entries are kept: `CNNPROF_CACHE`, or `cnnprof` in the platform's folder for caches."""
    chosen = os.environ.get("CNNPROF_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "cnnprof" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/cnnprof"
    shared = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(shared) if os.path.isabs(shared) else Path.home() / ".cache") / "cnnprof"
