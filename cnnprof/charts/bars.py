"""Bars of several figures over the same names: a network's parameters, operations and activations, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnprof.charts import Chart, Sketch, ending, expression, foot, head, spread, stage_ticks
from cnnprof.charts.colors import PALETTE
from cnnprof.record import record

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ON_PAGE = 60
"""Of more bars a page names stages only."""

LONGEST = 32
"""Letters of a name below a bar."""


@record
class Panel:
    """A figure: its name with the unit, and a value for each of the chart's names."""

    label: str
    values: tuple[float, ...]


@record
class Bars(Chart):
    """Panels above one another, with a bar for each name in each of them.

    Args:
        title: the line above it.
        names: what stands along the lower edge.
        panels: a figure each.
        details: what is shown where a reader points at a name; one each, or none at all.
        notes: remarks below.
    """

    inches = (11, 6.5)

    title: str
    names: tuple[str, ...]
    panels: tuple[Panel, ...]
    details: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def draw(self, figure: Figure) -> None:
        """A panel a figure; where names would run into one another, only those of stages stand below."""
        from matplotlib import rcParams

        every: Any = figure.subplots(len(self.panels), 1, sharex=True, squeeze=False)
        head(figure, self.title)
        foot(figure, self.notes)
        for number, (axes, panel) in enumerate(zip(every[:, 0], self.panels, strict=True)):
            axes.bar(range(len(self.names)), panel.values, color=PALETTE[number], width=0.85)
            axes.set(ylabel=panel.label, xlim=(-0.6, len(self.names) - 0.4))
            axes.grid(visible=True, axis="y", linewidth=0.4, color="#dddddd")
            axes.set_axisbelow(True)
            axes.spines[["top", "right"]].set_visible(False)
        ticks = self._ticks(int(figure.get_figwidth() * 72 / (1.7 * rcParams["font.size"])))
        every[-1, 0].set_xticks(
            [number for number, _ in ticks], [name for _, name in ticks], rotation=60, ha="right", rotation_mode="anchor"
        )

    def _ticks(self, room: int) -> list[tuple[int, str]]:
        """Every name where there is room for so many; otherwise where a stage begins, the first part of a path."""
        if len(self.names) <= room:
            return [(number, ending(name, LONGEST)) for number, name in enumerate(self.names)]
        stages = [name.partition(".")[0] for name in self.names]
        return [(number, ending(name, LONGEST)) for number, name in stage_ticks(stages, len(self.names) / room)]

    def sketch(self, canvas: Sketch) -> None:
        """The second figure, or the only one: of a network its operations."""
        panel = self.panels[min(1, len(self.panels) - 1)]
        canvas.axis("x", panel.label, ticks=[(k, self.names[k]) for k in spread(range(len(self.names)), len(self.names) / 7)])
        canvas.axis("y", "")
        canvas.limits("x", -0.5, len(self.names) - 0.5)
        canvas.limits("y", 0, 1.1 * max(*panel.values, 1e-12))
        for number, value in enumerate(panel.values):
            canvas.line((number, number), (0, value))

    def vega(self) -> dict[str, Any]:
        """The same as a Vega-Lite specification."""
        details = self.details or ("",) * len(self.names)
        values = [
            {
                "n": number,
                "name": name,
                "detail": details[number],
                **{f"v{k}": float(f"{p.values[number]:.5g}") for k, p in enumerate(self.panels)},
            }
            for number, name in enumerate(self.names)
        ]
        last = len(self.panels) - 1
        ticks = self._ticks(ON_PAGE)
        return {
            "data": {"values": values},
            "spacing": 6,
            "vconcat": [
                {
                    "width": "container" if last == 0 else 640,
                    "height": 90,
                    "mark": {"type": "bar", "color": PALETTE[k]},
                    "encoding": {
                        "x": {
                            "field": "n",
                            "type": "ordinal",
                            "title": None,
                            "axis": {
                                "labels": k == last,
                                "ticks": k == last,
                                "values": [number for number, _ in ticks],
                                "labelAngle": -60,
                                "labelOverlap": True,
                                "labelExpr": f"{expression(dict(ticks))}[datum.value]" if k == last else "''",
                            },
                        },
                        "y": {"field": f"v{k}", "type": "quantitative", "title": panel.label},
                        "tooltip": [
                            {"field": "name", "title": "layer"},
                            {"field": f"v{k}", "title": panel.label, "format": ",.4~g"},
                            {"field": "detail", "title": "shape"},
                        ],
                    },
                }
                for k, panel in enumerate(self.panels)
            ],
        }
