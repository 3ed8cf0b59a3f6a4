"""The user's project: what the nearest pyproject.toml says under `[tool.cnnprof]`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from sys import version_info
from typing import Any

from cnnprof.errors import Place, SpecError, did_you_mean
from cnnprof.files import read_within
from cnnprof.record import record

KEYS = ("paths", "budget", "accuracy")
"""The keys that the section may have."""

MAX_BYTES = 10**6
"""Of the file."""

_SECTION = re.compile(rb"tool\s*\.\s*[\"']?cnnprof")


@record
class Project:
    """A pyproject.toml and its section `tool.cnnprof`."""

    file: Path
    text: str
    section: Mapping[str, Any]

    @property
    def folder(self) -> Path:
        """Where the project lies."""
        return self.file.parent

    def holds(self, path: Path) -> bool:
        """Whether the file or folder lies in the project, links followed."""
        return path.resolve().is_relative_to(self.folder.resolve())

    @property
    def shown(self) -> str:
        """The file as a user would type it here."""
        return self.file.name if self.folder == Path.cwd() else str(self.file)

    def line_of(self, key: str, lines: range | None = None) -> int | None:
        """The line that sets the key, counted from 1: among `lines`, or anywhere. None if it is written in another way."""
        every = self.text.splitlines()
        pattern = re.compile(rf"\s*([\"']?{re.escape(key)}[\"']?\s*=|\[+\s*tool\s*\.\s*cnnprof\s*\.\s*{re.escape(key)}\s*\])")
        return next((n for n in (range(1, len(every) + 1) if lines is None else lines) if pattern.match(every[n - 1])), None)

    def place_of(self, key: str, lines: range | None = None, word: str | None = None) -> Place | None:
        """Where the key is set, or the word in its line."""
        line = self.line_of(key, lines)
        return self.place(line, key if word is None else word) if line else None

    def place(self, line: int, word: str = "") -> Place:
        """A line of the file, counted from 1, and the word in it that is at fault."""
        text = self.text.splitlines()[line - 1]
        start = max(0, text.find(word)) if word else len(text) - len(text.lstrip())
        return Place(self.shown, line, start + 1, text, len(word) if word in text and word else len(text.strip()))


def _is_strangers(file: Path, here: Path) -> bool:
    """Whether somebody else put the file into a folder above this one, as anybody can in /tmp."""
    if not hasattr(os, "getuid") or file.parent == here:
        return False
    return file.stat().st_uid not in (0, os.getuid(), here.stat().st_uid)


def _place_of_mistake(shown: str, data: bytes, error: ValueError) -> Place:
    """The place that the parser names, or the end of the file."""
    at = re.search(r"at line (\d+), column (\d+)", str(error))
    if isinstance(error, UnicodeDecodeError):
        line, column = data.count(b"\n", 0, error.start) + 1, 1
    else:
        line, column = (int(at[1]), int(at[2])) if at else (len(data.splitlines()), 1)
    return Place(shown, line, column, data.decode(errors="replace").split("\n")[line - 1].rstrip("\r"))


def find_project() -> Project | None:
    """The nearest project of this folder or of one above it; None if there is none, or it does not speak of cnnprof.

    A file above this folder counts only if it belongs to the user, to root, or to whom this folder belongs.

    Raises SpecError for a file that cannot be read or is not TOML, and for an unknown key of the section.
    """
    try:
        here = Path.cwd()
    except OSError:
        return None  # the folder was deleted
    file = next((path for folder in (here, *here.parents) if (path := folder / "pyproject.toml").is_file()), None)
    if file is None or _is_strangers(file, here):
        return None
    try:
        data = read_within(file, MAX_BYTES)
    except OSError as error:
        raise SpecError(f"cannot read {file}: {error.strerror or error}") from None
    if not _SECTION.search(data):
        return None
    toml: Any = import_module("tomllib" if version_info >= (3, 11) else "tomli")
    try:
        text = data.decode()
        content = toml.loads(text)
    except ValueError as error:
        shown = file.name if file.parent == here else str(file)
        said = re.sub(r" \(at .*\)\Z", "", str(error))
        raise SpecError(f"{shown} is not valid TOML: {said}", _place_of_mistake(shown, data, error)) from None
    except RecursionError:
        raise SpecError(f"{file} is not valid TOML: it is nested too deeply") from None
    tool = content.get("tool", {})
    section = tool.get("cnnprof") if isinstance(tool, dict) else None
    if section is None:
        return None
    if not isinstance(section, dict):
        raise SpecError(f"{file}: 'tool.cnnprof' is a table, not a value", hint="begin it with [tool.cnnprof]")
    project = Project(file, text, section)
    for key in section:
        if key not in KEYS:
            hint = did_you_mean(key, KEYS) or f"the keys are {' and '.join(KEYS)}"
            raise SpecError(f"unknown key '{key}' in [tool.cnnprof]", project.place_of(key), hint)
    return project
