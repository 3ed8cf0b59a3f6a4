"""Tasks of worker processes, and how their parent follows them.

A task is a value: the parent sends it to a fresh process, which unpickles it and does its `work`. What happens there comes back
as events, mappings of JSON types with a name under `event`, which the parent's side of the task makes its results of.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from cnnprof.errors import MeasurementError
from cnnprof.measure.options import Options
from cnnprof.measure.supervisor import start_worker

if TYPE_CHECKING:
    from cnnprof.measure.devices import Device

Event = Mapping[str, Any]
Reporter = Callable[[Event], None]

GRACE_SECONDS = 0.5
"""Seconds that a process has to end by itself before its parent ends it."""

OUT_OF_TIME = "the time budget was spent"


class Task(Protocol):
    """Work for a process of its own; pickled, so that its module must not import torch."""

    @property
    def options(self) -> Options:
        """How to measure: the device that is opened, threads, number format."""

    def work(self, device: Device, report: Reporter) -> None:
        """Do it, in the worker process, and report what happens.

        An exception of type CnnprofError ends the whole run. Of those that concern one network of several, the task reports.
        """


def follow(task: Task, hear: Callable[[Event], None], until: float | None = None) -> str | None:
    """Do the task in a fresh worker process; `hear` is called with each of its events, as they come.

    Args:
        until: the time, by time.monotonic(), at which the process is ended if it has not ended by itself.

    Returns None if the task was done, and else what the process ended of. Raises MeasurementError with the worker's own message
    where it says that nothing can be measured.
    """
    timeout = task.options.timeout
    with start_worker(task, task.options.threads) as worker:
        try:
            for event in worker.events(timeout, until):
                match event["event"]:
                    case "done":
                        return None
                    case "fatal":
                        raise MeasurementError(event["error"])
                    case _:
                        hear(event)
            return worker.failure()
        except TimeoutError:
            late = until is not None and time.monotonic() >= until
            return OUT_OF_TIME if late else f"no answer within {timeout:g} s"


def seconds_left(until: float) -> float:
    """Until a time by time.monotonic(), which all processes of a machine share; starting one takes some of it."""
    return max(0.0, until - time.monotonic())
