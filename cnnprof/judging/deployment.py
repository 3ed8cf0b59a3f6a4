"""The deployment that a budget is for: input, batch, number format, device, threads, settings; and what figures are there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from cnnprof.errors import CnnprofError, Place, SpecError, suggest
from cnnprof.footprint.analysis import MemoryAnalysis
from cnnprof.footprint.execution import Execution, device_kind
from cnnprof.footprint.formats import FORMATS, NumberFormat, sizes_in
from cnnprof.footprint.liveness import inference
from cnnprof.footprint.training import training
from cnnprof.record import record

KEYS = ("input", "batch", "dtype", "device", "threads", "settings")

_INPUT = re.compile(r"[1-9]\d*(x[1-9]\d*)*")
_DEVICE = re.compile(r"cpu|mps|cuda(:\d+)?")
MOST = {"batch": 2**20, "threads": 4096}
"""Numbers beyond which a mistake is more likely."""


@record
class Deployment:
    """How a network is run, as far as a budget says; what it leaves out (None) is as for every network that is checked.

    Args:
        input: `3x160x160` or `160`.
        batch: images in one run.
        dtype: `fp32`, `fp16`, `bf16` or `int8`.
        device: `cpu`, `cuda`, `cuda:1`, `mps`.
        threads: processor threads an operation may use.
        settings: of the network, by name.
    """

    input: str | None = None
    batch: int | None = None
    dtype: NumberFormat | None = None
    device: str | None = None
    threads: int | None = None
    settings: tuple[tuple[str, Any], ...] = ()

    @property
    def mark(self) -> str:
        """The words behind a name that tell the network from itself in another deployment; empty if nothing is said."""
        threads = f"{self.threads} thread{'s' * (self.threads != 1)}" if self.threads else None
        batch = f"batch {self.batch}" if self.batch else None
        said = [f"{name}={_text(value)}" for name, value in self.settings]
        said += [part for part in (self.input, batch, self.dtype, self.device, threads) if part]
        return f" ({', '.join(said)})" if said else ""

    @property
    def way(self) -> dict[str, Any]:
        """The part of it that a measurement or a prediction is told."""
        given = {"device": self.device, "dtype": self.dtype, "threads": self.threads}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def reshapes(self) -> bool:
        """Whether the network has other layers or sizes than as it is asked for."""
        return bool(self.input or self.batch or self.settings)


EVERYWHERE = Deployment()


def figure_in(profile: MemoryAnalysis, figure: str, deployment: Deployment) -> float | None:
    """A figure of the network, in base units, where it is deployed so; None for one that there is not."""
    totals, dtype = profile.totals, deployment.dtype or "fp32"
    if figure == "top1":
        accuracy = profile.graph.facts.accuracy
        return accuracy.top1 if accuracy and dtype != "int8" else None
    if figure == "param_bytes":
        return totals.param_bytes if dtype == "fp32" else sizes_in(profile, dtype).param_bytes
    if figure not in ("peak_inference_bytes", "peak_training_bytes"):
        value: float = getattr(totals, figure)
        return value
    trained = figure == "peak_training_bytes"
    if dtype == "int8":
        return None if trained else sizes_in(profile, dtype).peak_inference_bytes
    if not deployment.way:
        return int((profile.training if trained else profile.inference).peak_bytes)
    kind = device_kind(deployment.device or "cpu")
    if kind is None:
        return None
    run = Execution(kind, dtype, threads=deployment.threads or 1)
    return int((training if trained else inference)(profile.graph, profile.costs, run).peak_bytes)


def unknown_in(figure: str, deployment: Deployment) -> str:
    """Why there is no such figure there."""
    if figure == "top1":
        return "no accuracy of it is stated" + (
            " in int8" if deployment.dtype == "int8" else " there" if deployment.mark else ""
        )
    if deployment.dtype == "int8":
        return "int8 is neither trained nor measured here"
    return f"nothing is known of memory on '{deployment.device}'"


def read_deployment(entry: Mapping[str, Any], place: Callable[..., Place | None]) -> Deployment:
    """The deployment that an entry of pyproject.toml names.

    Args:
        place: gives the place of a key, and of a word in its line.

    Raises SpecError, with its place, for a value that is none.
    """
    found: dict[str, Any] = {}
    for key in KEYS:
        if key in entry:
            try:
                found[key] = _READ[key](key, entry[key])
            except CnnprofError as error:
                raise SpecError(f"{key} of a budget: {error.message}", place(key), error.hint) from None
    return replace(EVERYWHERE, **found)


def _read_input(_: str, value: Any) -> str:
    text = str(value)
    if isinstance(value, bool) or not isinstance(value, (int, str)) or not _INPUT.fullmatch(text):
        raise CnnprofError(f"'{value}' is not an input size", hint='as in input = "3x160x160", or input = 160')
    return text


def _read_number(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST[key]:
        raise CnnprofError(f"'{value}' is not a number from 1 to {MOST[key]:,}", hint=f"as in {key} = 4")
    return value


def _read_dtype(_: str, value: Any) -> NumberFormat:
    if value not in FORMATS:
        raise CnnprofError(f"'{value}' is not a number format", hint=suggest(str(value), FORMATS))
    dtype: NumberFormat = value
    return dtype


def _read_device(_: str, value: Any) -> str:
    if not isinstance(value, str) or not _DEVICE.fullmatch(value):
        raise CnnprofError(f"'{value}' is not a device", hint="devices are cpu, cuda, cuda:1, ..., and mps")
    return value


def _read_settings(_: str, value: Any) -> tuple[tuple[str, Any], ...]:
    if not isinstance(value, Mapping) or not all(_is_plain(each) for each in value.values()):
        raise CnnprofError(f"'{value}' are no settings", hint='as in settings = { width = 0.5, act = "silu" }')
    return tuple((name, tuple(each) if isinstance(each, list) else each) for name, each in value.items())


_READ: Mapping[str, Callable[[str, Any], Any]] = {
    "input": _read_input,
    "batch": _read_number,
    "dtype": _read_dtype,
    "device": _read_device,
    "threads": _read_number,
    "settings": _read_settings,
}


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(each, (str, int, float, bool)) for each in value)
    return isinstance(value, (str, int, float, bool))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{','.join(map(_text, value))}]" if isinstance(value, tuple) else str(value)
