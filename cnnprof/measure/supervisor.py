"""Starts worker processes, follows what they write, and sees to it that none outlives its use."""

from __future__ import annotations

import errno
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import IO, Any

from cnnprof.errors import MeasurementError
from cnnprof.record import record

POLL_SECONDS = 0.1
START_SECONDS = 60.0
"""Seconds that a process may take to import torch on a busy machine before its first line, whatever the time-out."""

# The child looks for modules where this process does, and nowhere else: `-m` would put the current folder first, and a user's
# `copy.py` there in place of Python's.
_START = "import sys; sys.path[:] = sys.argv[1:]; from cnnprof.measure.worker import main; main()"


class StartError(MeasurementError):
    """A worker process that could not be started, or ended before it came to a network."""


@record
class Worker:
    """A worker process, the file it writes its lines to and the one of its error messages."""

    process: subprocess.Popen[bytes]
    lines: IO[bytes]
    errors: IO[bytes]

    def events(self, timeout: float, until: float | None = None) -> Iterator[Mapping[str, Any]]:
        """The events that the worker reports, as they come, until it ends.

        Raises TimeoutError after `timeout` seconds without a line, and `until` a time by time.monotonic().
        """
        patience = max(timeout, START_SECONDS)
        rest = b""
        last = time.monotonic()
        while True:
            ended = self.process.poll() is not None
            while chunk := self.lines.read(2**20):
                last, patience = time.monotonic(), timeout
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield json.loads(line)
            if ended:
                return
            now = time.monotonic()
            if now - last > patience or (until is not None and now > until):
                raise TimeoutError
            time.sleep(POLL_SECONDS)

    def failure(self) -> str:
        """How the process ended, which nobody asked it to."""
        code = self.process.wait()
        if code < 0:
            name = signal.Signals(-code).name
            return f"the process was killed by {name}" + (", probably for lack of memory" if name == "SIGKILL" else "")
        self.errors.seek(0)
        said = self.errors.read().decode(errors="replace").strip().split("\n")[-1]
        return f"the process ended with exit code {code}" + (f": {said}" if said else "")


@contextmanager
def start_worker(task: object, threads: int) -> Iterator[Worker]:
    """A worker process at work on the task, which is pickled; leaving the block ends it, whatever it is at.

    Raises StartError where the system has no room for one.
    """
    with ExitStack() as files:
        try:
            written, lines = files.enter_context(_written_and_read())
            errors = files.enter_context(TemporaryFile())
            process = subprocess.Popen(
                [sys.executable, "-c", _START, *sys.path],
                stdin=files.enter_context(_holding(b"%d\n" % os.getpid() + pickle.dumps(task))),
                stdout=written,
                stderr=errors,
                # The last of a process's error messages says what it ended of: torch's profiler is to log none of its steps.
                env={"KINETO_LOG_LEVEL": "6"} | os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)},
            )
        except OSError as error:
            raise StartError(f"no worker process can be started: {error.strerror}") from None
        try:
            yield Worker(process, lines, errors)
        finally:
            process.kill()
            process.wait()


@contextmanager
def _holding(data: bytes) -> Iterator[IO[bytes]]:
    """A temporary file with the data, at its beginning."""
    with TemporaryFile(buffering=0) as file:
        if file.write(data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        file.seek(0)
        yield file


@contextmanager
def _written_and_read() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """A temporary file, open twice, so that reading does not move the place that a process writes to."""
    with NamedTemporaryFile(delete=False) as written, open(written.name, "rb") as read:
        try:
            with suppress(PermissionError):  # Windows keeps the name of a file that is open
                os.unlink(written.name)
            yield written, read
        finally:
            read.close()
            written.close()
            with suppress(OSError):
                os.unlink(written.name)
