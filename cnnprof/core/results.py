"""What analyses and measurements find, as plain data: nothing here knows how it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cnnprof.core.arith import Dim, Shape
from cnnprof.core.graph import Graph, Node
from cnnprof.core.layers import NO_OPS, Ops

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Cost:
    """What one layer costs.

    `activations` counts the elements it writes (views and in-place outputs write none); `receptive_field` is (height, width) in
    input pixels, None where it is not defined.
    """

    node: Node
    inputs: tuple[Shape, ...]
    output: Shape
    params: Dim
    ops: Ops
    activations: Dim
    receptive_field: tuple[Dim, ...] | None

    @property
    def macs(self) -> Dim:
        """Multiply-accumulates."""
        return self.ops.mac


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table of layers: a layer, or several rolled up."""

    name: str
    types: tuple[str, ...]
    layers: int
    output: Shape
    params: Dim
    ops: Ops
    activations: Dim
    receptive_field: tuple[Dim, ...] | None
    aux: bool = False

    @property
    def macs(self) -> Dim:
        """Multiply-accumulates."""
        return self.ops.mac


@dataclass(frozen=True, slots=True)
class Totals:
    """A network's sums. Training-only heads are left out of all but `aux_params`; bytes are for the profile's element size."""

    params: Dim
    trainable_params: Dim
    aux_params: Dim
    ops: Ops
    activations: Dim
    param_bytes: Dim
    activation_bytes: Dim
    peak_inference_bytes: Dim
    layers: int
    uncounted: tuple[str, ...]

    @property
    def macs(self) -> Dim:
        """Multiply-accumulates."""
        return self.ops.mac


@dataclass(frozen=True, slots=True)
class Profile:
    """A graph with the cost of every node, in order."""

    graph: Graph
    costs: tuple[Cost, ...]
    totals: Totals

    def rows(self) -> list[Row]:
        """One row a layer."""
        return [_row(cost.node.name, [cost]) for cost in self.costs]

    def rollup(self, depth: int) -> list[Row]:
        """One row for each block path of at most `depth` names."""
        return self._grouped(lambda cost: ".".join(cost.node.path[:depth]))

    def by_type(self) -> list[Row]:
        """One row a layer type, in order of first use."""
        return self._grouped(lambda cost: cost.node.layer.type)

    def _grouped(self, key: Callable[[Cost], str]) -> list[Row]:
        groups: dict[tuple[str, bool], list[Cost]] = {}
        for cost in self.costs:
            groups.setdefault((key(cost), cost.node.aux), []).append(cost)
        return [_row(name, costs) for (name, _), costs in groups.items()]


def _row(name: str, costs: list[Cost]) -> Row:
    last = costs[-1]
    return Row(
        name=name,
        types=tuple(dict.fromkeys(cost.node.layer.type for cost in costs)),
        layers=len(costs),
        output=last.output,
        params=sum(cost.params for cost in costs),
        ops=sum((cost.ops for cost in costs), NO_OPS),
        activations=sum(cost.activations for cost in costs),
        receptive_field=last.receptive_field,
        aux=last.node.aux,
    )


@dataclass(frozen=True, slots=True)
class Measurement:
    """One network timed on one device.

    Args:
        model: the network's name.
        device: as torch names it, `cpu` or `cuda:0`.
        dtype: `fp32`, `fp16`, `bf16` or `amp`.
        batch: images in one run.
        mode: `infer` or `train` (forward, backward and the optimizer's step).
        times: seconds of every run, one tuple a worker process, in the order they were taken.
        peak_bytes: the most memory a run held; None where the device keeps no record.
        environment: what the figures hold for: device name, torch version, threads and so on.
        status: `ok`, `partial` (interrupted) or `failed`.
        error: why it failed.
        warnings: what disturbed the run.
    """

    model: str
    device: str
    dtype: str
    batch: int
    mode: str
    times: tuple[tuple[float, ...], ...]
    peak_bytes: int | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    status: str = "ok"
    error: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ratio:
    """Two networks compared: latency of `a` over that of `b`, its 95% interval, and faster, slower, same or undecided."""

    a: str
    b: str
    ratio: float
    ci95: tuple[float, float]
    verdict: str


@dataclass(frozen=True, slots=True)
class Check:
    """One row of a cross-check: our figure beside another counter's.

    `reason` says why the two differ and is empty where they agree; `explained` is what the reasons add up to, so that
    `ours + explained == theirs` wherever the gap is closed.
    """

    what: str
    ours: int
    theirs: int
    explained: int = 0
    reason: str = ""

    @property
    def closed(self) -> bool:
        """Whether nothing of the difference is left unexplained."""
        return self.ours + self.explained == self.theirs
