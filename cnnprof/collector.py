"""Python's search for what is left over, put off while something large is built that stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collections() -> Iterator[None]:
    """While it lasts, nothing is searched: at every 700 objects that would take a third of a large network's time.

    For work that runs no code of a user's and leaves nothing over; a search that is off already stays so.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
