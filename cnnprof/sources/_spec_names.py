"""Which names a spec file defines, found without reading the whole spec where its layout is the usual one."""

from __future__ import annotations

import re
from pathlib import Path

from cnnprof.errors import SpecError
from cnnprof.sources._files import SPECS
from cnnprof.spec import read_family
from cnnprof.spec.reader import read_source

_VARIANTS = re.compile(r"^variants:[ \t]*(\||)[ \t]*(?:#.*)?\n((?:[ \t].*\n|[ \t]*(?:#.*)?\n)*)", re.MULTILINE)
_DEFAULT = re.compile(r"^default[ \t]*:", re.MULTILINE)
_ANY_VARIANTS = re.compile(r"^[\"']?variants[\"']?[ \t]*:|^\{", re.MULTILINE)
_KEY = re.compile(r"([A-Za-z0-9][\w.-]*)[ \t]*:(?=\s|$)")
_CELL = re.compile(r"\S+")
_NAME = re.compile(r"\w[\w.+-]{0,99}\Z")
"""The names that a file may give a network: nothing that could be read as a path, a source's prefix, a glob or settings."""


def defined_names(path: Path) -> list[str]:
    """The names that a file defines: its variants, and its stem if it has no variants or a default one.

    The usual layouts of `variants` are read by pattern; any other file is read as YAML. A file with a mistake in it still has
    the names that can be seen, so that asking for one of them shows the mistake.
    """
    try:
        text = read_source(path, str(path)).text.replace("\r\n", "\n")
    except SpecError:
        return []
    if not _ANY_VARIANTS.search(text):
        return _legal([path.stem])
    quick = _quick_names(text)
    names, has_default = quick if quick is not None else _slow_names(path)
    return _legal([*names, *([path.stem] if has_default or not names else [])])


def _legal(names: list[str]) -> list[str]:
    return list(dict.fromkeys(name for name in names if _NAME.match(name) and not name.endswith((*SPECS, ".py"))))


def _quick_names(text: str) -> tuple[list[str], bool] | None:
    """The variants and whether there is a default, None where the layout is unusual."""
    found = _VARIANTS.search(text + "\n")
    if not found:
        return None
    lines = [line for line in found[2].splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        return None
    indent = len(lines[0]) - len(lines[0].lstrip())
    if found[1]:
        names = [cell[0] for cell in map(_CELL.search, lines[1:]) if cell]
    else:
        keys = [_KEY.match(line.strip()) for line in lines if len(line) - len(line.lstrip()) == indent]
        if not all(keys):
            return None
        names = [key[1] for key in keys if key]
    return names, bool(_DEFAULT.search(text))


def _slow_names(path: Path) -> tuple[list[str], bool]:
    try:
        family = read_family(path)
    except SpecError:
        return [], True
    return list(family.variants), family.default is not None
