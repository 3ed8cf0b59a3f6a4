"""An earlier run's measurements, and whether a new run can be held against them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnnprof.errors import UsageError
from cnnprof.files import RESULTS, parse_json, read_within
from cnnprof.measure.fingerprint import differences
from cnnprof.measure.options import Job, Options
from cnnprof.measure.system_info import core_count, cpu_name
from cnnprof.timing.measurements import Measurement
from cnnprof.timing.ratios import Ratio, compare_runs


def read_measurements(path: Path) -> list[Measurement]:
    """The measurements that `cnnprof bench -o FILE.json` wrote. Raises UsageError for anything else."""
    hint = f"make one with cnnprof bench NAME -o {path.with_suffix('.json') if path.name else 'old.json'}"
    try:
        data = parse_json(read_within(path, RESULTS))
        return [Measurement.from_dict(row) for row in data["results"]]
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint=hint) from None
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        raise UsageError(f"{path} holds no measurements of this version of cnnprof", hint=hint) from None


def find_earlier(before: Sequence[Measurement], jobs: Sequence[Job], options: Options, path: Path) -> list[Measurement]:
    """The earlier measurement of every job, before anything is timed.

    Raises UsageError if one is not there, failed, or was taken on another machine or under other conditions.
    """
    return [_find(before, job, options, path) for job in jobs]


def _find(before: Sequence[Measurement], job: Job, options: Options, path: Path) -> Measurement:
    key = (job.name, job.batch, options.dtype, options.mode)
    found = [each for each in before if (each.model, each.batch, each.dtype, each.mode) == key and each.times]
    if not found:
        held = [f"{each.model} (batch {each.batch}, {each.dtype}, {each.mode})" for each in before if each.times]
        raise UsageError(
            f"{path} has no times of {job.name} (batch {job.batch}, {options.dtype}, {options.mode})",
            hint=f"it has those of {'; '.join(held)}" if held else "it has none at all",
        )
    kept = found[0].environment
    shared: dict[str, Any] = {"layout": options.layout, "threads": options.threads, "input": [*job.graph.input_shape[1:]]}
    if options.device == "cpu":
        shared |= {"device_name": cpu_name(), "cores": core_count(), "device": "cpu"}
    known = {key: kept.get(key) for key in shared} | {"input": [*found[0].input_shape]}
    changed = differences(known, shared)
    if changed:
        raise UsageError(f"{job.name} in {path} was measured under other conditions: {changed}", hint="measure it again")
    return found[0]


def compare_with_earlier(
    now: Sequence[Measurement], before: Sequence[Measurement]
) -> tuple[tuple[Ratio, ...], tuple[str, ...]]:
    """The ratio of each measurement to the earlier one of that network and batch, and what has changed around them."""
    by_key = {(old.model, old.batch): old for old in before}
    pairs = [(new, by_key[new.model, new.batch]) for new in now if new.times]
    what = ("torch", "python", "os", "governor", "mallopt", "device_name")
    changes = [
        differences({key: old.environment.get(key) for key in what}, {key: new.environment.get(key) for key in what})
        for new, old in pairs
    ]
    notes = [f"before: {change}" for change in dict.fromkeys(changes) if change]
    ratios = [compare_runs(new, old) for new, old in pairs]
    return tuple(ratio for ratio in ratios if ratio), tuple(notes)
