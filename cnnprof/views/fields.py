"""The receptive field as columns."""

from __future__ import annotations

from typing import Any

from cnnprof.network.results import Analysis, Cost, LayerGroup
from cnnprof.views import columns as col

FIELD_COLUMNS = (col.RECEPTIVE_FIELD, col.RECEPTIVE_FIELD_STRIDE, col.RECEPTIVE_FIELD_CENTER, col.FIELD_EXCEEDS)


def field_cells(profile: Analysis, row: Cost | LayerGroup) -> dict[str, Any]:
    """Size, stride and centre of what a position sees, in input pixels; `field_exceeds` marks a size beyond the input."""
    size, fields = row.receptive_field, row.fields or ()
    return {
        "receptive_field": size,
        "receptive_field_stride": tuple(field.jump for field in fields) or None,
        "receptive_field_center": tuple(field.centre for field in fields) or None,
        "field_exceeds": any(field.size > n for field, n in zip(fields, profile.graph.input_shape[2:], strict=False)),
    }
