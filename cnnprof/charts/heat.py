"""A figure over two axes as cells, with a line around those that keep to a budget."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from cnnprof.charts import Chart, Sketch, expression, foot, head, spread
from cnnprof.record import record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKS = (".", "o", "O", "@")
"""Of cells in a terminal, from the smallest values to the largest."""

WRITTEN = 200
"""In so many cells their values are written."""

LINE_COLOR = "#d55e00"


@record
class Heat(Chart):
    """Cells, the darker the less.

    Args:
        title: the line above them.
        x: the name of the axis below; `y` that at the left.
        xs: what stands along the axis below; `ys` along the left one, from below.
        label: what the values are, with the unit.
        values: a row for each of `ys`; None where there is none.
        log: whether colours go by powers of ten.
        inside: which cells keep to the budget, as `values`; empty where there is none.
        budget: the budget as text.
        notes: remarks below.
    """

    title: str
    x: str
    y: str
    xs: tuple[str, ...]
    ys: tuple[str, ...]
    label: str
    values: tuple[tuple[float | None, ...], ...]
    log: bool = False
    inside: tuple[tuple[bool, ...], ...] = ()
    budget: str = ""
    notes: tuple[str, ...] = ()

    @property
    def inches(self) -> tuple[float, float]:  # type: ignore[override]
        """Wide enough for what stands along an axis, and no higher than that needs."""
        return 11, min(9.0, 2.2 + 0.32 * max(len(self.ys), 6))

    def borders(self) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
        """The edges between cells that keep to the budget and those that do not; cell (column, row) has its middle there."""
        for row, line in enumerate(self.inside):
            for column, holds in enumerate(line):
                if column + 1 < len(line) and holds != line[column + 1]:
                    yield (column + 0.5, row - 0.5), (column + 0.5, row + 0.5)
                if row + 1 < len(self.inside) and holds != self.inside[row + 1][column]:
                    yield (column - 0.5, row + 0.5), (column + 0.5, row + 0.5)

    def draw(self, figure: Figure) -> None:
        """Coloured cells with a scale beside them; what is beyond the budget is pale."""
        from matplotlib import rcParams
        from matplotlib.collections import LineCollection
        from matplotlib.colors import LogNorm, Normalize
        from matplotlib.lines import Line2D

        axes = figure.add_subplot()
        head(figure, self.title)
        foot(figure, self.notes)
        grid = [[float("nan") if value is None else value for value in row] for row in self.values]
        low, high = self._ends()
        norm = LogNorm(low, high) if self.log else Normalize(low, high)
        # Cells have their middles at whole numbers.
        xs, ys = ([k - 0.5 for k in range(len(names) + 1)] for names in (self.xs, self.ys))
        mesh = axes.pcolormesh(xs, ys, grid, norm=norm, cmap="cividis", edgecolors="white", linewidth=0.4)
        axes.set(xlabel=self.x, ylabel=self.y, xlim=(-0.5, len(self.xs) - 0.5), ylim=(-0.5, len(self.ys) - 0.5))
        size = 1.4 * rcParams["font.size"]
        for axis, names, room in (
            (axes.xaxis, self.xs, figure.get_figwidth() * 60 / (0.4 * size * max(map(len, self.xs)) + size)),
            (axes.yaxis, self.ys, figure.get_figheight() * 55 / size),
        ):
            shown = spread(range(len(names)), len(names) / room)
            axis.set_ticks(shown, [names[number] for number in shown])
        bar = figure.colorbar(mesh, ax=axes, label=self.label, pad=0.02)
        if self.log:
            from cnnprof.charts.scatter import plain_ticks

            plain_ticks(bar.ax.yaxis, high / low)
        self._write_values(axes, grid, norm, figure.get_figwidth() * 50 / len(self.xs))
        lines = LineCollection([*self.borders()], colors=LINE_COLOR, linewidths=2.2, capstyle="projecting", zorder=3)
        axes.add_collection(lines)
        if self.inside:
            pale = [[0.0 if holds else 1.0 for holds in row] for row in self.inside]
            shade = axes.imshow(
                pale, cmap="gray", vmin=0, vmax=1, origin="lower", aspect="auto", interpolation="nearest", zorder=1.4
            )
            shade.set_alpha([[0.6 * value for value in row] for row in pale])
            legend = [Line2D([], [], color=LINE_COLOR, linewidth=2.2, label=f"limit of {self.budget}; outside it pale")]
            axes.legend(handles=legend, loc="lower left", bbox_to_anchor=(0, 1), frameon=False, fontsize="small")

    def _write_values(self, axes: Any, grid: Sequence[Sequence[float]], norm: Any, room: float) -> None:
        """A cell's value in it, where all have room for that, in points."""
        size = min(8.0, room / 2.6)
        if len(self.xs) * len(self.ys) > WRITTEN or size < 5:
            return
        for row, line in enumerate(grid):
            for column, value in enumerate(line):
                if value == value:
                    light = norm(value) > 0.55
                    color = "black" if light else "white"
                    axes.text(column, row, f"{value:.3g}", ha="center", va="center", fontsize=size, color=color)

    def sketch(self, canvas: Sketch) -> None:
        """A mark a cell, in four steps."""
        low, high = self._ends()
        steps = [_between(low, high, (k + 1) / len(MARKS), self.log) for k in range(len(MARKS))]
        said = ", ".join(f"{mark} to {step:.3g}" for mark, step in zip(MARKS, steps, strict=True))
        for which, label, names in (("x", self.x, self.xs), ("y", self.y, self.ys)):
            ticks = [(float(k), names[k]) for k in spread(range(len(names)), len(names) / 9)]
            canvas.axis(which, label, ticks=ticks)
            canvas.limits(which, -0.5, len(names) - 0.5)
        marked: dict[str, list[tuple[int, int]]] = {mark: [] for mark in MARKS}
        for row, line in enumerate(self.values):
            for column, value in enumerate(line):
                if value is not None:
                    # The last step may be rounded below the largest value.
                    marked[MARKS[min(bisect_left(steps, value), len(MARKS) - 1)]].append((column, row))
        for mark, cells in marked.items():
            if cells:
                canvas.dots([column for column, _ in cells], [row for _, row in cells], mark)
        for start, end in self.borders():
            canvas.line((start[0], end[0]), (start[1], end[1]))
        canvas.remark(f"{self.label}: {said}")
        if self.budget:
            canvas.remark(f"the line is the limit of {self.budget}")

    def vega(self) -> dict[str, Any]:
        """The same as a Vega-Lite specification."""
        cells = [
            {"x": column - 0.5, "y": row - 0.5, "a": self.xs[column], "b": self.ys[row], "v": value}
            | ({"in": self.inside[row][column]} if self.inside else {})
            for row, line in enumerate(self.values)
            for column, value in enumerate(line)
            if value is not None
        ]
        edges = [{"x": x0, "y": y0, "p": x1, "q": y1} for (x0, y0), (x1, y1) in self.borders()]
        ends = {
            which: {
                "field": which,
                "type": "quantitative",
                "title": title,
                "scale": {"domain": [-0.5, len(names) - 0.5], "nice": False, "zero": False},
                "axis": {
                    "grid": False,
                    "values": spread(range(len(names)), len(names) / 16),
                    "labelExpr": f"{expression(names)}[datum.value]",
                },
            }
            for which, title, names in (("x", self.x, self.xs), ("y", self.y, self.ys))
        }
        scale = {"scheme": "cividis", **({"type": "log"} if self.log else {"zero": False})}
        faded = {"opacity": {"condition": {"test": "datum.in", "value": 1}, "value": 0.35}} if self.inside else {}
        tips = [{"field": "a", "title": self.x}, {"field": "b", "title": self.y}]
        return {
            "width": 560,
            "height": 30 * min(max(len(self.ys), 6), 16),
            "layer": [
                {
                    "data": {"values": cells},
                    "transform": [{"calculate": "datum.x + 1", "as": "p"}, {"calculate": "datum.y + 1", "as": "q"}],
                    "mark": {"type": "rect", "stroke": "white", "strokeWidth": 0.4},
                    "encoding": {
                        **ends,
                        "x2": {"field": "p"},
                        "y2": {"field": "q"},
                        "color": {"field": "v", "type": "quantitative", "title": self.label, "scale": scale},
                        "tooltip": [*tips, {"field": "v", "title": self.label, "format": ",.4~g"}],
                        **faded,
                    },
                },
                {
                    "data": {"values": edges},
                    "mark": {"type": "rule", "color": LINE_COLOR, "strokeWidth": 2.2},
                    "encoding": {**ends, "x2": {"field": "p"}, "y2": {"field": "q"}},
                },
            ],
        }

    def _ends(self) -> tuple[float, float]:
        known = [value for row in self.values for value in row if value is not None]
        return min(known), max(known)


def _between(low: float, high: float, share: float, log: bool) -> float:
    return float(low * (high / low) ** share) if log else low + (high - low) * share
