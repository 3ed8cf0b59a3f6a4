"""Ctrl-C where no exception gets through: TorchScript's loops run outside of Python, and code may catch all exceptions."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from cnnprof.errors import INTERRUPTED
from cnnprof.streams import is_command

PATIENCE = 2.0
"""Seconds between Ctrl-C and the end of a command that does not end by itself."""

_watching = False


@contextmanager
def interruptible(leave: Callable[[int], object] = os._exit) -> Iterator[None]:
    """A command ends on Ctrl-C, whatever the block runs. In a program that holds this package, nothing is changed.

    `leave` ends the process at once, with the exit code.
    """
    global _watching
    if _watching or not is_command() or threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    ended = threading.Event()
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(reader, ended, leave), daemon=True)
    watcher.start()
    _watching = True
    try:
        yield
    finally:
        _watching = False
        ended.set()
        signal.set_wakeup_fd(before)
        os.close(writer)
        watcher.join()
        os.close(reader)


def _watch(reader: int, ended: threading.Event, leave: Callable[[int], object]) -> None:
    while signals := os.read(reader, 64):
        if signal.SIGINT in signals and not ended.wait(PATIENCE):
            with suppress(OSError, ValueError):
                # The cursor that a progress display hides.
                sys.stderr.write("\x1b[?25h" * sys.stderr.isatty())
                sys.stderr.flush()
            leave(INTERRUPTED)
