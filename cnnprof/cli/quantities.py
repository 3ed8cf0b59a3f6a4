"""Quantities with a unit, as options take them."""

from __future__ import annotations

import re

from cnnprof.errors import UsageError

_SECONDS = {"ms": 1e-3, "s": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def parse_seconds(text: str | None) -> float | None:
    """`60s`, `2m`, `1.5h` or plain seconds. Raises UsageError for anything else, and for no time at all."""
    if text is None:
        return None
    matched = re.fullmatch(r"(\d+\.?\d*|\.\d+) ?([a-z]*)", text.strip().lower())
    seconds = float(matched[1]) * _SECONDS[matched[2]] if matched and matched[2] in _SECONDS else 0.0
    if not 0 < seconds < float("inf"):
        raise UsageError(f"'{text}' is not a time", hint="a number above 0 with its unit, such as 60s, 2m or 1h")
    return seconds


def parse_part(text: str | None) -> float | None:
    """`1%` or `0.01` as 0.01. Raises UsageError for anything else, and unless it is above 0 and at most a half."""
    if text is None:
        return None
    matched = re.fullmatch(r"(\d+\.?\d*|\.\d+) ?(%?)", text.strip())
    part = float(matched[1]) / (100 if matched[2] else 1) if matched else 0.0
    if not 0 < part <= 0.5:
        raise UsageError(f"'{text}' is not a precision", hint="a part between 0 and 50%, such as 1% or 0.01")
    return part
