"""`cnnprof predict`: the time that networks are going to take, and what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from cnnprof.record import record
from cnnprof.report import WIDE_ONLY, Column, Report, Table, plural
from cnnprof.timing.calibrations import Calibration
from cnnprof.timing.measurements import Measurement
from cnnprof.timing.prediction import Basis, Prediction
from cnnprof.views import columns as col


@record
class PredictionRow:
    """A prediction, and the milliseconds that were measured; None where the network was not run."""

    prediction: Prediction
    measured: float | None

    @property
    def error(self) -> float | None:
        """How far the prediction is off, as a share of what was measured."""
        return self.prediction.milliseconds / self.measured - 1 if self.measured else None


def _predicted(column: Column, take: Callable[[Prediction], Any]) -> Column:
    return replace(column, of=lambda held: take(held.prediction))


def _coverage(basis: Basis, heading: str) -> Column:
    return _predicted(Column(basis, heading, "share", 2), lambda prediction: prediction.coverage[basis])


NETWORK = (
    _predicted(col.MODEL, lambda prediction: prediction.model),
    _predicted(col.INPUT, lambda prediction: prediction.input_shape[1:]),
    _predicted(col.BATCH, lambda prediction: prediction.batch),
    _predicted(col.PREDICTED_MS, lambda prediction: prediction.milliseconds),
)
INTERVAL90 = _predicted(replace(col.INTERVAL90, weight=0), lambda prediction: prediction.interval90_ms)
THROUGHPUT_IMG_S = _predicted(
    col.THROUGHPUT_IMG_S, lambda prediction: prediction.batch / prediction.seconds if prediction.seconds else None
)
COVERAGE = (
    _coverage("measured", "measured"),
    _coverage("interpolated", "interpol."),
    _coverage("extrapolated", "extrapol."),
    _coverage("unknown", "unknown"),
)
"""The shares of the time that rest on operations which were timed, on near ones, on none near, and on nothing."""
COLD = Column("cold", "cold %", "share")
"""The share of a layer's inputs that the cache no longer holds when it reads them."""
RUN = (Column("measured_ms", "run, ms", "ms", of=lambda held: held.measured), Column("error", "error %", "error"))


def _layer_columns(prediction: Prediction) -> tuple[Column, ...]:
    """A layer of the network, whose times add up to the network's."""
    return (
        col.NAME,
        col.KIND,
        replace(col.LAYER_MS, of=lambda layer: layer.seconds * prediction.factor * 1e3),
        replace(col.TIME_SHARE, of=lambda layer: layer.seconds * prediction.factor / prediction.seconds),
        Column("basis", "rests on"),
        replace(COLD, weight=3 if any(layer.cold for layer in prediction.layers) else WIDE_ONLY),
        Column("limit", "held by"),
        col.EFFICIENCY,
    )


def show_predictions(
    predictions: Sequence[Prediction], calibration: Calibration, measurements: Sequence[Measurement] = (), top: int = 10
) -> Report:
    """The report on predictions.

    Args:
        calibration: what they rest on.
        measurements: of the same networks, in the same order, or none.
        top: layers to show of each network.
    """
    data_sheet = calibration.data_sheet
    times = [_latency(each) for each in measurements] or [None] * len(predictions)
    known = () if data_sheet else (INTERVAL90,)
    shares = () if data_sheet else COVERAGE
    columns = (*NETWORK, *known, THROUGHPUT_IMG_S, *shares, *(RUN if measurements else ()))
    sections = [Table.of(columns, [PredictionRow(each, measured) for each, measured in zip(predictions, times, strict=True)])]
    sections += [_layers(each, top, len(predictions) > 1) for each in predictions if each.layers] if top else []
    data = {
        "machine": dict(calibration.ceilings.machine),
        "options": dict(calibration.ceilings.options),
        "calibration": {key: value for key, value in calibration.conditions.items() if key != "environment"},
        "lower_bound": data_sheet,
        "predictions": [_dict(each, measured) for each, measured in zip(predictions, times, strict=True)],
    }
    title = "Latency at the least, by the machine's data sheet" if data_sheet else "Predicted latency of one forward pass"
    notes = tuple(_notes(predictions, calibration))
    return Report("predict", title, tuple(sections), notes, data, doubts=calibration_doubts(calibration))


def _latency(measurement: Measurement) -> float | None:
    latency = measurement.latency()
    return latency.median if latency else None


def _layers(prediction: Prediction, top: int, named: bool) -> Table:
    dearest = sorted(prediction.layers, key=lambda layer: -layer.seconds)[:top]
    title = f"The dearest {plural(len(dearest), 'layer')}" + (f" of {prediction.model}" if named else "")
    return Table.of(_layer_columns(prediction), dearest, title)


def prediction_dict(prediction: Prediction) -> dict[str, Any]:
    """A prediction as JSON types, without its layers."""
    return {
        "predicted_ms": prediction.milliseconds,
        "interval90": list(prediction.interval90_ms),
        "coverage": dict(prediction.coverage),
        "unknown_kinds": list(prediction.unknown_kinds),
    }


def _dict(prediction: Prediction, measured: float | None) -> dict[str, Any]:
    found = {
        "model": prediction.model,
        "input_shape": list(prediction.input_shape[1:]),
        "batch": prediction.batch,
        **prediction_dict(prediction),
        "layers": list(Table.of(_layer_columns(prediction), prediction.layers).rows),
    }
    return found | ({"measured_ms": measured} if measured is not None else {})


def calibration_notes(calibration: Calibration, predicted: str = "") -> list[str]:
    """Of what machine predicted times are, and what there is to doubt of them; `predicted` tells them from others."""
    if calibration.data_sheet:
        return [
            f"{predicted}a lower bound: every layer at the data sheet's highest rate of arithmetic or of bytes, whichever "
            "takes longer; real kernels take two to five times as long"
        ]
    machine, options = calibration.ceilings.machine, calibration.ceilings.options
    threads = plural(int(options.get("threads", 1)), "thread")
    way = f"torch {machine.get('torch')}, {options.get('dtype')}, {options.get('layout')}"
    taken = calibration.conditions.get("time")
    timed = plural(len(calibration.operations), "timed operation") + (f", calibrated {taken}" if taken else "")
    return [
        f"{predicted}for {machine.get('processor')}, {threads}, {way}; {timed}",
        *calibration_doubts(calibration),
    ]


def calibration_doubts(calibration: Calibration | None) -> tuple[str, ...]:
    """The reasons to doubt predicted times; none where none are predicted."""
    return tuple(f"the calibration {doubt}" for doubt in calibration.doubts()) if calibration else ()


def lower_bound(unknown_kinds: Sequence[str]) -> str:
    """The remark on a time that some kinds of layers are missing from."""
    return f"a lower bound, for nothing is measured of {', '.join(unknown_kinds)}"


def _notes(predictions: Sequence[Prediction], calibration: Calibration) -> list[str]:
    notes = calibration_notes(calibration)
    if calibration.data_sheet:
        return notes
    notes.append(
        "shares are of the time: measured, the very layer was timed; interpolated, near ones of its kind were; extrapolated, "
        "none near"
    )
    for each in predictions:
        if each.unknown_kinds:
            notes.append(f"{each.model}: {lower_bound(each.unknown_kinds)} (--measure-missing does)")
    if any(each.coverage["extrapolated"] > 0.1 for each in predictions):
        notes.append("more than a tenth of some network's time is extrapolated: --measure-missing times those layers")
    return notes
