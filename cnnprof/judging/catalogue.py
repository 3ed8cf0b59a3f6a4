"""What a list of networks says of each, and which of them a reader asks for."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import PurePath

from cnnprof.network.analysis import params_and_macs
from cnnprof.network.graph import Facts, Graph
from cnnprof.record import record

SMALLEST_PICTURE = 24
"""Pixels; what is fed with less is a part of a network."""

EDGE_PARAMS, EDGE_MACS = 10_000_000, 600_000_000
"""What networks for phones keep to: the papers from ShuffleNet (2017) on compare them below 600 M multiply-accumulates."""


@record
class Listed:
    """One network of the catalogue."""

    name: str
    facts: Facts
    input_shape: tuple[int, ...]
    params: int
    macs: int

    @classmethod
    def of(cls, name: str, graph: Graph) -> Listed:
        """The entry of a network. Raises CnnprofError where its layers do not fit together."""
        return cls(name, graph.facts, graph.input_shape, *params_and_macs(graph))

    @property
    def top1(self) -> float | None:
        """Reported top-1 accuracy in percent."""
        return self.facts.accuracy.top1 if self.facts.accuracy else None

    @property
    def tags(self) -> tuple[str, ...]:
        """The data set, by the reported accuracy or else by the input; and `edge` for what suits a phone."""
        small = self.params <= EDGE_PARAMS and self.macs <= EDGE_MACS
        return (*self._dataset(), *(("edge",) if small else ()))

    def _dataset(self) -> tuple[str, ...]:
        if self.facts.accuracy:
            return (self.facts.accuracy.dataset.partition("-")[0].lower(),)
        _, channels, height, _ = self.input_shape
        if channels not in (1, 3) or height < SMALLEST_PICTURE:
            return ()  # a part of a network
        return ("mnist" if channels == 1 else "cifar" if height <= 64 else "imagenet",)


@record
class Selection:
    """Which networks are asked for.

    Args:
        family: a name or a glob of the family or of its file, in any case.
        tag: one of the network's tags.
        max_params: at most so many parameters.
        max_macs: at most so many multiply-accumulates.
    """

    family: str | None = None
    tag: str | None = None
    max_params: float = float("inf")
    max_macs: float = float("inf")

    def takes(self, network: Listed) -> bool:
        """Whether the network is among them."""
        fits = network.params <= self.max_params and network.macs <= self.max_macs
        return fits and (self.tag is None or self.tag in network.tags) and self._is_of_family(network.facts)

    def _is_of_family(self, facts: Facts) -> bool:
        known = (facts.family, PurePath(facts.source).stem)
        return self.family is None or any(fnmatchcase(name.lower(), self.family.lower()) for name in known)


def sort_key(network: Listed, by: str) -> tuple[float, str]:
    """What puts the best first: little of a cost, much of an accuracy; what is not known comes last."""
    value = {"year": network.facts.year, "params": network.params, "macs": network.macs, "top1": network.top1}.get(by, 0)
    return (float("inf") if value is None else -value if by == "top1" else value, network.name)
