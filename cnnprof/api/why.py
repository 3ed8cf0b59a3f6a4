"""`cnnprof.why`: why one network is slower than another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnprof.api.profile import Network, Size, as_model, pair
from cnnprof.api.result import Result
from cnnprof.notify import Notify, quiet
from cnnprof.record import record
from cnnprof.sources._types import Settings

if TYPE_CHECKING:
    from cnnprof.measure.options import Options
    from cnnprof.measure.worker_run import Tell
    from cnnprof.report import Report
    from cnnprof.timing.roofline import Ceilings
    from cnnprof.views.reasons import TimedNetwork


@record(repr=False)
class Reasons(Result):
    """Two networks with the time of every layer and what holds it; `complete` is False if Ctrl-C ended the run early.

    `ceilings` are the limits of the machine that layers are held against.
    """

    a: TimedNetwork
    b: TimedNetwork
    complete: bool = True
    ceilings: Ceilings | None = None

    def report(self, top: int = 10) -> Report:
        """The report of `cnnprof why`.

        Args:
            top: how many layers, those that make most of the difference.

        Returns:
            A Report: both networks' times, and what holds their layers.
        """
        from cnnprof.views.reasons import show_reasons

        return show_reasons(self.a, self.b, top, self.ceilings)

    def __repr__(self) -> str:
        return f"<Reasons of {self.a.name} and {self.b.name}>"


def why(
    a: Network,
    b: Network,
    input_shape: Size = None,
    batch: int = 1,
    settings: Settings = None,
    options: Options | None = None,
    ceilings: Ceilings | None = None,
    notify: Notify = quiet,
    on_progress: Tell = quiet,
) -> Reasons:
    """Time two networks layer by layer, beside what this machine can do at the most.

    Args:
        a: the one network; it and the other are as for `load`.
        b: the one to measure it by.
        input_shape: (C, H, W) instead of the networks' own.
        batch: images in one run.
        settings: values that override the networks' own, by name.
        options: on which device, and how.
        ceilings: what the machine can do; what `cnnprof calibrate` kept of it if left out.
        notify: told what is being read.
        on_progress: told how far the measurement is.

    Returns:
        Reasons: both networks with their layers' times.

    Raises:
        UnavailableError: this machine is not calibrated for the options.
        MeasurementError: a worker process fails.
    """
    from cnnprof.measure.calibration_files import recall
    from cnnprof.measure.layers import time_layers
    from cnnprof.measure.options import Job, Options
    from cnnprof.views.reasons import look_into

    how = options or Options()
    ceilings = ceilings or recall(how)
    profiles = pair(as_model(a, settings), as_model(b, settings), input_shape, batch, notify)
    timed, complete = time_layers([Job(each.graph.name, each.graph, batch) for each in profiles], how, on_progress)
    first, second = (look_into(each, times, ceilings) for each, times in zip(profiles, timed, strict=True))
    return Reasons(first, second, complete, ceilings)
