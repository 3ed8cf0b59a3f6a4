"""The receptive field as columns."""

from __future__ import annotations

from typing import Any

from cnnprof.network.results import Analysis, Cost, LayerGroup
from cnnprof.report import WIDE_ONLY, Column

RECEPTIVE_FIELD = Column("receptive_field", "field", "shape", WIDE_ONLY)
RECEPTIVE_FIELD_STRIDE = Column("receptive_field_stride", "field stride", "shape", WIDE_ONLY)
RECEPTIVE_FIELD_CENTER = Column("receptive_field_center", "field centre", "shape", WIDE_ONLY)
FIELD_EXCEEDS = Column("field_exceeds", "> input", "mark", WIDE_ONLY)

FIELD_COLUMNS = (RECEPTIVE_FIELD, RECEPTIVE_FIELD_STRIDE, RECEPTIVE_FIELD_CENTER, FIELD_EXCEEDS)


def field_cells(profile: Analysis, row: Cost | LayerGroup) -> dict[str, Any]:
    """Size, stride and centre of what a position sees, in input pixels; `field_exceeds` marks a size beyond the input."""
    size, fields = row.receptive_field, row.fields or ()
    return {
        "receptive_field": size,
        "receptive_field_stride": tuple(field.jump for field in fields) or None,
        "receptive_field_center": tuple(field.centre for field in fields) or None,
        "field_exceeds": any(field.size > n for field, n in zip(fields, profile.graph.input_shape[2:], strict=False)),
    }
