"""Files as they were at a revision of their git repository."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from cnnprof.errors import CnnprofError, UsageError

SECONDS = 60


@contextmanager
def earlier_file(reference: str, revision: str) -> Iterator[str]:
    """The reference (`net.yaml#variant`, `net.py:factory`) to what its file was at a revision, while the block runs.

    The whole repository is laid out as it was, so that what the file imports is of that time, too. Raises UsageError if the
    reference names no file, or git knows no such revision or file.
    """
    file = next((path for path in _paths(reference) if path.is_file()), None)
    if file is None:
        raise UsageError(
            f"--against-rev is for files, and '{reference}' is none", hint="cnnprof diff net.yaml --against-rev main"
        )
    if revision.startswith("-"):
        raise UsageError(f"'{revision}' is no revision")
    folder = file.resolve().parent
    root = Path(_git(folder, "rev-parse", "--show-toplevel").decode().strip())
    commit = _git(
        folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", what=f"'{revision}'"
    )
    inside = file.resolve().relative_to(root.resolve())
    with TemporaryDirectory(prefix="cnnprof-") as place:
        archive = _git(root, "archive", "--format=tar", commit.decode().strip())
        subprocess.run(["tar", "-x", "-C", place], input=archive, check=True, capture_output=True, timeout=SECONDS)
        if not (Path(place) / inside).is_file():
            raise UsageError(f"{inside} is not in revision '{revision}'")
        try:
            yield str(Path(place) / inside) + reference[len(str(file)) :]
        except CnnprofError as error:
            raise _of_revision(error, f"{place}{os.sep}", f"{revision}:") from None


def _of_revision(error: CnnprofError, folder: str, revision: str) -> CnnprofError:
    """The error as one of the revision's files, `main:net.yaml`: the folder in which they are laid out is gone by then."""
    error.message = error.message.replace(folder, revision)
    error.hint = error.hint.replace(folder, revision) if error.hint else None
    if error.place:
        error.place = replace(error.place, file=error.place.file.replace(folder, revision))
    return error


def _paths(reference: str) -> Iterator[Path]:
    """The parts of a reference that may be its file: all of it, or the text before `@`, `#` or `:`."""
    yield Path(reference)
    plain = reference.partition("@")[0]
    yield Path(plain.partition("#")[0])
    yield Path(plain.rpartition(":")[0] or plain)


def _git(folder: Path, *words: str, what: str = "this") -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"--against-rev needs git: {error}") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().split("\n")[-1]
        raise UsageError(
            f"git knows no {what}" + (f": {said}" if said else ""), hint="--against-rev takes a branch, a tag or a commit"
        )
    return done.stdout
