"""The entries of a list of networks, and which of them a reader asks for."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import PurePath

from cnnprof.network.analysis import params_and_macs
from cnnprof.network.graph import Facts, Graph
from cnnprof.record import record

SMALLEST_PICTURE = 24
"""Pixels; what is fed with less is a part of a network."""

LARGEST_THUMBNAIL = 64
"""Pixels; the digits of MNIST and the images of CIFAR-10 are not larger, nor padded to more."""

EDGE_PARAMS, EDGE_MACS = 10_000_000, 600_000_000
"""Limits of networks for phones: the papers from ShuffleNet (2017) on compare them below 600 M multiply-accumulates."""


@record
class Listed:
    """One network of the catalogue; `params` and `macs` are None where nobody has counted them yet.

    Args:
        name: what a command takes for it.
        facts: family, source, year, accuracy.
        input_shape: (N, C, H, W), () where it is not known.
        params: parameters.
        macs: multiply-accumulates of one image.
        error: why it cannot be read.
    """

    name: str
    facts: Facts
    input_shape: tuple[int, ...]
    params: int | None
    macs: int | None
    error: str = ""

    @classmethod
    def of(cls, name: str, graph: Graph) -> Listed:
        """The entry of a network. Raises CnnprofError where its layers do not fit together."""
        return cls(name, graph.facts, graph.input_shape, *params_and_macs(graph))

    @property
    def top1(self) -> float | None:
        """Reported top-1 accuracy in percent."""
        return self.facts.accuracy.top1 if self.facts.accuracy else None

    @property
    def top5(self) -> float | None:
        """Reported top-5 accuracy in percent."""
        return self.facts.accuracy.top5 if self.facts.accuracy else None

    @property
    def dataset(self) -> str | None:
        """The data set that the reported accuracy was measured on."""
        return self.facts.accuracy.dataset if self.facts.accuracy else None

    @property
    def tags(self) -> tuple[str, ...]:
        """The data set that the network is for, told by its input where nothing says it; and `edge` for what suits a phone."""
        small = self.params is not None and self.macs is not None and self.params <= EDGE_PARAMS and self.macs <= EDGE_MACS
        return (*self._dataset(), *(("edge",) if small else ()))

    def _dataset(self) -> tuple[str, ...]:
        named = self.dataset or self.facts.dataset
        if named:
            return (named.partition("-")[0].lower(),)
        if len(self.input_shape) != 4:
            return ()
        _, channels, height, _ = self.input_shape
        if channels not in (1, 3) or height < SMALLEST_PICTURE:
            return ()  # a part of a network
        if height > LARGEST_THUMBNAIL:
            return ("imagenet",) if channels == 3 else ()
        return ("mnist" if channels == 1 else "cifar",)


@record
class Selection:
    """Which networks are asked for; one whose figure is not known is not among those that are asked for by it.

    Args:
        family: a name or a glob of the family or of its file, in any case.
        tag: one of the network's tags.
        max_params: at most so many parameters.
        max_macs: at most so many multiply-accumulates.
        min_top1: at least this top-1 accuracy in percent.
        min_year: not before this year.
        dataset: what the accuracy was measured on, or how that begins, in any case: `imagenet`.
    """

    family: str | None = None
    tag: str | None = None
    max_params: float = float("inf")
    max_macs: float = float("inf")
    min_top1: float | None = None
    min_year: int | None = None
    dataset: str | None = None

    def takes(self, network: Listed) -> bool:
        """Whether the network is among them."""
        return (
            _at_most(network.params, self.max_params)
            and _at_most(network.macs, self.max_macs)
            and (self.min_top1 is None or (network.top1 is not None and network.top1 >= self.min_top1))
            and (self.min_year is None or (network.facts.year is not None and network.facts.year >= self.min_year))
            and (self.dataset is None or (network.dataset or "").lower().startswith(self.dataset.lower()))
            and (self.tag is None or self.tag in network.tags)
            and self._is_of_family(network.facts)
        )

    def _is_of_family(self, facts: Facts) -> bool:
        known = (facts.family, PurePath(facts.source).stem)
        return self.family is None or any(fnmatchcase(name.lower(), self.family.lower()) for name in known)


def _at_most(value: int | None, limit: float) -> bool:
    return limit == float("inf") or (value is not None and value <= limit)
