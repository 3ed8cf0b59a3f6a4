"""Globs of files: `networks/*.yaml` in a pyproject.toml or in quotes, where no shell takes it apart."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from cnnprof.errors import CnnprofError, SpecError
from cnnprof.sources._files import SPECS, is_file

MAGIC = re.compile(r"[*?\[]")


def is_glob(reference: str) -> bool:
    """Whether the reference names files by a glob, and is no file itself."""
    path = reference.partition("@")[0].partition("#")[0]
    return bool(MAGIC.search(path)) and is_file(reference) and not os.path.isfile(path)


def networks_matching(pattern: str) -> list[str]:
    """References to the networks of all files that the pattern matches: of a spec without a default, each variant.

    Raises CnnprofError where there is no such file.
    """
    path, at, settings = pattern.partition("@")
    path, mark, variant = path.partition("#")
    files = [file for file in sorted(_matching(path)) if is_file(file)]
    if not files:
        raise CnnprofError(f"no file of a network matches '{path}'")
    names = [name for file in files for name in ([f"{file}#{variant}"] if mark else _networks_of(file))]
    return [f"{name}{at}{settings}" for name in names]


def _networks_of(file: str) -> list[str]:
    from cnnprof.spec import read_family

    if file.endswith(SPECS):
        with suppress(SpecError):  # what is wrong with it is said where it is read
            family = read_family(Path(file), file)
            if len(family.variants) > 1 and family.default is None:
                return [f"{file}#{name}" for name in family.variants]
    return [file]


def _matching(pattern: str) -> Iterator[str]:
    """The files; folders that are links are not entered, so that no chain of them can lead round and round."""
    folders = [os.sep if os.path.isabs(pattern) else ""]
    *parents, last = [part for part in pattern.replace("\\", "/").split("/") if part]
    for part in parents:
        if MAGIC.search(part):
            folders = [os.path.join(each, name) for each in folders for name in _entries(each, part, folders_only=True)]
        else:
            folders = [os.path.join(each, part) for each in folders]
    for each in folders:
        yield from (os.path.join(each, name) for name in _entries(each, last))


def _entries(folder: str, pattern: str, folders_only: bool = False) -> list[str]:
    try:
        with os.scandir(folder or ".") as entries:
            return [each.name for each in entries if fnmatchcase(each.name, pattern) and _counts(each, pattern, folders_only)]
    except OSError:
        return []


def _counts(entry: os.DirEntry[str], pattern: str, folders_only: bool) -> bool:
    """Whether the entry is a file, or a folder, that a pattern can mean: as in a shell, none that is hidden."""
    if entry.name.startswith(".") and not pattern.startswith("."):
        return False
    try:
        return entry.is_dir(follow_symlinks=False) if folders_only else entry.is_file()
    except OSError:  # a link to itself
        return False
