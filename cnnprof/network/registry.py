"""Classes and functions that are found by their names."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


class Registry(dict[str, T]):
    """The registered ones by name; `kind` is what messages call one."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def add(self, item: T) -> T:
        """Register it under its name, as a decorator; a second one of that name raises ValueError."""
        name: str = item.__name__  # type: ignore[attr-defined]
        if name in self:
            raise ValueError(f"{self.kind} '{name}' is registered twice")
        self[name] = item
        return item
