"""Paths and references as they may be shared: the way to a file says something of one machine only."""

from __future__ import annotations

import os
import re
from pathlib import Path

from cnnprof.config import find_project
from cnnprof.sources._catalogue import bundled_folder


def from_project(path: Path) -> str:
    """A file as others may know it: a bundled one by its folder's name, another relative to its project or to this folder.

    Where it is outside of both, by its name alone: the way to it says something of this machine only.
    """
    whole = path.resolve()
    bundled = bundled_folder()
    if whole.is_relative_to(bundled.resolve()):
        return f"{bundled.name}/{whole.relative_to(bundled.resolve())}"
    project = find_project()
    for folder in (Path.cwd(), *([project.folder] if project else [])):
        if whole.is_relative_to(folder.resolve()):
            return str(whole.relative_to(folder.resolve()))
    return path.name


def shown(path: str) -> str:
    """The path as it may be shared: from the working folder if the file lies there, else its name."""
    try:
        return Path(path).resolve().relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        return Path(path).name


_FILE = r"((?:python:)?)(.+?\.(?:ya?ml|py|onnx|keras|json|pt2|pt|pth|ts|torchscript))((?:[#:@].*)?)"


def without_way(reference: str) -> str:
    """The reference as it may be shared: a path from the root, or out of this folder, says something of this machine only."""
    if "/" not in reference and os.sep not in reference:
        return reference  # no way at all: the pattern takes long to compile
    found = re.fullmatch(_FILE, reference)
    if not found or not (os.path.isabs(found[2]) or ".." in Path(found[2]).parts):
        return reference
    return f"{found[1]}{from_project(Path(found[2]))}{found[3]}"
