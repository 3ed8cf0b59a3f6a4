"""`cnnprof compare`: networks side by side, with what each costs and reports."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from cnnprof.footprint.analysis import MemoryAnalysis
from cnnprof.footprint.capacity import Fit
from cnnprof.judging.pareto import Span, undominated
from cnnprof.network.layers.activation import Activation
from cnnprof.record import record
from cnnprof.report import Column, Report, Table, plural
from cnnprof.timing.measurements import Measurement
from cnnprof.views import columns as col
from cnnprof.views.benchmark import conditions
from cnnprof.views.memory import MODES, fit_dict, fit_notes, memory_dict
from cnnprof.views.model import CONVENTION, lower_bound_notes, model_dict, source_text, totals_dict

LOWER_IS_BETTER = (
    "params",
    "macs",
    "activations",
    "param_bytes",
    "activation_bytes",
    "peak_inference_bytes",
    "peak_training_bytes",
)
LOWER_MEASURED = ("latency_ms", "peak_memory_bytes")
REPORTED = ("top1", "top5")
HIGHER_IS_BETTER = (*REPORTED, "throughput_img_s")
RELATIVE = (*LOWER_IS_BETTER, "latency_ms")


@record
class Entry:
    """A network in a comparison, with its measurement if it was timed, and the batches that fit if that was asked."""

    profile: MemoryAnalysis
    measurement: Measurement | None = None
    fits: tuple[Fit, ...] = ()


def show_comparison(entries: Sequence[Entry], baseline: str, sort: str | None = None) -> Report:
    """The report on several networks; ratios are relative to the network named `baseline`.

    A network is Pareto-optimal if no other is at least as good in reported top-1, MACs and parameters (and latency, if
    measured) and better in one of them; networks without a reported top-1, or with one on another data set than the
    baseline's, stay out.
    """
    rows = [_row(entry) for entry in entries]
    base = next(row for row in rows if row["model"] == baseline)
    elsewhere = _elsewhere(rows, base)
    optimal = pareto(
        [row for row in rows if row["model"] not in elsewhere], measured=any(entry.measurement for entry in entries)
    )
    for row in rows:
        row["relative"] = {key: _ratio(row[key], base[key]) for key in RELATIVE if row.get(key) is not None}
        row["pareto"] = row["model"] in optimal
        for column, key in (("params_ratio", "params"), ("macs_ratio", "macs"), ("latency_ratio", "latency_ms")):
            row[column] = row["relative"].get(key)
    order = list(range(len(rows)))
    if sort:
        best_first = sort in HIGHER_IS_BETTER
        order.sort(
            key=lambda i: (
                rows[i][sort] is None,
                sort in REPORTED and rows[i]["model"] in elsewhere,
                (rows[i][sort] or 0) * (-1 if best_first else 1),
            )
        )
    ordered = [rows[i] for i in order]
    measured = any(entry.measurement for entry in entries)
    table = Table(_columns(rows, measured), tuple(ordered), best=_best(ordered, elsewhere))
    notes = [CONVENTION, "*: the best of its column"]
    if col.PARETO in table.columns:
        objectives = "top-1, MACs, parameters" + (" and latency" if measured else "")
        notes.append(f"Pareto: no other network is as good in {objectives} and better in one of them")
    if measured:
        notes += sorted({conditions(entry.measurement) for entry in entries if entry.measurement and entry.measurement.times})
        notes.append("latencies whose intervals meet are not told apart; cnnprof bench A B --compare gives verdicts")
    sources = {row["accuracy_source"] for row in rows if row["accuracy_source"]}
    if sources:
        notes.append("accuracy as reported, not measured here: " + "; ".join(sorted(sources)))
    notes += [
        f"{name}: its accuracy on {dataset} is not compared with that of the others" for name, dataset in elsewhere.items()
    ]
    for entry in entries:
        notes += lower_bound_notes(entry.profile.graph.name, entry.profile.totals)
        notes += fit_notes(entry.profile.graph.name, entry.fits)
        if entry.measurement:
            notes += [f"{entry.profile.graph.name}: {warning}" for warning in entry.measurement.warnings]
            if entry.measurement.error:
                notes.append(f"{entry.profile.graph.name}: not measured: {entry.measurement.error}")
    data = {"baseline": baseline, "models": [_model(entries[i], rows[i]) for i in order]}
    return Report("compare", f"{plural(len(rows), 'network')}, relative to {baseline}", (table,), tuple(notes), data)


def pareto(rows: Sequence[Mapping[str, Any]], measured: bool) -> set[str]:
    """The names of the rows that no other row dominates, in reported top-1 and what it takes."""
    costs = ("macs", "params", *(("latency_ms",) if measured else ()))
    return undominated(
        {
            row["model"]: [(-row["top1"], -row["top1"]), *(_span(row, cost) for cost in costs)]
            for row in rows
            if row["top1"] is not None and all(row.get(cost) is not None for cost in costs)
        }
    )


def _span(row: Mapping[str, Any], key: str) -> Span:
    low, high = (row.get("ci95") if key == "latency_ms" else None) or (row[key], row[key])
    return low, high


def _columns(rows: Sequence[Mapping[str, Any]], measured: bool) -> tuple[Column, ...]:
    """What there is to show: accuracy where one is reported, the receptive field where an output is still an image."""
    blocks = any(len(row["output_shape"]) > 1 for row in rows)
    reported = any(row["accuracy_source"] for row in rows)
    return (
        col.MODEL,
        *((col.YEAR,) if any(row["year"] for row in rows) else ()),
        col.INPUT,
        *((col.OUTPUT_SHAPE,) if blocks else ()),
        col.PARAMS,
        col.PARAMS_RATIO,
        col.MACS,
        col.MACS_RATIO,
        col.ACTIVATIONS,
        *((col.OUTPUT_FIELD, col.NONLINEARITIES) if blocks else ()),
        col.PARAM_BYTES,
        col.ACTIVATION_BYTES,
        col.PEAK_INFERENCE_BYTES,
        col.PEAK_TRAINING_BYTES,
        *((col.FIT_INFERENCE, col.FIT_TRAINING) if any("fit_inference" in row for row in rows) else ()),
        *((col.TOP1, col.TOP5, col.ACCURACY_SOURCE) if reported else ()),
        *((col.LATENCY_MS, col.CI95, col.LATENCY_RATIO, col.THROUGHPUT_IMG_S, col.PEAK_MEMORY_BYTES) if measured else ()),
        *((col.PARETO,) if reported else ()),
        col.SOURCE,
    )


def _row(entry: Entry) -> dict[str, Any]:
    graph, totals, measurement = entry.profile.graph, entry.profile.totals, entry.measurement
    accuracy = graph.facts.accuracy
    latency = measurement.latency() if measurement else None
    output = next(cost for cost in entry.profile.costs if cost.node.name == graph.outputs[0])
    activations = [cost for cost in entry.profile.costs if isinstance(cost.node.layer, Activation) and not cost.node.aux]
    fits = {f"fit_{MODES[fit.mode]}": fit.batch for fit in entry.fits}
    return fits | {
        "model": graph.name,
        "year": graph.facts.year,
        "input": graph.input_shape,
        "source": graph.facts.source,
        "params": totals.params,
        "macs": totals.macs,
        "activations": totals.activations,
        "output_shape": output.output[1:],
        "output_field": output.receptive_field,
        "nonlinearities": len(activations),
        "param_bytes": totals.param_bytes,
        "activation_bytes": totals.activation_bytes,
        "peak_inference_bytes": totals.peak_inference_bytes,
        "peak_training_bytes": entry.profile.training.peak_bytes,
        "memory": memory_dict(entry.profile.inference, entry.profile.training),
        "top1": accuracy.top1 if accuracy else None,
        "top5": accuracy.top5 if accuracy else None,
        "accuracy_source": source_text(accuracy) if accuracy else None,
        "dataset": accuracy.dataset if accuracy else None,
        "latency_ms": latency.median if latency else None,
        "ci95": latency.ci95 if latency else None,
        "throughput_img_s": measurement.throughput() if measurement else None,
        "peak_memory_bytes": measurement.peak_bytes if measurement else None,
    }


def _model(entry: Entry, row: Mapping[str, Any]) -> dict[str, Any]:
    model = model_dict(entry.profile.graph)
    return {
        "model": model,
        "totals": totals_dict(entry.profile.totals),
        "memory": row["memory"],
        **({"fits": [fit_dict(fit) for fit in entry.fits]} if entry.fits else {}),
        "receptive_field": list(row["output_field"]) if row["output_field"] else None,
        "nonlinearities": row["nonlinearities"],
        "accuracy": model["accuracy"],
        **({"measurement": entry.measurement.to_dict()} if entry.measurement else {}),
        "relative": row["relative"],
        "pareto": row["pareto"],
    }


def _ratio(value: float, base: float | None) -> float | None:
    return value / base if base else None


def _elsewhere(rows: Sequence[Mapping[str, Any]], base: Mapping[str, Any]) -> dict[str, str]:
    """The networks whose accuracy is on another data set than the baseline's, or than the first that there is, and on which."""
    datasets = [row["dataset"] for row in (base, *rows) if row["dataset"]]
    return {row["model"]: row["dataset"] for row in rows if row["dataset"] not in (None, *datasets[:1])}


def _best(rows: Sequence[Mapping[str, Any]], elsewhere: Container[str]) -> frozenset[tuple[int, str]]:
    """The cells to mark: every column's best value, where the rows differ in it; accuracies `elsewhere` do not take part."""
    marks = set()
    for key in (*LOWER_IS_BETTER, *LOWER_MEASURED, *HIGHER_IS_BETTER):
        values = [None if key in REPORTED and row["model"] in elsewhere else row.get(key) for row in rows]
        present = [value for value in values if value is not None]
        if len(set(present)) < 2:
            continue
        best = max(present) if key in HIGHER_IS_BETTER else min(present)
        if key == "latency_ms":
            # As good as the best is what cannot be told apart from it.
            best = max(_span(row, key)[1] for row in rows if row.get(key) == best)
            marks |= {(i, key) for i, row in enumerate(rows) if row.get(key) is not None and _span(row, key)[0] <= best}
        else:
            marks |= {(i, key) for i, value in enumerate(values) if value == best}
    return frozenset(marks)
