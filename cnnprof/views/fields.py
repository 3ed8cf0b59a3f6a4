"""The receptive field as columns."""

from __future__ import annotations

from typing import Any

from cnnprof.network.results import Analysis, Cost, LayerGroup
from cnnprof.report import WIDE_ONLY, Column


def strides(row: Cost | LayerGroup) -> tuple[Any, ...] | None:
    """Input pixels from one output position to the next, for each axis; None where the field is not defined."""
    return tuple(field.jump for field in row.fields or ()) or None


def centres(row: Cost | LayerGroup) -> tuple[Any, ...] | None:
    """The input pixel in the middle of what the first output position sees, for each axis."""
    return tuple(field.centre for field in row.fields or ()) or None


def exceeds(profile: Analysis, row: Cost | LayerGroup) -> bool:
    """Whether an output position sees more than the input is large."""
    return any(field.size > n for field, n in zip(row.fields or (), profile.graph.input_shape[2:], strict=False))


def field_columns(profile: Analysis) -> tuple[Column, ...]:
    """Size, stride and centre of what a position sees, in input pixels, and whether that is beyond the input."""
    return (
        Column("receptive_field", "field", "shape", WIDE_ONLY),
        Column("receptive_field_stride", "field stride", "shape", WIDE_ONLY, strides),
        Column("receptive_field_center", "field centre", "shape", WIDE_ONLY, centres),
        Column("field_exceeds", "> input", "mark", WIDE_ONLY, lambda row: exceeds(profile, row)),
    )
