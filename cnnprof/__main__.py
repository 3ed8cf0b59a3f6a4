"""`python -m cnnprof` and the `cnnprof` command."""

from __future__ import annotations

import errno
import gc
import os
import sys

from cnnprof.errors import DEFECT, INTERRUPTED, CnnprofError, UnavailableError, UsageError

OPTIONAL = {
    "torch": "torch",
    "torchvision": "torch",
    "fvcore": "torch",
    "numpy": "torch",
    "psutil": "torch",
    "sympy": "symbolic",
    "matplotlib": "plot",
    "plotext": "plot",
    "textalloc": "plot",
}
"""Packages that not every command needs, with the extra that brings them."""


def main() -> None:
    """Run the command line; leave with the exit codes of `errors`."""
    gc.set_threshold(100_000)  # a start creates much and drops little: collecting after every 700 objects costs 7% of it
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - it is open as long as the process runs
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        from cnnprof.cli import run

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        if not isinstance(error, CnnprofError) and os.environ.get("CNNPROF_DEBUG"):
            raise
        message, code = _explain(error)
        print(f"error: {message}", file=sys.stderr)
        sys.exit(code)


def _explain(error: Exception) -> tuple[str, int]:
    """What to say of an error, and the exit code."""
    if isinstance(error, CnnprofError):
        return str(error), error.exit_code
    if isinstance(error, ModuleNotFoundError) and error.name in OPTIONAL:
        hint = f"pip install 'cnnprof[{OPTIONAL[error.name]}]'"
        return str(UnavailableError(f"this needs {error.name}, which is not installed", hint=hint)), UnavailableError.exit_code
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"cannot write the output: {error.strerror}", UsageError.exit_code
    what = f"a defect in cnnprof: {type(error).__name__}: {error}"
    return f"{what}\n  = hint: CNNPROF_DEBUG=1 shows where; please report it", DEFECT


if __name__ == "__main__":
    main()
