"""A network in a comparison, and the columns that say what it costs and what is reported of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from cnnprof.accuracies import recipe_of
from cnnprof.errors import CnnprofError
from cnnprof.footprint.analysis import MemoryAnalysis
from cnnprof.footprint.capacity import Fit
from cnnprof.network.graph import Accuracy
from cnnprof.record import record
from cnnprof.report import Column
from cnnprof.timing.measurements import Measurement
from cnnprof.timing.prediction import Prediction
from cnnprof.views import columns as col
from cnnprof.views.figures import accuracy_in, describe
from cnnprof.views.model import source_text

RECIPE = Column("recipe", "recipe", weight=8)


@record
class Entry:
    """A network in a comparison.

    Args:
        figures: what `views.figures.describe` says of it.
        load: its analysis, for who needs layers.
        measurement: if it was timed.
        fits: the largest batches that fit, if that was asked.
        accuracy: what is stated of it, by the source that was chosen.
        error: why it could not be read; there are no figures then, but `model.name`.
        prediction: if its time was predicted.
    """

    figures: Mapping[str, Any]
    load: Callable[[], MemoryAnalysis]
    measurement: Measurement | None = None
    fits: tuple[Fit, ...] = ()
    accuracy: Accuracy | None = None
    error: CnnprofError | None = None
    prediction: Prediction | None = None

    @classmethod
    def of(cls, profile: MemoryAnalysis, measurement: Measurement | None = None, fits: tuple[Fit, ...] = ()) -> Entry:
        """The entry of a network that is analyzed."""
        return cls(describe(profile), lambda: profile, measurement, fits, profile.graph.facts.accuracy)

    @classmethod
    def read(cls, figures: Mapping[str, Any], load: Callable[[], MemoryAnalysis]) -> Entry:
        """The entry of a network by its figures, with the accuracy that they state."""
        return cls(figures, load, accuracy=accuracy_in(figures))

    @property
    def name(self) -> str:
        """Its name in the table."""
        return str(self.figures["model"]["name"])

    @property
    def profile(self) -> MemoryAnalysis:
        """The network, layer by layer."""
        return self.load()

    def total(self, key: str) -> Any:
        """One of its sums; None where it could not be read."""
        return self.figures["totals"][key] if "totals" in self.figures else None


def _total(column: Column) -> Column:
    return replace(column, of=lambda entry: entry.total(column.key))


def _fact(column: Column) -> Column:
    return replace(column, of=lambda entry: entry.figures["model"].get(column.key))


def _stated(column: Column) -> Column:
    return replace(column, of=lambda entry: getattr(entry.accuracy, column.key, None))


def _peak(column: Column, mode: str) -> Column:
    return replace(column, of=lambda e: e.figures["memory"][mode]["peak_bytes"] if "memory" in e.figures else None)


def _fitting(column: Column, mode: str) -> Column:
    return replace(column, of=lambda entry: next((fit.batch for fit in entry.fits if fit.mode == mode), None))


def _measured(column: Column, take: Callable[[Measurement], Any]) -> Column:
    return replace(column, of=lambda entry: take(entry.measurement) if entry.measurement else None)


def _latency(column: Column, name: str) -> Column:
    return _measured(column, lambda measurement: getattr(measurement.latency(), name, None))


def _predicted(column: Column, take: Callable[[Prediction], Any]) -> Column:
    return replace(column, of=lambda entry: take(entry.prediction) if entry.prediction else None)


def _tuple(value: Any) -> tuple[int, ...] | None:
    return tuple(value) if value else None


OF_ENTRY = (
    replace(col.MODEL, of=lambda entry: entry.name),
    _fact(col.FAMILY),
    _fact(col.YEAR),
    replace(col.DTYPE, of=lambda entry: entry.figures.get("dtype", "fp32")),
    replace(col.INPUT, of=lambda entry: _tuple(entry.figures["model"].get("input_shape"))),
    replace(col.OUTPUT_SHAPE, of=lambda entry: _tuple(entry.figures.get("output_shape"))),
    _total(col.PARAMS),
    _total(col.MACS),
    _total(col.ACTIVATIONS),
    replace(col.OUTPUT_FIELD, of=lambda entry: _tuple(entry.figures.get("receptive_field"))),
    replace(col.NONLINEARITIES, of=lambda entry: entry.figures.get("nonlinearities")),
    _total(col.PARAM_BYTES),
    _total(col.ACTIVATION_BYTES),
    _total(col.PEAK_INFERENCE_BYTES),
    _peak(col.PEAK_TRAINING_BYTES, "training"),
    _fitting(col.FIT_INFERENCE, "infer"),
    _fitting(col.FIT_TRAINING, "train"),
    _stated(col.TOP1),
    _stated(col.TOP5),
    replace(col.ACCURACY_SOURCE, of=lambda entry: source_text(entry.accuracy) if entry.accuracy else None),
    replace(RECIPE, of=lambda entry: recipe_of(entry.accuracy) if entry.accuracy else None),
    _stated(col.DATASET),
    _measured(col.RUNTIME, lambda measurement: measurement.runtime),
    _latency(col.LATENCY_MS, "median"),
    _latency(col.CI95, "ci95"),
    _measured(col.THROUGHPUT_IMG_S, lambda measurement: measurement.throughput()),
    _predicted(col.PREDICTED_MS, lambda prediction: prediction.milliseconds),
    _predicted(col.INTERVAL90, lambda prediction: prediction.interval90_ms),
    _measured(col.PEAK_MEMORY_BYTES, lambda measurement: measurement.peak_bytes),
    _fact(col.SOURCE),
    replace(col.FAILURE, of=lambda entry: entry.figures.get("error")),
)
"""Columns of a network by itself; one that is added here is in every format, and in `--sort`, `--columns` and `--where`."""
