"""Files as this program reads and writes them: read within bounds, written whole or not at all."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

RESULTS = 256 * 10**6
"""Bytes that a file of results may have."""


def read_within(path: Path, limit: int) -> bytes:
    """The content of a regular file.

    Raises OSError where it cannot be read, is none (a pipe that nobody writes to would be waited for), or holds more than
    `limit` bytes.
    """
    # Without O_NONBLOCK, to open a named pipe waits for its writer.
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "it is no regular file")
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(0, f"it holds more than {limit / 1e6:g} MB")
    return data


def parse_json(data: bytes | str) -> Any:
    """The value of a JSON text. Raises ValueError for anything else, and for one that is nested too deeply to read."""
    import json

    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def replace_file(path: Path, content: str | bytes) -> None:
    """Write the file in one step, so that a good one is never left half overwritten.

    A file that is there keeps its mode and owner, a link stays one, and so do the other names of a file that has several. What
    no file can replace (/dev/stdout, a pipe) is written to. Raises OSError.
    """
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    target = path.resolve()
    there = target.stat() if target.exists() else None
    beside = target.with_name(f".{target.name[:100]}.{os.getpid()}.part")
    try:
        _create(beside, data, there)
        if there is not None and there.st_nlink > 1:
            # The copy beside has shown that there is room.
            with target.open("r+b") as file:
                file.write(data)
                file.truncate()
        else:
            os.replace(beside, target)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def _create(path: Path, data: bytes, like: os.stat_result | None) -> None:
    """A new file, never readable by more than the one that it is like."""
    with suppress(FileNotFoundError):
        path.unlink()  # of a process of the same number that was killed
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags, 0o600 if like else 0o666), "wb") as file:
        file.write(data)
    if like:
        if hasattr(os, "chown"):
            with suppress(OSError):
                os.chown(path, like.st_uid, like.st_gid)
        path.chmod(stat.S_IMODE(like.st_mode))
