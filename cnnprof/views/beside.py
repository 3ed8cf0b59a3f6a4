"""A network among those that it is compared with, and the columns of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cnnprof.judging.pareto import Standing
from cnnprof.record import record
from cnnprof.report import LAST_RESORT, Column
from cnnprof.views import columns as col
from cnnprof.views.entry import OF_ENTRY, Entry


@record
class Beside:
    """A network with what only the networks beside it tell.

    Args:
        cells: those of `OF_ENTRY`.
        relative: its figures by the baseline's, where both are known.
        mark: of where its accuracy is from.
        standing: what dominates it.
        pareto: the same in words; None of one that could not be read.
    """

    entry: Entry
    cells: Mapping[str, Any]
    relative: Mapping[str, float | None]
    mark: str | None
    standing: Standing
    pareto: str | None


def _own(column: Column) -> Column:
    return replace(column, of=lambda beside: beside.cells[column.key])


def _relative(heading: str, weight: float, key: str, of: str) -> Column:
    return Column(key, heading, "factor", weight, lambda beside: beside.relative.get(of))


PARAMS_RATIO = _relative("params rel.", 4, "params_ratio", of="params")
MACS_RATIO = _relative("MACs rel.", 3, "macs_ratio", of="macs")
PARAM_BYTES_RATIO = _relative("weights rel.", 4, "param_bytes_ratio", of="param_bytes")
LATENCY_RATIO = _relative("ms rel.", 2, "latency_ratio", of="latency_ms")
MARK = replace(col.ACCURACY_MARK, of=lambda beside: beside.mark)
PARETO = Column("pareto", "Pareto", weight=LAST_RESORT)

COLUMNS = (*map(_own, OF_ENTRY), PARAMS_RATIO, MACS_RATIO, PARAM_BYTES_RATIO, LATENCY_RATIO, MARK, PARETO)


def fit_columns(entries: Sequence[Entry]) -> tuple[Column, ...]:
    """A column for inference and training in each memory that was asked for, named with it where there are several."""
    asked = dict.fromkeys((fit.capacity.name, fit.mode) for entry in entries for fit in entry.fits)
    if len({name for name, _ in asked}) < 2:
        return tuple(map(_own, (col.FIT_INFERENCE, col.FIT_TRAINING))) if asked else ()
    called = {"infer": "inf.", "train": "train"}

    def fitting(name: str, mode: str) -> Column:
        def cell(beside: Beside) -> int | None:
            return next((fit.batch for fit in beside.entry.fits if (fit.capacity.name, fit.mode) == (name, mode)), None)

        return Column(f"fit_{mode}: {name}", f"{name.partition(',')[0]}, {called[mode]}", "count", of=cell)

    return tuple(fitting(name, mode) for name, mode in asked)


def row_of(network: Beside, fitting: Sequence[Column]) -> dict[str, Any]:
    """The cells of `COLUMNS` and of those that `fit_columns` gives."""
    return {column.key: column.cell(network) for column in (*COLUMNS, *fitting)}
