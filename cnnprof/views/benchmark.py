"""`cnnprof bench`: measured latency, throughput and memory."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from statistics import median
from types import MappingProxyType

from cnnprof.charts.distributions import Distribution, Distributions
from cnnprof.errors import Place, UsageError
from cnnprof.record import record
from cnnprof.report import WIDE_ONLY, Annotation, Column, Level, Report, Table, plural
from cnnprof.timing.energy import Energy
from cnnprof.timing.measurements import Latency, Measurement
from cnnprof.timing.ratios import NOISE, NOW, Ratio, noise_of, relate
from cnnprof.units import sizes_text
from cnnprof.views import columns as col


@record
class BenchRow:
    """A measurement with its statistics, and its energy or why there is none, if that was asked."""

    measurement: Measurement
    latency: Latency | None
    energy: Energy | str | None = None


def _run(column: Column, name: str = "") -> Column:
    """The column of the measurement's attribute of that name, or of the column's own."""
    return replace(column, of=lambda timed: getattr(timed.measurement, name or column.key))


def _latency(column: Column, name: str = "") -> Column:
    return replace(column, of=lambda timed: getattr(timed.latency, name or column.key, ""))


def _phase(name: str) -> Column:
    return Column(f"{name}_ms", name, "ms", 1, lambda timed: timed.measurement.phase_ms().get(name, ""))


def _energy(column: Column, name: str) -> Column:
    return replace(column, of=lambda timed: getattr(timed.energy, name, "unavailable"))


WHAT = (
    *map(_run, (col.MODEL, col.DEVICE, col.DTYPE, col.BATCH)),
    _run(col.INPUT, "input_shape"),
    _run(Column("mode", "mode", weight=7)),
)
RUNTIME = _run(col.RUNTIME)
LATENCY = (_latency(col.LATENCY_MS, "median"), _latency(col.CI95))
PHASES = (_phase("forward"), _phase("backward"), _phase("step"))
SPREAD = (
    _latency(Column("iqr", "IQR ms", "ms", 3)),
    _latency(Column("min", "min ms", "ms", WIDE_ONLY)),
    _latency(Column("mean", "mean ms", "ms", WIDE_ONLY)),
    _latency(Column("p05", "p05 ms", "ms", WIDE_ONLY)),
    _latency(Column("p95", "p95 ms", "ms", 7)),
    _latency(Column("p99", "p99 ms", "ms", WIDE_ONLY)),
    replace(col.THROUGHPUT_IMG_S, of=lambda timed: timed.measurement.throughput()),
    _run(col.PEAK_MEMORY_BYTES, "peak_bytes"),
    _latency(Column("runs", "runs", "count", 6)),
)
ENERGY = (
    _energy(Column("energy_j", "J a run", "joules"), "joules"),
    _energy(Column("net_energy_j", "less idle", "joules", 4), "net_joules"),
)
STATUS = _run(col.STATUS)


def show_measurements(
    measurements: Sequence[Measurement],
    leading: bool = False,
    since: Sequence[Ratio] = (),
    remarks: Sequence[str] = (),
    energies: Sequence[Energy | str] | None = None,
    fail_on: Collection[str] = (),
    places: Mapping[str, Place | None] = MappingProxyType({}),
) -> Report:
    """The report on a benchmark: a row a measurement, and each network's latency beside the first one's of the same batch.

    Args:
        measurements: those of one run, twins included.
        leading: begin with the comparison, its first verdict as the title.
        since: ratios to an earlier run, which then come first.
        remarks: notes on those.
        energies: of every measurement but twins, its energy or why there is none; None if nobody asked.
        fail_on: the verdicts that a gate fails on.
        places: where networks are written, by name.
    """
    shown = [each for each in measurements if not each.twin]
    ratios = relate(measurements)
    noise = noise_of(measurements)
    asked = [None] * len(shown) if energies is None else energies
    timed = [BenchRow(each, each.latency(), energy) for each, energy in zip(shown, asked, strict=True)]
    training = any(each.mode == "train" for each in shown)
    runtimes = (RUNTIME,) if any(each.runtime != "torch" for each in shown) else ()
    phases, energy = PHASES if training else (), ENERGY if energies is not None else ()
    columns = (*WHAT, *runtimes, *LATENCY, *phases, *SPREAD, *energy, STATUS)
    title = f"Latency of one {'training step' if training else 'forward pass'}"
    sections = [Table.of(columns, timed, title if leading or since else "")]
    if ratios:
        sections.append(_compared(ratios, noise, "Latency compared"))
    if leading and ratios:
        sections.reverse()
    if since:
        sections.insert(0, _compared(since, 0.0, "Now and before"))
    notes = list(dict.fromkeys(conditions(each) for each in shown if each.environment and each.times))
    notes += remarks
    notes += [_noise_note(each, noise) for each in measurements if each.twin]
    notes += [
        f"{each.model}: compiled in {seconds:.1f} s, which its times leave out; torch keeps compiled code for the next time"
        for each in shown
        if (seconds := each.environment.get("compile_seconds")) is not None
    ]
    notes += dict.fromkeys(_energy_note(energy) for energy in energies or ())
    notes += [f"{each.model}: {each.error}" for each in shown if each.error]
    notes += warnings_of(shown)
    data = {
        "results": [_result(each) for each in timed],
        "comparisons": [ratio.to_dict() for ratio in ratios if ratio.verdict != NOISE],
        "noise": _noise(measurements, ratios, noise),
        **({"since": [ratio.to_dict() for ratio in since]} if since else {}),
    }
    verdicts = [*since, *[ratio for ratio in ratios if ratio.verdict != NOISE]]
    if (leading or since) and verdicts:
        title = say(verdicts[0])
    judged = since or verdicts if leading or since else []
    annotations = [_annotation(ratio, fail_on, places) for ratio in judged]
    if leading or since:
        annotations += [
            Annotation("error", f"{each.model}: failed", each.error, places.get(each.model)) for each in shown if each.error
        ]
    return Report("bench", title, tuple(sections), tuple(notes), data, annotations=tuple(annotations))


def warnings_of(measurements: Sequence[Measurement]) -> list[str]:
    """Remarks on disturbances: of one kind one for all the networks that it concerns, with the range of its numbers."""
    kinds: dict[str, list[tuple[str, str]]] = {}
    for measurement in measurements:
        for warning in measurement.warnings:
            kinds.setdefault(_NUMBER.sub("#", warning), []).append((measurement.model, warning))
    every = {measurement.model for measurement in measurements}
    notes = []
    for said in kinds.values():
        names = dict.fromkeys(model for model, _ in said)
        whom = "all" if len(names) == len(every) > 1 else ", ".join(names)
        notes.append(f"{whom}: {_ranged([warning for _, warning in said])}")
    return notes


_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def _ranged(texts: Sequence[str]) -> str:
    """Texts that differ in their numbers alone as one, in which these are ranges."""
    columns = iter(list(zip(*map(_NUMBER.findall, texts), strict=True)))

    def span(_: re.Match[str]) -> str:
        numbers = sorted(next(columns), key=float)
        return numbers[0] if numbers[0] == numbers[-1] else f"{numbers[0]} to {numbers[-1]}"

    return _NUMBER.sub(span, texts[0])


def _annotation(ratio: Ratio, fail_on: Collection[str], places: Mapping[str, Place | None]) -> Annotation:
    level: Level = "error" if ratio.verdict in fail_on else "warn" if ratio.verdict == "slower" else "ok"
    place = places.get(ratio.a.removesuffix(NOW))
    return Annotation(level, f"{ratio.a} / {ratio.b}: {ratio.verdict}", say(ratio), place)


def chart_runs(measurements: Sequence[Measurement]) -> Distributions:
    """Every run of every network, process by process. Raises UsageError if there is none."""
    shown = [each for each in measurements if not each.twin and each.times]
    if not shown:
        raise UsageError("no network was timed, so that there is nothing to draw")
    several = len({(each.batch, each.input_shape) for each in shown}) > 1
    rows = []
    for each in shown:
        latency = each.latency()
        size = f", batch {each.batch}, {sizes_text(each.input_shape)}" if several else ""
        runs = tuple(tuple(seconds * 1e3 for seconds in process) for process in each.times if process)
        rows.append(Distribution(f"{each.model}{size}", runs, latency.ci95 if latency else None))
    medians = [median(value for process in row.processes for value in process) for row in rows]
    first = shown[0]
    what = "training step" if first.mode == "train" else "forward pass"
    common = f", batch {first.batch}" if not several else ""
    title = f"every {what}{common}, {first.dtype} on {first.device}: a line of dots a process, its median and their interval"
    notes = dict.fromkeys(conditions(each) for each in shown if each.environment)
    return Distributions(title, "latency (ms)", tuple(rows), max(medians) > 20 * min(medians), tuple(notes))


def say(ratio: Ratio) -> str:
    """The verdict in a sentence."""
    times = f"{ratio.ratio:.3f} times its latency"
    interval = f", 95% interval {ratio.ci95[0]:.3f} to {ratio.ci95[1]:.3f}" if ratio.ci95 else ", of one process"
    match ratio.verdict:
        case "undecided":
            return f"{ratio.a} and {ratio.b}: undecided ({times}{interval})"
        case "same":
            return f"{ratio.a} is as fast as {ratio.b} ({times}{interval})"
        case _:
            return f"{ratio.a} is {ratio.verdict} than {ratio.b}: {times}{interval}"


def _compared(ratios: Sequence[Ratio], noise: float, title: str) -> Table:
    batches = (col.BATCH,) if len({ratio.batch for ratio in ratios}) > 1 else ()
    columns = (
        Column("pair", "compared", of=lambda ratio: f"{ratio.a} / {'itself' if ratio.verdict == NOISE else ratio.b}"),
        *batches,
        col.RATIO,
        Column("ratio_ci95", "95% interval", "factor_interval", of=lambda ratio: ratio.ci95),
        Column(
            "verdict",
            "verdict",
            "status",
            of=lambda ratio: _noise_cell(noise) if ratio.verdict == NOISE else ratio.verdict,
        ),
    )
    return Table.of(columns, ratios, title)


def _noise_note(twin: Measurement, noise: float) -> str:
    if noise:
        differ = f"two copies of {twin.model} differ by up to {math.expm1(noise):.1%} in this run"
        return f"noise: {differ}; a ratio within that is not called faster or slower"
    why = twin.error or "it takes two processes"
    return f"noise is not known, and verdicts rest on intervals alone: second copy of {twin.model}: {why}"


def _noise_cell(noise: float) -> str:
    return f"noise, up to {math.expm1(noise):.1%}" if noise else "noise, not known"


def _noise(measurements: Sequence[Measurement], ratios: Sequence[Ratio], noise: float) -> dict[str, object] | None:
    twin = next((each for each in measurements if each.twin), None)
    ratio = next((ratio for ratio in ratios if ratio.verdict == NOISE), None)
    if twin is None or ratio is None:
        return None
    return {"up_to": math.expm1(noise) if noise else None, **ratio.to_dict(), "measurement": twin.to_dict()}


def _result(timed: BenchRow) -> dict[str, object]:
    energy = timed.energy
    if energy is None:
        return timed.measurement.to_dict()
    return timed.measurement.to_dict() | {"energy": {"unavailable": energy} if isinstance(energy, str) else energy.to_dict()}


def _energy_note(energy: Energy | str) -> str:
    if isinstance(energy, str):
        return f"energy is unavailable: {energy}"
    return f"energy: {energy.counter}, the middle of {len(energy.gross)} windows; for comparing, not absolute"


def conditions(measurement: Measurement) -> str:
    """The device and the way of a measurement, as a note says them."""
    known = measurement.environment
    parts = [
        known.get("device_name"),
        f"{plural(known['threads'], 'thread')} of {known['cores']} cores" if "threads" in known else None,
        known.get("runtime") or (f"torch {known['torch']}" if "torch" in known else None),
        known.get("layout"),
        f"{len(measurement.times)} processes",
        "glibc keeps freed memory" if known.get("mallopt") else None,
    ]
    return "measured on " + ", ".join(part for part in parts if part)
