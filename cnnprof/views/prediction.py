"""`cnnprof predict`: the time that networks are going to take, and what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cnnprof.report import Column, Report, Table, plural
from cnnprof.timing.measurements import Measurement
from cnnprof.timing.prediction import Calibration, LayerPrediction, Prediction
from cnnprof.views import columns as col

MEASURED = Column("measured", "measured", "share", 2)
INTERPOLATED = Column("interpolated", "interpol.", "share", 2)
EXTRAPOLATED = Column("extrapolated", "extrapol.", "share", 2)
UNKNOWN = Column("unknown", "unknown", "share", 2)
ERROR = Column("error", "error %", "error")
MEASURED_MS = Column("measured_ms", "run, ms", "ms")
BASIS = Column("basis", "rests on")
LIMIT = Column("limit", "held by")


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
    rows = tuple(_cells(each, measured, data_sheet) for each, measured in zip(predictions, times, strict=True))
    columns = [col.MODEL, col.INPUT, col.BATCH, col.PREDICTED_MS]
    columns += [] if data_sheet else [replace(col.INTERVAL90, weight=0)]
    columns += [col.THROUGHPUT_IMG_S]
    columns += [] if data_sheet else [MEASURED, INTERPOLATED, EXTRAPOLATED, UNKNOWN]
    columns += [MEASURED_MS, ERROR] if measurements else []
    sections = [Table(tuple(columns), rows)]
    sections += [_layers(each, top, len(predictions) > 1) for each in predictions] if top else []
    data = {
        "machine": dict(calibration.ceilings.machine),
        "options": dict(calibration.ceilings.options),
        "calibration": {key: value for key, value in calibration.conditions.items() if key != "environment"},
        "lower_bound": data_sheet,
        "predictions": [_dict(each, measured) for each, measured in zip(predictions, times, strict=True)],
    }
    title = "Latency at the least, by the machine's data sheet" if data_sheet else "Predicted latency of one forward pass"
    return Report("predict", title, tuple(sections), tuple(_notes(predictions, calibration)), data)


def _latency(measurement: Measurement) -> float | None:
    latency = measurement.latency()
    return latency.median if latency else None


def _cells(prediction: Prediction, measured: float | None, data_sheet: bool) -> dict[str, Any]:
    milliseconds = prediction.milliseconds
    return {
        "model": prediction.model,
        "input": prediction.input_shape[1:],
        "batch": prediction.batch,
        "predicted_ms": milliseconds,
        "interval90": None if data_sheet else prediction.interval90_ms,
        "throughput_img_s": prediction.batch / prediction.seconds if prediction.seconds else None,
        **{str(basis): share for basis, share in prediction.coverage.items()},
        "measured_ms": measured,
        "error": 100 * (milliseconds / measured - 1) if measured else None,
    }


def _layers(prediction: Prediction, top: int, named: bool) -> Table:
    dearest = sorted(prediction.layers, key=lambda layer: -layer.seconds)[:top]
    title = f"The dearest {plural(len(dearest), 'layer')}" + (f" of {prediction.model}" if named else "")
    columns = (col.NAME, col.KIND, col.LAYER_MS, col.TIME_SHARE, BASIS, LIMIT, col.EFFICIENCY)
    return Table(columns, tuple(_layer_dict(layer, prediction) for layer in dearest), title)


def _layer_dict(layer: LayerPrediction, prediction: Prediction) -> dict[str, Any]:
    return {
        "name": layer.name,
        "kind": layer.kind,
        "layer_ms": layer.seconds * prediction.factor * 1e3,
        "time_share": layer.seconds * prediction.factor / prediction.seconds,
        "basis": layer.basis,
        "limit": layer.limit,
        "efficiency": layer.efficiency,
    }


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
        "layers": [_layer_dict(layer, prediction) for layer in prediction.layers],
    }
    return found | ({"measured_ms": measured} if measured is not None else {})


def calibration_notes(calibration: Calibration) -> list[str]:
    """Of what machine predicted times are, and what there is to doubt of them."""
    if calibration.data_sheet:
        return [
            "a lower bound: every layer at the data sheet's highest rate of arithmetic or of bytes, whichever takes longer; "
            "real kernels take two to five times as long"
        ]
    machine, options = calibration.ceilings.machine, calibration.ceilings.options
    threads = plural(int(options.get("threads", 1)), "thread")
    way = f"torch {machine.get('torch')}, {options.get('dtype')}, {options.get('layout')}"
    taken = calibration.conditions.get("time")
    timed = plural(len(calibration.operations), "timed operation") + (f", calibrated {taken}" if taken else "")
    return [
        f"for {machine.get('processor')}, {threads}, {way}; {timed}",
        *(f"the calibration {doubt}" for doubt in calibration.doubts()),
    ]


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
