"""A layer's hyper-parameters as columns and as JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cnnprof.network.layers import Layer, layer_to_dict
from cnnprof.report import Column
from cnnprof.views import columns as col

WINDOW_COLUMNS = (
    Column("kernel_size", "window", "shape", 6),
    replace(col.STRIDE, weight=6.2),
    Column("padding", "padding", "shape", 6.4),
    Column("groups", "groups", "count", 6.6),
    Column("dilation", "dilation", "shape", 6.8),
)
"""Those that a lecture's or a paper's table has; of a layer without a window they are empty."""


def window_cells(layer: Layer | None) -> dict[str, Any]:
    """Window, stride, padding, dilation and groups of a convolution or pooling layer; "" where there is none."""
    return {column.key: _cell(column, layer) for column in WINDOW_COLUMNS}


def _cell(column: Column, layer: Layer | None) -> Any:
    value = getattr(layer, column.key, "") if hasattr(layer, "kernel_size") else ""
    return tuple(value) if isinstance(value, (tuple, list)) else value


def hyperparameters(layer: Layer) -> dict[str, Any]:
    """All of a layer's hyper-parameters under torch's names, as JSON types."""
    return {name: value for name, value in layer_to_dict(layer).items() if name != "type"}
