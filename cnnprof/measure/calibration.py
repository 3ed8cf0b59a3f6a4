"""A machine's ceilings: measured in fresh worker processes, kept a file a machine and way to run, and refused elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from cnnprof.cache import cache_folder
from cnnprof.errors import MeasurementError, UnavailableError
from cnnprof.files import RESULTS, parse_json, read_within, replace_file
from cnnprof.measure.devices import Device, check_device
from cnnprof.measure.fingerprint import differences, fingerprint
from cnnprof.measure.options import Options
from cnnprof.measure.task import Event, Report, follow
from cnnprof.measure.turn import Progress
from cnnprof.timing.doubts import TIME_FORMAT, disturbance
from cnnprof.timing.roofline import Ceilings, Rate

K = TypeVar("K")

PROCESSES = 2
"""The higher of their rates counts: a ceiling is what can be reached."""

MOST_PROCESSES = 4

DEFAULTS = Options()


def calibrate(options: Options, on_progress: Callable[[Progress], None] = lambda _: None) -> Ceilings:
    """Measure the ceilings; while something else disturbed every process, there is another, `MOST_PROCESSES` at the most.

    Raises UnavailableError before anything starts, and MeasurementError if a process fails.
    """
    check_device(options.device, options.threads)
    rates: dict[tuple[str, str, int], float] = {}
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

    def work(self, device: Device, report: Report) -> None:
        """Events: a `rate` each kernel, the `overhead` of a call, and what was `watched` meanwhile."""
        from cnnprof.measure.ceilings import measure_ceilings
        from cnnprof.measure.surroundings import Watch

        watch = Watch()
        measure_ceilings(device, self.options.dtype, self.options.layout, report)
        if device.name == "cpu":
            report({"event": "watched", "found": watch.found()})


def keep(ceilings: Ceilings, options: Options) -> Path | None:
    """Write the ceilings where `recall` finds them; None where that is not possible."""
    return keep_text(calibration_path(options), json.dumps(ceilings.to_dict(), indent=1) + "\n")


def keep_text(path: Path, text: str) -> Path | None:
    """Write a file of the cache, its folder included; None where that is not possible."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text)
        return path
    return None


def recall(options: Options, path: Path | None = None) -> Ceilings:
    """The ceilings that were kept for this machine and way to run, or those of a file.

    Raises UnavailableError if there are none, or they hold for another machine, torch or way to run.
    """
    hint = calibrate_command(options)
    lacking = f"there is no {path}" if path else "this machine is not calibrated" + _said(way(options))
    file = path or calibration_path(options)
    ceilings = read_kept(file, Ceilings.from_dict, lacking, f"{file} is no calibration", hint)
    changed = differences(ceilings.machine, fingerprint(options.device)) or differences(ceilings.options, way(options))
    if changed:
        raise UnavailableError(f"the calibration does not hold here: {changed}", hint=hint)
    return ceilings


def read_kept(file: Path, make: Callable[[Mapping[str, Any]], K], lacking: str, damaged: str, hint: str) -> K:
    """The results in a file. Raises UnavailableError, in these words, where there is none or it holds something else."""
    try:
        return make(parse_json(read_within(file, RESULTS)))
    except FileNotFoundError:
        raise UnavailableError(lacking, hint=hint) from None
    except OSError as error:
        raise UnavailableError(f"cannot read {file}: {error.strerror}", hint=hint) from None
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        raise UnavailableError(damaged, hint=hint) from None


def calibrate_command(options: Options) -> str:
    """The command line that makes the calibration for the options."""
    given = [f" --{key} {value}" for key, value in way(options).items() if value != getattr(DEFAULTS, key)]
    return "cnnprof calibrate" + "".join(given)


def way(options: Options) -> dict[str, Any]:
    """The options that ceilings depend on."""
    return {key: getattr(options, key) for key in ("device", "dtype", "threads", "layout")}


def _said(way: Mapping[str, Any]) -> str:
    return " for " + ", ".join(f"{key} {value}" for key, value in way.items())


def calibration_path(options: Options) -> Path:
    """A file a machine and way to run; torch's version is inside, so that an old one is found and refused."""
    machine = {key: value for key, value in fingerprint(options.device).items() if key != "torch"}
    digest = sha256(json.dumps([machine, way(options)]).encode()).hexdigest()[:16]
    return cache_folder() / "calibrations" / f"{digest}.json"
