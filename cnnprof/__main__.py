"""`python -m cnnprof` and the `cnnprof` command."""

from __future__ import annotations

import os
import sys

from cnnprof.core.errors import DEFECT, INTERRUPTED, CnnprofError


def main() -> None:
    """Run the command line; leave with the exit codes of `core.errors`."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        from cnnprof.cli import run

        run()
    except CnnprofError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        if os.environ.get("CNNPROF_DEBUG"):
            raise
        print(f"error: a defect in cnnprof: {type(error).__name__}: {error}", file=sys.stderr)
        print("  = hint: CNNPROF_DEBUG=1 shows where; please report it", file=sys.stderr)
        sys.exit(DEFECT)


if __name__ == "__main__":
    main()
