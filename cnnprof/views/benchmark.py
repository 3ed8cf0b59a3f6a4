"""`cnnprof bench`: measured latency, throughput and memory."""

from __future__ import annotations

from collections.abc import Sequence

from cnnprof.core.measurements import Measurement, Ratio, compare
from cnnprof.core.report import Report, Table

COLUMNS = (
    "model",
    "device",
    "dtype",
    "batch",
    "mode",
    "latency_ms",
    "ci95",
    "iqr",
    "min",
    "mean",
    "p95",
    "p99",
    "throughput_img_s",
    "peak_memory_bytes",
    "runs",
    "status",
)


def show_measurements(measurements: Sequence[Measurement]) -> Report:
    """The report on a benchmark: a row a measurement, and each network's latency beside the first one's of the same batch."""
    rows = tuple(_row(measurement) for measurement in measurements)
    ratios = relate(measurements)
    sections = [Table(COLUMNS, rows)]
    if ratios:
        sections.append(
            Table(
                ("pair", "ratio", "ratio_ci95", "verdict"),
                tuple(
                    {"pair": f"{ratio.a} / {ratio.b}", "ratio": ratio.ratio, "ratio_ci95": ratio.ci95, "verdict": ratio.verdict}
                    for ratio in ratios
                ),
                "Latency compared",
            )
        )
    notes = list(dict.fromkeys(_conditions(measurement) for measurement in measurements if measurement.environment))
    notes += [f"{m.model}: {m.error}" for m in measurements if m.error]
    notes += list(dict.fromkeys(f"{m.model}: {warning}" for m in measurements for warning in m.warnings))
    data = {
        "results": [measurement.to_dict() for measurement in measurements],
        "comparisons": [ratio.to_dict() for ratio in ratios],
    }
    training = any(measurement.mode == "train" for measurement in measurements)
    title = f"Latency of one {'training step' if training else 'forward pass'}"
    return Report("bench", title, tuple(sections), tuple(notes), data)


def relate(measurements: Sequence[Measurement]) -> list[Ratio]:
    """Every measurement against the first one of its batch, where one process timed both."""
    ratios = []
    first: dict[int, Measurement] = {}
    for measurement in measurements:
        base = first.setdefault(measurement.batch, measurement)
        ratio = compare(measurement, base) if base is not measurement else None
        if ratio:
            ratios.append(ratio)
    return ratios


def _row(measurement: Measurement) -> dict[str, object]:
    row: dict[str, object] = {
        "model": measurement.model,
        "device": measurement.device,
        "dtype": measurement.dtype,
        "batch": measurement.batch,
        "mode": measurement.mode,
        "throughput_img_s": measurement.throughput(),
        "peak_memory_bytes": measurement.peak_bytes,
        "status": measurement.status,
    }
    latency = measurement.latency()
    if latency:
        row |= {key: getattr(latency, key) for key in ("ci95", "iqr", "min", "mean", "p95", "p99", "runs")}
        row["latency_ms"] = latency.median
    return row


def _conditions(measurement: Measurement) -> str:
    known = measurement.environment
    parts = [
        known.get("device_name"),
        f"{known['threads']} thread{'s' if known['threads'] > 1 else ''} of {known['cores']} cores"
        if "threads" in known
        else None,
        f"torch {known['torch']}" if "torch" in known else None,
        known.get("layout"),
        f"{len(measurement.times)} processes",
        "glibc keeps freed memory" if known.get("mallopt") else None,
    ]
    return "measured on " + ", ".join(part for part in parts if part)
