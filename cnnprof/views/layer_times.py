"""`cnnprof bench --layers`: where the time of a forward pass goes, and as a trace for Perfetto."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cnnprof.footprint.execution import RUN_BYTES
from cnnprof.network.results import Analysis, Cost, RowsBy
from cnnprof.network.stages import stage_depth, stage_of
from cnnprof.report import Column, Report, Table, plural
from cnnprof.timing.layer_times import LayerTimes, traffic
from cnnprof.views import columns as col

TRAFFIC_BYTES = Column("traffic_bytes", "MB", "megabytes", 4)

UNATTRIBUTED = "unattributed"
COLUMNS = (col.NAME, col.TYPE, col.OUTPUT_SHAPE, col.LAYER_MS, col.TIME_SHARE, col.MACS, TRAFFIC_BYTES, col.GFLOPS, col.GBS)


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
    rows = [_row(name, costs, seconds, times.total, width) for name, costs in groups.items()]
    if by == "type":
        rows.sort(key=lambda row: -row["layer_ms"])
    rest: dict[str, Any] = {
        "name": UNATTRIBUTED,
        "layer_ms": times.unattributed * 1e3,
        "time_share": times.unattributed / times.total,
    }
    total = _row("total", timed, seconds, times.total, width) | {
        "layer_ms": times.total * 1e3,
        "time_share": 1.0,
        "type": "",
        "output_shape": "",
    }
    total |= _rates(total["macs"], total["traffic_bytes"], times.total)
    columns = tuple(column for column in COLUMNS if by == "layer" or column not in (col.TYPE, col.OUTPUT_SHAPE))
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
        "layers": [{key: None if value == "" else value for key, value in row.items()} for row in rows],
        "environment": dict(times.environment),
    }
    title = f"{times.model}: {times.total * 1e3:.3g} ms, layer by layer"
    return Report("bench", title, (Table(columns, (*rows, rest), total=total),), tuple(_notes(times)), data)


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


def _row(name: str, costs: list[Cost], seconds: Mapping[str, float], total: float, width: int) -> dict[str, Any]:
    spent = sum(seconds[cost.node.name] for cost in costs)
    macs, moved = sum(int(cost.macs) for cost in costs), sum(int(traffic(cost, width)) for cost in costs)
    return {
        "name": name,
        "type": costs[0].node.layer.type if costs else "",
        "output_shape": tuple(costs[-1].output[1:]) if costs else (),
        "layer_ms": spent * 1e3,
        "time_share": spent / total,
        "macs": macs,
        "traffic_bytes": moved,
        **_rates(macs, moved, spent),
    }


def _rates(macs: int, moved: int, seconds: float) -> dict[str, Any]:
    return {
        "gflops": 2 * macs / seconds / 1e9 if macs and seconds > 0 else "",
        "gbs": moved / seconds / 1e9 if moved and seconds > 0 else "",
    }


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
        row = _row(name, [cost], seconds, times.total, width)
        facts = {key: row[key] for key in ("macs", "traffic_bytes", "gflops", "gbs") if row[key] != ""}
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
