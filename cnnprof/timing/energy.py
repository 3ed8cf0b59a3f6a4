"""The energy of a run, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cnnprof.record import record
from cnnprof.timing.intervals import median


@record
class Energy:
    """Joules of one run, one figure a window: `gross` all that the counter saw, `net` less what idling takes."""

    counter: str
    gross: tuple[float, ...]
    net: tuple[float, ...]
    idle_watts: float
    temperature: float | None = None

    @property
    def joules(self) -> float:
        """The middle window's, gross."""
        return median(self.gross)

    @property
    def net_joules(self) -> float:
        """The middle window's, less idling; it may be negative where a run takes no more than noise."""
        return median(self.net)

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self) | {"joules": self.joules, "net_joules": self.net_joules}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Energy:
        """The energy that `to_dict` wrote. Raises KeyError or TypeError on anything else."""
        return cls(data["counter"], tuple(data["gross"]), tuple(data["net"]), data["idle_watts"], data["temperature"])
