"""`cnnprof transfer`: which layers to train, and what a step then costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnprof.footprint.execution import Execution
from cnnprof.network.results import Analysis
from cnnprof.report import Column, Fact, Listing, Report, Table, plural
from cnnprof.transfer_learning import StrategyCost, backward_macs
from cnnprof.views import columns as col
from cnnprof.views.fitting import fit_dict, fit_notes
from cnnprof.views.memory import footprint_dict, place
from cnnprof.views.model import header, lower_bound_notes, model_dict

STRATEGY = Column("strategy", "strategy")
TRAINS = Column("trains", "trains", weight=4)
TRAINABLE_PARAMS = Column("trainable_params", "trained", "scaled")
DATA = Column("data", "data")
IMAGES = Column("images", "images")
TAKE = Column("take", "take")

CASES = (
    ("much", "similar", ("last stage", "last two stages")),
    ("much", "different", ("fine-tune all", "from scratch")),
    ("little", "similar", ("cached features", "classifier only")),
    ("little", "different", ()),
)
"""How much data there is, how like the first data its images are, and the rows to take then, the first one first."""

NO_GOOD_ROW = "none is good: augment, or classify an earlier stage's output"
LESS = (
    "MACs are of a step over the batch; below the lowest layer that is trained nothing is computed backward, and nothing kept"
)


def show_transfer(profile: Analysis, classes: int, run: Execution, optimizer: str, rows: Sequence[StrategyCost]) -> Report:
    """The report on the strategies for one network."""
    graph = profile.graph
    batch = graph.input_shape[0]
    columns = [
        STRATEGY,
        TRAINS,
        TRAINABLE_PARAMS,
        col.FORWARD_MACS,
        col.BACKWARD_MACS,
        col.TRAINING_BYTES,
        *([col.LARGEST_BATCH] if any(row.fit for row in rows) else []),
        *([col.LATENCY_MS, col.CI95] if any(row.measurement for row in rows) else []),
    ]
    step = Fact("step", f"batch {batch}, {optimizer}, {run.dtype} on {place(run)}")
    sections = (
        Listing((*header(graph)[:-1], Fact("new classes", classes, "count"), step)),
        Table(tuple(columns), tuple(_cells(row) for row in rows), "A training step"),
        _advice(rows),
    )
    data = {
        "model": model_dict(graph),
        "classes": classes,
        "batch": batch,
        "optimizer": optimizer,
        "isa": run.isa if run.device == "cpu" else None,
        "strategies": [_strategy_dict(row) for row in rows],
    }
    fits = [note for row in rows if row.fit for note in fit_notes(row.strategy.name, [row.fit])]
    failed = [
        f"{row.strategy.name}: not measured: {row.measurement.error}"
        for row in rows
        if row.measurement and row.measurement.error
    ]
    notes = [LESS, *fits, *failed, *lower_bound_notes("note", profile.totals)]
    return Report("transfer", f"{graph.name} for {plural(classes, 'class', 'classes')}", sections, tuple(notes), data)


def _cells(row: StrategyCost) -> dict[str, Any]:
    totals = row.profile.totals
    latency = row.measurement.latency() if row.measurement else None
    return {
        "strategy": row.strategy.name,
        "trains": row.strategy.trains,
        "trainable_params": totals.trainable_params,
        "forward_macs": totals.macs,
        "backward_macs": backward_macs(row.profile.costs),
        "training_bytes": row.footprint.peak_bytes,
        "largest_batch": row.fit.batch if row.fit else None,
        "latency_ms": latency.median if latency else None,
        "ci95": latency.ci95 if latency else None,
    }


def _advice(rows: Sequence[StrategyCost]) -> Table:
    """The lectures' table, with the rows that this network has."""
    present = {row.strategy.name for row in rows}
    cases = tuple(
        {"data": data, "images": images, "take": " or ".join(name for name in names if name in present) or NO_GOOD_ROW}
        for data, images, names in CASES
    )
    return Table((DATA, IMAGES, TAKE), cases, "Which row to take")


def _strategy_dict(row: StrategyCost) -> dict[str, Any]:
    cells = _cells(row)
    return {
        "strategy": cells["strategy"],
        "trains": cells["trains"],
        "when": row.strategy.when,
        "params": row.profile.totals.params,
        "trainable_params": cells["trainable_params"],
        "forward_macs": cells["forward_macs"],
        "backward_macs": cells["backward_macs"],
        "training": footprint_dict(row.footprint, trained=True),
        **({"fit": fit_dict(row.fit)} if row.fit else {}),
        **({"measurement": row.measurement.to_dict()} if row.measurement else {}),
    }
