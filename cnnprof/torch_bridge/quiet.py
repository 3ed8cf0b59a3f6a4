"""The output of a user's code, which is no part of a report: while it runs, what goes to stdout goes to stderr."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import NoReturn

from cnnprof.torch_bridge.interrupts import interruptible


@contextmanager
def quiet() -> Iterator[None]:
    """Python's stdout and the process's descriptor 1 lead to stderr; so does what a child process writes.

    The current folder and the streams are as before afterwards, whatever the code does to them. Ctrl-C ends a command also
    where the code does not let go. The code itself ends none: `os._exit` raises SystemExit, for with exit code 0
    a gate would pass that checked nothing.
    """
    streams = sys.stdout, sys.stderr
    leave = os._exit
    here = os.getpid(), threading.get_ident()

    def stay(status: int) -> NoReturn:
        if (os.getpid(), threading.get_ident()) != here:
            # A child process, or a thread that is not the code's own.
            leave(status)
        raise SystemExit(f"os._exit({status})")

    folder = _folder()
    _flush()
    kept = _duplicate()
    os._exit = stay
    try:
        with redirect_stdout(sys.stderr), interruptible(leave):
            yield
    finally:
        os._exit = leave
        sys.stdout, sys.stderr = streams
        _flush()
        if kept is not None:
            os.dup2(kept, 1)
            os.close(kept)
        if folder is not None and _folder() != folder:
            with suppress(OSError):
                os.chdir(folder)


def _duplicate() -> int | None:
    """A second descriptor for stdout, which then leads to stderr; None where one of them is closed."""
    try:
        kept = os.dup(1)
    except OSError:
        return None
    try:
        os.dup2(2, 1)
    except OSError:
        os.close(kept)
        return None
    return kept


def _flush() -> None:
    for stream in {id(one): one for one in (sys.stdout, sys.__stdout__, sys.stderr)}.values():
        with suppress(Exception):
            stream.flush()  # type: ignore[union-attr]


def _folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None
