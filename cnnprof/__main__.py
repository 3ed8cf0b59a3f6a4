"""`python -m cnnprof` and the `cnnprof` command."""

from __future__ import annotations

import sys

from cnnprof.core.errors import INTERRUPTED, CnnprofError


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


if __name__ == "__main__":
    main()
