"""The types that every source takes beside a network's name: settings, and the size of its input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Settings: TypeAlias = Mapping[str, Any] | None
"""Values that override the network's own, by name."""

InputSize: TypeAlias = tuple[int, ...] | None
"""The (C, H, W) of its input, where the network's own is not wanted."""
