"""Where the results of a command go, apart from what anything else prints.

A user's model may print, write to descriptor 1 or start programs that do. From the moment its code is to run, all of that goes
to stderr, for the rest of the command; results go on to the stdout that the command was started with.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

_command: list[TextIO] = []
"""The stdout of the command that this process is; empty in a program that imports cnnprof."""


@contextmanager
def of_command() -> Iterator[None]:
    """This process is a command while the block runs, and its stdout is for results."""
    before = sys.stdout
    _command[:] = [before]
    try:
        yield
    finally:
        if _command[0] is not before and not _is_descriptor(before):
            sys.stdout = before
        _command.clear()


def is_command() -> bool:
    """Whether this process is a command, and no program that holds this package."""
    return bool(_command)


def results() -> TextIO:
    """The stream for results."""
    return _command[0] if _command else sys.stdout


def set_apart() -> None:
    """Code of a user's is about to run: what is printed from here on goes to stderr. In a command only."""
    if not _command or _command[0] is not sys.stdout:
        return
    before = sys.stdout
    if _is_descriptor(before):
        before.flush()
        kept = os.fdopen(os.dup(before.fileno()), "w", encoding=before.encoding, errors=before.errors)
        with suppress(OSError, ValueError):
            os.dup2(sys.stderr.fileno(), before.fileno())
        _command[0] = kept
    sys.stdout = sys.stderr


def _is_descriptor(stream: TextIO) -> bool:
    """Whether it is the process's own stdout, and not a text in memory."""
    try:
        return stream.fileno() >= 0
    except (OSError, ValueError, AttributeError, io.UnsupportedOperation):
        return False
