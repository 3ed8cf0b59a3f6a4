"""`cnnprof.predict`: how long networks take on a machine, without running them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnnprof.api.profile import Network, Size, as_models, profile_each
from cnnprof.api.result import Result
from cnnprof.network.results import Analysis
from cnnprof.notify import Notify, quiet
from cnnprof.record import record
from cnnprof.sources import resolve
from cnnprof.sources._types import Settings
from cnnprof.timing.calibrations import Calibration
from cnnprof.timing.prediction import Prediction, Predictor

if TYPE_CHECKING:
    from cnnprof.measure.options import Options
    from cnnprof.measure.worker_run import Tell
    from cnnprof.report import Report
    from cnnprof.timing.measurements import Measurement

ANCHORS = (
    ("resnet18", (3, 224, 224)),
    ("mobilenet_v2", (3, 224, 224)),
    ("squeezenet1_1", (3, 224, 224)),
    ("mobilenet_v2", (3, 128, 128)),
    ("resnet50", (3, 160, 160)),
    ("resnet34", (3, 112, 112)),
    ("seresnet50", (3, 128, 128)),
    ("preact_resnet50", (3, 112, 112)),
    ("mobilenet_v2_050", (3, 192, 192)),
    ("nin_cifar10", (3, 32, 32)),
    ("resnet56", (3, 32, 32)),
    ("mobilenet_v4_conv_s", (3, 128, 128)),
    ("mobilevit_xxs", (3, 128, 128)),
    ("vovnet27_slim", (3, 128, 128)),
    ("vit_ti16", (3, 224, 224)),
    ("yolov8n", (3, 160, 160)),
    ("yolov3_tiny", (3, 160, 160)),
    ("resnet20", (3, 32, 32)),
    ("wrn_40_1", (3, 32, 32)),
)
"""Networks, with their input, that say what a run takes beyond its layers; large and small layers, few and many.

Of n networks the error of rank k bounds the next one's in k of n + 1 cases: of fewer than nineteen an interval of 90% is as
wide as the largest error. None has convolutions over 3x3 pixels, which lie beyond the grid and say
nothing of what is in it.
"""


@record(repr=False)
class Predictions(Result):
    """Predicted times.

    Args:
        predictions: one a network.
        calibration: what they rest on.
        measurements: of the same networks, where they were asked for.
    """

    predictions: tuple[Prediction, ...]
    calibration: Calibration
    measurements: tuple[Measurement, ...] = ()

    def report(self, top: int = 10) -> Report:
        """The report of `cnnprof predict`.

        Args:
            top: how many layers of each network, those that take longest.

        Returns:
            A Report: milliseconds with their interval, and what they rest on.
        """
        from cnnprof.views.prediction import show_predictions

        return show_predictions(self.predictions, self.calibration, self.measurements, top)

    def __repr__(self) -> str:
        return f"<Predictions of {', '.join(prediction.model for prediction in self.predictions)}>"


def predict(
    networks: Network | Sequence[Network],
    input_shape: Size = None,
    batch: int = 1,
    settings: Settings = None,
    options: Options | None = None,
    calibration: Known = None,
    measure_missing: bool = False,
    measure: bool = False,
    notify: Notify = quiet,
    on_progress: Tell = quiet,
) -> Predictions:
    """How long one inference takes, from single operations that were timed on the machine.

    Args:
        networks: references, globs or Models.
        input_shape: (C, H, W) instead of the networks' own.
        batch: images in one run.
        settings: values that override the networks' own, by name.
        options: device, number format, threads and layout.
        calibration: a Calibration or a file of one, perhaps made elsewhere; what this machine keeps if left out.
        measure_missing: time the layers whose very configuration the calibration lacks; keep them unless the machine is busy.
        measure: also measure the networks whole.
        notify: told what is being read.
        on_progress: told how far a measurement is.

    Returns:
        Predictions: seconds with a 90% interval, and what each layer's part rests on.

    Raises:
        UnavailableError: there is no calibration for this machine and way to run.
        MeasurementError: a worker process fails.
    """
    from cnnprof.measure.calibration_files import keep_operations
    from cnnprof.measure.options import Job, Options

    how = options or Options()
    known = find_calibration(how, calibration)
    profiles = profile_each(as_models(networks, settings), input_shape, batch, notify)
    if measure_missing:
        missing = {key: cost for each in profiles for key, cost in predictor_of(known, how).missing(each).items()}
        if missing:
            from cnnprof.measure.operation_calibration import measure_missing_operations

            more = measure_missing_operations(known, missing, how, on_progress)
            # What a busy machine took is said now, and measured again the next time.
            if calibration is None and more.busy == known.busy:
                keep_operations(more, how)
            known = more
    predictor = predictor_of(known, how)
    predictions = tuple(predictor.predict(each) for each in profiles)
    measurements: tuple[Measurement, ...] = ()
    if measure:
        from cnnprof.api.bench import time_jobs

        jobs = [Job(each.graph.name, each.graph, batch) for each in profiles]
        measurements, _ = time_jobs(jobs, how, on_progress)
    return Predictions(predictions, known, measurements)


Known = Calibration | str | Path | None
"""The basis of predictions: a calibration or a file of one, perhaps made elsewhere; what this machine keeps if None."""


def find_calibration(options: Options, given: Known = None) -> Calibration:
    """The calibration that is meant. Raises UnavailableError if there is none for the machine and way to run."""
    from cnnprof.measure.calibration_files import recall_operations

    if isinstance(given, Calibration):
        return given
    return recall_operations(options, Path(given) if given else None, elsewhere=given is not None)


def predictor_of(calibration: Calibration, options: Options) -> Predictor:
    """The predictor for networks that are run so."""
    from cnnprof.footprint.execution import RUN_BYTES

    return Predictor(calibration, RUN_BYTES[options.dtype])


def calibrate(options: Options | None = None, full: bool = False, on_progress: Tell = quiet) -> Calibration:
    """Time a designed grid of operations on this machine, for `predict`; less than 3 minutes, or 12 in `full`.

    Args:
        options: device, number format, threads and layout.
        full: a denser grid, and a batch of 8 as well.
        on_progress: told how far it is.

    Returns:
        The Calibration; `measure.calibration_files.keep_operations` keeps it.

    Raises:
        UnavailableError: there is no such device.
        MeasurementError: a worker process fails.
    """
    from cnnprof.measure.operation_calibration import calibrate_operations
    from cnnprof.measure.options import Options

    return calibrate_operations(options or Options(), anchors(), full, on_progress)


def anchors() -> list[Analysis]:
    """The networks of `ANCHORS`, analyzed."""
    from cnnprof.network.analysis import analyze

    return [analyze(resolve(name).graph(shape)) for name, shape in ANCHORS]


def by_data_sheet(flops: float, bandwidth: float) -> Calibration:
    """A machine by two figures of its data sheet: no layer is faster than either allows.

    Args:
        flops: floating-point operations a second.
        bandwidth: bytes a second between processor and memory.

    Returns:
        A Calibration for `predict`, without a single timed operation.
    """
    from cnnprof.timing.roofline import ARITHMETIC, MEMORY, Ceilings, Rate

    rates = (*(Rate(kind, "data sheet", flops) for kind in ARITHMETIC), Rate(MEMORY, "data sheet", bandwidth, 1))
    return Calibration(Ceilings({"processor": "by its data sheet"}, {}, rates, 0.0), {})
