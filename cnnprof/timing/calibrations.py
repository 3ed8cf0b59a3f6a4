"""Times of single operations that were measured on a machine, with what whole networks say of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from math import log, sqrt
from typing import Any

from cnnprof.record import record
from cnnprof.timing.doubts import doubts
from cnnprof.timing.operations import Timed
from cnnprof.timing.roofline import Ceilings

FORMAT = 3
"""Of a calibration's file; another one means other things by what a layer's time depends on."""

WIDTH = 1.645
"""Standard deviations on each side that hold 90% of a normal distribution."""


@record
class Calibration:
    """The times of a machine's operations.

    Args:
        ceilings: its highest rates, with the machine's fingerprint and the way it was run.
        operations: the timed ones, by key.
        cold: the part of a layer's time that is as after other data, where its inputs are hot; fitted to whole networks.
        factor: what a run takes over the sum of its layers.
        call: seconds that a layer in a network takes over the same alone, whatever its size.
        networks: measured over predicted time of those networks, by name.
        spreads: for each kind, how far operations are from what their neighbours say; the logarithm's standard deviation.
        between: what layers that were not measured themselves take over what their neighbours say, in whole networks.
        drift: the standard deviation of the logarithm of the machine's speed from process to process; None if it is not known.
        reach: half of the 90% interval of a network whose layers were all measured, as a logarithm; None if it is not known.
        stretch: how many spreads of layers that were not measured lie in half of it.
        conditions: when and under what it was measured; `busy` says what disturbed it.
    """

    ceilings: Ceilings
    operations: Mapping[str, Timed]
    cold: float = 0.2
    factor: float = 1.0
    networks: Mapping[str, float] = field(default_factory=dict)
    spreads: Mapping[str, float] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    between: float = 1.0
    reach: float | None = None
    stretch: float = WIDTH
    call: float = 0.0
    drift: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON types; `from_dict` is the inverse."""
        return {
            "format": FORMAT,
            "ceilings": self.ceilings.to_dict(),
            "operations": [timed.to_list() for timed in self.operations.values()],
            "cold": self.cold,
            "factor": self.factor,
            "networks": dict(self.networks),
            "spreads": dict(self.spreads),
            "conditions": dict(self.conditions),
            "between": self.between,
            "reach": self.reach,
            "stretch": self.stretch,
            "call": self.call,
            "drift": self.drift,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Calibration:
        """The calibration that `to_dict` wrote. Raises KeyError, TypeError or ValueError on anything else."""
        operations = [Timed.from_list(entry) for entry in data["operations"]]
        cold, factor = float(data["cold"]), float(data["factor"])
        if not 0 <= cold <= 1 or not 0.1 < factor < 10:
            raise ValueError("no such calibration")
        networks, spreads = ({str(name): float(x) for name, x in data[part].items()} for part in ("networks", "spreads"))
        ceilings, table = Ceilings.from_dict(data["ceilings"]), {each.operation.key: each for each in operations}
        reach, drift = (None if data[part] is None else float(data[part]) for part in ("reach", "drift"))
        between, stretch = float(data.get("between", 1.0)), float(data.get("stretch", WIDTH))
        call = float(data["call"])
        widths = 0 < (1 if reach is None else reach) < 10 and 0 <= stretch < 1000 and 0 <= (drift or 0) < 10
        if not (widths and 0.1 < between < 10 and 0 <= call < 1):
            raise ValueError("no such calibration")
        axes = {(each.operation.kind, len(each.operation.sizes)) for each in operations}
        if not operations or len(axes) > len({kind for kind, _ in axes}) or "processor" not in ceilings.machine:
            raise ValueError("no operations of a machine")
        if not (all(0 < ratio < 100 for ratio in networks.values()) and all(0 <= spread < 100 for spread in spreads.values())):
            raise ValueError("no such errors")
        conditions = dict(data["conditions"])
        json.dumps(conditions, allow_nan=False)
        return cls(ceilings, table, cold, factor, networks, spreads, conditions, between, reach, stretch, call, drift)

    @property
    def data_sheet(self) -> bool:
        """Whether the machine is known by its data sheet alone, without a measurement; times are then lower bounds."""
        return not self.operations

    @property
    def busy(self) -> str:
        """The disturbance of the measurement in words, "" if there was none."""
        return str(self.conditions.get("busy", ""))

    def doubts(self, now: float | None = None) -> list[str]:
        """Reasons not to rely on it, each the words that follow "the calibration"; `now` is in seconds since 1970."""
        return doubts(self.conditions, now)

    @property
    def spread(self) -> float:
        """The standard deviation of the logarithm of measured over predicted time of whole networks."""
        logs = [log(ratio) for ratio in self.networks.values()]
        if len(logs) < 2:
            return 0.1
        middle = sum(logs) / len(logs)
        return sqrt(sum((each - middle) ** 2 for each in logs) / (len(logs) - 1))
