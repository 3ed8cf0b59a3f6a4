"""What can be shown: one line a column, read by every format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cnnprof.report import Table
from cnnprof.reports._units import SCALED, scale_of, show


class Column(NamedTuple):
    """A column's heading, the kind of its values, and when a narrow terminal drops it: the highest `weight` goes first."""

    heading: str
    kind: str = "text"
    weight: float = 0


WIDE_ONLY = 9

LAST_RESORT = 0.5
"""The weight of a column that is dropped only where numbers would be split or a table run over."""

COLUMNS = {
    # layers
    "name": Column("layer"),
    "type": Column("type", weight=3),
    "layers": Column("layers", "count", WIDE_ONLY),
    "input_shape": Column("input", "shapes", WIDE_ONLY),
    "output_shape": Column("output", "shape"),
    "params": Column("params", "count"),
    "params_share": Column("%", "share", 4),
    "macs": Column("MACs", "scaled"),
    "macs_share": Column("%", "share", 2),
    "ops": Column("ops", "scaled", WIDE_ONLY),
    "activations": Column("act.", "scaled", 1),
    "receptive_field": Column("field", "shape", WIDE_ONLY),
    "receptive_field_stride": Column("field stride", "shape", WIDE_ONLY),
    "receptive_field_center": Column("field centre", "shape", WIDE_ONLY),
    "field_exceeds": Column("> input", "mark", WIDE_ONLY),
    # calculations
    "figure": Column("figure"),
    "working": Column("calculation"),
    "working_name": Column("figure"),
    "formula": Column("formula"),
    "numbers": Column("with numbers"),
    "result": Column("result", "result"),
    "field": Column("field", "shape"),
    "stride": Column("stride", "shape", 2),
    "center": Column("centre", "shape", 2),
    "beyond": Column("> input", "mark"),
    "output_formula": Column("output"),
    "macs_formula": Column("MACs"),
    "activations_formula": Column("activations", weight=2),
    "counted_type": Column("layer type"),
    "gap": Column("difference", "count", LAST_RESORT),
    "reads": Column("reads"),
    "given": Column("given"),
    "answer_output": Column("output", "result"),
    "answer_params": Column("params", "result"),
    "answer_operations": Column("operations", "result"),
    # networks side by side
    "model": Column("model"),
    "family": Column("family", weight=5),
    "year": Column("year", weight=4),
    "source": Column("source", weight=6),
    "input": Column("input", "shape", 7),
    "params_ratio": Column("params rel.", "factor", 4),
    "macs_ratio": Column("MACs rel.", "factor", 3),
    "output_field": Column("field", "shape"),
    "nonlinearities": Column("non-lin.", "count"),
    "param_bytes": Column("weights MB", "megabytes", 5),
    "activation_bytes": Column("act. MB", "megabytes", 6),
    "peak_inference_bytes": Column("inference MB", "megabytes", 3),
    "top1": Column("top-1", "percent"),
    "top5": Column("top-5", "percent", 2),
    "accuracy_source": Column("accuracy from", weight=8),
    "pareto": Column("Pareto", "mark", 1),
    "about": Column("about", weight=8),
    "tags": Column("tags", "words", 5),
    # measurements
    "device": Column("device", weight=6),
    "dtype": Column("dtype", weight=5),
    "batch": Column("batch", "count", 1),
    "mode": Column("mode", weight=7),
    "latency_ms": Column("ms", "ms"),
    "latency_ratio": Column("ms rel.", "factor", 2),
    "ci95": Column("95% interval", "interval", 2),
    "iqr": Column("IQR ms", "ms", 3),
    "forward_ms": Column("forward", "ms", 1),
    "backward_ms": Column("backward", "ms", 1),
    "step_ms": Column("step", "ms", 1),
    "p05": Column("p05 ms", "ms", WIDE_ONLY),
    "p95": Column("p95 ms", "ms", 7),
    "p99": Column("p99 ms", "ms", WIDE_ONLY),
    "min": Column("min ms", "ms", WIDE_ONLY),
    "mean": Column("mean ms", "ms", WIDE_ONLY),
    "runs": Column("runs", "count", 6),
    "throughput_img_s": Column("images/s", "rate"),
    "peak_memory_bytes": Column("peak MB", "megabytes", 3),
    "energy_j": Column("J a run", "joules"),
    "net_energy_j": Column("less idle", "joules", 4),
    "status": Column("status"),
    "pair": Column("compared"),
    "ratio": Column("ratio", "factor"),
    "ratio_ci95": Column("95% interval", "factor_interval"),
    "verdict": Column("verdict"),
    "layer_ms": Column("ms", "ms"),
    "time_share": Column("%", "share"),
    "traffic_bytes": Column("MB", "megabytes", 4),
    "gflops": Column("GFLOP/s", "rate"),
    "gbs": Column("GB/s", "rate", 1),
    # the machine's limits
    "ceiling": Column("ceiling"),
    "reached_by": Column("reached by"),
    "working_set": Column("working set", "size"),
    "level": Column("level"),
    "compute_share": Column("compute %", "share"),
    "cache_share": Column("cache %", "share"),
    "memory_share": Column("memory %", "share"),
    "overhead_share": Column("overhead %", "share", 1),
    "efficiency": Column("effic. %", "share"),
    "kind": Column("kind"),
    "first_ms": Column("1st, ms", "ms"),
    "second_ms": Column("2nd, ms", "ms"),
    "difference_ms": Column("1st - 2nd", "ms"),
    "first_gflops": Column("GFLOP/s", "rate", 1),
    "second_gflops": Column("2nd", "rate", 2),
    "beyond_ms": Column("beyond", "ms"),
    "held_by": Column("held by"),
    # published and cross-checked figures
    "check": Column("check"),
    "what": Column("figure"),
    "other_figure": Column("theirs"),
    "published": Column("published"),
    "computed": Column("computed"),
    "agrees": Column("agrees"),
    "where": Column("stated in", weight=1),
    "tool": Column("counter"),
    "ours": Column("cnnprof", "count"),
    "theirs": Column("theirs", "count"),
    "difference": Column("difference", "count", 1),
    "reason": Column("reason"),
    # budgets
    "budget": Column("budget"),
    "limit": Column("limit", "quantity"),
    "value": Column("is", "quantity"),
    "used": Column("used %", "share", 2),
    "excess": Column("over by", "quantity", LAST_RESORT),
    "look_at": Column("look at"),
    # two networks aligned
    "change": Column("change"),
    "counterpart": Column("in the other"),
    "params_change": Column("params", "change"),
    "macs_change": Column("MACs", "scaled_change"),
    "activations_change": Column("act.", "scaled_change", 1),
    "same": Column("same", "count", LAST_RESORT),
    "changed": Column("changed", "count"),
    "added": Column("added", "count"),
    "removed": Column("removed", "count"),
    "before": Column("before", "count"),
    "after": Column("after", "count"),
    "total_change": Column("difference", "change", LAST_RESORT),
    # verification
    "check_published": Column("published", "verdict"),
    "check_torchvision": Column("torchvision", "verdict"),
    "check_weights": Column("weights", "verdict"),
    "check_torch": Column("torch", "verdict"),
    "check_fvcore": Column("fvcore", "verdict"),
    # memory
    "memory_kind": Column("kind"),
    "inference_bytes": Column("inference MB", "megabytes"),
    "training_bytes": Column("training MB", "megabytes"),
    "pass": Column("pass"),
    "predicted_bytes": Column("predicted MB", "megabytes"),
    "requested_bytes": Column("requested MB", "megabytes", 2),
    "reserved_bytes": Column("reserved MB", "megabytes", 3),
    "error_share": Column("error %", "error"),
    "phase": Column("phase"),
    "held_bytes": Column("MB", "megabytes"),
    "bar": Column("of the peak", weight=1),
    "tensor_bytes": Column("MB", "megabytes"),
    "checkpointing": Column("checkpointing"),
    "extra_share": Column("run again %", "share", 1),
    "room": Column("room"),
    "largest_batch": Column("largest batch", "count"),
    "fit_inference": Column("fits, inf.", "count"),
    "fit_training": Column("fits, train", "count"),
    "strategy": Column("strategy"),
    "trains": Column("trains", weight=4),
    "trainable_params": Column("trained", "scaled"),
    "forward_macs": Column("forward MACs", "scaled", 3),
    "backward_macs": Column("backward MACs", "scaled", 2),
    "data": Column("data"),
    "images": Column("images"),
    "take": Column("take"),
    "peak_training_bytes": Column("training MB", "megabytes", 4),
    # the installation
    "item": Column("item"),
    "detail": Column("detail"),
    "hint": Column("what to do"),
}


class Cells(NamedTuple):
    """A table as text: headings, rows and total, with each column's alignment."""

    keys: tuple[str, ...]
    headings: tuple[str, ...]
    rightward: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] | None


LEFT = {"text", "verdict", "shape", "shapes", "words", "mark", "interval", "factor_interval"}


def cells(table: Table, wide: bool = False) -> Cells:
    """The table's columns as text; only if `wide`, too, those that only `--format wide` shows, and those that hold nothing."""
    every = [*table.rows, *([table.total] if table.total else [])]
    keys = tuple(key for key in table.columns if key != table.group and (wide or _is_shown(key, every)))
    columns = [_column(key, [row.get(key, "") for row in every]) for key in keys]
    lines = tuple(zip(*(texts for _, texts in columns), strict=True)) if every else ()
    if table.best:
        marked = {key for _, key in table.best}
        lines = tuple(
            tuple(
                text + ("*" if (i, key) in table.best else " ") if key in marked else text
                for key, text in zip(keys, line, strict=True)
            )
            for i, line in enumerate(lines)
        )
    return Cells(
        keys,
        tuple(heading for heading, _ in columns),
        tuple(COLUMNS[key].kind not in LEFT for key in keys),
        lines[: len(table.rows)],
        lines[-1] if table.total else None,
    )


def _is_shown(key: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    weight = COLUMNS[key].weight
    return weight == 0 or (weight < WIDE_ONLY and any(row.get(key) not in (None, "") for row in rows))


def _column(key: str, values: list[object]) -> tuple[str, list[str]]:
    column = COLUMNS[key]
    if column.kind not in SCALED:
        return column.heading, [show(value, column.kind) for value in values]
    letter, unit = scale_of(values)
    heading = f"{column.heading} ({letter})" if letter else column.heading
    write = SCALED[column.kind]
    return heading, [write(value, unit) if isinstance(value, int) else show(value, "text") for value in values]
