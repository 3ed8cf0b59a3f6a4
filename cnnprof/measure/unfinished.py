"""The results of an interrupted calibration, kept beside the calibration's file, so that the next one goes on there."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cnnprof.files import RESULTS, parse_json, read_within
from cnnprof.measure.calibration_files import keep_text
from cnnprof.measure.operations import Found
from cnnprof.timing.roofline import Ceilings

OLDEST_SECONDS = 24 * 3600.0

WATCHED = ("share", "stolen", "switches")
"""The disturbances that are kept of each process, so that the end still knows of a machine that was busy at the beginning."""


def keep(path: Path, conditions: Mapping[str, Any], ceilings: Ceilings, found: Found) -> None:
    """Write what is there, if that is possible; `conditions` say what it holds for."""
    times = [[number, found.hot[number], found.cold[number]] for number in sorted(found.hot)]
    data = {"for": dict(conditions), "at": time.time(), "ceilings": ceilings.to_dict(), "times": times}
    data["watched"] = found.watched
    keep_text(path, json.dumps(data) + "\n")


def take_up(path: Path, conditions: Mapping[str, Any]) -> tuple[Ceilings, Found] | None:
    """The results that were kept for the same conditions within a day; None for any others."""
    with suppress(OSError, LookupError, TypeError, ValueError, AttributeError):
        data = parse_json(read_within(path, RESULTS))
        if data["for"] != json.loads(json.dumps(dict(conditions))) or not 0 <= time.time() - data["at"] <= OLDEST_SECONDS:
            return None
        found = Found(watched=[{name: float(each[name]) for name in WATCHED} for each in data["watched"]])
        for number, hot, cold in data["times"]:
            found.hot[int(number)], found.cold[int(number)] = _seconds(hot), _seconds(cold)
        return Ceilings.from_dict(data["ceilings"]), found
    return None


def _seconds(values: Sequence[Any]) -> list[float]:
    """Raises ValueError for what no clock says."""
    seconds = [float(value) for value in values]
    if not seconds or not all(0 < value < 1e6 for value in seconds):
        raise ValueError("times are above 0")
    return seconds
