"""A layer's hyper-parameters as columns and as JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cnnprof.network.layers import Layer, layer_to_dict
from cnnprof.network.results import LayerGroup
from cnnprof.report import Column
from cnnprof.views import columns as col


def _of_window(column: Column) -> Column:
    """The column of a hyper-parameter of convolution and pooling; "" where a row has another layer, or several."""

    def cell(row: LayerGroup) -> Any:
        value = getattr(row.layer, column.key, "") if hasattr(row.layer, "kernel_size") else ""
        return tuple(value) if isinstance(value, (tuple, list)) else value

    return replace(column, of=cell)


WINDOW_COLUMNS = (
    _of_window(Column("kernel_size", "window", "shape", 6)),
    _of_window(replace(col.STRIDE, weight=6.2)),
    _of_window(Column("padding", "padding", "shape", 6.4)),
    _of_window(Column("groups", "groups", "count", 6.6)),
    _of_window(Column("dilation", "dilation", "shape", 6.8)),
)
"""Those that a lecture's or a paper's table has; of a layer without a window they are empty."""


def hyperparameters(layer: Layer) -> dict[str, Any]:
    """All of a layer's hyper-parameters under torch's names, as JSON types."""
    return {name: value for name, value in layer_to_dict(layer).items() if name != "type"}
