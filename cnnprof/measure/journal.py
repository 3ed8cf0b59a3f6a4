"""A file of JSON lines that each process's results are added to as they come: no interrupt, crash or power cut loses them.

The first line says what the rest holds for: the machine, the options and the networks. A run that is resumed must agree.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cnnprof.errors import UsageError
from cnnprof.files import RESULTS, parse_json, read_within
from cnnprof.measure.fingerprint import differences, fingerprint
from cnnprof.measure.options import Job, Options
from cnnprof.measure.worker_run import Series
from cnnprof.timing.measurements import Measurement

VERSION = 1
ANOTHER = "give another file, or remove this one"


@dataclass
class Journal:
    """An open journal.

    Args:
        path: the file.
        kept: what earlier processes found out, with the index of the network.
        skipped: the numbers of lines that could not be read.
        problem: why the newest results could not be written, once that has happened. They are still measured and shown.
    """

    path: Path
    kept: list[tuple[int, Series]] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    problem: str | None = None

    def append(self, rows: Iterable[tuple[int, Series, Measurement]]) -> None:
        """Add what one process found out: index, series, and the series as a measurement. Never raises."""
        if self.problem is None:
            try:
                _write(self.path, [_row(*row) for row in rows])
            except OSError as error:
                self.problem = f"cannot write the journal {self.path}: {error.strerror}"


def start_journal(path: Path, jobs: Sequence[Job], options: Options) -> Journal:
    """A new journal. Raises UsageError if it cannot be written, or holds something."""
    try:
        if path.exists() and path.stat().st_size:
            raise UsageError(f"{path} holds results already", hint=f"--resume {path} goes on from there")
        _write(path, [_head(jobs, options)])
    except OSError as error:
        raise UsageError(f"cannot write the journal {path}: {error.strerror}") from None
    return Journal(path)


def resume_journal(path: Path, jobs: Sequence[Job], options: Options) -> Journal:
    """The journal with what it holds; a new one if it is not there.

    Raises UsageError if it is none, or of another machine, other options or other networks.
    """
    try:
        text = read_within(path, RESULTS) if path.exists() else b""
    except OSError as error:
        raise UsageError(f"cannot read the journal {path}: {error.strerror}") from None
    if not text:
        return start_journal(path, jobs, options)
    first, *lines = text.split(b"\n")
    head = _parse(first)
    now = _head(jobs, options)
    if head is None or head.get("journal") != VERSION or not all(isinstance(head.get(what), dict) for what in _CHANGED):
        raise UsageError(f"{path} is no journal of `cnnprof bench`", hint=ANOTHER)
    for what in _CHANGED:
        tell = _different_networks if what == "networks" else differences
        changed = tell(head[what], now[what])
        if changed:
            raise UsageError(f"the journal {path} is of {_CHANGED[what]}: {changed}", hint=ANOTHER)
    journal = Journal(path)
    for number, line in enumerate(lines, 2):
        row = _parse(line)
        try:
            journal.kept += [(range(len(jobs))[row["job"]], _series(row))] if row else []
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
            row = None
        if row is None and line:
            journal.skipped.append(number)
    # Half a line at the end stays where it is, and the next begins on its own.
    _append(path, b"" if text.endswith(b"\n") else b"\n")
    return journal


_CHANGED = {"machine": "another machine", "options": "other options", "networks": "other networks"}

_HOW_LONG = ("processes", "rounds", "precision", "budget_seconds", "timeout", "seed", "warmup_runs", "warmup_seconds")
"""Options that say how long to measure, and may change."""


def _head(jobs: Sequence[Job], options: Options) -> dict[str, Any]:
    return {
        "journal": VERSION,
        "machine": fingerprint(options.device),
        "options": {key: value for key, value in vars(options).items() if key not in _HOW_LONG},
        "networks": {
            f"{index}: {job.name}, batch {job.batch}{', again' if job.twin else ''}": job.digest()
            for index, job in enumerate(jobs)
        },
    }


def _different_networks(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The networks of both by name, or those of the same name that are not the same any more; empty if all are."""
    if [*before] != [*now]:
        return f"{_listed(before)}; here {_listed(now)}"
    changed = [key for key in before if before[key] != now[key]]
    return f"{_listed(changed)} is not what it was" if changed else ""


def _listed(keys: Iterable[str]) -> str:
    names = (key.partition(": ")[2] for key in keys)
    return "; ".join(name for name in names if not name.endswith(", again"))


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    _append(path, "".join(json.dumps(row) + "\n" for row in rows).encode())


def _append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)
        file.flush()
        if path.is_file():
            os.fsync(file.fileno())


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        row = parse_json(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _row(index: int, series: Series, measurement: Measurement) -> dict[str, Any]:
    return measurement.to_dict() | {"job": index, "process": series.process, "spent": series.spent}


def _series(row: Mapping[str, Any]) -> Series:
    measured = Measurement.from_dict(row)
    times = [*measured.times[0]] if measured.times else []
    return Series(
        process=int(row["process"]),
        environment={**measured.environment},
        times=times,
        walls=[*measured.wall_times[0]] if measured.wall_times else times,
        spent=[float(number) for number in row["spent"]],
        peak=measured.peak_bytes,
        phases={name: [*times[0]] for name, times in measured.phases.items()},
        error=measured.error,
    )
