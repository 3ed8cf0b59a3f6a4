"""Operations timed on this machine, on which predictions rest: a designed grid of them, or those that are missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from math import exp, log
from typing import TYPE_CHECKING

from cnnprof.errors import CnnprofError, MeasurementError
from cnnprof.footprint.execution import RUN_BYTES
from cnnprof.measure import unfinished
from cnnprof.measure.calibration import calibrate
from cnnprof.measure.calibration_files import unfinished_path, way
from cnnprof.measure.fingerprint import fingerprint
from cnnprof.measure.grid import designed
from cnnprof.measure.operations import Found, time_operations
from cnnprof.measure.options import Job, Options
from cnnprof.measure.worker_run import Tell
from cnnprof.network.results import Analysis, Cost
from cnnprof.notify import quiet
from cnnprof.timing.calibrations import Calibration
from cnnprof.timing.doubts import TIME_FORMAT
from cnnprof.timing.intervals import median
from cnnprof.timing.operations import Timed, key_of, operation_alone, sample_of
from cnnprof.timing.prediction_fit import fit

if TYPE_CHECKING:
    from cnnprof.measure.grid_tensors import Sample

FULL_BATCHES = (1, 8)

SECONDS_A_NETWORK = 0.8
"""Of the networks that are timed whole, before and after each process that times operations: a machine's speed drifts."""

REFERENCES = 100
"""Operations that are timed once more, about so many, when others are added to a calibration."""

LONG_REFERENCE = 0.005
"""Seconds of one that is not worth it."""

LEAST_SECONDS = 15.0
"""For all of them: two processes have to start."""


def calibrate_operations(
    options: Options, networks: Sequence[Analysis], full: bool = False, on_progress: Tell = quiet, every: int = 1
) -> Calibration:
    """Measure the machine's ceilings, a designed grid of operations, and whole networks that say what a run takes beyond them.

    Args:
        options: device, number format, threads and layout.
        networks: a few, of which none needs to be like those that are to be predicted.
        full: a denser grid, and batches of 8 as well.
        every: one operation of so many of the grid, for a rough one.

    What an interrupted one had measured within a day is kept, and not measured again.

    Raises UnavailableError before anything starts, and MeasurementError if a process fails.
    """
    begin = time.monotonic()
    grid = [sample for batch in FULL_BATCHES for sample in designed(batch, True)] if full else designed()
    grid = grid[::every]
    own = [(cost.node.layer, cost.inputs) for each in networks for cost in each.costs if not cost.node.aux]
    samples = [*dict.fromkeys([*grid, *(sample for sample in own if operation_alone(*sample, 1) is not None)])]
    place = unfinished_path(options)
    holds_for = {"machine": fingerprint(options.device), "options": way(options), "samples": _digest(samples)}
    ceilings, known = unfinished.take_up(place, holds_for) or (calibrate(options, on_progress), Found())
    resumed = len(known.hot)
    try:
        whole: list[list[float]] = [[] for _ in networks]

        def time_whole() -> None:
            _time_networks(networks, options, on_progress, whole)

        time_whole()
        found = _undisturbed(samples, options, on_progress, known, SECONDS_A_NETWORK * len(networks), time_whole)
        most = max(map(len, whole), default=0)
        times = [(each, seconds) for each, seconds in zip(networks, whole, strict=True) if seconds and len(seconds) == most]
        if networks and not times:
            raise MeasurementError("no network could be timed")
    except (KeyboardInterrupt, CnnprofError):  # Ctrl-C while networks are timed is one of these.
        unfinished.keep(place, holds_for, ceilings, known)
        raise
    conditions = {
        "time": time.strftime(TIME_FORMAT, time.gmtime()),
        "busy": found.busy or ceilings.conditions.get("busy", ""),
        "full": full,
        "resumed": resumed,
        "environment": found.environment,
    }
    table = _table(samples, found, options)
    calibration = Calibration(ceilings, table, conditions=conditions)
    place.unlink(missing_ok=True)
    of_grid = {*grid}
    designed_keys = {key for sample, key in zip(samples, _keys(samples), strict=True) if sample in of_grid}
    fitted = fit(calibration, times, RUN_BYTES[options.dtype], designed_keys) if times else calibration
    return replace(fitted, conditions={**conditions, "seconds": round(time.monotonic() - begin)})


def measure_missing_operations(
    calibration: Calibration, costs: Mapping[str, Cost], options: Options, on_progress: Tell = quiet
) -> Calibration:
    """The calibration with these layers' own times. Raises MeasurementError if a process fails.

    The machine may be quicker or slower than when it was calibrated: references, timed in the same processes, say by how much,
    and the layers are given the times that they would have taken then.
    """
    before = calibration.operations
    samples = [*((cost.node.layer, cost.inputs) for cost in costs.values()), *_references(before)]
    found = _undisturbed(samples, options, on_progress)
    table = _table(samples, found, options)
    again = [(before[key], each) for key, each in table.items() if key in before]
    hot = exp(median([log(then.hot / now.hot) for then, now in again])) if again else 1.0
    cold = exp(median([log(then.cold / now.cold) for then, now in again])) if again else 1.0
    more = {key: Timed(each.operation, hot * each.hot, cold * each.cold) for key, each in table.items() if key not in before}
    conditions = dict(calibration.conditions)
    if found.busy:
        conditions["busy"] = found.busy
    return replace(calibration, operations={**before, **more}, conditions=conditions)


def _references(known: Mapping[str, Timed]) -> list[Sample]:
    """Some of the operations that are known, of all kinds that are, none of which takes long."""
    keys = [key for key, each in known.items() if each.hot < LONG_REFERENCE]
    found = []
    for key in keys[:: max(1, len(keys) // REFERENCES)]:
        with suppress(LookupError, TypeError, ValueError):  # Of a file that says something else.
            found.append(sample_of(key))
    return found


def _undisturbed(
    samples: Sequence[Sample],
    options: Options,
    on_progress: Tell,
    known: Found | None = None,
    then: float = 0.0,
    after: Callable[[], None] = lambda: None,
) -> Found:
    """The operations' times; once more, if something else had the core, and then the quieter run's.

    Args:
        then: seconds of what comes behind, for the time that is left.
        after: as `time_operations` calls it.
    """
    found = time_operations(samples, options, on_progress, known, then, after)
    if not found.busy:
        return found
    again = time_operations(samples, options, on_progress, None, then, after)
    return max(found, again, key=lambda each: (not each.busy, each.share))


def _keys(samples: Sequence[Sample]) -> list[str]:
    return [key_of(layer, inputs) for layer, inputs in samples]


def _digest(samples: Sequence[Sample]) -> str:
    """A text that differs where operations or their order do: what was kept of them is kept by their numbers."""
    return sha256("\n".join(_keys(samples)).encode()).hexdigest()[:16]


def _table(samples: Sequence[Sample], found: Found, options: Options) -> dict[str, Timed]:
    table = {}
    for number, (layer, inputs) in enumerate(samples):
        seconds = found.seconds(number)
        operation = operation_alone(layer, inputs, RUN_BYTES[options.dtype])
        if seconds is not None and operation is not None:
            table[operation.key] = Timed(operation, *seconds)
    return table


def _time_networks(networks: Sequence[Analysis], options: Options, on_progress: Tell, whole: Sequence[list[float]]) -> None:
    """Time whole networks in two processes, and add each one's median seconds to its list."""
    from cnnprof.measure.bench import run

    jobs = [Job(each.graph.name, each.graph, each.graph.input_shape[0]) for each in networks]
    seconds = max(SECONDS_A_NETWORK * len(jobs), LEAST_SECONDS)
    quick = replace(options, processes=2, rounds=6, warmup_seconds=0.1, budget_seconds=seconds)
    for found, measurement in zip(whole, run(jobs, quick, on_progress) if jobs else (), strict=True):
        found += map(median, measurement.times)
