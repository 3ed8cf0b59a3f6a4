"""Networks as bubbles whose axes a reader of a page chooses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cnnprof.charts import Chart, Sketch
from cnnprof.charts.colors import vega_looks
from cnnprof.charts.points import Axis
from cnnprof.charts.scatter import Scatter
from cnnprof.record import record

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ROUND = "[pow(10, floor(log(domain('area')[1]) / LN10) - 1), pow(10, floor(log(domain('area')[1]) / LN10))]"
"""Two round values for the legend of areas, as Vega works them out."""


APART = "(datum.apart && (indexof(['top1', 'top5'], x) >= 0 || indexof(['top1', 'top5'], y) >= 0))"
"""Whether a point is unfilled: its accuracy is of other data than that of most."""


AVOIDED = ("bubbles", "across_bars", "up_bars")
"""Marks that no name is written over, and the front, where there is one."""


@record
class Explorer(Chart):
    """A scatter and what else its points could be drawn by.

    Args:
        first: what is drawn where nobody can choose.
        chosen: its words: of the axis below, of the one at the left, of the areas.
        axes: by word what can be drawn, for all points.
        points: of each point its `label`, the `name` that is written beside it, its `group`, and its value in every word's
            unit, None where there is none; under `latency_span` both ends of an interval, under `apart`
            the data set of an accuracy that is not compared.
        fronts: by `x|y` the labels of the points that no other is better than in both, in order.
    """

    first: Scatter
    chosen: tuple[str, str, str]
    axes: Mapping[str, Axis]
    points: tuple[Mapping[str, Any], ...]
    fronts: Mapping[str, tuple[str, ...]]

    @property
    def title(self) -> str:  # type: ignore[override]
        """The first one's."""
        return self.first.title

    @property
    def inches(self) -> tuple[float, float]:  # type: ignore[override]
        """The first one's."""
        return self.first.inches

    def draw(self, figure: Figure) -> None:
        """Draw the first one."""
        self.first.draw(figure)

    def sketch(self, canvas: Sketch) -> None:
        """Sketch the first one."""
        self.first.sketch(canvas)

    def vega(self) -> dict[str, Any]:
        """The same as a Vega specification; `usermeta` says what a page needs to draw it by other axes."""
        x, y, size = self.chosen
        by_label = {point["label"]: point for point in self.points}
        front = [by_label[label] for label in self.fronts.get(f"{x}|{y}", ())]
        groups = list(self.first.groups)
        meta = {
            "axes": {word: {"label": axis.label, "log": axis.log, "look": _look(word)} for word, axis in self.axes.items()},
            "fronts": {pair: list(labels) for pair, labels in self.fronts.items()},
            "chosen": [x, y, size],
        }
        return {
            "$schema": "https://vega.github.io/schema/vega/v6.json",
            "width": 720,
            "height": 430,
            "padding": 5,
            "autosize": {"type": "fit", "contains": "padding"},
            "usermeta": meta,
            "signals": [
                *({"name": name, "value": value} for name, value in (("x", x), ("y", y), ("size", size))),
                {"name": "picked", "value": []},
            ],
            "data": [
                {
                    "name": "points",
                    "values": list(self.points),
                    "transform": [
                        {"type": "filter", "expr": "isValid(datum[x]) && isValid(datum[y])"},
                        {"type": "formula", "as": "across", "expr": "datum[x]"},
                        {"type": "formula", "as": "up", "expr": "datum[y]"},
                        {"type": "formula", "as": "area", "expr": "datum[size] || 0"},
                        *_ends("across", "x"),
                        *_ends("up", "y"),
                    ],
                },
                {"name": "front", "values": [{"across": each[x], "up": each[y]} for each in front]},
            ],
            "scales": [
                self._scale("across", "width", self.axes[x]),
                self._scale("up", "height", self.axes[y]),
                {
                    "name": "area",
                    "type": "linear",
                    "zero": True,
                    "domain": {"data": "points", "field": "area"},
                    "range": [12, 900 if len(self.points) <= 30 else 420],
                },
                *(
                    {"name": name, "type": "ordinal", "domain": groups, "range": looks}
                    for name, looks in zip(("color", "shape"), vega_looks(len(groups)), strict=True)
                ),
            ],
            "axes": [
                {"scale": "across", "orient": "bottom", "grid": True, "title": self.axes[x].label, "labelOverlap": True},
                {"scale": "up", "orient": "left", "grid": True, "title": self.axes[y].label},
            ],
            "marks": [
                {
                    "type": "line",
                    "name": "stairs",
                    "from": {"data": "front"},
                    "encode": {
                        "update": {
                            "x": {"scale": "across", "field": "across"},
                            "y": {"scale": "up", "field": "up"},
                            "interpolate": {"value": "step-after"},
                            "stroke": {"value": "currentColor"},
                            "strokeDash": {"value": [5, 4]},
                        }
                    },
                },
                self._bars("across", "up"),
                self._bars("up", "across"),
                {
                    "type": "symbol",
                    "name": "bubbles",
                    "from": {"data": "points"},
                    "sort": {"field": "datum.area", "order": "descending"},
                    "encode": {
                        "update": {
                            "x": {"scale": "across", "field": "across"},
                            "y": {"scale": "up", "field": "up"},
                            "size": {"scale": "area", "field": "area"},
                            "fill": {"scale": "color", "field": "group"},
                            "fillOpacity": {"signal": f"{APART} ? 0 : 1"},
                            "shape": {"scale": "shape", "field": "group"},
                            "stroke": {"signal": f"{APART} ? scale('color', datum.group) : 'white'"},
                            "strokeWidth": {"signal": f"{APART} ? 1.5 : 0.7"},
                            "cursor": {"value": "pointer"},
                            "opacity": {
                                "signal": "!length(picked) || indexof(picked, datum.label) >= 0 ? 0.85 : 0.15",
                            },
                            "tooltip": {"signal": self._tooltip()},
                        }
                    },
                },
                {
                    "type": "text",
                    "name": "names",
                    "from": {"data": "bubbles"},
                    "encode": {
                        "enter": {
                            "text": {"field": "datum.name"},
                            "fontSize": {"value": 10},
                            "fill": {"value": "currentColor"},
                        },
                        "update": {
                            "fillOpacity": {
                                "signal": "!length(picked) || indexof(picked, datum.datum.label) >= 0 ? 1 : 0.25",
                            }
                        },
                    },
                    "transform": [
                        {
                            "type": "label",
                            "size": {"signal": "[width + 60, height]"},
                            "avoidMarks": [*AVOIDED, *(["stairs"] if front else [])],
                            "anchor": [
                                "right",
                                "left",
                                "top",
                                "bottom",
                                "top-right",
                                "bottom-right",
                                "top-left",
                                "bottom-left",
                            ],
                            "offset": [2, 5],
                            "padding": 0,
                        }
                    ],
                },
            ],
            "legends": [
                {
                    "fill": "color",
                    "shape": "shape",
                    "orient": "bottom",
                    "columns": 4 if len(groups) < 24 else 6,
                    "labelLimit": 160,
                    "symbolLimit": 99,
                },
                {
                    "size": "area",
                    "title": self.axes[size].label,
                    "orient": "bottom",
                    "direction": "horizontal",
                    "values": {"signal": ROUND},
                    "symbolFillColor": "transparent",
                    "symbolStrokeColor": "gray",
                },
            ],
        }

    def _bars(self, along: str, beside: str) -> dict[str, Any]:
        """A line from one end of a point's interval on an axis to the other; of no length where there is none."""
        across = "x" if along == "across" else "y"
        return {
            "type": "rule",
            "name": f"{along}_bars",
            "from": {"data": "points"},
            "encode": {
                "update": {
                    across: {"scale": along, "field": f"{along}_low"},
                    f"{across}2": {"scale": along, "field": f"{along}_high"},
                    "y" if across == "x" else "x": {"scale": beside, "field": beside},
                    "stroke": {"scale": "color", "field": "group"},
                }
            },
        }

    def _scale(self, name: str, along: str, axis: Axis) -> dict[str, Any]:
        return {
            "name": name,
            "type": "log" if axis.log else "linear",
            "zero": False,
            "nice": False,
            "padding": 24,
            "domain": {"data": "points", "fields": [name, f"{name}_low", f"{name}_high"]},
            "range": along,
        }

    def _tooltip(self) -> str:
        lines = ", ".join(
            f"{_quoted(axis.label)}: isValid({value}) ? format({value}, '{'d' if word == 'year' else ',.4~g'}') : 'not known'"
            for word, axis in self.axes.items()
            for value in (f"datum[{_quoted(word)}]",)
        )
        apart = "datum.apart ? {'not compared': 'on ' + datum.apart} : {}"
        return f"merge({{'title': datum.label, {lines}}}, {apart})"


def _look(word: str) -> dict[str, Any]:
    """Of an axis whose ticks are whole numbers."""
    return {"format": "d", "tickMinStep": 1} if word == "year" else {}


def _ends(name: str, word: str) -> list[dict[str, Any]]:
    """The ends of a point's interval on an axis; where there is none the point itself."""
    return [
        {
            "type": "formula",
            "as": f"{name}_{end}",
            "expr": f"isValid(datum[{word} + '_span']) ? datum[{word} + '_span'][{k}] : datum.{name}",
        }
        for k, end in enumerate(("low", "high"))
    ]


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
