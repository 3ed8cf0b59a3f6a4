"""Memory over time: amounts in bytes, stacked on one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cnnprof.charts import Chart, Sketch, expression, head, stage_ticks, starts
from cnnprof.record import record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BUCKETS = 40
"""So many steps a page shows."""

TICKS = 32
"""So many names have room below a chart."""

COLORS = ("#8c8c8c", "#ababab", "#c4c4c4", "#dcdcdc", "#e69f00", "#0072b2", "#56b4e9", "#d55e00")
"""Greys for what is held throughout, then colours that every eye can tell apart (Okabe, Ito: Color Universal Design, 2008)."""


@record
class Timeline(Chart):
    """Memory over time, in bytes.

    Args:
        title: the line above it.
        steps: the name of each step, `stage3.bottleneck2.conv1`.
        stages: the stage that each step belongs to; ticks stand where it changes.
        phases: the phase of each step.
        layers: by label the amount at each step, the lowest first; at most as many as there are `COLORS`.
        peak: the number of the step to mark.
    """

    title: str
    steps: tuple[str, ...]
    stages: tuple[str, ...]
    phases: tuple[str, ...]
    layers: Mapping[str, tuple[int, ...]]
    peak: int

    def draw(self, figure: Figure) -> None:
        """A stacked area a label, in MB, with the peak marked and a line where the phase changes."""
        axes = figure.add_subplot()
        every = zip(self.layers, self.layers.values(), COLORS, strict=True)
        labels, amounts, colors = zip(*(each for each in every if any(each[1])), strict=True)
        count = len(self.steps)
        edges = [number - 0.5 for number in range(count + 1)]
        megabytes = [[amount / 1e6 for amount in (*layer, layer[-1])] for layer in amounts]
        axes.stackplot(edges, *megabytes, labels=labels, colors=colors, step="post")
        top = sum(layer[self.peak] for layer in megabytes)
        head(figure, self.title)
        axes.set(ylabel="MB", xlim=(-0.5, count - 0.5), ylim=(0, 1.2 * top))
        axes.annotate(
            f"peak {top:,.1f} MB\n{self.steps[self.peak]}",
            (self.peak, top),
            (0, 14),
            textcoords="offset points",
            ha="left" if self.peak < count / 4 else "right" if self.peak > 3 * count / 4 else "center",
            arrowprops={"arrowstyle": "-"},
        )
        ticks = stage_ticks(self.stages, len(self.stages) / TICKS)
        axes.set_xticks([number for number, _ in ticks], [name for _, name in ticks], rotation=45, ha="right")
        for number, phase in starts(self.phases)[1:]:
            axes.axvline(number - 0.5, color="black", linewidth=0.8, linestyle=":")
            # Above the frame, where the peak's name does not come.
            axes.text(number - 0.5, 1.01, phase, va="bottom", ha="center", transform=axes.get_xaxis_transform())
        axes.legend(reverse=True, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        axes.spines[["top", "right"]].set_visible(False)

    def vega(self) -> dict[str, Any]:
        """The same as a Vega-Lite specification, with at most `BUCKETS` steps: of several the one at which most is held."""
        totals = [sum(amounts) for amounts in zip(*self.layers.values(), strict=True)]
        width = -(-len(totals) // BUCKETS)
        worst = [max(range(k, min(k + width, len(totals))), key=totals.__getitem__) for k in range(0, len(totals), width)]
        shown = [(label, color) for label, color in zip(self.layers, COLORS, strict=True) if any(self.layers[label])]
        values = [
            {"n": n, "step": self.steps[k], "phase": self.phases[k]}
            | {f"p{number}": round(self.layers[label][k] / 1e6, 1) for number, (label, _) in enumerate(shown)}
            for n, k in enumerate(worst)
        ]
        across = {
            "field": "n",
            "type": "quantitative",
            "scale": {"domain": [0, len(worst) - 1], "nice": False},
            "axis": {"labels": False, "ticks": False, "grid": False, "title": "steps"},
        }
        begins = [{"n": n, "phase": phase} for n, phase in starts([self.phases[k] for k in worst])[1:]]
        top = totals[self.peak] / 1e6
        peak = {"n": self.peak // width, "MB": round(top, 1), "text": f"peak {top:,.1f} MB"}
        side = "right" if 2 * self.peak > len(totals) else "left"
        layers = [
            {
                "data": {"values": values},
                "transform": [
                    {"fold": [f"p{number}" for number in range(len(shown))], "as": ["key", "MB"]},
                    {"calculate": "toNumber(slice(datum.key, 1))", "as": "height"},
                    {"calculate": f"{expression([label for label, _ in shown])}[datum.height]", "as": "part"},
                ],
                "mark": "area",
                "encoding": {
                    "x": across,
                    "y": {"field": "MB", "type": "quantitative", "stack": "zero", "scale": {"domainMax": 1.15 * top}},
                    "order": {"field": "height", "type": "quantitative"},
                    "color": {
                        "field": "part",
                        "type": "nominal",
                        "title": None,
                        "scale": {"domain": [label for label, _ in shown], "range": [color for _, color in shown]},
                    },
                    "tooltip": [{"field": "step"}, {"field": "phase"}, {"field": "part"}, {"field": "MB", "format": ",.1f"}],
                },
            },
            *(
                {"data": {"values": begins}, "mark": {**mark, "color": "currentColor"}, "encoding": {"x": across, **more}}
                for mark, more in (
                    ({"type": "rule", "strokeDash": [2, 3]}, {}),
                    ({"type": "text", "align": "left", "dx": 3, "y": 6}, {"text": {"field": "phase"}}),
                )
                if begins
            ),
            {
                "data": {"values": [peak]},
                "mark": {"type": "text", "align": side, "dy": -7, "color": "currentColor"},
                "encoding": {"x": across, "y": {"field": "MB", "type": "quantitative"}, "text": {"field": "text"}},
            },
        ]
        return {"width": 640, "height": 220, "layer": layers}

    def sketch(self, canvas: Sketch) -> None:
        """The total over the steps."""
        totals = [sum(amounts) / 1e6 for amounts in zip(*self.layers.values(), strict=True)]
        canvas.axis("x", "step", ticks=stage_ticks(self.stages, len(self.stages) / TICKS))
        canvas.axis("y", "MB")
        canvas.limits("x", 0, len(totals) - 1)
        canvas.limits("y", 0, 1.1 * max(totals))
        canvas.line(range(len(totals)), totals)
        canvas.name(self.peak, totals[self.peak], f"peak {totals[self.peak]:,.1f} MB")
