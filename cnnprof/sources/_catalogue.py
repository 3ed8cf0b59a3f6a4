"""The folders that specs lie in, and which file defines which name, found without reading whole specs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from os import listdir
from pathlib import Path
from stat import S_ISREG

from cnnprof.config import find_project
from cnnprof.errors import SpecError
from cnnprof.spec.reader import read_source

BUNDLED = "architectures"
SUFFIXES = (".yaml", ".yml")

_VARIANTS = re.compile(r"^variants:[ \t]*(\||)[ \t]*(?:#.*)?\n((?:[ \t].*\n|[ \t]*(?:#.*)?\n)*)", re.MULTILINE)
_DEFAULT = re.compile(r"^default[ \t]*:", re.MULTILINE)
_ANY_VARIANTS = re.compile(r"^[\"']?variants[\"']?[ \t]*:|^\{", re.MULTILINE)
_KEY = re.compile(r"([A-Za-z0-9][\w.-]*)[ \t]*:(?=\s|$)")
_CELL = re.compile(r"\S+")
_NAME = re.compile(r"\w[\w.+-]{0,99}\Z")
"""What a file may call a network: nothing that could be read as a path, a source's prefix, a glob or settings."""


def bundled_folder() -> Path:
    """Where the specs that come with cnnprof lie: beside the package's modules, or in the repository's root."""
    package = Path(__file__).resolve().parent.parent
    return next((folder for folder in (package / BUNDLED, package.parent / BUNDLED) if folder.is_dir()), package / BUNDLED)


def own_folders() -> list[Path]:
    """The folders under `[tool.cnnprof] paths` in the nearest pyproject.toml, relative to it.

    Raises SpecError if that file is broken or names something that is no folder.
    """
    project = find_project()
    paths = project.section.get("paths", []) if project else []
    if project is None or not paths:
        return []
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        at = project.place_of("paths")
        raise SpecError("[tool.cnnprof] paths is a list of folders", at, 'as in paths = ["networks"]')
    folders = [project.folder / path for path in paths]
    for path, folder in zip(paths, folders, strict=True):
        if not folder.is_dir():
            at = project.place_of("paths", word=path)
            raise SpecError(f"[tool.cnnprof] paths names '{path}', which is not a folder", at)
        if not project.holds(folder):
            at = project.place_of("paths", word=path)
            raise SpecError(f"[tool.cnnprof] paths names '{path}', which lies outside of the project", at)
    return folders


def scan(folders: list[Path]) -> dict[str, list[Path]]:
    """The files that define each name. A file that cannot be read defines none."""
    found: dict[str, list[Path]] = {}
    for folder in folders:
        for file in sorted(name for name in listdir(folder) if name.endswith(SUFFIXES)):
            path = folder / file
            for name in defined_names(path):
                found.setdefault(name, []).append(path)
    return found


def defined_names(path: Path) -> list[str]:
    """The names that a file defines: its variants, and its stem if it has no variants or a default one.

    The usual layouts of `variants` are read by pattern; any other file is read as YAML. A file with a mistake in it still has
    the names that can be seen, so that asking for one of them shows the mistake.
    """
    try:
        status = path.stat()
    except OSError:
        return []
    if not S_ISREG(status.st_mode) or _leads_out(path):
        return []
    return list(_names_once(path, status.st_mtime_ns, status.st_size))


def _leads_out(path: Path) -> bool:
    """Whether the file is a link to one outside of the folder's own tree: what lies there is nobody's spec."""
    return path.is_symlink() and not path.resolve().is_relative_to(_tree(path.parent))


def _tree(folder: Path) -> Path:
    """The project that the folder belongs to; the folder itself if it is in none."""
    project = find_project()
    return project.folder.resolve() if project and project.holds(folder) else folder.resolve()


@lru_cache(maxsize=4096)
def _names_once(path: Path, changed: int, size: int) -> tuple[str, ...]:  # noqa: ARG001 - the two tell an edited file
    """For who loads many networks: each file is read once while it stays the same."""
    try:
        text = read_source(path, str(path)).text.replace("\r\n", "\n")
    except SpecError:
        return ()
    if not _ANY_VARIANTS.search(text):
        return _legal([path.stem])
    quick = _quick_names(text)
    names, has_default = quick if quick is not None else _slow_names(path)
    return _legal([*names, *([path.stem] if has_default or not names else [])])


def _legal(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if _NAME.match(name) and not name.endswith((*SUFFIXES, ".py"))))


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
    from cnnprof.spec import read_family

    try:
        family = read_family(path)
    except SpecError:
        return [], True
    return list(family.variants), family.default is not None


def own_and_bundled() -> Iterator[list[Path]]:
    """The places where names are looked up, the project's own first."""
    own = own_folders()
    if own:
        yield own
    bundled = bundled_folder()
    if bundled.is_dir():
        yield [bundled]
