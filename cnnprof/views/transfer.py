"""`cnnprof transfer`: which layers to train, and what a step then costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from cnnprof.footprint.execution import Execution, Optimizer
from cnnprof.network.results import Analysis
from cnnprof.report import Column, Fact, Listing, Report, Table, plural
from cnnprof.transfer_learning import StrategyCost, backward_macs
from cnnprof.views import columns as col
from cnnprof.views.fitting import fit_dict, fit_notes
from cnnprof.views.memory import footprint_dict, place
from cnnprof.views.model import header, lower_bound_notes, model_dict


def _latency(name: str) -> Callable[[StrategyCost], Any]:
    return lambda row: getattr(row.measurement.latency(), name, None) if row.measurement else None


STRATEGY = (
    Column("strategy", "strategy", of=lambda row: row.strategy.name),
    Column("trains", "trains", weight=4, of=lambda row: row.strategy.trains),
    Column("trainable_params", "trained", "scaled", of=lambda row: row.profile.totals.trainable_params),
    replace(col.FORWARD_MACS, of=lambda row: row.profile.totals.macs),
    replace(col.BACKWARD_MACS, of=lambda row: backward_macs(row.profile.costs)),
    replace(col.TRAINING_BYTES, of=lambda row: row.footprint.peak_bytes),
)
"""Columns of every strategy."""
FITTED = (replace(col.LARGEST_BATCH, of=lambda row: row.fit.batch if row.fit else None),)
TIMED = (replace(col.LATENCY_MS, of=_latency("median")), replace(col.CI95, of=_latency("ci95")))


class Case(NamedTuple):
    """How much data there is, how like the first data its images are, and the rows to take then, the first one first."""

    data: str
    images: str
    rows: tuple[str, ...] = ()


CASES = (
    Case("much", "similar", ("last stage", "last two stages")),
    Case("much", "different", ("fine-tune all", "from scratch")),
    Case("little", "similar", ("cached features", "classifier only")),
    Case("little", "different"),
)

NO_GOOD_ROW = "none is good: augment, or classify an earlier stage's output"
LESS = (
    "MACs are of a step over the batch; below the lowest layer that is trained nothing is computed backward, and nothing kept"
)


def show_transfer(
    profile: Analysis, classes: int, run: Execution, optimizer: Optimizer, rows: Sequence[StrategyCost]
) -> Report:
    """The report on the strategies for one network."""
    graph = profile.graph
    batch = graph.input_shape[0]
    fitted = FITTED if any(row.fit for row in rows) else ()
    timed = TIMED if any(row.measurement for row in rows) else ()
    step = Fact("step", f"batch {batch}, {optimizer}, {run.dtype} on {place(run)}")
    sections = (
        Listing((*header(graph)[:-1], Fact("new classes", classes, "count"), step)),
        Table.of((*STRATEGY, *fitted, *timed), rows, "A training step"),
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


def _advice(rows: Sequence[StrategyCost]) -> Table:
    """The lectures' table, with the rows that this network has."""
    present = {row.strategy.name for row in rows}

    def take(case: Case) -> str:
        return " or ".join(name for name in case.rows if name in present) or NO_GOOD_ROW

    columns = (Column("data", "data"), Column("images", "images"), Column("take", "take", of=take))
    return Table.of(columns, CASES, "Which row to take")


def _strategy_dict(row: StrategyCost) -> dict[str, Any]:
    return {
        **{column.key: column.cell(row) for column in STRATEGY if column.key != "training_bytes"},
        "when": row.strategy.when,
        "params": row.profile.totals.params,
        "training": footprint_dict(row.footprint, trained=True),
        **({"fit": fit_dict(row.fit)} if row.fit else {}),
        **({"measurement": row.measurement.to_dict()} if row.measurement else {}),
    }
