"""A report that is shown again as its spec is saved."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cnnprof.errors import CnnprofError, UsageError

if TYPE_CHECKING:
    from cnnprof.api import Profile
    from cnnprof.report import Report
    from cnnprof.sources import Model


def watch(model: Callable[[], Model], show: Callable[[Model], Profile], emit: Callable[[Report], None]) -> None:
    """Show a spec's network, and again whenever its file is saved, with what changed since; Ctrl-C ends it.

    Args:
        model: reads the spec anew.
        show: shows the network, and gives it back.
        emit: shows a report.

    Raises:
        UsageError: the network is no spec file.
        CnnprofError: the file cannot be read at first; a mistake that comes later is said, and waited for.
    """
    from watchfiles import watch as changes

    first = model()
    file = first.file
    if first.source != "specs" or file is None:
        raise UsageError("--watch is for spec files", hint="cnnprof init net.yaml --from NAME writes one")
    before = show(first)
    name = file.resolve().name
    sys.stdout.flush()
    print(f"watching {file}; Ctrl-C ends it", file=sys.stderr, flush=True)
    # Editors put another file in the place of the old one: the folder is what stays.
    folder = file.resolve().parent
    saved = changes(folder, watch_filter=lambda _, path: Path(path).name == name, recursive=False, raise_interrupt=False)
    for _ in saved:
        try:
            before = _show_again(before, model(), show, emit)
        except CnnprofError as error:
            print(f"error: {error}", file=sys.stderr, flush=True)
        sys.stdout.flush()


def _show_again(before: Profile, model: Model, show: Callable[[Model], Profile], emit: Callable[[Report], None]) -> Profile:
    from cnnprof.api.diff import Difference
    from cnnprof.judging.alignment import align

    print(f"\nsaved at {datetime.now():%H:%M:%S}", file=sys.stderr, flush=True)
    after = show(model)
    difference = Difference(before, after, tuple(align(before, after)))
    if difference.different:
        emit(difference.report())
    else:
        print("no layer changed", file=sys.stderr, flush=True)
    return after
