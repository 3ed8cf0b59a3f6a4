"""A sign of life on stderr for anything that takes longer than half a second."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from cnnprof.texts import visible

PATIENCE = 0.5
"""Seconds without a word before the sign appears."""


LONG = 5.0
"""Seconds after which a line says at least how long it has been there."""

_COUNT = re.compile(r"\((\d+) of (\d+)\)")


def plain(text: str) -> str:
    """The text so that rich shows it as it is, and a terminal obeys nothing in it."""
    return visible(text).replace("\n", " ").replace("[", "\\[")


class ProgressLine:
    """A line of progress; rich asks for it anew several times a second, and it says what time is left by then.

    Args:
        message: what is being done; `(3 of 20)` in it says how far that is, too.
        expected: seconds that all of it is going to take at the most, if that is known.
    """

    def __init__(self, message: str, expected: float | None = None) -> None:
        self._expected = expected
        self._began = self._at = monotonic()
        self._share = 0.0
        self._rest: float | None = None
        self.say(message)

    def say(self, message: str, share: float | None = None, rest: float | None = None) -> None:
        """Change the words; `share` is the part of all of it that is done, `rest` the seconds left where they are known."""
        self._message = message
        counted = _COUNT.search(message)
        if share is None and counted and int(counted[2]):
            share = (int(counted[1]) - 1) / int(counted[2])
        if share is not None and share != self._share:
            self._share, self._at = share, monotonic()
        if rest is not None:
            self._rest, self._at = rest, monotonic()

    def left(self, now: float) -> str:
        """`, about 40 s left`; where nothing says so, how long it has been."""
        elapsed, seconds = now - self._began, None
        if self._rest is not None:
            seconds = self._rest - (now - self._at)
        elif 0 < self._share < 1:
            spent = self._at - self._began
            seconds = spent / self._share * (1 - self._share) - (now - self._at)
        if self._expected is not None:
            rest = self._expected - elapsed
            seconds = rest if seconds is None else min(seconds, rest)
        if seconds is not None and seconds > 0:
            at_most = "at most" if not self._share and self._rest is None else "about"
            return f", {at_most} {duration(seconds)} left"
        return f", {duration(elapsed)} so far" if elapsed >= LONG else ""

    def __str__(self) -> str:
        return self._message + self.left(monotonic())

    def __rich__(self) -> str:
        return plain(str(self))


def duration(seconds: float) -> str:
    """`40 s`, `3 min`."""
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(1, round(seconds))} s"


@contextmanager
def waiting(message: str) -> Iterator[Callable[..., None]]:
    """Show `message` on a terminal while the block runs, if it runs long; the yielded function changes it, as `Line.say`."""
    if not sys.stderr.isatty():
        yield lambda *_, **__: None
        return
    sign = _Sign(message)
    try:
        yield sign.say
    finally:
        sign.end()


class _Sign:
    """A spinner that starts by itself after a while; rich is imported only then."""

    def __init__(self, message: str) -> None:
        self._line = ProgressLine(message)
        self._lock = threading.Lock()
        self._status: object = None
        self._ended = False
        self._timer = threading.Timer(PATIENCE, self._start)
        self._timer.daemon = True
        self._timer.start()

    def say(self, message: str, share: float | None = None, rest: float | None = None) -> None:
        with self._lock:
            self._line.say(message, share, rest)
            if self._status is not None:
                self._status.update(self._line)  # type: ignore[attr-defined]

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
            self._status = Console(stderr=True).status(self._line)
            self._status.start()
