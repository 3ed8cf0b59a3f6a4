"""`cnnprof.sweep`: the figures of a whole design space."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cnnprof.api.profile import Network, as_model
from cnnprof.api.result import Result
from cnnprof.errors import CnnprofError, UnavailableError, UsageError
from cnnprof.notify import quiet
from cnnprof.record import record
from cnnprof.sources._types import Settings

if TYPE_CHECKING:
    import pandas

    from cnnprof.api.predict import Known
    from cnnprof.charts import Chart
    from cnnprof.design_space.networks import Swept
    from cnnprof.design_space.predicting import Forecast
    from cnnprof.design_space.space import Space
    from cnnprof.judging.filters import Condition
    from cnnprof.measure.options import Job, Options
    from cnnprof.report import Report
    from cnnprof.views.sweep import Order
    from cnnprof.views.sweep_chart import ChartKind

Columns = dict[str, Any]
"""An array for each axis and figure, by name; all have one entry a point."""


@record(repr=False, eq=False)
class Sweep(Result):
    """A design space: its points' figures, worked out block by block when they are asked for.

    Args:
        swept: the network and its axes.
        space: the points.
        figures: the names of the figures that are worked out.
        condition: which points are left; all without one.
        strict: whether a point without a network ends the sweep.
        jobs: processes for networks that are loaded one by one.
        ready: all blocks, where they have been worked out.
        forecast: what predicts latency, where that is asked for.
    """

    swept: Swept
    space: Space
    figures: tuple[str, ...]
    condition: Condition | None = None
    strict: bool = False
    jobs: int = 1
    ready: Sequence[Columns] | None = None
    forecast: Forecast | None = None
    failed: dict[str, Any] = field(default_factory=lambda: {"points": 0, "first": None}, compare=False)

    def blocks(self, notify: Callable[[int], None] = quiet) -> Iterator[Columns]:
        """The points in order, some at a time, as columns; points without a network are counted in `failed`.

        Args:
            notify: is told how many points have been looked at.

        Returns:
            An iterator: for each block an array for each axis and figure, by name.

        Raises:
            CnnprofError: that of the first point without a network, if `strict`.
        """
        from cnnprof.design_space.evaluation import TOGETHER, evaluate
        from cnnprof.design_space.singly import evaluate_singly

        self.failed.update(points=0, first=None)
        done = 0
        some = TOGETHER if self.swept.takes_arrays else 16 * self.jobs
        for block in self.space.blocks(some):
            if self.swept.takes_arrays:
                found = evaluate(block, self.swept.build, self.figures, _after(done, notify), self.forecast)
            else:
                found = evaluate_singly(block, self.swept, self.figures, self.jobs, _after(done, notify), self.forecast)
            for failure in sorted(found.failures, key=lambda failure: min(failure.points)):
                if self.strict:
                    raise failure.error
                self.failed["first"] = self.failed["first"] or failure.error
                self.failed["points"] += len(failure.points)
            done += block.size
            columns = block.columns(found.points) | found.columns
            if self.condition is not None:
                kept = self.condition.mask(columns)
                columns = {name: column[kept] for name, column in columns.items()}
            yield columns
            notify(done)

    @cached_property
    def columns(self) -> Columns:
        """All points."""
        return merged(self.blocks() if self.ready is None else self.ready)

    def to_dict(self) -> Columns:
        """All points: an array for each axis and figure, by name."""
        return dict(self.columns)

    def to_pandas(self) -> pandas.DataFrame:
        """All points as a data frame. Raises ImportError where pandas is not installed."""
        import pandas

        return pandas.DataFrame(self.columns)

    def bench_jobs(self, order: Order, count: int) -> list[Job]:
        """Points of the space, ready to be measured.

        Args:
            order: which points come first.
            count: how many of them.

        Returns:
            A job for each, called by what its axes have there.

        Raises:
            UsageError: the order is by a figure that there is not.
        """
        from cnnprof.design_space.networks import read_axes
        from cnnprof.measure.options import Job

        columns = self.columns
        jobs = []
        for number in choose(columns, self.space.axes, order)[:count].tolist():
            values = {name: str(columns[name][number]) for name in self.space.axes}
            axes = read_axes(self.swept.model, {name: [value] for name, value in values.items()}).axes
            graph = self.swept.build({name: axes[name][0] for name in axes})
            called = ",".join(f"{name}={value}" for name, value in values.items())
            jobs.append(Job(f"{self.swept.model.called}@{called}", graph, int(graph.input_shape[0])))
        return jobs

    def report(self, order: Order | None = None) -> Report:
        """The report of `cnnprof sweep`.

        Args:
            order: which points and columns are shown; the first of all as they come if left out.

        Returns:
            A Report: two axes as a heat table, or the points as rows.

        Raises:
            UsageError: there is no such figure.
        """
        from cnnprof.views.sweep import RANK, Order, quickest_first, show_sweep

        order, columns = order or Order(), self.columns
        chosen = choose(columns, self.space.axes, order).tolist()
        forecast = self.forecast
        if forecast and not forecast.calibration.data_sheet and quickest_first(order, self.space.axes, columns):
            from cnnprof.design_space.predicting import ranks

            columns = {RANK.key: ranks(columns, forecast.calibration)} | columns
        rests_on = (forecast.calibration, tuple(forecast.unknown_kinds)) if forecast else None
        return show_sweep(self.swept.model.called, self.space, columns, chosen, self.failed, order, rests_on)

    @property
    def doubts(self) -> tuple[str, ...]:
        """The reasons to doubt the predicted times."""
        from cnnprof.views.prediction import calibration_doubts

        return calibration_doubts(self.forecast.calibration if self.forecast else None)

    def chart(self, y: str = "macs", kind: ChartKind | None = None) -> Chart:
        """The chart of `cnnprof plot sweep`; points beyond the condition are there, too, and marked.

        Args:
            y: the figure over the axes.
            kind: `lines`, one for each value of the second axis, or `heat`, a cell for each pair; what fits if left out.

        Returns:
            A Chart.

        Raises:
            UsageError: the figure or an axis cannot be drawn, or there are too many points.
        """
        from cnnprof.views.sweep_chart import Limits, chart_sweep, check_points

        check_points(self.space.size)
        name, axes = self.swept.model.called, self.space.axes
        calibration = self.forecast.calibration if self.forecast else None
        if self.condition is None:
            return chart_sweep(name, axes, self.columns, y, kind, None, calibration)
        every = replace(self, condition=None, ready=None).columns
        budget = Limits(self.condition.text, self.condition.mask(every).tolist(), self.condition.limits)
        return chart_sweep(name, axes, every, y, kind, budget, calibration)

    def __repr__(self) -> str:
        return f"<Sweep of {self.swept.model.reference}: {self.space.size:,} points of {', '.join(self.space.axes)}>"


def sweep(
    network: Network,
    axes: Mapping[str, Sequence[Any]],
    together: Sequence[Sequence[str]] = (),
    sample: int | None = None,
    seed: int = 0,
    where: str | None = None,
    figures: Collection[str] | None = None,
    strict: bool = False,
    settings: Settings = None,
    jobs: int = 1,
    predict: bool = False,
    options: Options | None = None,
    calibration: Known = None,
) -> Sweep:
    """The figures of a network at every point of a design space.

    Args:
        network: as for `cnnprof.load`.
        axes: values by setting; `input` ((C, H, W), or 160 for a square), `batch` and `dtype` are axes, too.
        together: groups of axes that move together, as `[("width", "depth")]`.
        sample: so many points, drawn at random, in place of all.
        seed: of the draw.
        where: a condition that points are to meet, as `"params < 5M and peak < 8MB"`.
        figures: which are worked out; all if left out.
        strict: raise the error of the first point at which there is no network, where others are counted.
        settings: values that override the network's own everywhere.
        jobs: processes for networks that are no specs, which are loaded one by one.
        predict: also predict latency, as `cnnprof.predict` does.
        options: device, threads and layout that latency is predicted for.
        calibration: a Calibration or a file of one, perhaps made elsewhere; what this machine keeps if left out.

    Returns:
        A Sweep, which works its points out when they are asked for.

    Raises:
        CnnprofError: the network, an axis, a value or the condition is wrong.
        UnavailableError: latency is to be predicted, and there is no calibration for the machine and way to run.
    """
    from cnnprof.design_space.evaluation import FIGURES
    from cnnprof.design_space.networks import read_axes
    from cnnprof.design_space.predicting import PREDICTED
    from cnnprof.design_space.space import Space
    from cnnprof.views.sweep import read_where

    swept = read_axes(as_model(network, settings), axes)
    space = Space(swept.axes, tuple(tuple(group) for group in together), sample, seed)
    space.groups  # noqa: B018 - says what is wrong with groups
    space.check()
    there = (*FIGURES, *PREDICTED) if predict else FIGURES
    condition = read_where(where, swept.axes, there) if where else None
    wanted = there if figures is None else tuple(figures)
    unknown = [name for name in wanted if name not in there]
    if unknown:
        raise CnnprofError(f"there is no figure '{unknown[0]}'", hint=f"one of {', '.join(there)}")
    forecast = forecast_of(swept.axes.get("dtype", ("fp32",)), options, calibration) if predict else None
    return Sweep(swept, space, wanted, condition, strict, jobs, forecast=forecast)


def forecast_of(formats: Sequence[str], options: Options | None, given: Known) -> Forecast:
    """Predictors of latency in the number formats that a calibration is there for.

    Raises UnavailableError if there is none for any of them.
    """
    from cnnprof.api.predict import find_calibration, predictor_of
    from cnnprof.design_space.predicting import ArrayPredictor, Forecast
    from cnnprof.footprint.execution import RUN_DTYPES
    from cnnprof.measure.options import Options

    predictors: dict[str, ArrayPredictor] = {}
    lacking = None
    for dtype in [each for text in dict.fromkeys(formats) for each in RUN_DTYPES if each == text]:
        how = replace(options or Options(), dtype=dtype)
        try:
            predictors[dtype] = ArrayPredictor(predictor_of(find_calibration(how, given), how))
        except UnavailableError as error:
            lacking = lacking or error
    if not predictors:
        raise lacking or UsageError("latency is predicted in formats that networks are run in here: fp32, fp16 or bf16")
    return Forecast(predictors)


def _after(done: int, notify: Callable[[int], None]) -> Callable[[int], None]:
    """A notice of points of a block, behind those that were done before it."""
    return lambda count: notify(done + count)


def merged(blocks: Iterable[Columns]) -> Columns:
    """All points of some blocks.

    Args:
        blocks: of points, one at least, each with an array for every axis and figure.

    Returns:
        An array for every axis and figure.
    """
    import numpy as np

    every = list(blocks)
    return {name: np.concatenate([block[name] for block in every]) for name in every[0]}


def choose(columns: Mapping[str, Any], axes: Mapping[str, Sequence[Any]], order: Order) -> Any:
    """The points that are asked for.

    Args:
        columns: an array for each axis and figure.
        axes: the values of each axis, by its name.
        order: which points, and in which order.

    Returns:
        The numbers of the points, in their order.

    Raises:
        UsageError: there is no such figure.
    """
    import numpy as np

    from cnnprof.design_space.front import best_first, front
    from cnnprof.views.sweep import find_figure

    numbers = np.arange(len(next(iter(columns.values()))))
    if order.pareto:
        signs = [
            (-1 if name.startswith("+") else 1, find_figure(name.lstrip("+"), axes, "--pareto", columns))
            for name in order.pareto
        ]
        numbers = np.flatnonzero(front(np.stack([sign * columns[key].astype(float) for sign, key in signs], axis=1)))
    by = order.sort or (order.pareto[0].lstrip("+") if order.pareto else None)
    if by:
        key = find_figure(by.lstrip("-"), axes, "--sort", columns)
        values = columns[key][numbers]
        if values.dtype == object:
            raise UsageError(f"--sort {key}: points are sorted by numbers")
        numbers = numbers[best_first([-values if by.startswith("-") else values])]
    return numbers
