"""A machine's ceilings, measured in fresh worker processes; its operations are `operation_calibration`'s."""

from __future__ import annotations

import time
from dataclasses import dataclass

from cnnprof.errors import MeasurementError
from cnnprof.measure.calibration_files import way
from cnnprof.measure.devices import Device, check_device
from cnnprof.measure.fingerprint import fingerprint
from cnnprof.measure.options import Options
from cnnprof.measure.task import Event, Reporter, follow
from cnnprof.measure.worker_run import Progress, Tell
from cnnprof.notify import quiet
from cnnprof.timing.doubts import TIME_FORMAT, disturbance
from cnnprof.timing.roofline import Ceilings, Rate, RateKind

PROCESSES = 2
"""The higher of their rates counts: a ceiling is what can be reached."""

MOST_PROCESSES = 4


def calibrate(options: Options, on_progress: Tell = quiet) -> Ceilings:
    """Measure the ceilings; while something else disturbed every process, there is another, `MOST_PROCESSES` at the most.

    Raises UnavailableError before anything starts, and MeasurementError if a process fails.
    """
    check_device(options.device, options.threads)
    rates: dict[tuple[RateKind, str, int], float] = {}
    overheads: list[float] = []
    disturbances: list[str] = []

    def hear(event: Event) -> None:
        match event["event"]:
            case "rate":
                key = (event["kind"], event["what"], event["size"])
                rates[key] = max(rates.get(key, 0.0), event["rate"])
            case "overhead":
                overheads.append(event["seconds"])
            case "watched":
                disturbances.append(disturbance(**event["found"]))

    while len(disturbances) < PROCESSES or (all(disturbances) and len(disturbances) < MOST_PROCESSES):
        number = len(disturbances) + 1
        text = "calibrating" if number <= PROCESSES else "calibrating again, for the machine was busy"
        on_progress(Progress(number, max(number, PROCESSES), text))
        failure = follow(MeasureCeilings(options), hear)
        if failure:
            raise MeasurementError(f"the machine cannot be calibrated: {failure}")
        disturbances += [""] * (number - len(disturbances))
    found = tuple(Rate(kind, what, rate, size) for (kind, what, size), rate in rates.items())
    # The highest rates are those of an undisturbed process, if there was one.
    conditions = {"time": time.strftime(TIME_FORMAT, time.gmtime()), "busy": disturbances[0] if all(disturbances) else ""}
    return Ceilings(fingerprint(options.device), way(options), found, min(overheads), conditions)


@dataclass(frozen=True)
class MeasureCeilings:
    """The task: run the kernels whose highest rates are ceilings."""

    options: Options

    def work(self, device: Device, report: Reporter) -> None:
        """Events: a `rate` each kernel, the `overhead` of a call, and what was `watched` meanwhile."""
        from cnnprof.measure.ceilings import measure_ceilings
        from cnnprof.measure.system_info import Watch

        watch = Watch()
        measure_ceilings(device, self.options.dtype, self.options.layout, report)
        if device.name == "cpu":
            report({"event": "watched", "found": watch.found()})
