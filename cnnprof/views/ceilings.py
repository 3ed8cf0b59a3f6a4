"""`cnnprof calibrate`: what the machine can do at the most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cnnprof.report import Column, Fact, Listing, Report, Table
from cnnprof.timing.calibrations import Calibration
from cnnprof.timing.roofline import ARITHMETIC, MEMORY, Ceilings, Rate
from cnnprof.views import columns as col

ARITHMETIC_COLUMNS = (
    Column("ceiling", "ceiling", of=lambda rate: rate.kind),
    replace(col.GFLOPS, of=lambda rate: rate.rate / 1e9),
    Column("reached_by", "reached by", of=lambda rate: rate.what),
)


def _memory_columns(ceilings: Ceilings) -> tuple[Column, ...]:
    """A working set's size, and what of it moves in a second."""
    return (
        Column("working_set", "working set", "size", of=lambda size: size),
        replace(col.GBS, of=lambda size: ceilings.bandwidth(size) / 1e9),
        Column("level", "level", of=ceilings.level),
    )


def show_ceilings(ceilings: Ceilings, kept: str | None) -> Report:
    """The report on a calibration; `kept` is where it was written."""
    facts = [Fact(key, value, "text") for key, value in {**ceilings.machine, **ceilings.options}.items()]
    sets = sorted({rate.size for rate in ceilings.rates if rate.kind == MEMORY})
    tables = (
        Listing(tuple(facts)),
        Table.of(ARITHMETIC_COLUMNS, [_highest(ceilings, kind) for kind in ARITHMETIC], "Arithmetic"),
        Table.of(_memory_columns(ceilings), sets, "Memory"),
    )
    notes = [
        f"the smallest operation takes {ceilings.overhead * 1e6:.1f} us",
        "GFLOP/s: two a multiply-accumulate; the highest of all shapes that were tried",
        *([f"taken on a busy machine: {busy}"] if (busy := ceilings.conditions.get("busy")) else []),
        f"kept in {kept}" if kept else "this calibration could not be kept: the cache folder cannot be written",
    ]
    return Report("calibrate", "What this machine can do at the most", tables, tuple(notes), ceilings.to_dict())


def show_calibration(calibration: Calibration, kept: str | None) -> Report:
    """The report on a calibration with timed operations; its JSON is what `predict --machine` takes."""
    ceilings = show_ceilings(calibration.ceilings, kept)
    ceilings_busy = calibration.ceilings.conditions.get("busy")
    kinds: dict[str, int] = {}
    for timed in calibration.operations.values():
        kinds[timed.operation.kind] = kinds.get(timed.operation.kind, 0) + 1
    columns = (
        replace(col.KIND, of=lambda kind: kind),
        Column("operations", "timed", "count", of=lambda kind: kinds[kind]),
    )
    notes = [
        *ceilings.notes,
        f"a run takes {calibration.factor:.2f} times its layers, {calibration.cold:.0%} of whose time is as after other data, "
        f"with {calibration.call * 1e6:.1f} us more for each",
        *([f"from process to process its speed varied by {calibration.drift:.1%}"] if calibration.drift is not None else []),
        *_course(calibration.conditions),
        *([f"taken on a busy machine: {calibration.busy}"] if calibration.busy and not ceilings_busy else []),
    ]
    sections = (*ceilings.sections, Table.of(columns, kinds, "Operations"))
    return Report("calibrate", ceilings.title, sections, tuple(notes), calibration.to_dict())


def _course(conditions: Mapping[str, Any]) -> list[str]:
    """How long it took, and what it did not have to measure."""
    seconds, resumed = conditions.get("seconds"), conditions.get("resumed")
    took = [f"it took {seconds} s"] if seconds else []
    return took + ([f"{resumed} of the operations had been timed before an interruption"] if resumed else [])


def _highest(ceilings: Ceilings, kind: str) -> Rate:
    return max((rate for rate in ceilings.rates if rate.kind == kind), key=lambda rate: rate.rate)
