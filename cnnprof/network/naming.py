"""Names that nothing else has."""

from __future__ import annotations

from collections.abc import Container


def free_name(wanted: str, taken: Container[str], first: int = 1) -> str:
    """The wanted name, or with the first number from `first` on behind it that makes it free: `conv`, `conv_1`, `conv_2`."""
    name, number = wanted, first
    while name in taken:
        name = f"{wanted}_{number}"
        number += 1
    return name
