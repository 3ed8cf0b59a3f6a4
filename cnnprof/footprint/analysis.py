"""A network's costs together with what it holds in memory on the processor, in the format of its weights."""

from __future__ import annotations

from functools import cached_property

from cnnprof.footprint.execution import as_written
from cnnprof.footprint.liveness import Footprint, inference
from cnnprof.footprint.training import training
from cnnprof.network import results
from cnnprof.network.analysis import analyze
from cnnprof.network.dims import Dim
from cnnprof.network.graph import Graph
from cnnprof.record import record


@record
class MemoryTotals(results.Totals):
    """A network's sums, and the bytes of an inference at its worst moment."""

    peak_inference_bytes: Dim


@record
class MemoryAnalysis(results.Analysis):
    """An analysis with an inference and a training step with SGD; each is worked out once, when it is first asked for."""

    @cached_property
    def inference(self) -> Footprint:
        """The memory of one inference."""
        return inference(self.graph, self.costs, as_written(self.graph))

    @cached_property
    def training(self) -> Footprint:
        """The memory of one training step with SGD."""
        return training(self.graph, self.costs, as_written(self.graph))

    @cached_property
    def totals(self) -> MemoryTotals:
        """The network's sums, with the peak of an inference."""
        return MemoryTotals(**vars(results.sum_up(self.graph, self.costs)), peak_inference_bytes=self.inference.peak_bytes)


def analyze_memory(graph: Graph) -> MemoryAnalysis:
    """As `network.analysis.analyze`, and what the network holds in memory. Raises CnnprofError as it does."""
    analysis = analyze(graph)
    return MemoryAnalysis(analysis.graph, analysis.costs)
