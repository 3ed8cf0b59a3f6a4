"""Functions that are told what is being done, or how far it is."""

from __future__ import annotations

from collections.abc import Callable

Notify = Callable[[str], None]
"""Told what is being done."""


def quiet(_: object, /) -> None:
    """Tell nobody."""
