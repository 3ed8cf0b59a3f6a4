"""`cnnprof calibrate`: what the machine can do at the most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnprof.report import Column, Fact, Listing, Report, Table
from cnnprof.timing.prediction import Calibration
from cnnprof.timing.roofline import ARITHMETIC, MEMORY, Ceilings, Rate
from cnnprof.views import columns as col

CEILING = Column("ceiling", "ceiling")
REACHED_BY = Column("reached_by", "reached by")
WORKING_SET = Column("working_set", "working set", "size")
LEVEL = Column("level", "level")

OPERATIONS = Column("operations", "timed", "count")


def show_ceilings(ceilings: Ceilings, kept: str | None) -> Report:
    """The report on a calibration; `kept` is where it was written."""
    facts = [Fact(key, value, "text") for key, value in {**ceilings.machine, **ceilings.options}.items()]
    sets = sorted({rate.size for rate in ceilings.rates if rate.kind == MEMORY})
    tables = (
        Listing(tuple(facts)),
        Table(
            (CEILING, col.GFLOPS, REACHED_BY),
            tuple(_compute(ceilings, kind) for kind in ARITHMETIC),
            "Arithmetic",
        ),
        Table(
            (WORKING_SET, col.GBS, LEVEL),
            tuple({"working_set": size, "gbs": ceilings.bandwidth(size) / 1e9, "level": ceilings.level(size)} for size in sets),
            "Memory",
        ),
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
    rows = tuple({"kind": kind, "operations": count} for kind, count in kinds.items())
    notes = [
        *ceilings.notes,
        f"a run takes {calibration.factor:.2f} times its layers, {calibration.cold:.0%} of whose time is as after other data, "
        f"with {calibration.call * 1e6:.1f} us more for each",
        *_course(calibration.conditions),
        *([f"taken on a busy machine: {calibration.busy}"] if calibration.busy and not ceilings_busy else []),
    ]
    sections = (*ceilings.sections, Table((col.KIND, OPERATIONS), rows, "Operations"))
    return Report("calibrate", ceilings.title, sections, tuple(notes), calibration.to_dict())


def _course(conditions: Mapping[str, Any]) -> list[str]:
    """How long it took, and what it did not have to measure."""
    seconds, resumed = conditions.get("seconds"), conditions.get("resumed")
    took = [f"it took {seconds} s"] if seconds else []
    return took + ([f"{resumed} of the operations had been timed before an interruption"] if resumed else [])


def _compute(ceilings: Ceilings, kind: str) -> dict[str, object]:
    best: Rate = max((rate for rate in ceilings.rates if rate.kind == kind), key=lambda rate: rate.rate)
    return {"ceiling": kind, "gflops": best.rate / 1e9, "reached_by": best.what}
