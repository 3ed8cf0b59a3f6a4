"""Where networks are read from, and kept, on this machine."""

from __future__ import annotations

from cnnprof.cache import cache_folder
from cnnprof.sources import _catalogue
from cnnprof.timing.measurements import Finding


def check_folders() -> list[Finding]:
    """Where specs and captured models lie, and whether they can be read."""
    bundled = _catalogue.bundled_folder()
    where = str(bundled)
    is_there = bundled.is_dir()
    findings = [
        Finding("bundled specs", "ok", where) if is_there else Finding("bundled specs", "broken", where, "reinstall cnnprof")
    ]
    findings += [Finding("own specs", "ok", str(folder)) for folder in _catalogue.own_folders()]
    cache = cache_folder()
    kept = len(list(cache.glob("*.json"))) if cache.is_dir() else 0
    return [*findings, Finding("captured models", "ok", f"{cache}, {kept} kept")]
