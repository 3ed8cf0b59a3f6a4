"""Calibrations as files: one a machine and way to run, found again on this machine and refused on any other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from cnnprof.cache import cache_folder
from cnnprof.errors import UnavailableError
from cnnprof.files import RESULTS, parse_json, read_within, replace_file
from cnnprof.measure.fingerprint import differences, fingerprint
from cnnprof.measure.options import Options
from cnnprof.timing.calibrations import FORMAT, Calibration
from cnnprof.timing.roofline import Ceilings

K = TypeVar("K")

DEFAULTS = Options()

HOW_LONG = "it takes less than 3 minutes"


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
    return "cnnprof calibrate" + _as_options(way(options))


def _as_options(way: Mapping[str, Any]) -> str:
    """Those of a way to run that are not the defaults, as in a command line."""
    return "".join([f" --{key} {value}" for key, value in way.items() if value != getattr(DEFAULTS, key, None)])


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


def keep_operations(calibration: Calibration, options: Options, path: Path | None = None) -> Path | None:
    """Write the calibration to a file, or where `recall_operations` finds it; None where that is not possible."""
    text = json.dumps(calibration.to_dict(), separators=(",", ":")) + "\n"
    if path is not None:
        replace_file(path, text)
        return path
    return keep_text(operations_path(options), text)


def recall_operations(options: Options, path: Path | None = None, elsewhere: bool = False) -> Calibration:
    """The calibration that was kept for this machine and way to run, or that of a file.

    Args:
        elsewhere: the file may be of another machine, whose time is asked for.

    Raises UnavailableError if there is none, or it holds for another machine, torch or way to run.
    """
    file_there = " -o FILE, on the device itself," if elsewhere else ""
    hint = f"{calibrate_command(options)} --grid{file_there} makes one: {HOW_LONG}"
    lacking = f"there is no {path}" if path else "the operations of this machine are not calibrated"
    file = path or operations_path(options)

    def make(data: Mapping[str, Any]) -> Calibration:
        if "operations" in data and data.get("format") != FORMAT:
            raise UnavailableError(f"{file} was written by another version of cnnprof", hint=hint)
        return Calibration.from_dict(data)

    calibration = read_kept(file, make, lacking, f"{file} is no calibration of operations", hint)
    machine = "" if elsewhere else differences(calibration.ceilings.machine, fingerprint(options.device))
    changed = machine or differences(calibration.ceilings.options, way(options))
    if changed:
        if elsewhere:
            its_own = _as_options(calibration.ceilings.options) or " the default options"
            raise UnavailableError(f"{file} holds for another way to run: {changed}", hint=f"predict with{its_own}")
        more = "; --machine FILE means a calibration made elsewhere" if machine else ""
        raise UnavailableError(f"the calibration does not hold here: {changed}", hint=hint + more)
    return calibration


def operations_path(options: Options) -> Path:
    """The file of the operations that were timed for the machine and way to run."""
    return calibration_path(options).with_suffix(".operations.json")


def unfinished_path(options: Options) -> Path:
    """The file of what an interrupted calibration for the machine and way to run had measured."""
    return operations_path(options).with_suffix(".unfinished.json")
