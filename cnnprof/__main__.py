"""`python -m cnnprof` and the `cnnprof` command."""

from __future__ import annotations

import errno
import gc
import os
import sys
import warnings
from contextlib import suppress

from cnnprof.errors import DEFECT, INTERRUPTED, CnnprofError, SpecWarning, UnavailableError, UsageError
from cnnprof.streams import of_command

OPTIONAL = {
    "torch": "torch",
    "torchvision": "torch",
    "fvcore": "torch",
    "numpy": "sweep",
    "pyarrow": "sweep",
    "joblib": "sweep",
    "psutil": "torch",
    "sympy": "symbolic",
    "matplotlib": "plot",
    "plotext": "plot",
    "vl_convert": "report",
    "watchfiles": "watch",
    "textalloc": "plot",
}
"""Packages that not every command needs, with the extra that brings them."""


def main() -> None:
    """Run the command line; leave with the exit codes of `errors`."""
    gc.set_threshold(100_000)  # a start creates much and drops little: collecting after every 700 objects costs 7% of it
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # It is open as long as the process runs.
            setattr(sys, name, open(os.open(os.devnull, os.O_WRONLY), "w", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    try:
        with of_command():
            from cnnprof.cli import run

            try:
                run()
            finally:
                if not isinstance(sys.exc_info()[1], Exception):
                    _write_out()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        if not isinstance(error, CnnprofError) and os.environ.get("CNNPROF_DEBUG"):
            raise
        found = _as_said(error)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            _drop_output()
        # A stderr that nobody reads, or that is full, must not turn one exit code into another.
        with suppress(OSError, ValueError):
            from cnnprof.cli.errors import say

            say(found)
        sys.exit(found.exit_code)


def _write_out() -> None:
    """Write what stdout still holds, while an error of it can be said; a reader that has seen enough is none."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()


def _drop_output() -> None:
    """Python would fail once more on what is left when it closes stdout, and leave with a code of its own."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_warning(message: Warning | str, category: type[Warning], *place: object) -> None:
    """A warning about a spec as a line of its own, any other as Python shows it."""
    if issubclass(category, SpecWarning):
        print(f"warning: {message}", file=sys.stderr)
    else:
        _as_python_does(message, category, *place)  # type: ignore[arg-type]


_as_python_does = warnings.showwarning


def _as_said(error: Exception) -> CnnprofError:
    """The error as one with a message and an exit code."""
    if isinstance(error, CnnprofError):
        return error
    if isinstance(error, ModuleNotFoundError) and error.name in OPTIONAL:
        hint = f"pip install 'cnnprof[{OPTIONAL[error.name]}]'"
        return UnavailableError(f"this needs {error.name}, which is not installed", hint=hint)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return UsageError(f"cannot write the output: {error.strerror}")
    found = CnnprofError(
        f"a defect in cnnprof: {type(error).__name__}: {error}", hint="CNNPROF_DEBUG=1 shows where; please report it"
    )
    found.exit_code = DEFECT
    return found


if __name__ == "__main__":
    main()
