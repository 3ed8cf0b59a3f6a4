"""The parts of charts on two axes: an axis, a point, a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from cnnprof.record import record


@record
class Axis:
    """An edge of the chart: its name with the unit, whether by powers of ten, and which way is better."""

    label: str
    log: bool = False
    better: Literal["lower", "higher", ""] = ""


@record
class Point:
    """A symbol: `size` is its area as a share of the largest one's, `group` names its colour.

    `x_span` and `y_span` are intervals; `apart` says that it is no part of a comparison; `detail` is shown where a reader
    points at it, as texts by their names.
    """

    label: str
    x: float
    y: float
    size: float = 0.1
    group: str = ""
    x_span: tuple[float, float] | None = None
    y_span: tuple[float, float] | None = None
    apart: bool = False
    detail: Mapping[str, str] = field(default_factory=dict)


@record
class Line:
    """Points that a line joins, black or in the colour of a group; as `steps` it stays at a value until the next one."""

    label: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    steps: bool = False
    group: str = ""
