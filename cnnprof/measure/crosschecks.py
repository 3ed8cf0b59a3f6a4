"""Cross-checks of many networks at once, in worker processes."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

import torch

from cnnprof.errors import CnnprofError, MeasurementError
from cnnprof.measure.checks import check_module
from cnnprof.measure.session import describe_failure
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import Graph
from cnnprof.timing.measurements import Check
from cnnprof.torch_bridge.empty_weights import with_zeros, without_data

FEW = 8
"""So many networks are checked faster than a second process starts."""


def check_each(graphs: Sequence[Graph], processes: int = 1) -> Generator[tuple[int, list[Check] | CnnprofError], None, None]:
    """The rows of `measure.checks` for every graph, with its number, as they come; or why its module cannot be made.

    The modules have no weights, so that a cross-check takes little more than a run. Raises MeasurementError if a worker process
    dies. Closing the iterator ends the workers.
    """
    if processes < 2 or len(graphs) <= FEW:
        yield from ((number, _check(graph)) for number, graph in enumerate(graphs))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _prepare) as pool:
        # The largest first, so that none is left to one process at the end.
        order = sorted(range(len(graphs)), key=lambda number: -len(graphs[number]))
        try:
            numbers = {pool.submit(_check, graphs[number]): number for number in order}
            for done in as_completed(numbers):
                yield numbers[done], done.result()
        except BrokenProcessPool:
            raise MeasurementError("a worker process died", hint="memory may be short: check fewer networks at once") from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()


def _prepare() -> None:
    """Ctrl-C is the parent's to answer; a worker uses one thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def _check(graph: Graph) -> list[Check] | CnnprofError:
    try:
        return check_module(without_data(graph), analyze(graph), with_zeros)
    except CnnprofError as error:
        return error
    except Exception as error:
        # Of many networks one that fails must not lose the others.
        return CnnprofError(describe_failure(error))
