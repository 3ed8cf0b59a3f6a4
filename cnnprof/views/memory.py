"""`cnnprof memory`: what a network holds, when, and what fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cnnprof.charts.timeline import Timeline
from cnnprof.footprint.analysis import MemoryAnalysis
from cnnprof.footprint.capacity import Fit
from cnnprof.footprint.execution import Execution, Mode, Optimizer
from cnnprof.footprint.instruction_set import ESTIMATED, TITLES
from cnnprof.footprint.liveness import AllocatorRecord, Checkpointed, Footprint, Moment, Tensor
from cnnprof.network.graph import Graph
from cnnprof.network.results import Analysis
from cnnprof.network.stages import stage_depth, stage_of
from cnnprof.record import pick
from cnnprof.report import Column, Fact, Listing, Report, Table, plural
from cnnprof.transfer_learning import backward_macs
from cnnprof.views import columns as col
from cnnprof.views.fitting import MODES, fit_dict, fit_notes, fit_table
from cnnprof.views.model import header, lower_bound_notes, model_dict, totals_dict

MEMORY_KIND = Column("memory_kind", "kind")
INFERENCE_BYTES = Column("inference_bytes", "inference MB", "megabytes")

ROWS = 24
BAR_LENGTH = 32
THROUGHOUT = (
    ("parameters", "parameter_bytes"),
    ("buffers", "buffer_bytes"),
    ("input", "input_bytes"),
    ("optimizer", "optimizer_bytes"),
)
MOVING = (
    ("gradients of parameters", "gradient_bytes"),
    ("kept for backward", "saved_bytes"),
    ("activations", "activation_bytes"),
    ("workspace of kernels", "workspace_bytes"),
)
"""The parts of a footprint and of each of its moments: how they are called, and their names in both."""


def show_memory(
    profile: MemoryAnalysis,
    by_mode: Mapping[Mode, Footprint],
    run: Execution,
    optimizer: Optimizer,
    mode: Mode,
    top: int,
    fits: Sequence[Fit],
    records: Sequence[AllocatorRecord],
    checkpointed: Checkpointed | None = None,
    scale_bytes: int | None = None,
) -> Report:
    """The report on one network's memory.

    Args:
        by_mode: the footprints of `infer` and `train`; in int8 of the first alone.
        mode: whose timeline and tensors are shown.
        top: how many tensors.
        scale_bytes: what int8's scales take; None in another format.
    """
    graph, shown = profile.graph, by_mode[mode]
    int8 = scale_bytes is not None
    how = f"in int8, batch {graph.input_shape[0]}" if int8 else _way(graph, run)
    on = "" if run.workspace and not int8 else ", kernels' workspace left out"
    runs = Fact("runs", f"{how}{'' if int8 else f', training with {optimizer}'}{on}")
    sections: list[Table | Listing] = [Listing((*header(graph)[:-1], runs)), _kinds(by_mode)]
    if records:
        sections.append(_measured(by_mode, records))
    if checkpointed:
        sections.append(_what_if(profile, by_mode["train"], checkpointed))
    if fits:
        sections.append(fit_table(fits))
    sections += [_timeline(shown, MODES[mode]), _tensors(shown, MODES[mode], top)]
    data = {
        "model": model_dict(graph),
        "totals": totals_dict(profile.totals),
        "memory": memory_dict(by_mode["infer"], by_mode.get("train")),
        "execution": (_INT8 if int8 else _execution_dict(run, optimizer)) | {"batch": graph.input_shape[0]},
        **({"scale_bytes": scale_bytes} if int8 else {}),
        "timeline": {MODES[m]: [_moment_dict(moment) for moment in f.moments] for m, f in by_mode.items()},
        "tensors": [_tensor_dict(tensor) for tensor in _largest(shown, top)],
        "fits": [fit_dict(fit) for fit in fits],
        **({"checkpointed": _checkpointed_dict(checkpointed)} if checkpointed else {}),
        "measured": [_record_dict(record, by_mode) for record in records],
    }
    remarks = [int8_note("int8", scale_bytes)] if scale_bytes is not None else [*_remarks(run, records)]
    notes = [*remarks, *fit_notes(graph.name, fits), *lower_bound_notes("note", profile.totals)]
    title = f"memory of {graph.name}"
    drawn = chart_moments(shown, f"{title}: {MODES[mode]}{f' with {optimizer}' * (mode == 'train')} {how}{on}")
    return Report("memory", title, tuple(sections), tuple(notes), data, chart=drawn)


_INT8 = {"device": None, "dtype": "int8", "layout": None, "threads": None, "isa": None, "amp": None} | {
    "workspace": False,
    "optimizer": None,
}
"""`execution` of what does not depend on a device: no kernel of int8 is counted, and nothing is trained."""


def _execution_dict(run: Execution, optimizer: Optimizer) -> dict[str, Any]:
    return {
        "device": run.device,
        "dtype": run.dtype,
        "layout": run.layout,
        "threads": run.threads,
        "isa": run.isa if run.device == "cpu" else None,
        "amp": run.amp or None,
        "workspace": run.workspace,
        "optimizer": optimizer,
    }


def _way(graph: Graph, run: Execution) -> str:
    numbers = f"{run.dtype} (autocast to {run.amp})" if run.amp else run.dtype
    return f"on {place(run)}, {numbers}, {run.layout}, batch {graph.input_shape[0]}"


def int8_note(name: str, scale_bytes: int) -> str:
    """The remark on what sizes in int8 count, and what comes on top."""
    return (
        f"{name}: one byte a weight and activation, int32 biases and accumulators (OPS, not FLOPS); its scales, "
        f"{scale_bytes / 1e3:,.1f} kB, come on top, and what kernels take is not counted"
    )


def memory_dict(infer: Footprint, train: Footprint | None) -> dict[str, Any]:
    """`memory` of the JSON reports: for both, the parts of the worst moment and the layer at which it is.

    Of a training step there is no peak where `train` is None.
    """
    training = {"peak_bytes": None} if train is None else footprint_dict(train, trained=True)
    return {"inference": footprint_dict(infer, trained=False), "training": training}


def footprint_dict(footprint: Footprint, trained: bool) -> dict[str, Any]:
    """One of them: what is held at the worst moment by kind, and where that is."""
    peak = footprint.peak
    common = pick(footprint, "peak_bytes", "parameter_bytes", "buffer_bytes", "input_bytes")
    common |= pick(peak, "activation_bytes", "workspace_bytes")
    learned = pick(peak, "gradient_bytes", "saved_bytes") | pick(footprint, "optimizer_bytes")
    return common | (learned if trained else {}) | {"at": peak.node} | ({"phase": peak.phase} if trained else {})


def _kinds(by_mode: Mapping[Mode, Footprint]) -> Table:
    both = {mode: footprint_dict(footprint, trained=True) for mode, footprint in by_mode.items()}
    where = "; ".join(
        f"{MODES[mode]}: {part['at']}" + (f" ({part['phase']})" if mode == "train" else "") for mode, part in both.items()
    )

    def held(column: Column, part: dict[str, Any]) -> Column:
        return replace(column, of=lambda kind: part[kind[1]])

    columns = (
        replace(MEMORY_KIND, of=lambda kind: kind[0]),
        *map(held, (INFERENCE_BYTES, col.TRAINING_BYTES), both.values()),
    )
    total = {column.key: column.cell(("peak", "peak_bytes")) for column in columns}
    return Table.of(columns, (*THROUGHOUT, *MOVING), f"At the worst moment ({where})", total=total)


def _measured(by_mode: Mapping[Mode, Footprint], records: Sequence[AllocatorRecord]) -> Table:
    def predicted(record: AllocatorRecord) -> Any:
        return by_mode[record.mode].peak_bytes

    def error(record: AllocatorRecord) -> Any:
        return predicted(record) / record.comparable_bytes - 1 if record.comparable_bytes else None

    columns = (
        replace(col.PASS, of=lambda record: MODES[record.mode]),
        col.DEVICE,
        Column("predicted_bytes", "predicted MB", "megabytes", of=predicted),
        Column("requested_bytes", "requested MB", "megabytes", 2),
        replace(col.PEAK_MEMORY_BYTES, of=lambda record: record.peak_bytes),
        Column("reserved_bytes", "reserved MB", "megabytes", 3),
        Column("error_share", "error %", "error", of=error),
        replace(col.STATUS, of=lambda record: record.error or "ok"),
    )
    present = [column for column in columns if any(column.cell(record) is not None for record in records)]
    return Table.of(present, records, "Predicted and measured")


def _what_if(profile: Analysis, without: Footprint, checkpointed: Checkpointed) -> Table:
    forward, backward = profile.totals.macs, backward_macs(profile.costs)
    ways = {"without": Checkpointed(without, 0), "by stage": checkpointed}
    columns = (
        Column("checkpointing", "checkpointing", of=lambda name: name),
        replace(col.TRAINING_BYTES, of=lambda name: ways[name].footprint.peak_bytes),
        replace(col.FORWARD_MACS, of=lambda name: forward + ways[name].extra_macs),
        replace(col.BACKWARD_MACS, of=lambda _: backward),
        Column("extra_share", "run again %", "share", 1, lambda name: ways[name].extra_macs / forward if forward else None),
    )
    return Table.of(columns, ways, "Gradient checkpointing: stages keep their input and run again in the backward pass")


def _timeline(footprint: Footprint, title: str) -> Table:
    """At most `ROWS` rows, each for a run of layers of one phase, by its worst moment."""
    fixed, most = footprint.fixed_bytes, footprint.peak_bytes
    columns = (
        Column("phase", "phase"),
        replace(col.NAME, of=lambda moment: moment.node),
        Column("held_bytes", "MB", "megabytes", of=lambda moment: fixed + moment.total),
        Column("bar", "of the peak", weight=1, of=lambda moment: _bar(fixed, moment.total, most)),
    )
    worst = [max(run, key=lambda moment: moment.total) for run in _runs(footprint.moments)]
    return Table.of(columns, worst, f"Over time, {title} (light: what is held throughout)")


def chart_moments(footprint: Footprint, title: str) -> Timeline:
    """Every moment of a pass, with what is held throughout below it."""
    moments = footprint.moments
    steps = tuple(moment.node for moment in moments)
    depth = stage_depth(steps)
    return Timeline(
        title,
        steps=steps,
        stages=tuple(stage_of(step, depth) for step in steps),
        phases=tuple(moment.phase for moment in moments),
        layers={label: (getattr(footprint, name),) * len(moments) for label, name in THROUGHOUT}
        | {label: tuple(getattr(moment, name) for moment in moments) for label, name in MOVING},
        peak=moments.index(footprint.peak),
    )


def _runs(moments: Sequence[Moment]) -> Iterator[list[Moment]]:
    length = -(-len(moments) // ROWS)
    run: list[Moment] = []
    for moment in moments:
        if run and (moment.phase != run[0].phase or len(run) >= length):
            yield run
            run = []
        run.append(moment)
    yield run


def _bar(fixed: int, moving: int, most: int) -> str:
    light = round(BAR_LENGTH * fixed / most)
    return "░" * light + "█" * (round(BAR_LENGTH * (fixed + moving) / most) - light)


def _largest(footprint: Footprint, top: int) -> list[Tensor]:
    return sorted((tensor for tensor in footprint.tensors if tensor.bytes), key=lambda tensor: -tensor.bytes)[:top]


def _tensors(footprint: Footprint, title: str, top: int) -> Table:
    columns = (
        col.NAME,
        replace(MEMORY_KIND, of=_kept),
        Column("tensor_bytes", "MB", "megabytes", of=lambda tensor: tensor.bytes),
    )
    return Table.of(columns, _largest(footprint, top), f"Largest tensors, {title}")


def _kept(tensor: Tensor) -> str:
    return {"saved": "kept for backward", "extra": "kept: indices, mask, copy"}.get(tensor.kind, "activation")


def _moment_dict(moment: Moment) -> dict[str, Any]:
    held = pick(moment, "activation_bytes", "workspace_bytes", "saved_bytes", "gradient_bytes")
    return {"phase": moment.phase, "layer": moment.node, **held}


def _tensor_dict(tensor: Tensor) -> dict[str, Any]:
    return pick(tensor, "name", "bytes", "kind")


def _checkpointed_dict(checkpointed: Checkpointed) -> dict[str, Any]:
    return {"by": "stage", "extra_macs": checkpointed.extra_macs, **footprint_dict(checkpointed.footprint, trained=True)}


def _record_dict(record: AllocatorRecord, by_mode: Mapping[Mode, Footprint]) -> dict[str, Any]:
    return {
        "mode": MODES[record.mode],
        "device": record.device,
        "predicted_bytes": by_mode[record.mode].peak_bytes,
        **pick(record, "peak_bytes", "requested_bytes", "reserved_bytes", "error"),
    }


def place(run: Execution) -> str:
    """The device, and of the processor what its kernels' memory depends on: `cpu (AVX2, 1 thread)`."""
    return f"cpu ({TITLES[run.isa]}, {plural(run.threads, 'thread')})" if run.device == "cpu" else run.device


def _remarks(run: Execution, records: Sequence[AllocatorRecord]) -> Iterator[str]:
    if run.device == "cpu" and run.dtype == "fp16":
        yield "fp16 on the processor: the workspace of its kernels is estimated, as that in bf16"
    if run.device == "cpu" and run.isa in ESTIMATED:
        yield f"{TITLES[run.isa]}: the workspace of its kernels is estimated, as that of {ESTIMATED[run.isa]}"
    if run.device == "cpu" and run.isa == "sse41" and run.layout == "channels_last":
        yield f"{TITLES[run.isa]}: the workspace of its kernels in channels_last is estimated, as that of {TITLES['avx2']}"
    if run.device == "cuda":
        yield "CUDA: tensors and cuBLAS's workspace; what cuDNN takes for a moment, and the context, come on top"
    if any(record.error for record in records):
        yield "a network that could not be measured is predicted all the same"
