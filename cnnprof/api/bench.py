"""`cnnprof.bench`: latency, measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnnprof.api.profile import Network, Notify, profile_each
from cnnprof.api.result import Result
from cnnprof.record import record

if TYPE_CHECKING:
    from cnnprof.measure.bench import Job, Options, Progress
    from cnnprof.report import Report
    from cnnprof.timing.measurements import Measurement


@record(repr=False)
class Benchmark(Result):
    """Measured latencies; `interrupted` if not all runs were made."""

    measurements: tuple[Measurement, ...]
    interrupted: bool = False

    def report(self) -> Report:
        """The report of `cnnprof bench`."""
        from cnnprof.views.benchmark import show_measurements

        return show_measurements(self.measurements)

    def __repr__(self) -> str:
        return f"<Benchmark of {', '.join(measurement.model for measurement in self.measurements)}>"


def bench(
    references: Sequence[Network],
    batches: Sequence[int] = (1,),
    settings: Mapping[str, Any] | None = None,
    input_shape: tuple[int, ...] | None = None,
    options: Options | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Benchmark:
    """Time networks on a device; `options` says which, and how (see `cnnprof.measure.bench.Options`).

    Ctrl-C ends it, and what was measured is returned.
    """
    from cnnprof.measure.bench import Interrupted, Options, run
    from cnnprof.measure.options import add_twin

    jobs = add_twin(jobs_of(references, batches, settings, (input_shape,)))
    try:
        return Benchmark(tuple(run(jobs, options or Options(), on_progress)))
    except Interrupted as stopped:
        return Benchmark(tuple(stopped.measurements), interrupted=True)


def jobs_of(
    references: Sequence[Network],
    batches: Sequence[int] = (1,),
    settings: Mapping[str, Any] | None = None,
    input_shapes: Sequence[tuple[int, ...] | None] = (None,),
    notify: Notify = lambda _: None,
) -> list[Job]:
    """The networks at every batch size and input size, ready to be measured; of several input sizes, names bear them."""
    from cnnprof.measure.options import Job

    jobs = []
    for batch in batches:
        for shape in input_shapes:
            mark = f" ({'x'.join(map(str, shape))})" if shape and len(input_shapes) > 1 else ""
            some = profile_each(references, settings, shape, batch, notify)
            jobs += [Job(each.graph.name + mark, each.graph, batch) for each in some]
    return jobs
