"""`cnnprof.bench`: latency, measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnnprof.api.profile import Network, Size, as_models, profile_each
from cnnprof.api.result import Result
from cnnprof.notify import Notify, quiet
from cnnprof.record import record
from cnnprof.sources import Model
from cnnprof.sources._types import Settings

if TYPE_CHECKING:
    from cnnprof.charts import Chart
    from cnnprof.measure.bench import Job, Options
    from cnnprof.measure.journal import Journal
    from cnnprof.measure.options import Way
    from cnnprof.measure.worker_run import Tell
    from cnnprof.report import Report
    from cnnprof.timing.energy import Energy
    from cnnprof.timing.measurements import Measurement
    from cnnprof.timing.ratios import Ratio


@record(repr=False)
class Benchmark(Result):
    """Measured latencies.

    Args:
        measurements: one a network, batch and input size.
        interrupted: whether not all runs were made.
        since: how much slower each is than in an earlier run, where one was given.
        remarks: what has changed around them since.
        energies: joules of a run, or why they are not known, where they were asked for.
    """

    measurements: tuple[Measurement, ...]
    interrupted: bool = False
    since: tuple[Ratio, ...] = ()
    remarks: tuple[str, ...] = ()
    energies: Sequence[Energy | str] | None = None

    def report(self, compared: bool = False) -> Report:
        """The report of `cnnprof bench`.

        Args:
            compared: begin with the ratios to the first network, and verdicts.

        Returns:
            A Report: a table with a row a measurement.
        """
        from cnnprof.views.benchmark import show_measurements

        return show_measurements(self.measurements, compared, self.since, self.remarks, self.energies)

    def chart(self) -> Chart:
        """The chart of `cnnprof plot bench`."""
        from cnnprof.views.benchmark import chart_runs

        return chart_runs(self.measurements)

    def __repr__(self) -> str:
        return f"<Benchmark of {', '.join(measurement.model for measurement in self.measurements)}>"


def bench(
    networks: Network,
    batches: int | Sequence[int] = (1,),
    input_shape: Size = None,
    settings: Settings = None,
    options: Options | None = None,
    on_progress: Tell = quiet,
    journal: str | Path | None = None,
    against: str | Path | None = None,
    energy: bool = False,
    ways: Sequence[Way] = (),
) -> Benchmark:
    """Time networks on a device. Ctrl-C ends it, and what was measured is returned.

    Args:
        networks: references, globs, torch modules or Models; a single one may stand without a list; ratios are to the first.
        batches: batch sizes, each a measurement of its own.
        input_shape: (C, H, W) instead of the networks' own.
        settings: values that override the networks' own, by name.
        options: on which device, and how (see `cnnprof.Options`).
        on_progress: told how far the measurement is.
        journal: a file to which each result is added as it comes; what it holds already counts.
        against: what an earlier run wrote with `cnnprof bench -o FILE.json`, to be compared with.
        energy: also measure joules a run.
        ways: how else each network is run, as a row of its own: `compiled`, `CUDA graph`.

    Returns:
        A Benchmark: `measurements` with every raw time.

    Raises:
        UsageError: the options, the journal or the earlier run do not go with this run.
        UnavailableError: there is no such device, or a package is missing.
        MeasurementError: no worker process can work.
    """
    from cnnprof.measure.bench import Options
    from cnnprof.measure.options import add_twin, add_ways

    how = options or Options()
    wanted = [batches] if isinstance(batches, int) else batches
    jobs = add_ways(jobs_of(as_models(networks, settings), wanted, (input_shape,)), ways)
    twinned = add_twin(jobs)
    compare_since = held_against(against, jobs, how)
    kept = _open(journal, twinned, how)
    measurements, interrupted = time_jobs(twinned, how, on_progress, kept)
    since, remarks = compare_since([each for each in measurements if not each.twin])
    energies = None
    if energy and not interrupted:
        from cnnprof.measure.energy import measure_energies

        try:
            energies = measure_energies(jobs, how)
        except KeyboardInterrupt:
            interrupted = True
    return Benchmark(measurements, interrupted, since, remarks, energies)


def time_jobs(
    jobs: Sequence[Job], options: Options, on_progress: Tell, journal: Journal | None = None
) -> tuple[tuple[Measurement, ...], bool]:
    """Measure networks that are ready to be.

    Args:
        jobs: each a network at a batch size.
        options: on which device, and how.
        on_progress: told how far the measurement is.
        journal: keeps what is measured, and has what an earlier run did.

    Returns:
        The measurements, and whether Ctrl-C ended them early.

    Raises:
        MeasurementError: a worker process cannot be started.
    """
    from cnnprof.measure.bench import Interrupted, run

    try:
        # A run without a journal is called as one.
        return tuple(run(jobs, options, on_progress, *([journal] if journal else []))), False
    except Interrupted as stopped:
        return tuple(stopped.measurements), True


def _open(path: str | Path | None, jobs: Sequence[Job], options: Options) -> Journal | None:
    from cnnprof.measure.journal import resume_journal

    return resume_journal(Path(path), jobs, options) if path is not None else None


def held_against(
    path: str | Path | None, jobs: Sequence[Job], options: Options
) -> Callable[[Sequence[Measurement]], tuple[tuple[Ratio, ...], tuple[str, ...]]]:
    """The comparison with earlier measurements, whose file is read at once.

    Args:
        path: a journal, or a report of `bench` as JSON; None for no comparison.
        jobs: what is about to be measured.
        options: how it is.

    Returns:
        A function of new measurements: their ratios to the earlier ones, and remarks on these; nothing without a file.

    Raises:
        UsageError: the file cannot be read, or holds no measurement that compares with these.
    """
    if path is None:
        return lambda _: ((), ())
    from cnnprof.measure.earlier import compare_with_earlier, find_earlier, read_measurements

    before = find_earlier(read_measurements(Path(path)), jobs, options, Path(path))
    return lambda now: compare_with_earlier(now, before)


def jobs_of(
    models: Sequence[Model], batches: Sequence[int] = (1,), input_shapes: Sequence[Size] = (None,), notify: Notify = quiet
) -> list[Job]:
    """The networks at every batch size and input size, ready to be measured.

    Args:
        models: the networks.
        batches: images in one run, each number of them.
        input_shapes: (C, H, W), each of them; None for the network's own.
        notify: told what is being read.

    Returns:
        A job for each; of several input sizes, names bear them.

    Raises:
        CnnprofError: as `load` for any of them.
    """
    from cnnprof.measure.options import Job

    jobs = []
    for batch in batches:
        for shape in input_shapes:
            mark = f" ({'x'.join(map(str, shape))})" if shape and len(input_shapes) > 1 else ""
            some = profile_each(models, shape, batch, notify)
            jobs += [Job(each.graph.name + mark, each.graph, batch) for each in some]
    return jobs
