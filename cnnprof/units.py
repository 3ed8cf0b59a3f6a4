"""Units, each in one place: of counts, bytes, time and rates; what a user may write, and what numbers are shown in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal

QuantityKind = Literal["count", "bytes", "time"]
"""A count has no unit of its own; bytes are in bytes, time is in seconds."""

Rate = Literal["arithmetic", "bandwidth"]
"""Arithmetic is in FLOP/s, bandwidth in bytes/s."""

Holds = Literal["count", "bytes", "time", "number", "text"]
"""The quantity of a column: a count, bytes, milliseconds (`time`), any other number, or text."""

COUNT, BYTES, TIME = "count", "bytes", "time"

SCALES = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("K", 1e3), ("", 1.0))
"""Decimal prefixes, the largest first."""

PETA = ("P", 1e15)
"""Of rates alone."""

UNITS: Mapping[QuantityKind | Rate, Mapping[str, float]] = {
    "count": {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12},
    "bytes": {
        "B": 1,
        "kB": 1e3,
        "MB": 1e6,
        "GB": 1e9,
        "TB": 1e12,
        "KiB": 2**10,
        "MiB": 2**20,
        "GiB": 2**30,
        "TiB": 2**40,
    },
    "time": {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600},
    "arithmetic": {f"{prefix}FLOPS": size for prefix, size in (PETA, *SCALES)},
    "bandwidth": {f"{prefix}B/s": size for prefix, size in (PETA, *SCALES)},
}
"""The units of each kind of quantity as they are written, with their size in its base unit."""

_SHORT: Mapping[QuantityKind | Rate, Mapping[str, float]] = {
    "count": {"k": 1e3},
    "bytes": {"k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12},
    "time": {"m": 60},
    "arithmetic": {f"{prefix}FLOP/s": size for prefix, size in (PETA, *SCALES)},
    "bandwidth": {f"{prefix}Bps": size for prefix, size in (PETA, *SCALES)},
}
"""Other spellings that are understood; of all but counts in any case."""

_NUMBER = re.compile(r"\s*(\d[\d_]*(?:\.\d+)?|\.\d+)\s*([A-Za-z/]*)\s*\Z", re.ASCII)


def split_quantity(text: str) -> tuple[float, str] | None:
    """`1.5 GB` as the number and what stands behind it; None for anything else."""
    found = _NUMBER.match(text)
    return (float(found[1].replace("_", "")), found[2]) if found else None


def factor_of(unit: str, quantity: QuantityKind | Rate) -> float | None:
    """How many base units one of the unit is: `GB` of bytes 1e9. None for an unknown unit.

    `m` of a count is refused, as it may be milli or mega; all others are taken in any case (`8gb`).
    """
    known = {**UNITS[quantity], **_SHORT[quantity]}
    if quantity == "count":
        return known.get(unit)
    return {name.lower(): size for name, size in known.items()}.get(unit.lower())


def read_quantity(text: str, quantity: QuantityKind | Rate) -> float | None:
    """The quantity in its base unit; None for what is no number with a unit of that kind."""
    parts = split_quantity(text)
    factor = factor_of(parts[1], quantity) if parts else None
    return parts[0] * factor if parts and factor is not None else None


def sizes_text(sizes: Iterable[object]) -> str:
    """Sizes as reports write them: `3x224x224`."""
    return "x".join(map(str, sizes))
