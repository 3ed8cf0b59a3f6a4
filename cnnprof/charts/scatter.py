"""Points on two axes, such as networks by cost and accuracy, with lines among them: a front, a roof."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from cnnprof.charts import Chart, Sketch, foot, head
from cnnprof.charts.colors import MARKERS, look
from cnnprof.charts.points import Axis, Line, Point
from cnnprof.record import record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CROWD = 30
"""With more points than this their symbols and names are smaller."""

SMALLEST = 12.0
"""Area of a symbol that is still seen, in square points."""

DASHES: Any = ("--", "-.", ":", "-")

SKETCHED = 8
"""So many names a terminal has room for."""


@record
class Scatter(Chart):
    """Points on two axes.

    Args:
        title: the lines above it.
        x: the axis below.
        y: the axis at the left.
        points: those that are named first are first to get their name written beside.
        lines: what is drawn behind the points.
        sizes: texts of a legend for areas, with their share of the largest.
        size_label: what the areas stand for.
        notes: remarks below.
        apart_label: why points are not filled.
    """

    title: str
    x: Axis
    y: Axis
    points: tuple[Point, ...]
    lines: tuple[Line, ...] = ()
    sizes: tuple[tuple[str, float], ...] = ()
    size_label: str = ""
    notes: tuple[str, ...] = ()
    apart_label: str = ""

    @property
    def inches(self) -> tuple[float, float]:  # type: ignore[override]
        """Larger where many names are to find room."""
        return (11, 7) if sum(bool(point.label) for point in self.points) <= CROWD else (13, 8.5)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups, the largest first."""
        found = [point.group for point in self.points]
        return tuple(sorted(dict.fromkeys(found), key=lambda group: -found.count(group)))

    def draw(self, figure: Figure) -> None:
        """Bubbles with their names beside them, none over another; names that find no room are listed below."""
        axes = figure.add_subplot()
        foot(figure, self.notes)
        head(figure, self.title)
        axes.set(xlabel=self.x.label, ylabel=self.y.label)
        axes.grid(visible=True, linewidth=0.4, color="#dddddd")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        self._set_scales(axes)
        for number, line in enumerate(self.lines):
            # A line without a name of its own joins points, and has their colour.
            joins = not line.label and line.group in self.groups
            axes.plot(
                line.xs,
                line.ys,
                label=line.label or None,
                color=look(self.groups.index(line.group))[0] if joins else "black",
                linewidth=1,
                linestyle="-" if joins else DASHES[number % 4],
                drawstyle="steps-post" if line.steps else "default",
                zorder=1.5,
            )
        self._draw_points(axes)
        self._add_legends(figure, axes)
        missing = self._name_points(figure, axes)
        if missing:
            # The list of names takes room from the axes, so that a name less or more may fit.
            foot(figure, [*self.notes, _missing(missing), " "])
            missing = self._name_points(figure, axes)
            foot(figure, [*self.notes, *([_missing(missing)] if missing else [])])

    def sketch(self, canvas: Sketch) -> None:
        """Points and lines, and the names of the first points that do not stand in one another's way."""
        for which, axis in (("x", self.x), ("y", self.y)):
            values = _ends(self, which)  # type: ignore[arg-type]
            canvas.axis(which, axis.label, axis.log)
            canvas.limits(which, *_limits(values, axis.log))
        for line in self.lines:
            canvas.line(*_corners(line))
        canvas.dots([point.x for point in self.points], [point.y for point in self.points], "o")
        for point in [point for point in self.points if point.label][:SKETCHED]:
            canvas.name(point.x, point.y, point.label)

    def vega(self) -> dict[str, Any]:
        """The same as a Vega-Lite specification."""
        from cnnprof.charts.scatter_page import specification

        return specification(self.x, self.y, self.points, self.lines, self.groups)

    def _largest(self) -> float:
        """Area of the largest symbol, in square points."""
        return 700.0 if len(self.points) <= CROWD else 450.0 if len(self.points) <= 2 * CROWD else 330.0

    def _area(self, size: float) -> float:
        return max(self._largest() * size, SMALLEST)

    def _set_scales(self, axes: Axes) -> None:
        """Room for bubbles and names around the points; powers of ten where an axis asks for it."""
        from matplotlib.ticker import MaxNLocator

        for axis, name, values in ((self.x, "x", _ends(self, "x")), (self.y, "y", _ends(self, "y"))):
            axes.set(**{f"{name}scale": "log" if axis.log else "linear", f"{name}lim": _limits(values, axis.log)})
            side = axes.xaxis if name == "x" else axes.yaxis
            if axis.log:
                plain_ticks(side, max(values) / min(values))
            elif all(value == int(value) for value in values):
                side.set_major_locator(MaxNLocator("auto", integer=True))

    def _draw_points(self, axes: Axes) -> None:
        for number, group in enumerate(self.groups):
            color, marker = look(number)
            # The large ones first, so that none hides a small one.
            members = sorted((point for point in self.points if point.group == group), key=lambda point: -point.size)
            for apart in (True, False):
                shown = [point for point in members if point.apart is apart]
                axes.scatter(
                    [point.x for point in shown],
                    [point.y for point in shown],
                    [self._area(point.size) for point in shown],
                    "none" if apart else color,
                    marker=MARKERS[marker],
                    edgecolors=color if apart else "white",
                    linewidths=0.6,
                    alpha=0.75,
                    clip_on=False,
                    zorder=2,
                )
            for point in members:
                if point.x_span:
                    axes.plot(point.x_span, (point.y, point.y), color=color, linewidth=1, zorder=2)
                if point.y_span:
                    axes.plot((point.x, point.x), point.y_span, color=color, linewidth=1, zorder=2)

    def _add_legends(self, figure: Figure, axes: Axes) -> None:
        from matplotlib.lines import Line2D

        handles: list[Any] = []
        groups = self.groups
        if any(groups):
            for number, group in enumerate(groups):
                color, marker = look(number)
                handles.append(Line2D([], [], linestyle="", marker=MARKERS[marker], color=color, label=group or "other"))
        for number, line in enumerate(self.lines):
            if line.label:
                handles.append(Line2D([], [], label=line.label, color="black", linestyle=DASHES[number % 4], linewidth=1))
        if any(point.apart for point in self.points):
            handles.append(
                Line2D([], [], linestyle="", marker="o", mfc="none", color="#555555", label=self.apart_label or "not compared")
            )
        if self.sizes:
            handles.append(Line2D([], [], linestyle="", label=self.size_label))
            for text, share in self.sizes:
                if self._largest() * share < SMALLEST:
                    continue
                diameter = self._area(share) ** 0.5
                handles.append(Line2D([], [], linestyle="", marker="o", ms=diameter, mfc="none", color="#555555", label=text))
        if handles:
            fitted = _fitting_legend(len(handles), figure.get_figheight() * 72)
            axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1, 1), frameon=False, **fitted)

    def _name_points(self, figure: Figure, axes: Axes) -> list[str]:
        """Write names where there is room, in place of those of an earlier call; the names that found none."""
        import textalloc

        if not any(point.label for point in self.points):
            return []
        for other in figure.axes[1:]:
            other.remove()
        figure.set_layout_engine("constrained")
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        # Placed on a sheet whose axes are straight: distances on the paper decide.
        box = axes.get_window_extent()
        place: Any = axes.get_position()
        sheet = figure.add_axes(place, frameon=False, xticks=[], yticks=[], zorder=5)
        sheet.set(xlim=(box.x0, box.x1), ylim=(box.y0, box.y1))
        places = axes.transData.transform([(point.x, point.y) for point in self.points])
        named = [number for number, point in enumerate(self.points) if point.label]
        ways = [[*zip(*_corners(line), strict=True)] for line in self.lines]
        ways += [[(end, point.y) for end in point.x_span] for point in self.points if point.x_span]
        ways += [[(point.x, end) for end in point.y_span] for point in self.points if point.y_span]
        lines = [axes.transData.transform(way).T for way in ways]
        # Of a symbol that is as wide as a square of its area, in dots.
        radii = [self._area(point.size) ** 0.5 / 2 * figure.dpi / 72 for point in self.points]
        crowd = len(self.points) > CROWD
        letters: Any = axes.xaxis.label.get_fontsize()
        allocate: Any = textalloc.allocate
        _, _, texts, _ = allocate(
            sheet,
            places[named, 0],
            places[named, 1],
            [self.points[number].label for number in named],
            x_scatter=places[:, 0],
            y_scatter=places[:, 1],
            scatter_sizes=radii,
            text_scatter_sizes=[radii[number] for number in named],
            x_lines=[line[0] for line in lines] or None,
            y_lines=[line[1] for line in lines] or None,
            textsize=letters * (0.85 if not crowd else 0.72 if len(self.points) <= 2 * CROWD else 0.6),
            margin=0.002,
            min_distance=0.006,
            max_distance=0.1 if crowd else 0.15,
            linecolor="#999999",
            linewidth=0.4,
            draw_all=False,
            gid="name",
        )
        written = {text.get_text() for text in texts if text is not None}
        return [point.label for point in self.points if point.label and point.label not in written]


def _fitting_legend(entries: int, height: float) -> dict[str, float]:
    """How a legend of so many entries is written beside axes in a figure of that height in points."""
    from matplotlib import rcParams

    looks = [(columns, share, gap) for columns in (1, 2, 3) for share in (0.83, 0.7, 0.6) for gap in (1.1, 0.7, 0.4)]
    for columns, share, gap in looks:
        if -(-entries // columns) * share * rcParams["font.size"] * (1 + gap) <= 0.75 * height:
            break
    return {"ncols": columns, "fontsize": share * rcParams["font.size"], "labelspacing": gap, "columnspacing": 1.0}


def _missing(names: Sequence[str]) -> str:
    return f"no room for the names of: {', '.join(names)}"


def _ends(chart: Scatter, along: Literal["x", "y"]) -> list[float]:
    """Every value on an axis, ends of intervals included."""
    spans = [end for point in chart.points for end in (getattr(point, f"{along}_span") or ())]
    lined = [value for line in chart.lines for value in (line.xs if along == "x" else line.ys)]
    return [getattr(point, along) for point in chart.points] + spans + lined


def _limits(values: Sequence[float], log: bool) -> tuple[float, float]:
    """An axis's ends, with room for bubbles and names beyond the values."""
    low, high = min(values), max(values)
    if log:
        ratio = max(high / low, 2.0)
        return low / ratio**0.08, high * ratio**0.1
    span = (high - low) or abs(high) or 1.0
    return low - 0.08 * span, high + 0.1 * span


def _corners(line: Line) -> tuple[list[float], list[float]]:
    """The line's points, with the corners of steps."""
    if not line.steps:
        return [*line.xs], [*line.ys]
    xs, ys = [line.xs[0]], [line.ys[0]]
    for x, y in zip(line.xs[1:], line.ys[1:], strict=True):
        xs += [x, x]
        ys += [ys[-1], y]
    return xs, ys


def plain_ticks(axis: Any, ratio: float) -> None:
    """0.5, 1, 2, 5, 10 on a logarithmic axis, and not 10^0."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if ratio < 500 else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_formatter(NullFormatter())
