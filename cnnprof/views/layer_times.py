"""`cnnprof bench --layers`: where the time of a forward pass goes, and as a trace for Perfetto."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from cnnprof.footprint.execution import RUN_BYTES
from cnnprof.network.results import Analysis, Cost, RowsBy
from cnnprof.network.stages import stage_depth, stage_of
from cnnprof.record import record
from cnnprof.report import Column, Report, Table, plural
from cnnprof.timing.layer_times import LayerTimes, traffic
from cnnprof.views import columns as col

UNATTRIBUTED = "unattributed"


@record
class Spent:
    """A run's time in some of its layers.

    Args:
        name: that of the layer, of the stage or of the type.
        costs: the layers; none where the time is nobody's.
        seconds: the time that they take.
        total: the whole run's, in seconds.
        width: bytes of an element.
    """

    name: str
    costs: Sequence[Cost]
    seconds: float
    total: float
    width: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all of them."""
        return sum(int(cost.macs) for cost in self.costs)

    @property
    def traffic_bytes(self) -> int:
        """Inputs, weights and outputs once each."""
        return sum(int(traffic(cost, self.width)) for cost in self.costs)

    def rate(self, amount: float) -> float | Literal[""]:
        """So much in the time, in billions a second."""
        return amount / self.seconds / 1e9 if amount and self.seconds > 0 else ""


def _of_layers(column: Column, take: Callable[[Spent], Any]) -> Column:
    """A column that is empty where there are no layers."""
    return replace(column, of=lambda spent: take(spent) if spent.costs else "")


ONE_LAYER = (
    _of_layers(col.TYPE, lambda spent: spent.costs[0].node.layer.type),
    _of_layers(col.OUTPUT_SHAPE, lambda spent: tuple(spent.costs[-1].output[1:])),
)
"""Columns that only a row for one layer shows."""
RATES = (
    _of_layers(col.MACS, lambda spent: spent.macs),
    _of_layers(Column("traffic_bytes", "MB", "megabytes", 4), lambda spent: spent.traffic_bytes),
    _of_layers(col.GFLOPS, lambda spent: spent.rate(2 * spent.macs)),
    _of_layers(col.GBS, lambda spent: spent.rate(spent.traffic_bytes)),
)
COLUMNS = (
    col.NAME,
    *ONE_LAYER,
    replace(col.LAYER_MS, of=lambda spent: spent.seconds * 1e3),
    replace(col.TIME_SHARE, of=lambda spent: spent.seconds / spent.total),
    *RATES,
)


def show_layers(profile: Analysis, times: LayerTimes, by: RowsBy = "layer") -> Report:
    """The report on a network timed layer by layer, rolled up by `layer`, `stage` or `type`.

    `profile` is for the batch that was timed.
    """
    seconds, width = times.seconds, RUN_BYTES[times.dtype]
    timed = [cost for cost in profile.costs if cost.node.name in seconds]
    depth = stage_depth([cost.node.name for cost in timed])
    key: Callable[[Cost], str] = {
        "layer": lambda cost: cost.node.name,
        "stage": lambda cost: stage_of(cost.node.name, depth),
        "type": lambda cost: cost.node.layer.type,
    }[by]
    groups: dict[str, list[Cost]] = {}
    for cost in timed:
        groups.setdefault(key(cost), []).append(cost)

    def spent(name: str, costs: Sequence[Cost]) -> Spent:
        return Spent(name, costs, sum(seconds[cost.node.name] for cost in costs), times.total, width)

    rows = [spent(name, costs) for name, costs in groups.items()]
    if by == "type":
        rows.sort(key=lambda row: -row.seconds)
    rest = Spent(UNATTRIBUTED, (), times.unattributed, times.total, width)
    whole = Spent("total", timed, times.total, times.total, width)
    table = Table.of(
        (column for column in COLUMNS if by == "layer" or column not in ONE_LAYER),
        (*rows, rest),
        total={column.key: "" if column in ONE_LAYER else column.cell(whole) for column in COLUMNS},
    )
    data = {
        "model": times.model,
        "batch": times.batch,
        "dtype": times.dtype,
        "latency_ms": times.total * 1e3,
        "ci95": [end * 1e3 for end in times.total_interval] if times.total_interval else None,
        "inflation": times.inflation,
        "coverage": times.coverage,
        "steadiness": times.steadiness,
        "unattributed_ms": times.unattributed * 1e3,
        "layers": [{column.key: None if (cell := column.cell(row)) == "" else cell for column in COLUMNS} for row in rows],
        "environment": dict(times.environment),
    }
    title = f"{times.model}: {times.total * 1e3:.3g} ms, layer by layer"
    return Report("bench", title, (table,), tuple(_notes(times)), data)


def _notes(times: LayerTimes) -> Iterable[str]:
    yield (
        f"timed in place in {plural(len(times.plain), 'process', 'processes')}, in turns with plain runs, whose time the "
        "layers are scaled to; "
        f"timing layer by layer makes a run {times.inflation:.2f} times as long; "
        f"as timed, layers are {times.coverage:.2f} of a plain run"
    )
    if times.disturbed:
        yield (
            f"undisturbed, the layers take {times.steadiness:.0%} of a plain run: other programs had the core meanwhile; "
            "parts of the whole hold, milliseconds are of a busy machine"
        )
    yield "GFLOP/s: two a multiply-accumulate; MB and GB/s: inputs, weights and output once each, the least a layer can move"


def to_trace(profile: Analysis, times: LayerTimes) -> dict[str, Any]:
    """The layers, one after the other, inside their blocks, as Chrome's trace format (chrome://tracing, ui.perfetto.dev)."""
    seconds, width = times.seconds, RUN_BYTES[times.dtype]
    events: list[dict[str, Any]] = []
    opened: list[tuple[str, float]] = []
    now = 0.0

    def close(kept: int) -> None:
        while len(opened) > kept:
            block, begin = opened.pop()
            events.append(_event(block, "block", begin, now - begin, {}))

    for cost in profile.costs:
        if cost.node.name not in seconds:
            continue
        *blocks, name = cost.node.path
        same = next((i for i, pair in enumerate(zip(blocks, opened, strict=False)) if pair[0] != pair[1][0]), None)
        close(min(len(blocks), len(opened)) if same is None else same)
        opened += [(block, now) for block in blocks[len(opened) :]]
        row = Spent(name, (cost,), seconds[cost.node.name], times.total, width)
        facts = {column.key: cell for column in RATES if (cell := column.cell(row)) != ""}
        events.append(_event(name, cost.node.layer.type, now, seconds[cost.node.name], {"layer": cost.node.name, **facts}))
        now += seconds[cost.node.name]
    close(0)
    return {
        "traceEvents": sorted(events, key=lambda event: (event["ts"], -event["dur"])),
        "displayTimeUnit": "ms",
        "otherData": {"model": times.model, "latency_ms": times.total * 1e3, "inflation": times.inflation},
    }


def _event(name: str, kind: str, begin: float, seconds: float, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "cat": kind, "ph": "X", "ts": begin * 1e6, "dur": seconds * 1e6, "pid": 1, "tid": 1, "args": facts}
