"""Quantities with a unit, as options take them."""

from __future__ import annotations

import re

from cnnprof.errors import UsageError
from cnnprof.units import UNITS, Rate, factor_of, read_quantity, split_quantity


def parse_seconds(text: str | None) -> float | None:
    """`60s`, `2m`, `1.5h` or plain seconds. Raises UsageError for anything else, and for no time at all."""
    if text is None:
        return None
    parts = split_quantity(text)
    seconds = parts[0] * (factor_of(parts[1] or "s", "time") or 0) if parts else 0.0
    if not 0 < seconds < float("inf"):
        raise UsageError(f"'{text}' is not a time", hint="a number above 0 with its unit, such as 60s, 2m or 1h")
    return seconds


def parse_rate(text: str, quantity: Rate) -> float:
    """`472GFLOPS` in FLOP/s, or `25.6GB/s` in bytes/s. Raises UsageError for anything else, and for no rate at all."""
    if quantity == "bandwidth" and (bits := _in_bits(text)):
        raise UsageError(f"'{text}' is in bits a second", hint=f"in bytes it is {bits / 8e9:g}GB/s")
    found = read_quantity(text, quantity) or 0.0
    if not 0 < found < float("inf"):
        example = {"arithmetic": "472GFLOPS", "bandwidth": "25.6GB/s"}[quantity]
        raise UsageError(f"'{text}' is no rate", hint=f"a number above 0 with its unit, such as {example}")
    return found


def _in_bits(text: str) -> float | None:
    """The bits a second of `204.8Gb/s`, `1600 Mbps` or `12gbit/s`; None of anything else, as of `25gb/s` in small letters."""
    parts = split_quantity(text)
    matched = re.fullmatch(r"([KMGTkmgt]?)(?:(?<![kmgt])b|[bB]its?)(?:/s|ps)", parts[1]) if parts else None
    return parts[0] * UNITS["bandwidth"][f"{matched[1].upper()}B/s"] if parts and matched else None


def parse_part(text: str | None) -> float | None:
    """`1%` or `0.01` as 0.01. Raises UsageError for anything else, and unless it is above 0 and at most a half."""
    if text is None:
        return None
    matched = re.fullmatch(r"(\d+\.?\d*|\.\d+) ?(%?)", text.strip())
    part = float(matched[1]) / (100 if matched[2] else 1) if matched else 0.0
    if not 0 < part <= 0.5:
        raise UsageError(f"'{text}' is not a precision", hint="a part between 0 and 50%, such as 1% or 0.01")
    return part
