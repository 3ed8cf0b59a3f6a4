"""A sign of life on stderr for anything that takes longer than half a second."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cnnprof.texts import visible

PATIENCE = 0.5
"""Seconds without a word before the sign appears."""


def plain(text: str) -> str:
    """The text so that rich shows it as it is, and a terminal obeys nothing in it."""
    return visible(text).replace("\n", " ").replace("[", "\\[")


@contextmanager
def waiting(message: str) -> Iterator[Callable[[str], None]]:
    """Show `message` on a terminal while the block runs, if it runs long; the yielded function changes it."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    sign = _Sign(message)
    try:
        yield sign.say
    finally:
        sign.end()


class _Sign:
    """A spinner that starts by itself after a while; rich is imported only then."""

    def __init__(self, message: str) -> None:
        self._message = plain(message)
        self._lock = threading.Lock()
        self._status: object = None
        self._ended = False
        self._timer = threading.Timer(PATIENCE, self._start)
        self._timer.daemon = True
        self._timer.start()

    def say(self, message: str) -> None:
        with self._lock:
            self._message = plain(message)
            if self._status is not None:
                self._status.update(self._message)  # type: ignore[attr-defined]

    def end(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._ended = True
            if self._status is not None:
                self._status.stop()  # type: ignore[attr-defined]

    def _start(self) -> None:
        from rich.console import Console

        with self._lock:
            if self._ended:
                return
            self._status = Console(stderr=True).status(self._message)
            self._status.start()
