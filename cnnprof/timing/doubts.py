"""The conditions that a calibration was taken under, and reasons to doubt it."""

from __future__ import annotations

import time
from calendar import timegm
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"

OLD_DAYS = 30
"""After which a machine's libraries, firmware and neighbours are likely to have changed."""

BUSY = 0.9
"""Processor time over wall time below which something else had the core."""

STOLEN = 0.02
"""The share of processor time that a virtual machine's host may take before it is said."""

SWITCHES = 20.0
"""Involuntary context switches a second, of a process that has a core for itself hardly any."""


def disturbance(share: float, stolen: float = 0.0, switches: float = 0.0) -> str:
    """The disturbance of a process in words, "" if there was none.

    Args:
        share: processor time over wall time.
        stolen: the share of all processor time that the host of a virtual machine took.
        switches: involuntary context switches a second.
    """
    if share < BUSY:
        return f"a process had a core for only {share:.0%} of the time"
    if stolen > STOLEN:
        return f"the virtual machine's host took {stolen:.0%} of the processor time"
    return f"another process took the core away {switches:.0f} times a second" if switches > SWITCHES else ""


def age_in_days(conditions: Mapping[str, Any], now: float | None = None) -> float | None:
    """Days since it was taken, None where that is not known; `now` is in seconds since 1970."""
    with suppress(KeyError, TypeError, ValueError):
        taken = timegm(time.strptime(conditions["time"], TIME_FORMAT))
        return ((time.time() if now is None else now) - taken) / 86400
    return None


def doubts(conditions: Mapping[str, Any], now: float | None = None) -> list[str]:
    """Reasons not to rely on a calibration, each the words that follow "the calibration"."""
    busy, days = conditions.get("busy"), age_in_days(conditions, now)
    found = [f"was taken on a busy machine: {busy}"] if busy else []
    return found + ([f"is {days:.0f} days old"] if days is not None and days > OLD_DAYS else [])
