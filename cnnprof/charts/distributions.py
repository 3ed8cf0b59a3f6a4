"""Repeated timings as they were taken: every run a dot, with the median of each process."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from cnnprof.charts import Chart, Sketch, foot, head
from cnnprof.charts.colors import PALETTE
from cnnprof.record import record

if TYPE_CHECKING:
    from matplotlib.figure import Figure


FEW = 50
"""Up to so many runs of a process are drawn as larger dots."""


@record
class Distribution:
    """A timed network: its name, the values of each process in the order taken, and the interval of their median."""

    label: str
    processes: tuple[tuple[float, ...], ...]
    span: tuple[float, float] | None = None


@record
class Distributions(Chart):
    """A row for each of what was timed, from the first at the top.

    Args:
        title: the lines above it.
        label: what the values are, with the unit.
        rows: what was timed.
        log: whether values are drawn by powers of ten.
        notes: remarks below.
    """

    title: str
    label: str
    rows: tuple[Distribution, ...]
    log: bool = False
    notes: tuple[str, ...] = ()

    @property
    def inches(self) -> tuple[float, float]:  # type: ignore[override]
        """Room for every process of every row."""
        return 11, 1.6 + 0.35 * len(self.rows) + 0.14 * sum(len(row.processes) for row in self.rows)

    def draw(self, figure: Figure) -> None:
        """Runs as dots, a line of them a process; medians of processes as ticks, the interval of all as a bar."""
        axes = figure.add_subplot()
        foot(figure, self.notes)
        ticks, place = [], 0.0
        for number, row in enumerate(self.rows):
            first = place
            for values in row.processes:
                size, alpha = (5, 0.6) if len(values) <= FEW else (3, 0.35)
                axes.plot(values, [place] * len(values), "o", color=PALETTE[number % len(PALETTE)], ms=size, alpha=alpha, mew=0)
                axes.plot([median(values)] * 2, [place - 0.4, place + 0.4], color="black", linewidth=1)
                place += 1
            middle = (first + place - 1) / 2
            if row.span:
                axes.plot(row.span, [place - 0.3] * 2, color="black", linewidth=3, solid_capstyle="butt")
            ticks.append((middle, row.label))
            place += 1.2
        head(figure, self.title)
        axes.set(xlabel=self.label, ylim=(place - 0.8, -0.8), xscale="log" if self.log else "linear")
        if self.log:
            from matplotlib.ticker import FuncFormatter, NullFormatter

            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_yticks([at for at, _ in ticks], [text for _, text in ticks])
        axes.grid(visible=True, axis="x", linewidth=0.4, color="#dddddd")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)

    def sketch(self, canvas: Sketch) -> None:
        """Every run, one line for each of what was timed."""
        values = [value for row in self.rows for process in row.processes for value in process]
        names = [(-number, row.label[:20]) for number, row in enumerate(self.rows)]
        canvas.axis("x", self.label, self.log)
        canvas.axis("y", "", ticks=names)
        canvas.limits("x", 0.95 * min(values), 1.05 * max(values))
        canvas.limits("y", 0.5 - len(self.rows), 0.5)
        for number, row in enumerate(self.rows):
            taken = [value for process in row.processes for value in process]
            canvas.dots(taken, [-number] * len(taken))

    def vega(self) -> dict[str, Any]:
        """The same as a Vega-Lite specification."""
        values = [
            {"name": row.label, "process": number + 1, "value": value}
            for row in self.rows
            for number, process in enumerate(row.processes)
            for value in process
        ]
        few = all(len(process) <= FEW for row in self.rows for process in row.processes)
        # In a lane of its own below the processes.
        below = 1 + max(len(row.processes) for row in self.rows)
        spans = [
            {"name": row.label, "process": below, "low": row.span[0], "high": row.span[1]} for row in self.rows if row.span
        ]
        scale = {"type": "log"} if self.log else {"zero": False}
        x = {"field": "value", "type": "quantitative", "title": self.label, "scale": scale}
        order = [row.label for row in self.rows]
        y = {"field": "name", "type": "nominal", "title": None, "sort": order}
        interval = {
            "data": {"values": spans},
            "mark": {"type": "rule", "strokeWidth": 3, "color": "currentColor"},
            "encoding": {
                "x": {**x, "field": "low"},
                "x2": {"field": "high"},
                "y": y,
                "yOffset": {"field": "process", "type": "nominal"},
                "tooltip": [{"field": end, "title": end, "format": ",.4~g"} for end in ("low", "high")],
            },
        }
        return {
            "data": {"values": values},
            "width": 560,
            "height": {"step": 22},
            "layer": [
                {
                    "mark": {"type": "circle", "opacity": 0.6 if few else 0.35, "size": 36 if few else 18},
                    "encoding": {
                        "x": x,
                        "y": y,
                        "yOffset": {"field": "process", "type": "nominal"},
                        "color": {"field": "name", "legend": None, "scale": {"range": list(PALETTE)}, "sort": order},
                        "tooltip": [
                            {"field": "name"},
                            {"field": "process"},
                            {"field": "value", "title": self.label, "format": ",.4~g"},
                        ],
                    },
                },
                {
                    "mark": {"type": "tick", "thickness": 2, "color": "currentColor"},
                    "encoding": {
                        "x": {**x, "aggregate": "median"},
                        "y": y,
                        "yOffset": {"field": "process", "type": "nominal"},
                    },
                },
                *([interval] if spans else []),
            ],
        }
