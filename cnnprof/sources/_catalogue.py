"""The folders that specs lie in, and which file defines which name, found without reading whole specs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from os import scandir
from pathlib import Path
from stat import S_ISREG

from cnnprof.config import find_project
from cnnprof.errors import SpecError
from cnnprof.sources._cache import recall_index
from cnnprof.sources._files import SPECS

BUNDLED = "architectures"


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


_seen: ContextVar[dict[tuple[Path, ...], dict[str, list[Path]]] | None] = ContextVar("_seen", default=None)


@contextmanager
def looked_at_once() -> Iterator[None]:
    """While it lasts, folders are taken to stay as they are: hundreds of names need not look at all files each."""
    if _seen.get() is not None:
        yield
        return
    token = _seen.set({})
    try:
        yield
    finally:
        _seen.reset(token)


def scan(folders: list[Path]) -> dict[str, list[Path]]:
    """The files that define each name. A file that cannot be read defines none."""
    seen = _seen.get()
    if seen is None:
        return _scan(folders)
    if (asked := tuple(folders)) not in seen:
        seen[asked] = _scan(folders)
    return seen[asked]


def _scan(folders: list[Path]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for folder in folders:
        for file, names in _defined(folder, _stamps(folder)).items():
            path = folder / file
            for name in names:
                found.setdefault(name, []).append(path)
    return found


@lru_cache(maxsize=64)
def _defined(folder: Path, stamps: tuple[tuple[str, int, int, int], ...]) -> dict[str, list[str]]:
    """The names that each file of a folder defines, by its name: read once while the files stay the same, and then kept."""

    def read() -> dict[str, list[str]]:
        from cnnprof.sources._spec_names import defined_names

        return {file: defined_names(folder / file) for file, *_ in stamps}

    return recall_index(str(folder), stamps, read)


def _stamps(folder: Path) -> tuple[tuple[str, int, int, int], ...]:
    """The spec files of a folder, each with what tells an edited one: when it and its entry were changed, and its size."""
    found = []
    for entry in scandir(folder):
        if entry.name.endswith(SPECS):
            with suppress(OSError):
                status = entry.stat()
                if S_ISREG(status.st_mode) and not (entry.is_symlink() and _leads_out(Path(entry.path))):
                    found.append((entry.name, status.st_mtime_ns, status.st_ctime_ns, status.st_size))
    return tuple(sorted(found))


def _leads_out(link: Path) -> bool:
    """Whether a link leads to a file outside of the folder's own tree: what lies there is nobody's spec."""
    folder, project = link.parent, find_project()
    tree = project.folder if project and project.holds(folder) else folder
    return not link.resolve().is_relative_to(tree.resolve())


def own_and_bundled() -> Iterator[list[Path]]:
    """The places where names are looked up, the project's own first."""
    own = own_folders()
    if own:
        yield own
    bundled = bundled_folder()
    if bundled.is_dir():
        yield [bundled]
