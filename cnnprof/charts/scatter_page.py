"""Points on two axes as a page draws them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnprof.charts.colors import vega_looks
from cnnprof.charts.points import Axis, Line, Point


def specification(
    x_axis: Axis, y_axis: Axis, points: Sequence[Point], lines: Sequence[Line], groups: Sequence[str]
) -> dict[str, Any]:
    """A Vega-Lite specification: lines behind points, and what a point stands for where a reader points at it."""
    names = [group or "points" for group in groups]
    colors_of, shapes_of = vega_looks(len(names))
    colors = {
        "field": "group",
        "type": "nominal",
        "title": None,
        "scale": {"domain": names, "range": colors_of},
        "legend": {"orient": "bottom", "columns": 4} if len(names) > 1 else None,
    }
    kept = sorted({key for point in points for key in point.detail})
    symbols = [
        {
            "x": point.x,
            "y": point.y,
            "group": point.group or "points",
            "name": point.label,
            "apart": point.apart,
            "size": point.size,
        }
        | {f"d{number}": point.detail[key] for number, key in enumerate(kept) if key in point.detail}
        for point in points
    ]
    stretches = [
        {"x": x, "y": y, "line": number, "n": n, "group": line.group or "points"}
        for number, line in enumerate(lines)
        for n, (x, y) in enumerate(zip(line.xs, line.ys, strict=True))
        if not line.label
    ]
    limits = [
        {"x": x, "y": y, "line": line.label, "n": n}
        for line in lines
        if line.label
        for n, (x, y) in enumerate(zip(line.xs, line.ys, strict=True))
    ]
    x, y = _channel("x", x_axis), _channel("y", y_axis)
    tips = [{"field": "name"}] * any(point.label for point in points) + [
        {"field": "x", "title": x_axis.label, "format": ",.4~g"},
        {"field": "y", "title": y_axis.label, "format": ",.4~g"},
        *([{"field": "group"}] if len(names) > 1 else []),
        *({"field": f"d{number}", "title": key} for number, key in enumerate(kept)),
    ]
    shape = {
        "field": "group",
        "type": "nominal",
        "scale": {"domain": names, "range": shapes_of},
        "title": None,
        "legend": colors["legend"],
    }
    ordered = {"order": {"field": "n", "type": "quantitative"}, "detail": {"field": "line", "type": "nominal"}}
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": stretches},
            "mark": {"type": "line", "strokeWidth": 1.2},
            "encoding": {"x": x, "y": y, "color": colors, **ordered},
        },
        {
            "data": {"values": limits},
            "mark": {"type": "line", "color": "currentColor", "strokeDash": [5, 4]},
            "encoding": {"x": x, "y": y, **ordered, "tooltip": {"field": "line"}},
        },
        {
            "data": {"values": symbols},
            "mark": {"type": "point", "filled": True, "opacity": 0.85},
            "encoding": {
                "x": x,
                "y": y,
                "color": colors,
                "shape": shape,
                "size": {
                    "field": "size",
                    "type": "quantitative",
                    "scale": {"range": [20, 600], "domain": [0, 1]},
                    "legend": None,
                },
                "fillOpacity": {"condition": {"test": "datum.apart", "value": 0.3}, "value": 0.85},
                "tooltip": tips,
            },
        },
    ]
    # A layer without data has no extent.
    return {"width": 640, "height": 380, "layer": [layer for layer in layers if layer["data"]["values"]]}


def _channel(which: str, axis: Axis) -> dict[str, Any]:
    scale = {"type": "log", "nice": False, "padding": 12} if axis.log else {"zero": False, "nice": False, "padding": 12}
    return {"field": which, "type": "quantitative", "title": axis.label, "scale": scale}
