"""A spec that comes through stdin, for the reference `-`."""

from __future__ import annotations

import atexit
import sys
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from cnnprof.errors import SpecError
from cnnprof.spec.reader import MAX_BYTES


@cache
def file_of_stdin() -> Path:
    """A file with what stdin holds, which is read once; it is gone when the process ends. Raises SpecError at a terminal."""
    if sys.stdin is None or sys.stdin.isatty():
        raise SpecError("'-' is a spec that comes through stdin, and stdin is a terminal", hint="cnnprof summary - < net.yaml")
    text = sys.stdin.buffer.read(MAX_BYTES + 1)
    folder = Path(mkdtemp(prefix="cnnprof-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    file = folder / "stdin.yaml"
    file.write_bytes(text)
    return file
