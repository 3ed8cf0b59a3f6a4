"""Times of single operations, in fresh worker processes: each with its input just written, and after much other data."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cnnprof.errors import CnnprofError, MeasurementError
from cnnprof.measure.options import Options
from cnnprof.measure.task import Event, Reporter, follow
from cnnprof.measure.worker_run import Progress, Tell
from cnnprof.network.layers import layer_from_dict, layer_to_dict
from cnnprof.network.layers.pooling import AdaptiveMaxPool, MaxPool
from cnnprof.notify import quiet
from cnnprof.timing.doubts import disturbance
from cnnprof.timing.intervals import median
from cnnprof.timing.operations import FIRST_CHANNELS

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cnnprof.measure.devices import Device
    from cnnprof.measure.grid_tensors import Sample
    from cnnprof.network.dims import Shape

FAR_BYTES = 64 * 2**20
"""Of other data before a cold call, and from which weights are taken in turns: more than most shared caches hold."""

ALIGNED_BYTES = 64
"""A tensor begins at a multiple of these, as from torch's allocator."""

BEFORE = (64, 14, 14)
"""Channels, rows and columns of the layers that run before each call."""

SILENT = 3 / 8
"""The share of the channels behind later layers that a ReLU leaves nothing of, in networks with random weights."""

WATCHED_EVERY = 25
"""Operations after which a process says how it was disturbed so far, should it be interrupted."""

PROCESSES = 2
HOT_CALLS, COLD_CALLS = 7, 1
LONG_SECONDS = 0.02
"""A call that takes longer is repeated less."""


@dataclass
class Found:
    """The times of samples, from all processes.

    Args:
        hot, cold: for each sample the median seconds in each process.
        failed: samples that could not be run, with the reason.
        environment: as the last worker reported it.
        watched: the disturbances of each process, for `timing.doubts.disturbance`; until it was interrupted, if it was.
    """

    hot: dict[int, list[float]] = field(default_factory=dict)
    cold: dict[int, list[float]] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    watched: list[dict[str, float]] = field(default_factory=list)

    @property
    def busy(self) -> str:
        """The disturbance of the measurement in words, "" if there was none."""
        return next(filter(None, (disturbance(**each) for each in self.watched)), "")

    @property
    def share(self) -> float:
        """Processor time over wall time, in the process that had least of it."""
        return min((each["share"] for each in self.watched), default=1.0)

    def seconds(self, number: int) -> tuple[float, float] | None:
        """Hot and cold seconds of a sample: the quicker process's, for what disturbs one only lengthens it."""
        if number not in self.hot or number not in self.cold:
            return None
        return min(self.hot[number]), min(self.cold[number])


@dataclass(frozen=True)
class TimeOperations:
    """The task: time every sample in an order of this process's own."""

    options: Options
    samples: Sequence[tuple[dict[str, Any], list[list[int]]]]
    seed: int

    def work(self, device: Device, report: Reporter) -> None:
        """Events: `operation` each sample, `failed` for one that does not run, and now and then what was `watched` so far."""
        import torch

        from cnnprof.measure.system_info import Watch

        timer = _Timer(device, self.options)
        order = list(range(len(self.samples)))
        random.Random(self.seed).shuffle(order)
        watch = Watch()
        with torch.inference_mode():
            for done, number in enumerate(order):
                layer, inputs = self.samples[number]
                try:
                    hot, cold = timer.time(layer, inputs)
                except (CnnprofError, RuntimeError, ValueError, TypeError) as error:
                    report({"event": "failed", "number": number, "error": str(error).split("\n")[0][:200]})
                    continue
                report({"event": "operation", "number": number, "done": done + 1, "hot": hot, "cold": cold})
                if device.name == "cpu" and ((done + 1) % WATCHED_EVERY == 0 or done + 1 == len(order)):
                    report({"event": "watched", "found": watch.found(reports=done + 1)})


class _Timer:
    """Runs one operation at a time, in a worker process."""

    def __init__(self, device: Device, options: Options) -> None:
        import torch

        from cnnprof.measure.workload import casting

        self._device, self._options = device, options
        self._cast = casting(device.name, options.dtype)
        self._far = torch.ones(FAR_BYTES // 4, device=device.name)
        self._taken = 0
        channels, *size = BEFORE
        conv = torch.nn.Conv2d(channels, channels, 1, bias=False)
        block = torch.nn.Sequential(conv, torch.nn.BatchNorm2d(channels), torch.nn.ReLU(inplace=True))
        self._before, (self._x,) = self._place(block, [(1, channels, *size)])

    def time(self, layer: dict[str, Any], inputs: list[list[int]]) -> tuple[float, float]:
        """Median seconds of a call as in a network, and of one after other data.

        In a network other layers come before, the input was just written, into memory that was just freed, and the weights were
        last read a run ago.
        """
        from cnnprof.torch_bridge.rows import ROWS

        made = layer_from_dict(layer)
        build = ROWS[type(made)].build
        if build is None:
            raise CnnprofError(f"{made.type} cannot be built")
        shapes = tuple(map(tuple, inputs))
        module, sources = self._place(build(made, shapes), shapes)
        if isinstance(made, (MaxPool, AdaptiveMaxPool)):
            _as_behind_relu(sources[0])
        weights = _weights(module)
        given = [*sources]

        def call() -> object:
            with self._cast():
                return module(*given)

        def in_network() -> None:
            self._exchange(weights)
            with self._cast():
                y = self._before(self._x)
                y + y
            # Anew each time: in place, a layer changes its input; one that decays to denormal numbers would be timed otherwise.
            for number, source in enumerate(sources):
                given[number] = source.clone()

        def far() -> None:
            in_network()
            self._far.mul_(1.0)

        in_network()
        first = self._device.time(call).seconds
        hot_calls, cold_calls = (HOT_CALLS, COLD_CALLS) if first < LONG_SECONDS else (3, 1)
        return self._median(hot_calls, in_network, call), self._median(cold_calls, far, call)

    def _place(self, module: nn.Module, shapes: Sequence[Shape]) -> tuple[nn.Module, tuple[Tensor, ...]]:
        from cnnprof.measure.workload import place

        return place(module.eval(), shapes, self._device.name, self._options.dtype, self._options.layout)

    def _exchange(self, weights: Sequence[tuple[nn.Module, str, Tensor]]) -> None:
        """Put weights in the place of a module's that lie where nothing was read for long.

        Their values are all alike, which no kernel's time depends on.
        """
        import torch

        size = sum(tensor.nbytes + ALIGNED_BYTES for *_, tensor in weights)
        if size > FAR_BYTES // 2:
            return  # Such weights push themselves out of the caches.
        if self._taken + size > FAR_BYTES:
            self._taken = 0
        for module, name, tensor in weights:
            store = self._far.view(tensor.dtype)
            fresh = store.as_strided(tensor.shape, tensor.stride(), self._taken // tensor.element_size())
            is_parameter = name in module._parameters
            setattr(module, name, torch.nn.Parameter(fresh, requires_grad=False) if is_parameter else fresh)
            self._taken += -(-tensor.nbytes // ALIGNED_BYTES) * ALIGNED_BYTES

    def _median(self, calls: int, before: Callable[[], object], call: Callable[[], object]) -> float:
        times = []
        for _ in range(calls):
            before()
            times.append(self._device.time(call).seconds)
        return median(times)


def _weights(module: nn.Module) -> list[tuple[nn.Module, str, Tensor]]:
    """The tensors of real numbers that a module holds, with their holder and name."""
    return [
        (part, name, tensor)
        for part in module.modules()
        for name, tensor in [*part._parameters.items(), *part._buffers.items()]
        if tensor is not None and tensor.is_floating_point()
    ]


def _as_behind_relu(x: Tensor) -> None:
    """Make random numbers what maximum pooling finds in a network, as it branches at each that is higher than the last.

    Behind a network's first layers half of the numbers are 0, here and there; behind later ones whole channels are.
    """
    x.relu_()
    channels = x.shape[1]
    if channels > FIRST_CHANNELS:
        x[:, : int(SILENT * channels)] = 0


def time_operations(
    samples: Sequence[Sample],
    options: Options,
    on_progress: Tell = quiet,
    found: Found | None = None,
    then: float = 0.0,
    after: Callable[[], None] = lambda: None,
) -> Found:
    """Time single layers. Raises MeasurementError if a process fails.

    Args:
        after: called after each of the processes, for what is to be measured in the same minutes.
        found: what is known already, which is added to; what each process had timed is not timed again.
        then: seconds of what comes behind, for the time that is left.
    """
    found = Found() if found is None else found
    sent = [(layer_to_dict(layer), [list(shape) for shape in inputs]) for layer, inputs in samples]
    began, done = time.monotonic(), 0
    open_ones = [
        [number for number in range(len(sent)) if len(found.hot.get(number, ())) <= process] for process in range(PROCESSES)
    ]
    for process, todo in enumerate(open_ones):
        if not todo:
            after()
            continue
        behind = sum(map(len, open_ones[process + 1 :]))

        def hear(
            event: Event,
            process: int = process,
            todo: Sequence[int] = todo,
            behind: int = behind,
            before: int = len(found.watched),
        ) -> None:
            nonlocal done
            match event["event"]:
                case "environment":
                    found.environment = dict(event["environment"])
                case "operation":
                    found.hot.setdefault(todo[event["number"]], []).append(event["hot"])
                    found.cold.setdefault(todo[event["number"]], []).append(event["cold"])
                    done += 1
                    if event["done"] % 50 == 0:
                        left = (time.monotonic() - began) / done * (len(todo) - event["done"] + behind) + then
                        on_progress(Progress(process + 1, PROCESSES, f"operation {event['done']} of {len(todo)}", left=left))
                case "failed":
                    found.failed[todo[event["number"]]] = event["error"]
                case "watched":
                    found.watched[before:] = [dict(event["found"])]

        on_progress(Progress(process + 1, PROCESSES, f"timing {len(todo)} operations"))
        failure = follow(TimeOperations(options, [sent[number] for number in todo], options.seed + process), hear)
        if failure:
            raise MeasurementError(f"operations cannot be timed: {failure}")
        after()
    return found
