"""Files as code hosts name them: from the root of the repository, wherever in it a command runs."""

from __future__ import annotations

import os
from contextlib import suppress

ROOTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")
"""The variables that say where GitHub Actions and GitLab have checked a repository out."""


def from_root(file: str) -> str:
    """The way to the file from the repository's root; the file as it is outside of a repository and of both of these."""
    for root in filter(None, map(os.environ.get, ROOTS)):
        with suppress(OSError, ValueError):
            whole, top = os.path.realpath(file), os.path.realpath(root)
            if os.path.commonpath([whole, top]) == top:
                return os.path.relpath(whole, top)
    return file
