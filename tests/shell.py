"""The command line as a user calls it, in this process or in one of its own; and what stands in a picture."""

import contextlib
import gc
import io
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch
from xml.etree import ElementTree

from cnnprof.__main__ import main

DEFECT = ("Traceback", "a defect in cnnprof")
TOLD = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "GITHUB_ACTIONS", "GITHUB_WORKSPACE", "CI_PROJECT_DIR")
"""Variables by which a terminal, a user or a CI says how output should look: a test says them itself."""
QUIET = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
"""Warnings that Python does not show unless it is asked to."""


class Finished(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


def cnnprof(*arguments: object, cwd: Path | None = None, **environment: str) -> Finished:
    """Run `cnnprof` with the arguments in this process; a defect of its own fails the test at once.

    What is about processes is asked of `process`: signals and pipes, which modules a command loads, and an environment that an
    interpreter reads as it starts, such as PYTHONPATH.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with (
        _as_found(cwd),
        patch.dict(os.environ, _surroundings(environment), clear=True),
        patch.object(sys, "argv", ["cnnprof", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        _warnings_shown(),
    ):
        try:
            main()
            code = 0
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else int(left.code is not None)
    return _sound(Finished(code, *(stream.buffer.getvalue().decode() for stream in (out, err))))


def process(*arguments: object, cwd: Path | None = None, **environment: str) -> Finished:
    """The same in an interpreter of its own, which takes half a second to start."""
    under_way = start(*arguments, cwd=cwd, **environment)
    try:
        out, err = under_way.communicate(timeout=300)
    finally:
        under_way.kill()
    return _sound(Finished(under_way.returncode, out, err))


def start(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.Popen[str]:
    """A command that is under way."""
    command = [sys.executable, "-m", "cnnprof", *map(str, arguments)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=cwd,
        env=_surroundings(environment),
        preexec_fn=heed_interrupts,
    )


def heed_interrupts() -> None:
    """For a process that is about to start: what a shell starts in the background ignores SIGINT, and hands that down."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def texts(svg: bytes) -> list[str]:
    """What is written in a picture."""
    return ["".join(part.itertext()).strip() for part in ElementTree.fromstring(svg).iter() if part.tag.endswith("}text")]


def _surroundings(environment: dict[str, str]) -> dict[str, str]:
    """The environment of a command: this one, without what says how wide or colourful it should be."""
    kept = {key: value for key, value in os.environ.items() if key not in TOLD}
    path = [folder for folder in (environment.get("PYTHONPATH"), kept.get("PYTHONPATH")) if folder]
    return kept | {"CNNPROF_DEBUG": "1"} | environment | ({"PYTHONPATH": os.pathsep.join(path)} if path else {})


def _sound(done: Finished) -> Finished:
    assert not any(sign in done.err for sign in DEFECT), done.err
    return done


@contextlib.contextmanager
def _as_found(cwd: Path | None) -> Iterator[None]:
    """In the folder; what a command changes for its whole process is as it was afterwards."""
    before, thresholds, torch = Path.cwd(), gc.get_threshold(), sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else None
    os.chdir(cwd or before)
    try:
        yield
    finally:
        os.chdir(before)
        gc.set_threshold(*thresholds)
        if torch:
            torch.set_num_threads(threads)


@contextlib.contextmanager
def _warnings_shown() -> Iterator[None]:
    """Warnings are printed where a command would print them, and not kept for pytest's list."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        for category in QUIET:
            warnings.simplefilter("ignore", category)
        warnings.showwarning = lambda *about, **_: print(warnings.formatwarning(*about[:4]), end="", file=sys.stderr)
        yield
