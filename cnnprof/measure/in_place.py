"""Times of single layers where they belong: inside a run of the whole network, with what the ones before left in the caches.

The network is run from its graph, one layer after the other, with a mark of the device's clock before and after each. Layers
timed alone are no substitute: hot, they sum up to 77% of MobileNet v2's time, and with emptied caches to 165%.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor

from cnnprof.footprint.execution import ImageLayout, RunDtype
from cnnprof.measure.devices import Device
from cnnprof.measure.task import Reporter
from cnnprof.measure.workload import Cast, casting, infer, place, with_batch
from cnnprof.network.graph import Graph
from cnnprof.record import record
from cnnprof.torch_bridge.build import ModuleStep, build
from cnnprof.torch_bridge.instantiate import instantiate

RunKind = Literal["plain", "stepped"]
"""A run as it is, or with every layer timed."""

RUN_KINDS: tuple[RunKind, ...] = get_args(RunKind)


class Split(NamedTuple):
    """Seconds of a whole run and of each of its layers."""

    whole: float
    layers: list[float]


@record
class LayerWork:
    """A network ready to run: whole, or layer by layer."""

    names: Sequence[str]
    plain: Callable[[], object]
    stepped: Callable[[], Split]


def prepare_layers(graph: Graph, batch: int, device: Device, dtype: RunDtype, layout: ImageLayout) -> LayerWork:
    """The network as its source makes it for whole runs, and as built from its graph for runs layer by layer."""
    module, x = place(instantiate(graph).eval(), with_batch(graph, batch), device.name, dtype, layout)
    network = build(graph)
    place(network.eval(), with_batch(graph, batch), device.name, dtype, layout)
    cast = casting(device.name, dtype)
    return LayerWork(
        names=[step.output for step in network.steps],
        plain=lambda: infer(module, x, cast),
        stepped=lambda: run_in_steps(network.steps, dict(zip(graph.inputs, x, strict=True)), device, cast),
    )


def run_in_steps(steps: Sequence[ModuleStep], inputs: Mapping[str, Tensor], device: Device, cast: Cast) -> Split:
    """One forward pass with the time of every step. A tensor is dropped after its last reader, as in an ordinary run."""
    marks: list[tuple[Any, Any]] = []
    tensors = {**inputs}
    with torch.inference_mode(), cast():
        begin = device.mark()
        for module, read, output, done in steps:
            given = [tensors[name] for name in read]
            start = device.mark()
            tensors[output] = module(*given)
            marks.append((start, device.mark()))
            del given
            for name in done:
                del tensors[name]
        end = device.mark()
    whole, *layers = device.seconds_between([(begin, end), *marks])
    return Split(whole, layers)


@record
class LayerSession:
    """Runs of networks in turns, whole and layer by layer, in random order."""

    works: Sequence[LayerWork]
    device: Device
    report: Reporter
    rounds: int
    warmup_runs: int
    warmup_seconds: float
    seconds: float
    seed: int

    def run(self) -> None:
        """Warm up, then time each kind of run in every round, until the rounds are done or the seconds spent."""
        deadline = self.device.clock() + self.seconds
        for number, work in enumerate(self.works):
            self.report({"event": "warm-up", "job": number, "names": [*work.names]})
            self._warm_up(work)
        order = random.Random(self.seed)
        turns = [(number, kind) for number in range(len(self.works)) for kind in RUN_KINDS]
        for done in range(self.rounds):
            if done and self.device.clock() >= deadline:
                return
            for number, kind in order.sample(turns, len(turns)):
                self._time(number, kind)

    def _warm_up(self, work: LayerWork) -> None:
        begin = self.device.clock()
        runs = 0
        while runs < self.warmup_runs or self.device.clock() - begin < max(self.warmup_seconds, self.device.warmup_seconds):
            self.device.time(work.plain)
            work.stepped()
            runs += 1

    def _time(self, number: int, kind: RunKind) -> None:
        work = self.works[number]
        if kind == "plain":
            self.report({"event": "plain", "job": number, "seconds": self.device.time(work.plain).seconds})
        else:
            whole, layers = work.stepped()
            self.report({"event": "stepped", "job": number, "seconds": whole, "layers": layers})
